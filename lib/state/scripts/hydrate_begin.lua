-- Starts the hydration of a map. The newest token wins: chunks of an older one are refused.
-- KEYS  unloaded loading
-- ARGV  map_id token

local floor = redis.call('HGET', KEYS[1], ARGV[1])
if not floor then
  return {0}
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return {1, floor}
