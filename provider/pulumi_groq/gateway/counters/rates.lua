-- Rate buckets and running requests of one API key, all of them or none in one step. The same arithmetic as
-- Bucket and refusing in policy/limits.py, on the same doubles. Each bucket is a string of its own, and the
-- reservations that hold tokens in it a sorted set, by when they expire. What runs is such a set alone.
--
-- KEYS   bucket and holds of each quota, in the order in which they refuse
-- ARGV   1 the quotas: for each a double 0 (tokens), 1 (requests) or 2 (running), its limit and its window in
--        seconds
--        2 operation: take, full, settle or renew
--        3 the time in Unix seconds, or nothing for the server's own
--        renew:  4 and all after it: reservations that run
--        4 reservation id   5 tokens reserved
--        take:   6 seconds until it expires   7 for each quota two doubles: what the level was at least,
--                and what was admitted besides while this server could not be asked; or nothing
--                8 with 1: let the limits before these drain until now
--                9 for each quota a double: the level of a bucket that should be there and is not, as where it was
--                evicted
--        settle: 6 tokens used
-- Answers doubles: the position of the quota that refused, from 0, or -1; then level and held of each
-- before the demand was taken.

local DRIFT = 1e-6
local MOST_EXPIRED = 1000 -- in one call, so that it never takes long
local KEPT_S = 60 -- at least, beyond what the level needs to drain
local LEASE_S = 30 -- so long a request counts as running without being renewed: its gateway died
local CLOCK_STEP_S = 60 -- so much back is a clock that was set back, and no call that waited
local TOKENS, REQUESTS, RUNNING = 0, 1, 2

local quotas, operation = ARGV[1], ARGV[2]
local now = tonumber(ARGV[3])
if now == nil then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1000000
end

local function drain(bucket)
  local elapsed = now - bucket.updated
  if elapsed > 0 then
    local left = bucket.level - elapsed * bucket.limit / bucket.window
    bucket.level = left > 0 and left or 0
    bucket.updated = now
  elseif elapsed < -CLOCK_STEP_S then
    bucket.updated = now
  end
end

local function load(key, limit, window)
  local bucket = { level = 0, held = 0, updated = now, limit = limit, window = window, last_expiry = 0 }
  local stored = redis.call('GET', key)
  bucket.is_new = not stored
  if stored then
    bucket.level, bucket.held, bucket.updated, bucket.limit, bucket.last_expiry = struct.unpack('<ddddd', stored)
  end
  return bucket
end

local function store(key, bucket)
  local kept = (bucket.level + bucket.held) * bucket.window / bucket.limit + KEPT_S
  if bucket.held > 0 and bucket.last_expiry > now then
    kept = kept + bucket.last_expiry - now
  end
  local packed = struct.pack('<ddddd', bucket.level, bucket.held, bucket.updated, bucket.limit, bucket.last_expiry)
  redis.call('SET', key, packed, 'EX', math.ceil(kept))
  return math.ceil(kept)
end

-- What gateways that died have held is free again once it expires.
local function expire(bucket, holds)
  if bucket.held <= 0 then
    return
  end
  local expired = redis.call('ZRANGEBYSCORE', holds, '-inf', now, 'LIMIT', 0, MOST_EXPIRED)
  for _, each in ipairs(expired) do
    bucket.held = bucket.held - tonumber(string.match(each, '^%d+'))
    redis.call('ZREM', holds, each)
  end
  if redis.call('ZCARD', holds) == 0 then
    bucket.held = 0 -- also of a set that was evicted
  end
end

-- It runs: until it is settled, or not renewed in time.
local function run(holds, id)
  redis.call('ZADD', holds, string.format('%.17g', now + LEASE_S), id)
  redis.call('EXPIRE', holds, LEASE_S + KEPT_S)
end

local count = #KEYS / 2
local answer = { -1 }

if operation == 'renew' then
  for position = 1, count do
    if struct.unpack('<d', quotas, 24 * position - 23) == RUNNING then
      for place = 4, #ARGV do
        run(KEYS[2 * position], ARGV[place])
      end
    end
  end
  return ''
end

local tokens, reservation = tonumber(ARGV[5]), ARGV[5] .. ':' .. ARGV[4]

if operation == 'settle' then
  for position = 1, count do
    local key, holds = KEYS[2 * position - 1], KEYS[2 * position]
    local unit, limit, window = struct.unpack('<ddd', quotas, 24 * position - 23)
    if unit == RUNNING then
      redis.call('ZREM', holds, ARGV[4])
    elseif unit == TOKENS and redis.call('ZREM', holds, reservation) == 1 then
      local bucket = load(key, limit, window)
      if not bucket.is_new then -- else who asks next says what was in it
        drain(bucket)
        bucket.held = bucket.held - tokens
        bucket.level = bucket.level + tonumber(ARGV[6])
        store(key, bucket)
      end
    end
  end
  return ''
end

local buckets = {}
for position = 1, count do
  local unit, limit, window = struct.unpack('<ddd', quotas, 24 * position - 23)
  local holds, bucket = KEYS[2 * position]
  if unit == RUNNING then
    redis.call('ZREMRANGEBYSCORE', holds, '-inf', now)
    bucket = { level = 0, held = redis.call('ZCARD', holds) }
  else
    bucket = load(KEYS[2 * position - 1], limit, window)
    if operation == 'take' then
      if ARGV[8] == '1' then
        drain(bucket)
      end
      bucket.limit = limit
      if bucket.is_new then
        bucket.level = struct.unpack('<d', ARGV[9], 8 * position - 7)
      end
    end
    drain(bucket)
    if unit == TOKENS then
      expire(bucket, holds)
    end
    if operation == 'take' and ARGV[7] ~= '' then
      local least, besides = struct.unpack('<dd', ARGV[7], 16 * position - 15)
      bucket.level = math.max(bucket.level, least - bucket.held) + besides
    end
  end
  bucket.unit, bucket.amount = unit, unit == TOKENS and tokens or 1
  buckets[position] = bucket
  local is_asked = operation == 'take' or unit ~= TOKENS
  if answer[1] == -1 and is_asked and bucket.level + bucket.held + bucket.amount > limit + DRIFT then
    answer[1] = position - 1
  end
  answer[2 * position], answer[2 * position + 1] = bucket.level, bucket.held
end

for position, bucket in ipairs(buckets) do
  local holds, is_taken = KEYS[2 * position], operation == 'take' and answer[1] == -1
  if bucket.unit == RUNNING then
    if is_taken then
      run(holds, ARGV[4])
    end
  else
    if is_taken and bucket.unit == TOKENS then
      bucket.held = bucket.held + tokens
      local expiry = now + tonumber(ARGV[6])
      redis.call('ZADD', holds, string.format('%.17g', expiry), reservation)
      bucket.last_expiry = math.max(bucket.last_expiry, expiry)
    elseif is_taken then
      bucket.level = bucket.level + 1
    end
    local kept = store(KEYS[2 * position - 1], bucket)
    if bucket.unit == TOKENS and bucket.held > 0 then
      redis.call('EXPIRE', holds, kept)
    end
  end
end

for position, number in ipairs(answer) do
  answer[position] = struct.pack('<d', number)
end
return table.concat(answer)
