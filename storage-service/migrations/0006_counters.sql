-- Cells of counters have no clock.
CREATE OR REPLACE VIEW topgun.records AS
SELECT topgun.bytes_to_text(m.name) AS map,
       topgun.bytes_to_text(c.key) AS key,
       CASE c.kind WHEN 1 THEN 'lww' WHEN 2 THEN 'or' WHEN 3 THEN 'counter' END AS kind,
       CASE WHEN c.kind = 2 THEN topgun.bytes_to_text(c.tag) END AS tag,
       CASE WHEN get_byte(c.cell, 1) & 1 = 0 THEN topgun.msgpack_to_json((topgun.read_cell(c.cell)).value) END AS value,
       CASE WHEN c.kind <> 3 THEN topgun.cell_clock(c.cell) END AS clock,
       get_byte(c.cell, 1) & 1 <> 0 AS deleted,
       CASE WHEN get_byte(c.cell, 1) & 2 <> 0 THEN topgun.cell_expires(c.cell) END AS expires,
       topgun.ms_to_time((topgun.read_cell(c.cell)).commit_ms) AS committed,
       c.shard,
       c.inc || '-' || c.n AS version
  FROM topgun.cells c JOIN topgun.maps m USING (map_id);

-- PN counters: what all nodes have counted together.
CREATE VIEW topgun.counters AS
SELECT topgun.bytes_to_text(m.name) AS name,
       sum((counted.amounts -> 0)::numeric - (counted.amounts -> 1)::numeric) AS value,
       count(*) AS nodes
  FROM topgun.maps m
  JOIN (SELECT map_id, topgun.msgpack_to_json((topgun.read_cell(cell)).value) AS amounts
          FROM topgun.cells WHERE kind = 3) counted USING (map_id)
 GROUP BY m.map_id, m.name;
