-- The calls of one credential and of one address, counted for all processes: `domain/budget/ledger.py` in one atomic
-- step. All times are this server's own, so clocks that differ do no harm; one that is set back is not believed.
--
-- KEYS   the credential's bucket, the clock, the latest calls of the address
-- ARGV   what to do; the time (tests only, else ""); the bucket's parts when full, those a millisecond brings, those
--        of a call; how long a probe keeps the others waiting; then
--   take   parts to be left, calls of a second after which this class waits, and after which all wait
--   tell   calls made without asking; how long a 429 closes (0: none); the probe was 1: answered, 2: released; its number;
--          then for each of Cloudflare's limits: its name, calls left, for how long, 1: refilling steadily; the number
--          of the call whose answer said so (0: unknown)
--
-- Returns {1 when the call may go, what is left, what may be used until Cloudflare's window ends or -1, for how long,
--          closed for, address full for, the number of the latest call, 1 when it is the probe}

local SET_BACK = 5000     -- a clock behind by less is waited for
local SAME_RESET = 2000   -- reset times come in whole seconds
local KNOCK_AGAIN = 250   -- while another's probe is out

local full, refill, call, within = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local window = call       -- a call is as many parts as the window has milliseconds

local function time()
    local real = tonumber(ARGV[2])
    if not real then
        local told = redis.call('TIME')
        real = told[1] * 1000 + math.floor(told[2] / 1000)
    end
    local known = redis.call('HMGET', KEYS[2], 'latest', 'back', 'born')
    local latest, back, born = tonumber(known[1] or real), tonumber(known[2] or 0), tonumber(known[3] or real)
    if real + back < latest - SET_BACK then
        back = latest - real
    end
    local now = math.max(latest, real + back)
    redis.call('HSET', KEYS[2], 'latest', now, 'back', back, 'born', born)
    redis.call('PEXPIRE', KEYS[2], 86400000)
    return now, born
end

local now, born = time()

local function number(value)
    return value and tonumber(value)
end

local kept = redis.call('HMGET', KEYS[1], 'level', 'filled', 'holds', 'blocked', 'probe', 'calls', 'probe_number')
-- A server that has just begun may have forgotten what was used: it gives nobody a burst.
local level = number(kept[1]) or math.min(full, (now - born) * refill)
level = math.min(full, level + (now - (number(kept[2]) or now)) * refill)
local blocked, probe, calls = number(kept[4]), number(kept[5]), number(kept[6]) or 0
local probe_number = number(kept[7]) or 0
local holds = {}          -- by the name of the limit: {parts that may be used, until when}
for name, hold in pairs(cjson.decode(kept[3] or '{}')) do
    if hold[2] > now then
        holds[name] = hold
    end
end

local function pay(parts)
    level = level - parts
    for _, hold in pairs(holds) do
        hold[1] = hold[1] - parts
    end
end

local function has(needed)
    local at = now + math.max(0, math.ceil((needed - level) / refill))
    for _, hold in pairs(holds) do
        if hold[1] < needed then
            at = math.max(at, hold[2])
        end
    end
    return at
end

local goes, is_probe, gate = 0, 0, 0

local function take(left_by, share, most)
    local opens
    if blocked then
        opens = math.max(blocked, probe and probe + within or 0, has(call))
    else
        opens = has(left_by + call)
    end
    local freed = number(redis.call('LINDEX', KEYS[3], share - 1))
    if freed and opens <= now then
        gate = math.max(0, freed + 1000 - now)
    end
    if opens > now or gate > 0 then
        return
    end
    goes, calls = 1, calls + 1
    pay(call)
    if blocked then
        is_probe, probe, probe_number = 1, now, calls
    end
    redis.call('LPUSH', KEYS[3], now)
    redis.call('LTRIM', KEYS[3], 0, most - 1)
    redis.call('PEXPIRE', KEYS[3], 10000)
end

local function correct(name, remaining, resets, is_steady, of_call)
    local under_way = of_call > 0 and math.max(0, calls - of_call) or 0
    local left = math.max(0, remaining - under_way) * call
    if is_steady then
        level, holds[name] = math.min(level, left), nil
        return
    end
    local ends = now + resets + 1000
    local held = holds[name]
    if held and math.abs(ends - held[2]) <= SAME_RESET then
        left, ends = math.min(left, held[1]), math.max(ends, held[2])
    end
    holds[name] = {left, ends}
end

local function tell(made, closed, probed, probe_of)
    pay(made * call)
    for place = 11, #ARGV, 5 do
        local remaining, resets = tonumber(ARGV[place + 1]), tonumber(ARGV[place + 2])
        correct(ARGV[place], remaining, resets, ARGV[place + 3] == '1', tonumber(ARGV[place + 4]))
    end
    if closed > 0 then
        blocked, probe, holds = math.max(now + closed, blocked or 0), nil, {}
    elseif probed == 1 and probe then
        blocked, probe, level = nil, nil, math.min(level, call)
    elseif probed == 2 and probe_of == probe_number then
        probe = nil
    end
end

if ARGV[1] == 'take' then
    take(tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]))
else
    tell(tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]))
end

local tightest
for _, hold in pairs(holds) do
    if not tightest or hold[1] < tightest[1] then
        tightest = hold
    end
end
redis.call('HSET', KEYS[1], 'level', level, 'filled', now, 'holds', cjson.encode(holds), 'blocked', blocked or '',
    'probe', probe or '', 'calls', calls, 'probe_number', probe_number)
redis.call('PEXPIRE', KEYS[1], 2 * window + math.max(0, (blocked or 0) - now))

local closed = 0
if blocked and goes == 0 then
    closed = blocked - now
    if closed <= 0 then
        closed = probe and math.min(KNOCK_AGAIN, math.max(0, probe + within - now)) or 0
    end
end
return {goes, level, tightest and math.max(0, tightest[1]) or -1, tightest and tightest[2] - now or 0, closed, gate, calls, is_probe}
