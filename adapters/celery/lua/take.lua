-- Takes up to ARGV[1] messages from the lists KEYS[4..], and in the same instant records each as held in
-- unacked and unacked_index (KEYS[1], KEYS[2]), as kombu does in a second step. A message that kombu's sweep
-- could not read back goes to the quarantine KEYS[3] instead: one such entry in unacked would stop that sweep
-- for everybody. A tag that is in unacked or in the quarantine already is replaced by a fresh one.
-- ARGV: count, seconds added to the server's clock for the score, prefix for fresh tags, number of queues, index
-- of the queue to begin with, then every queue's name as a JSON string. Lists come step by step, within a step
-- queue by queue. Returns four fields a message: queue index, 'm' or 'q', tag, raw.
local count, queues, first = tonumber(ARGV[1]), tonumber(ARGV[4]), tonumber(ARGV[5])
local t = redis.call('TIME')
local now = tonumber(t[1]) + tonumber(t[2]) / 1000000
local score = string.format('%.6f', now + tonumber(ARGV[2]))
local out, got, base = {}, 0, 4
while base <= #KEYS and got < count do
  local any = true
  while any and got < count do
    any = false
    for i = 0, queues - 1 do
      if got >= count then break end
      local q = (first + i) % queues
      local raw = redis.call('RPOP', KEYS[base + q])
      if raw then
        any = true
        got = got + 1
        local ok, msg = pcall(cjson.decode, raw)
        local props = ok and type(msg) == 'table' and msg['properties']
        local tag = ARGV[3] .. tostring(got)
        local kind = 'm'
        if type(props) == 'table' then
          local own = props['delivery_tag']
          if type(own) == 'string' and own ~= '' and redis.call('HEXISTS', KEYS[1], own) == 0
            and redis.call('HEXISTS', KEYS[3], own) == 0 then tag = own end
          redis.call('HSET', KEYS[1], tag, '[' .. raw .. ', "", ' .. ARGV[6 + q] .. ']')
          redis.call('ZADD', KEYS[2], score, tag)
        else
          kind = 'q'
          redis.call('HSET', KEYS[3], tag, '{"queue": ' .. ARGV[6 + q] .. ', "reason": "envelope", "at": ' .. string.format('%.3f', now) .. '}\n' .. raw)
        end
        local n = #out
        out[n + 1], out[n + 2], out[n + 3], out[n + 4] = tostring(q), kind, tag, raw
      end
    end
  end
  base = base + queues
end
return out
