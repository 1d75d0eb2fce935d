-- The data for people and their SQL tools: SELECT * FROM topgun.records WHERE map = 'todos'. Nothing of the cluster uses it.

-- Text of bytes that should be UTF-8. Others, and those with a NUL, which no text can hold, come back escaped (\ooo).
CREATE FUNCTION topgun.bytes_to_text(bytes bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  RETURN convert_from(bytes, 'UTF8');
EXCEPTION WHEN OTHERS THEN
  RETURN encode(bytes, 'escape');
END $$;

-- Big-endian integer of 1, 2, 4 or 8 bytes at a zero-based offset. Two's complement for 8 bytes.
CREATE FUNCTION topgun.msgpack_bits(bytes bytea, at int, size int) RETURNS int8 LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  IF at + size > length(bytes) THEN
    RAISE EXCEPTION 'truncated MessagePack';
  END IF;
  RETURN ('x' || lpad(encode(substring(bytes FROM at + 1 FOR size), 'hex'), 16, '0'))::bit(64)::int8;
END $$;

-- IEEE 754 from its bits. JSON has no infinities and no NaN: they become strings.
CREATE FUNCTION topgun.msgpack_float(bits int8, exponent_bits int, fraction_bits int)
RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  exponent_max int := (1 << exponent_bits) - 1;
  bias         int := exponent_max >> 1;
  exponent     int := ((bits >> fraction_bits) & exponent_max)::int;
  fraction     float8 := (bits & ((1::int8 << fraction_bits) - 1))::float8;
  sign         float8 := CASE WHEN (bits >> (exponent_bits + fraction_bits)) & 1 = 1 THEN -1 ELSE 1 END;
  smallest     float8 := CASE WHEN exponent_bits = 8 THEN 1.401298464324817e-45 ELSE 4.9406564584124654e-324 END;
BEGIN
  IF exponent = exponent_max THEN
    RETURN to_jsonb(CASE WHEN fraction <> 0 THEN 'NaN' WHEN sign < 0 THEN '-Infinity' ELSE 'Infinity' END);
  ELSIF exponent = 0 THEN
    RETURN to_jsonb(sign * fraction * smallest);
  END IF;
  RETURN to_jsonb(sign * (1 + fraction / power(2::float8, fraction_bits)) * power(2::float8, exponent - bias));
END $$;

-- Key of a JSON object: strings as they are, anything else as its JSON text.
CREATE FUNCTION topgun.msgpack_key(key jsonb) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT CASE jsonb_typeof(key) WHEN 'string' THEN key #>> '{}' ELSE key::text END
$$;

-- Reads one value at a zero-based offset and says where the next one starts. Raises on malformed input.
CREATE FUNCTION topgun.msgpack_read(bytes bytea, at int, depth int, OUT value jsonb, OUT next int)
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  tag   int := get_byte(bytes, at);
  size  int8;
  shape text;  -- what `size` counts: str, bin, ext, array, map
  bits  int8;
  width int;
  keys  text[] := '{}';
  items jsonb[] := '{}';
  item  jsonb;
BEGIN
  next := at + 1;
  CASE
    WHEN tag < 128 THEN value := to_jsonb(tag); RETURN;
    WHEN tag >= 224 THEN value := to_jsonb(tag - 256); RETURN;
    WHEN tag < 144 THEN shape := 'map'; size := tag - 128;
    WHEN tag < 160 THEN shape := 'array'; size := tag - 144;
    WHEN tag < 192 THEN shape := 'str'; size := tag - 160;
    WHEN tag = 192 THEN value := 'null'; RETURN;
    WHEN tag IN (194, 195) THEN value := to_jsonb(tag = 195); RETURN;
    WHEN tag = 202 THEN
      value := topgun.msgpack_float(topgun.msgpack_bits(bytes, next, 4), 8, 23); next := next + 4; RETURN;
    WHEN tag = 203 THEN
      value := topgun.msgpack_float(topgun.msgpack_bits(bytes, next, 8), 11, 52); next := next + 8; RETURN;
    WHEN tag BETWEEN 204 AND 211 THEN
      width := 1 << ((tag - 204) % 4);
      bits := topgun.msgpack_bits(bytes, next, width);
      next := next + width;
      IF tag = 207 AND bits < 0 THEN
        value := to_jsonb(bits::numeric + 18446744073709551616);
      ELSIF tag >= 208 AND width < 8 AND bits >= 1::int8 << (8 * width - 1) THEN
        value := to_jsonb(bits - (1::int8 << (8 * width)));
      ELSE
        value := to_jsonb(bits);
      END IF;
      RETURN;
    WHEN tag BETWEEN 212 AND 216 THEN shape := 'ext'; size := 1 << (tag - 212);
    ELSE
      width := CASE tag WHEN 196 THEN 1 WHEN 197 THEN 2 WHEN 198 THEN 4 WHEN 199 THEN 1 WHEN 200 THEN 2 WHEN 201 THEN 4
                        WHEN 217 THEN 1 WHEN 218 THEN 2 WHEN 219 THEN 4 WHEN 220 THEN 2 WHEN 221 THEN 4
                        WHEN 222 THEN 2 WHEN 223 THEN 4 END;
      IF width IS NULL THEN
        RAISE EXCEPTION 'byte % is no MessagePack', tag;
      END IF;
      shape := CASE WHEN tag <= 198 THEN 'bin' WHEN tag <= 201 THEN 'ext' WHEN tag <= 219 THEN 'str'
                    WHEN tag <= 221 THEN 'array' ELSE 'map' END;
      size := topgun.msgpack_bits(bytes, next, width);
      next := next + width;
  END CASE;

  IF shape IN ('array', 'map') THEN
    IF depth >= 256 OR size > length(bytes) - next THEN
      RAISE EXCEPTION 'too deep, or fewer bytes than elements';
    END IF;
    FOR i IN 1..size LOOP
      IF shape = 'map' THEN
        SELECT r.value, r.next INTO item, next FROM topgun.msgpack_read(bytes, next, depth + 1) r;
        keys := array_append(keys, topgun.msgpack_key(item));
      END IF;
      SELECT r.value, r.next INTO item, next FROM topgun.msgpack_read(bytes, next, depth + 1) r;
      items := array_append(items, item);
    END LOOP;
    value := CASE shape
      WHEN 'array' THEN to_jsonb(items)
      ELSE coalesce((SELECT jsonb_object_agg(k, v ORDER BY place)
                       FROM unnest(keys, items) WITH ORDINALITY AS pairs(k, v, place)), '{}') END;
    RETURN;
  END IF;

  IF shape = 'ext' THEN
    bits := topgun.msgpack_bits(bytes, next, 1);
    next := next + 1;
  END IF;
  IF size > length(bytes) - next THEN
    RAISE EXCEPTION 'truncated MessagePack';
  END IF;
  value := CASE shape
    WHEN 'str' THEN to_jsonb(topgun.bytes_to_text(substring(bytes FROM next + 1 FOR size::int)))
    WHEN 'bin' THEN jsonb_build_object('$binary', encode(substring(bytes FROM next + 1 FOR size::int), 'hex'))
    ELSE jsonb_build_object('$ext', CASE WHEN bits > 127 THEN bits - 256 ELSE bits END,
                            '$binary', encode(substring(bytes FROM next + 1 FOR size::int), 'hex')) END;
  next := next + size::int;
END $$;

-- NULL for anything that is not exactly one value; never raises.
CREATE FUNCTION topgun.msgpack_to_json(bytes bytea) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  decoded record;
BEGIN
  decoded := topgun.msgpack_read(bytes, 0, 0);
  RETURN CASE WHEN decoded.next = length(bytes) THEN decoded.value END;
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END $$;

-- Milliseconds since 1970 as a time; NULL outside the years a timestamptz prints sensibly.
CREATE FUNCTION topgun.ms_to_time(ms float8) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT CASE WHEN ms >= 0 AND ms < 253402300800000 THEN to_timestamp(ms / 1000) END
$$;

CREATE VIEW topgun.records AS
SELECT topgun.bytes_to_text(m.name) AS map,
       topgun.bytes_to_text(c.key) AS key,
       CASE c.kind WHEN 1 THEN 'lww' WHEN 2 THEN 'or' WHEN 3 THEN 'counter' END AS kind,
       CASE WHEN c.kind = 2 THEN topgun.bytes_to_text(c.tag) END AS tag,
       CASE WHEN NOT c.tombstone THEN topgun.msgpack_to_json(c.value) END AS value,
       c.millis || ':' || c.counter || ':' || topgun.bytes_to_text(c.node) AS clock,
       c.tombstone AS deleted,
       CASE WHEN c.ttl_ms > 0 THEN topgun.ms_to_time(c.millis + c.ttl_ms) END AS expires,
       topgun.ms_to_time(c.commit_ms) AS committed,
       c.shard,
       c.inc || '-' || c.n AS version
  FROM topgun.cells c JOIN topgun.maps m USING (map_id);
