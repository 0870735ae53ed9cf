-- Renews held messages. KEYS: unacked_index. ARGV: score offset, then tags. Returns the tags nobody holds any more.
local t = redis.call('TIME')
local score = string.format('%.6f', tonumber(t[1]) + tonumber(t[2]) / 1000000 + tonumber(ARGV[1]))
local gone = {}
for i = 2, #ARGV do
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) then
    redis.call('ZADD', KEYS[1], 'XX', score, ARGV[i])
  else
    gone[#gone + 1] = ARGV[i]
  end
end
return gone
