-- Writes merged cells whose present value still is the one that was merged with.
-- KEYS  loading cells
-- ARGV  map_id token count (field expected cell)*; expected is empty when there was no cell
-- Replies {1, index of each clash from 0...}; clashing cells are left as they are.

-- Lua's stack bounds the number of arguments of one call.
local SLICE = 1000

if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
  return {0}
end
local count = tonumber(ARGV[3])
if #ARGV ~= 3 + 3 * count then
  return redis.error_reply('ERR hydrate_chunk: the count does not match the arguments')
end

local reply = {1}
for first = 0, count - 1, SLICE do
  local last = math.min(first + SLICE, count) - 1
  local fields, writes = {}, {}
  for i = first, last do
    fields[#fields + 1] = ARGV[4 + 3 * i]
  end
  local cells = redis.call('HMGET', KEYS[2], unpack(fields))
  for i = first, last do
    local at = 4 + 3 * i
    if (cells[i - first + 1] or '') == ARGV[at + 1] then
      writes[#writes + 1] = ARGV[at]
      writes[#writes + 1] = ARGV[at + 2]
    else
      reply[#reply + 1] = i
    end
  end
  if #writes > 0 then
    redis.call('HSET', KEYS[2], unpack(writes))
  end
end
return reply
