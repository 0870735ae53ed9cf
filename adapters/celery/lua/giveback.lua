-- Puts a held message back into a list if it is still held. It is in the list before it is let go: an error leaves
-- it held. KEYS: unacked, unacked_index, list. ARGV: tag, message, 'front' to be taken next or 'back'.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('ZREM', KEYS[2], '') -- memory may be full: see complete.lua
redis.call(ARGV[3] == 'front' and 'RPUSH' or 'LPUSH', KEYS[3], ARGV[2])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
return 1
