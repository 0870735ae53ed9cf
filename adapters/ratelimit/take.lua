-- The generic cell rate algorithm. The key holds the time, in microseconds, at which the client would have used up nothing:
-- each one taken moves it by a step, and it may lie at most a burst ahead of now.
-- KEYS[1] the client. ARGV: step, burst, in microseconds. Returns 0, or the microseconds to wait.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local step, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local at = tonumber(redis.call('GET', KEYS[1]) or '') or now
if at < now or at > now + burst then -- idle, or written under another limit or before the clock was set back
	at = now
end
local wait = at + step - burst - now
if wait > 0 then
	return wait
end
redis.call('SET', KEYS[1], string.format('%.0f', at + step), 'PX', math.ceil((at + step - now) / 1000) + 1)
return 0
