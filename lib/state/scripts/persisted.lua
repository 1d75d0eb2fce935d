-- Publishes how far Postgres has the feed and trims what nobody needs.
-- KEYS  meta feed
-- ARGV  inc pinc pn pbytes trim_id

local meta = redis.call('HMGET', KEYS[1], 'inc', 'n')
if meta[1] ~= ARGV[1] then
  return {0}
end
redis.call('HSET', KEYS[1], 'pinc', ARGV[2], 'pn', ARGV[3], 'pbytes', ARGV[4])

-- The newest entry stays: an empty stream could not tell a reader that it missed something.
if ARGV[5] ~= '0-0' then
  local trim_inc, trim_n = string.match(ARGV[5], '^(%d+)-(%d+)$')
  local inc, n = tonumber(meta[1]), tonumber(meta[2])
  trim_inc, trim_n = tonumber(trim_inc), tonumber(trim_n)
  local above_tail = trim_inc > inc or (trim_inc == inc and trim_n > n)
  redis.call('XTRIM', KEYS[2], 'MINID', above_tail and (meta[1] .. '-' .. meta[2]) or ARGV[5])
end
return {1}
