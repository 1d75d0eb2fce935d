-- Drops cells of one map and writes the horizons that remember it, if the shard's tail is what the
-- caller believes. The caller has read the cells at that tail, so no newer write can be dropped.
-- KEYS  meta feed maps unloaded horizons cells
-- ARGV  run inc n unpersisted_limit entry map_id horizon_map_id horizon_count (field cell)* field*
-- Replies as commit.lua. Every check comes before the first write.

-- Lua's stack bounds the number of arguments of one call.
local SLICE = 2000

local run, inc, n, limit, entry = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local map_id, horizon_map_id = ARGV[6], ARGV[7]
local last_horizon = 8 + 2 * tonumber(ARGV[8])

local meta = redis.call('HMGET', KEYS[1], 'run', 'inc', 'n', 'bytes', 'pbytes', 'pinc', 'pn')
if meta[1] ~= run or meta[2] ~= inc then
  return {3, meta[1] or '', meta[2] or ''}
end
if meta[3] ~= n then
  return {2, tonumber(meta[3])}
end

local unloaded = {4}
for _, id in ipairs({map_id, horizon_map_id}) do
  if redis.call('HEXISTS', KEYS[4], id) == 1 then unloaded[#unloaded + 1] = id end
end
if #unloaded > 1 then return unloaded end

local bytes = tonumber(meta[4])
local persisted_inc, persisted_n = tonumber(meta[6] or '0'), tonumber(meta[7] or '0')
local unpersisted = bytes - tonumber(meta[5] or '0')
if limit > 0 and unpersisted > limit then
  return {5, unpersisted}
end
if last_horizon >= #ARGV then
  return redis.error_reply('ERR prune: the counts do not match the arguments')
end

-- %.0f because Lua's own conversion rounds to 14 digits.
bytes = bytes + #entry
local bytes_text = string.format('%.0f', bytes)
local next_n = string.format('%.0f', tonumber(n) + 1)
redis.call('XADD', KEYS[2], inc .. '-' .. next_n, 'e', entry, 'b', bytes_text)
if last_horizon > 8 then
  redis.call('HSET', KEYS[5], unpack(ARGV, 9, last_horizon))
  redis.call('HSET', KEYS[3], horizon_map_id, next_n)
end
for first = last_horizon + 1, #ARGV, SLICE do
  redis.call('HDEL', KEYS[6], unpack(ARGV, first, math.min(first + SLICE - 1, #ARGV)))
end
-- A map without cells is forgotten.
if redis.call('EXISTS', KEYS[6]) == 1 then
  redis.call('HSET', KEYS[3], map_id, next_n)
else
  redis.call('HDEL', KEYS[3], map_id)
end
redis.call('HSET', KEYS[1], 'n', next_n, 'bytes', bytes_text)
return {1, tonumber(next_n), bytes, persisted_inc, persisted_n}
