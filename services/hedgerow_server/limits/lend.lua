-- Lends a replica what it asks for of several counts, of all or of none, and takes note of what it has used.
--
-- KEYS: first since when there have been counts without a break (us): where it is missing all was lost, and nothing is
-- granted until all replicas had the time to say what they have used. Then one hash a count. Fields: s = slot; b = counted in the slot before; u = used in
-- this slot by replicas that have been gone for long; and of each replica r: u:r = used in this slot, l:r = lent and not
-- used, h:r = the part of that which calls hold, q:r = its last request, x:r = until when it is believed to be there, in
-- ms, d:r = how long after that what it was lent stays counted, in ms (0 where it is missing). A replica tells absolute numbers, so that an answer that was lost, or a server that has forgotten everything, is
-- put right by the next request.
-- ARGV: replica, how long it is believed (ms), how long after that its use is kept apart (ms), the number of its request
-- (one that comes after a later one changes nothing), how long a new server hears only (ms), whether somebody else says
-- it of a replica that is gone (1: counts of which that has said nothing stay as they are), then fourteen of each key:
--   limit (-1: none), length of a sliding slot in us (0: the slot is given), slot, used by the replica in that slot,
--   lent to it and not used, how much of that calls under way hold, what the first of its calls needs, what all that
--   wait need, what it would like beyond that, the part of what is left that this may be (1/n), how long the hash is
--   kept when nobody asks (ms; 0: for ever), what it knows to have been used by replicas that are gone, whether it
--   knows that from here (1) or from elsewhere (0: it stands only for a count that there is none of), how long what it
--   is lent stays counted once it is not believed to be there any more (ms).
-- Numbers stay below 2^53, so that Lua's doubles are exact.
-- Answer: now (us), place of the first count that has too little (0: none), KEYS[1], then seven of each count: granted,
--   slot, counted in this slot by all replicas, counted in the slot before, lent to others and held by none of their
--   calls, used by replicas that are gone, lent to others in all.
local now = redis.call('TIME')
local now_us = now[1] * 1000000 + now[2]
local now_ms = math.floor(now_us / 1000)
local me, ttl_ms, apart_ms, request = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local of_gone = ARGV[6] == '1'
local short, counts = 0, {}

local function text(number) return string.format('%.0f', number) end

