-- Grants a lock to an owner, or extends the lease of the one it holds.
-- KEYS  meta token lock
-- ARGV  run inc owner ttl_ms held_token

-- Tokens of one incarnation: incarnation * 2^24 + counter.
local TOKENS = 16777216

local meta = redis.call('HMGET', KEYS[1], 'run', 'inc')
if meta[1] ~= ARGV[1] or meta[2] ~= ARGV[2] then
  return {3, meta[1] or '', meta[2] or ''}
end
local owner, ttl, held_token = ARGV[3], ARGV[4], ARGV[5]

local lock = redis.call('GET', KEYS[3])
local left = lock and redis.call('PTTL', KEYS[3]) or 0
local token, holder
if lock then
  local space = string.find(lock, ' ', 1, true)
  token, holder = string.sub(lock, 1, space - 1), string.sub(lock, space + 1)
end

if held_token ~= '0' then
  if token ~= held_token or holder ~= owner then
    return {2, left}
  end
  if left < tonumber(ttl) then
    redis.call('SET', KEYS[3], lock, 'PX', ttl)
  end
  return {1, tonumber(token)}
end
if lock and holder ~= owner then
  return {2, left}
end

local first = tonumber(ARGV[2]) * TOKENS
local next_token = math.max(tonumber(redis.call('GET', KEYS[2]) or '0'), first) + 1
if next_token == first + TOKENS then
  redis.call('HSET', KEYS[1], 'run', '')
  return {3, '', ARGV[2]}
end
-- %.0f because Lua's own conversion rounds to 14 digits.
local text = string.format('%.0f', next_token)
redis.call('SET', KEYS[2], text)
redis.call('SET', KEYS[3], text .. ' ' .. owner, 'PX', ttl)
return {1, next_token}
