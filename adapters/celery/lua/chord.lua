-- Reports a member of a chord as done. KEYS: group .j, .t, .s. ARGV: the member's element, its score, how an
-- element of the same task begins (as Python and as others write it), seconds to keep or '0'. A member that reports
-- twice counts once. Returns the elements in order when this report completes the header, else nothing.
local known = false
for _, e in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[2], ARGV[2])) do
  if string.sub(e, 1, #ARGV[3]) == ARGV[3] or string.sub(e, 1, #ARGV[4]) == ARGV[4] then known = true end
end
if not known then redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1]) end
local count = redis.call('ZCOUNT', KEYS[1], '-inf', '+inf')
local extra, size = redis.call('GET', KEYS[2]), redis.call('GET', KEYS[3])
if ARGV[5] ~= '0' then
  for i = 1, 3 do redis.call('EXPIRE', KEYS[i], ARGV[5]) end
end
if not size or count ~= tonumber(size) + tonumber(extra or '0') then return {} end
return redis.call('ZRANGE', KEYS[1], 0, -1)
