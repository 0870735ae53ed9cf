-- Puts a held message back into a list if it is still held. KEYS: unacked, unacked_index, list.
-- ARGV: tag, message, 'front' to be taken next or 'back'.
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
if ARGV[3] == 'front' then redis.call('RPUSH', KEYS[3], ARGV[2]) else redis.call('LPUSH', KEYS[3], ARGV[2]) end
return 1
