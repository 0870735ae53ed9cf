-- Puts a message that cannot be run aside. KEYS: quarantine. ARGV: id, document.
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
