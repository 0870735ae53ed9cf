-- Takes back one held message if its score is still the one that was seen: a holder that renewed it, or another
-- sweep, wins. KEYS: unacked, unacked_index, quarantine, lists to push it to. ARGV: tag, score, message,
-- quarantine document or ''.
local score = redis.call('ZSCORE', KEYS[2], ARGV[1])
if not score or tonumber(score) ~= tonumber(ARGV[2]) then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
if ARGV[4] ~= '' then redis.call('HSET', KEYS[3], ARGV[1], ARGV[4]) end
for i = 4, #KEYS do redis.call('RPUSH', KEYS[i], ARGV[3]) end
return 1
