-- Takes back one held message if its score is still the one that was seen: a holder that renewed it, or another
-- sweep, wins. KEYS: unacked, unacked_index, quarantine, lists to push it to. ARGV: tag, score, message,
-- quarantine document or ''. It is in its lists before it is let go. Returns 2, and changes nothing, when one of them
-- is a key of another type.
local score = redis.call('ZSCORE', KEYS[2], ARGV[1])
if not score or tonumber(score) ~= tonumber(ARGV[2]) then return 0 end
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
  redis.call('ZREM', KEYS[2], ARGV[1])
  return 0
end
for i = 4, #KEYS do
  local kind = redis.call('TYPE', KEYS[i])['ok']
  if kind ~= 'list' and kind ~= 'none' then return 2 end
end
redis.call('ZREM', KEYS[2], '') -- memory may be full: see complete.lua
if ARGV[4] ~= '' then redis.call('HSET', KEYS[3], ARGV[1], ARGV[4]) end
for i = 4, #KEYS do redis.call('RPUSH', KEYS[i], ARGV[3]) end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
return 1
