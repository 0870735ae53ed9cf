-- Lists held messages whose time is over. KEYS: unacked, unacked_index. ARGV: visibility timeout, how many.
-- Returns tag, score, entry for each, the newest first; index entries of nothing are dropped.
local t = redis.call('TIME')
local limit = string.format('%.6f', tonumber(t[1]) + tonumber(t[2]) / 1000000 - tonumber(ARGV[1]))
local found = redis.call('ZREVRANGEBYSCORE', KEYS[2], limit, '-inf', 'WITHSCORES', 'LIMIT', '0', ARGV[2])
local out = {}
for i = 1, #found, 2 do
  local entry = redis.call('HGET', KEYS[1], found[i])
  if entry then
    local n = #out
    out[n + 1], out[n + 2], out[n + 3] = found[i], found[i + 1], entry
  else
    redis.call('ZREM', KEYS[2], found[i])
  end
end
return out