local function read(key, at)
  local limit, length_us, slot = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local one = {
    used = tonumber(ARGV[at + 3]), lent = tonumber(ARGV[at + 4]),
    held = tonumber(ARGV[at + 5]), need = tonumber(ARGV[at + 6]), due = tonumber(ARGV[at + 7]),
    want = tonumber(ARGV[at + 8]), part = tonumber(ARGV[at + 9]), keep_ms = tonumber(ARGV[at + 10]),
    drop = {}, theirs = 0, lent_theirs = 0, idle = 0,
  }
  local fields, hash = redis.call('HGETALL', key), {}
  for i = 1, #fields, 2 do hash[fields[i]] = fields[i + 1] end
  local stored = tonumber(hash['s'] or '-1')
  one.late = tonumber(hash['q:' .. me] or '-1') > request or (of_gone and not hash['x:' .. me])
  one.slot = length_us > 0 and math.floor(now_us / length_us) or slot
  -- A clock that is behind does not bring a slot back.
  if stored > one.slot then one.slot = stored end
  one.before, one.gone = tonumber(hash['b'] or '0'), tonumber(hash['u'] or '0')
  local turned, sum = stored ~= one.slot, one.gone
  for field, value in pairs(hash) do
    local kind, who = string.sub(field, 1, 2), string.sub(field, 3)
    if kind == 'u:' then
      -- What is said of the slot that was is newer than what was said before.
      sum = sum + ((who == me and slot == stored) and tonumber(ARGV[at + 3]) or tonumber(value))
      if turned then
        one.drop[#one.drop + 1] = field
      elseif who ~= me then
        one.theirs = one.theirs + tonumber(value)
      end
    elseif kind == 'x:' and who ~= me then
      local until_ms = tonumber(value)
      local lent = tonumber(hash['l:' .. who] or '0')
      if until_ms >= now_ms then
        if not turned then
          one.lent_theirs = one.lent_theirs + lent
          one.idle = one.idle + math.max(0, lent - tonumber(hash['h:' .. who] or '0'))
        end
      elseif until_ms + tonumber(hash['d:' .. who] or '0') >= now_ms then
        -- How much of it was used nobody knows yet: in this slot it is counted, and of the one before it was used.
        if turned then sum = sum + lent else one.lent_theirs = one.lent_theirs + lent end
      end
      if until_ms < now_ms and (turned or until_ms + apart_ms < now_ms) then
        if not turned then
          local its = tonumber(hash['u:' .. who] or '0')
          one.gone, one.theirs = one.gone + its, one.theirs - its
          one.drop[#one.drop + 1] = 'u:' .. who
        end
        one.drop[#one.drop + 1] = 'l:' .. who
        one.drop[#one.drop + 1] = 'h:' .. who
        one.drop[#one.drop + 1] = 'q:' .. who
        one.drop[#one.drop + 1] = 'd:' .. who
        one.drop[#one.drop + 1] = field
      end
    end
    if turned and who ~= me and (kind == 'l:' or kind == 'h:') then one.drop[#one.drop + 1] = field end
  end
  if turned then
    one.before = (length_us > 0 and stored >= 0 and one.slot == stored + 1) and sum or 0
    one.gone = 0
  end
  local base, from_here = tonumber(ARGV[at + 11]), ARGV[at + 12] == '1'
  one.doubt = ARGV[at + 13]
  -- What it says of a slot that is over counts no more.
  if slot ~= one.slot then one.used, one.lent, one.held, base = 0, 0, 0, 0 end
  if stored < 0 or (from_here and not turned) then one.gone = math.max(one.gone, base) end
  one.counted = one.gone + one.theirs + one.used
  local faded = 0
  if one.before > 0 and length_us > 0 then
    faded = math.ceil(one.before * (length_us - now_us % length_us) / length_us)
  end
  one.free = limit < 0 and 9007199254740991 or limit - one.counted - faded - one.lent_theirs - one.lent
  return one
end

local since_us = tonumber(redis.call('GET', KEYS[1]) or '-1')
if since_us < 0 then
  since_us = now_us
  redis.call('SET', KEYS[1], text(since_us))
end
local hears = now_us < since_us + tonumber(ARGV[5]) * 1000

for i = 1, #KEYS - 1 do
  counts[i] = read(KEYS[i + 1], 7 + (i - 1) * 14)
  if counts[i].need > counts[i].free and short == 0 and not hears then short = i end
end

local answer = {text(now_us), short, text(since_us)}
for i, one in ipairs(counts) do
  local key, grant = KEYS[i + 1], 0
  if short == 0 and not hears and one.free > 0 then
    grant = math.max(one.need, math.min(one.due, one.free), math.min(one.due + one.want, math.floor(one.free / one.part)))
  end
  if one.late then grant = 0 end
  if #one.drop > 0 and not one.late then redis.call('HDEL', key, unpack(one.drop)) end
  if not one.late then
    redis.call('HSET', key, 's', text(one.slot), 'b', text(one.before), 'u', text(one.gone), 'u:' .. me, text(one.used),
      'l:' .. me, text(one.lent + grant), 'h:' .. me, text(one.held), 'q:' .. me, ARGV[4],
      'x:' .. me, text(now_ms + ttl_ms))
    if one.doubt ~= '0' then redis.call('HSET', key, 'd:' .. me, one.doubt) end
  end
  if one.keep_ms > 0 then redis.call('PEXPIRE', key, one.keep_ms) else redis.call('PERSIST', key) end
  for _, told in ipairs({grant, one.slot, one.counted, one.before, one.idle, one.gone, one.lent_theirs}) do
    answer[#answer + 1] = text(told)
  end
end
return answer
