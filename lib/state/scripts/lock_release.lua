-- Frees a lock that is held under a token, by an owner, or both.
-- KEYS  lock
-- ARGV  token owner; token 0 and owner '' stand for any

local lock = redis.call('GET', KEYS[1])
if not lock then
  return {0}
end
local space = string.find(lock, ' ', 1, true)
local token, holder = string.sub(lock, 1, space - 1), string.sub(lock, space + 1)
if (ARGV[1] ~= '0' and token ~= ARGV[1]) or (ARGV[2] ~= '' and holder ~= ARGV[2]) then
  return {0}
end
redis.call('DEL', KEYS[1])
return {1}
