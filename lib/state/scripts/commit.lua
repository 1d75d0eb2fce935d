-- Appends one feed entry and writes its cells if the shard's tail is what the caller believes.
-- KEYS  meta feed maps unloaded cells...
-- ARGV  run inc n unpersisted_limit entry map_count map_id*
--       { field_count (field cell)* } per cells key
-- The first map ids are those of the cells keys, in their order; the others are only checked.
-- Every check comes before the first write: Redis does not undo a script that fails half-way.

-- Lua's stack bounds the number of arguments of one call.
local SLICE = 2000

local run, inc, n, limit, entry = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local last_map = 6 + tonumber(ARGV[6])

local meta = redis.call('HMGET', KEYS[1], 'run', 'inc', 'n', 'bytes', 'pbytes', 'pinc', 'pn')
if meta[1] ~= run or meta[2] ~= inc then
  return {3, meta[1] or '', meta[2] or ''}
end
if meta[3] ~= n then
  return {2, tonumber(meta[3])}
end

if redis.call('EXISTS', KEYS[4]) == 1 then
  local reply = {4}
  for first = 7, last_map, SLICE do
    local last = math.min(first + SLICE - 1, last_map)
    local floors = redis.call('HMGET', KEYS[4], unpack(ARGV, first, last))
    for i = 1, #floors do
      if floors[i] then reply[#reply + 1] = ARGV[first + i - 1] end
    end
  end
  if #reply > 1 then return reply end
end

local bytes = tonumber(meta[4])
local persisted_inc, persisted_n = tonumber(meta[6] or '0'), tonumber(meta[7] or '0')
if entry == '' then
  return {1, tonumber(n), bytes, persisted_inc, persisted_n}
end
local unpersisted = bytes - tonumber(meta[5] or '0')
if limit > 0 and unpersisted > limit then
  return {5, unpersisted}
end

local at = last_map + 1
for _ = 5, #KEYS do
  at = at + 1 + 2 * tonumber(ARGV[at])
end
if at ~= #ARGV + 1 or last_map < 6 + #KEYS - 4 then
  return redis.error_reply('ERR commit: the counts do not match the arguments')
end

-- %.0f because Lua's own conversion rounds to 14 digits.
bytes = bytes + #entry
local bytes_text = string.format('%.0f', bytes)
local next_n = string.format('%.0f', tonumber(n) + 1)
redis.call('XADD', KEYS[2], inc .. '-' .. next_n, 'e', entry, 'b', bytes_text)

at = last_map + 1
for key = 5, #KEYS do
  local last_cell = at + 2 * tonumber(ARGV[at])
  for first = at + 1, last_cell, SLICE do
    redis.call('HSET', KEYS[key], unpack(ARGV, first, math.min(first + SLICE - 1, last_cell)))
  end
  at = last_cell + 1
end

redis.call('HSET', KEYS[1], 'n', next_n, 'bytes', bytes_text)
local last_changed = 6 + #KEYS - 4
for first = 7, last_changed, SLICE / 2 do
  local changed = {}
  for i = first, math.min(first + SLICE / 2 - 1, last_changed) do
    changed[#changed + 1] = ARGV[i]
    changed[#changed + 1] = next_n
  end
  redis.call('HSET', KEYS[3], unpack(changed))
end
return {1, tonumber(next_n), bytes, persisted_inc, persisted_n}
