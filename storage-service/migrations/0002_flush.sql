-- First statement of every flush. Takes the shard's row and moves its position, or raises TG001, which takes the rest of the
-- pipeline down with it: an UPDATE of no rows would not.
CREATE FUNCTION topgun.begin_flush(
  flush_shard int2, flush_owner text, flush_incarnation int8,
  from_inc int8, from_n int8, to_inc int8, to_n int8, to_bytes int8
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE topgun.shards SET position_inc = to_inc, position_n = to_n, bytes = to_bytes
   WHERE shard = flush_shard AND incarnation = flush_incarnation
     AND position_inc = from_inc AND position_n = from_n;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'shard % is not at %-% in incarnation %', flush_shard, from_inc, from_n, flush_incarnation
      USING ERRCODE = 'TG001';
  END IF;
  -- Not needed for safety, which the position gives: a former owner should notice now rather than at its next heartbeat.
  IF NOT EXISTS (SELECT FROM topgun.leases WHERE shard = flush_shard AND owner = flush_owner) THEN
    RAISE EXCEPTION 'shard % is not leased to %', flush_shard, flush_owner USING ERRCODE = 'TG001';
  END IF;
END $$;
