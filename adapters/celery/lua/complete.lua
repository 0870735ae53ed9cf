-- The end of a task in Celery's order: what follows is pushed, the result stored and announced, and the message
-- acknowledged last. A stored SUCCESS is never overwritten.
-- KEYS: unacked, unacked_index, result key, quarantine, then a list for each push. ARGV: tag or '' for no
-- acknowledgement, seconds the result is kept or '0', result or '' for none, quarantine document of a message that
-- cannot be run or '', then the pushes.
-- Returns 0 when somebody else had taken the message back meanwhile.
if ARGV[1] ~= '' then
  -- When memory is full Redis refuses a script whose first write might need more, and lets a script go on that has
  -- written. This one gives back more than it takes, so it begins with a write that changes nothing: a Redis that is
  -- full of messages is emptied by working them off.
  redis.call('ZREM', KEYS[2], '')
end
for i = 5, #KEYS do redis.call('LPUSH', KEYS[i], ARGV[i]) end
if ARGV[4] ~= '' then redis.call('HSET', KEYS[4], ARGV[1], ARGV[4]) end
if ARGV[3] ~= '' then
  local stored, done = redis.pcall('GET', KEYS[3]), false -- what is no text is overwritten
  if type(stored) == 'string' then
    if string.sub(stored, 1, 12) == '{"status": "' then
      done = string.sub(stored, 13, 20) == 'SUCCESS"'
    else
      local ok, doc = pcall(cjson.decode, stored)
      done = ok and type(doc) == 'table' and doc['status'] == 'SUCCESS'
    end
  end
  if not done then
    if ARGV[2] == '0' then redis.call('SET', KEYS[3], ARGV[3]) else redis.call('SETEX', KEYS[3], ARGV[2], ARGV[3]) end
    redis.call('PUBLISH', KEYS[3], ARGV[3])
  end
end
if ARGV[1] == '' then return 1 end
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('HDEL', KEYS[1], ARGV[1])
