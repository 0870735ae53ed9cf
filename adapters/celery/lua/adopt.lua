-- Moves a message that take.lua put aside into unacked after all: the Go reader understands it, and so does
-- Python's. KEYS: unacked, unacked_index, quarantine. ARGV: tag, score offset, new entry. Returns 1 if it was there.
if redis.call('HEXISTS', KEYS[3], ARGV[1]) == 0 then return 0 end
local t = redis.call('TIME')
redis.call('ZADD', KEYS[2], string.format('%.6f', tonumber(t[1]) + tonumber(t[2]) / 1000000 + tonumber(ARGV[2])), ARGV[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('HDEL', KEYS[3], ARGV[1])
return 1
