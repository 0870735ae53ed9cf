-- Renews held messages. KEYS: unacked_index. ARGV: score offset, then tags. Returns the tags nobody holds any more.
-- Each is removed and added again: when memory is full Redis refuses a script whose first write might need more.
local t = redis.call('TIME')
local score = string.format('%.6f', tonumber(t[1]) + tonumber(t[2]) / 1000000 + tonumber(ARGV[1]))
local gone = {}
for i = 2, #ARGV do
  if redis.call('ZREM', KEYS[1], ARGV[i]) == 1 then
    redis.call('ZADD', KEYS[1], score, ARGV[i])
  else
    gone[#gone + 1] = ARGV[i]
  end
end
return gone
