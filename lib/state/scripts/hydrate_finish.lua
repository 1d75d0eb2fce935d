-- Marks a map as loaded and tells every replica: an entry that names the map and changes nothing
-- moves the tail, so that a commit built on cells read before the load conflicts.
-- KEYS  unloaded loading meta feed maps
-- ARGV  map_id token entry

if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then
  return {0}
end
local meta = redis.call('HMGET', KEYS[3], 'inc', 'n', 'bytes')
if not meta[1] then
  return {0}
end
-- %.0f because Lua's own conversion rounds to 14 digits.
local n = string.format('%.0f', tonumber(meta[2]) + 1)
local bytes = string.format('%.0f', tonumber(meta[3]) + #ARGV[3])
redis.call('XADD', KEYS[4], meta[1] .. '-' .. n, 'e', ARGV[3], 'b', bytes)
redis.call('HSET', KEYS[3], 'n', n, 'bytes', bytes)
redis.call('HSET', KEYS[5], ARGV[1], n)
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
return {1}
