-- Opens a shard for the run and incarnation of its owner, if its tail still is the one that was
-- compared with Postgres.
-- KEYS  meta feed unloaded maps loading
-- ARGV  run inc n tail_inc tail_n entry { map_id floor }*
-- maps is declared but left alone: its counts stay valid because n goes on.

local meta = redis.call('HMGET', KEYS[1], 'inc', 'n', 'bytes')
local tail_inc, tail_n = meta[1] or '0', meta[2] or '0'
if tail_inc ~= ARGV[4] or tail_n ~= ARGV[5] then
  return {2, tonumber(tail_inc), tonumber(tail_n)}
end

local function is_below(a, b)
  local a_inc, a_n = string.match(a, '^(%d+)-(%d+)$')
  local b_inc, b_n = string.match(b, '^(%d+)-(%d+)$')
  a_inc, a_n, b_inc, b_n = tonumber(a_inc), tonumber(a_n), tonumber(b_inc), tonumber(b_n)
  if a_inc ~= b_inc then return a_inc < b_inc end
  return a_n < b_n
end

-- A floor may only go down: what an earlier opening found missing is still missing.
local unloaded = {}
for i = 7, #ARGV, 2 do
  local floor = redis.call('HGET', KEYS[3], ARGV[i])
  if not floor or is_below(ARGV[i + 1], floor) then
    unloaded[#unloaded + 1] = {ARGV[i], ARGV[i + 1]}
  end
end

-- First the one write that can be refused: an incarnation that is not above the tail's.
local bytes = string.format('%.0f', tonumber(meta[3] or '0') + #ARGV[6])
redis.call('XADD', KEYS[2], ARGV[2] .. '-' .. ARGV[3], 'e', ARGV[6], 'b', bytes)
redis.call('HSET', KEYS[1], 'run', ARGV[1], 'inc', ARGV[2], 'n', ARGV[3], 'bytes', bytes)
for _, mark in ipairs(unloaded) do
  redis.call('HSET', KEYS[3], mark[1], mark[2])
end
redis.call('DEL', KEYS[5])
return {1}
