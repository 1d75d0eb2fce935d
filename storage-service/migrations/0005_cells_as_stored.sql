-- A row holds its cell as Redis and the feed do, instead of in seven columns, and the primary key is in the order in which clients
-- tend to create cells (docs/adr/0009). Rewrites the table.
DROP VIEW topgun.records;
ALTER TABLE topgun.cells RENAME TO cells_in_columns;
ALTER INDEX topgun.cells_pkey RENAME TO cells_in_columns_pkey;

CREATE TABLE topgun.cells (
  shard    int2 NOT NULL,
  kind     int2 NOT NULL,  -- 1 LWW, 2 OR, 3 counter
  map_id   int8 NOT NULL,
  sort_key bytea NOT NULL,  -- first 12 bytes of the tag (OR) or the key, 20 of the sha256 of the length-prefixed key and the tag
  key      bytea NOT NULL,
  tag      bytea NOT NULL,
  inc      int8 NOT NULL,  -- (inc, n): the commit that wrote the cell
  n        int8 NOT NULL,
  cell     bytea NOT NULL  -- docs/state-layout.md, "Cell"; topgun.read_cell()
) WITH (fillfactor = 70);  -- room for HOT updates: no indexed column ever changes

-- What a row's cell says.
CREATE FUNCTION topgun.read_cell(
  cell bytea, OUT commit_ms int8, OUT millis int8, OUT counter int8, OUT node bytea, OUT ttl_ms float8, OUT value bytea
) LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  numbers int8[];  -- inc, n, commit_ms, millis, counter, length of the node: LEB128 of their two's complement
  number  int8;
  byte    int;
  shift   int;
  at      int := 2;
  bits    int8 := 0;
BEGIN
  FOR i IN 1..6 LOOP
    number := 0;
    shift := 0;
    LOOP
      byte := get_byte(cell, at);
      at := at + 1;
      number := number | ((byte & 127)::int8 << shift);
      EXIT WHEN byte < 128;
      shift := shift + 7;
    END LOOP;
    numbers[i] := number;
  END LOOP;
  commit_ms := numbers[3];
  millis := numbers[4];
  counter := numbers[5];
  node := substring(cell FROM at + 1 FOR numbers[6]::int);
  at := at + numbers[6]::int;
  IF get_byte(cell, 1) & 2 <> 0 THEN
    FOR i IN 0..7 LOOP
      bits := bits | (get_byte(cell, at + i)::int8 << (8 * i));
    END LOOP;
    ttl_ms := (topgun.msgpack_float(bits, 11, 52) #>> '{}')::float8;
    at := at + 8;
  END IF;
  value := substring(cell FROM at + 1);
END $$;

CREATE FUNCTION topgun.write_varint(value int8) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  bytes bytea := '';
BEGIN
  WHILE value & ~127::int8 <> 0 LOOP
    bytes := bytes || set_byte('\x00', 0, (value & 127)::int | 128);
    value := (value >> 7) & 144115188075855871;  -- 57 bits: no sign comes in
  END LOOP;
  RETURN bytes || set_byte('\x00', 0, value::int);
END $$;

CREATE FUNCTION topgun.write_double(value float8) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT string_agg(substring(float8send(value) FROM i FOR 1), '' ORDER BY i DESC) FROM generate_series(1, 8) i
$$;

INSERT INTO topgun.cells
SELECT shard, kind, map_id,
       substring((CASE kind WHEN 2 THEN tag ELSE key END) || '\x000000000000000000000000' FOR 12) || substring(digest FOR 20),
       key, tag, inc, n,
       '\x01' || set_byte('\x00', 0, tombstone::int | CASE WHEN ttl_ms IS NULL THEN 0 ELSE 2 END)
         || topgun.write_varint(inc) || topgun.write_varint(n) || topgun.write_varint(commit_ms)
         || topgun.write_varint(millis) || topgun.write_varint(counter) || topgun.write_varint(length(node)) || node
         || coalesce(topgun.write_double(ttl_ms), '') || value
  FROM topgun.cells_in_columns;
ALTER TABLE topgun.cells ADD PRIMARY KEY (shard, kind, map_id, sort_key);

DROP TABLE topgun.cells_in_columns;
DROP FUNCTION topgun.write_varint(int8), topgun.write_double(float8);

-- Each column reads the cell for itself, so that those nobody asks for cost nothing.
CREATE FUNCTION topgun.cell_clock(cell bytea) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT r.millis || ':' || r.counter || ':' || topgun.bytes_to_text(r.node) FROM topgun.read_cell(cell) r
$$;
CREATE FUNCTION topgun.cell_expires(cell bytea) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT CASE WHEN r.ttl_ms > 0 THEN topgun.ms_to_time(r.millis + r.ttl_ms) END FROM topgun.read_cell(cell) r
$$;

CREATE VIEW topgun.records AS
SELECT topgun.bytes_to_text(m.name) AS map,
       topgun.bytes_to_text(c.key) AS key,
       CASE c.kind WHEN 1 THEN 'lww' WHEN 2 THEN 'or' WHEN 3 THEN 'counter' END AS kind,
       CASE WHEN c.kind = 2 THEN topgun.bytes_to_text(c.tag) END AS tag,
       CASE WHEN get_byte(c.cell, 1) & 1 = 0 THEN topgun.msgpack_to_json((topgun.read_cell(c.cell)).value) END AS value,
       topgun.cell_clock(c.cell) AS clock,
       get_byte(c.cell, 1) & 1 <> 0 AS deleted,
       CASE WHEN get_byte(c.cell, 1) & 2 <> 0 THEN topgun.cell_expires(c.cell) END AS expires,
       topgun.ms_to_time((topgun.read_cell(c.cell)).commit_ms) AS committed,
       c.shard,
       c.inc || '-' || c.n AS version
  FROM topgun.cells c JOIN topgun.maps m USING (map_id);
