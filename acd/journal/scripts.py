"""The Lua scripts: each step that must happen whole or not at all.

Rules
  * ``leader`` holds ``engine:token`` of whoever leads, and runs out by itself. Whatever a leader writes is
    written by a script that first compares it: an engine that lost its lease, and does not know so yet,
    cannot order anything. That is the fence.
  * ``token`` never falls, not even when Redis was emptied: it is at least the journal's time in ms.
  * ``generation`` names one life of the journal. It is made by the first leader and vanishes with the data;
    facts meant for another life are refused.
  * ``published`` is the id of the last entry whose commands were sent, set together with them: after a
    takeover each command is sent exactly once, neither lost nor doubled.
  * ``clock`` is "SERVER_MS JOURNAL_MS PACE", written by PULSE. From there the journal's time goes on with the
    server's clock, but it is not set with it: ids cannot fall, and a jump must not end what waits. Ids are
    therefore ``MS-*`` (Redis 7), never ``*``.
"""

# ``clock`` is written each second. When the server's clock has moved by more than this, or back, it was set,
# or nobody looked for as long.
HELD_MS = 5_000
KEEP_MS = 1_000
NEAR_MS = 1_000  # so much is put right at once

_CLOCK = f"""
local function split(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end
-- The server's clock; how long ago by it "clock" was written, what the journal's time was, and its pace.
local function clock(key)
  local time = redis.call('TIME')
  local server = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  local was_server, was, pace = string.match(redis.call('GET', key) or '', '^(%d+) (%d+) (%S+)$')
  if not was then return server end
  return server, server - tonumber(was_server), tonumber(was), tonumber(pace)
end
local function journal_ms(key)
  local server, passed, was, pace = clock(key)
  if not was then return server end
  return math.floor(was + math.max(0, math.min(passed, {HELD_MS})) * pace)
end
local function newest(stream)
  local about = redis.pcall('XINFO', 'STREAM', stream)
  for i = 1, #about, 2 do
    if about[i] == 'last-generated-id' then return about[i + 1] end
  end
  return '0-0'
end
-- "words" is an XADD whose id, at "place", is to be filled in.
local function add(now_ms, place, words)
  words[place] = string.format('%.0f-*', now_ms)
  local id = redis.pcall(unpack(words))
  if type(id) == 'string' then return id end
  words[place] = string.format('%.0f-*', math.max(now_ms, (split(newest(words[2])))))
  return redis.call(unpack(words))
end
"""

APPEND = (
    _CLOCK
    + """
-- KEYS journal generation producer clock   ARGV generation first_seq record...
local generation = redis.call('GET', KEYS[2])
if not generation then return 'empty' end
if generation ~= ARGV[1] then return 'moved' end
local last = tonumber(redis.call('GET', KEYS[3]) or '0')
local seq = tonumber(ARGV[2])
local now_ms = journal_ms(KEYS[4])
local ids = {}
for i = 3, #ARGV do
  if seq > last then
    ids[#ids + 1] = add(now_ms, 3, {'XADD', KEYS[1], '', 'g', generation, 'e', ARGV[i]})
    last = seq
  end
  seq = seq + 1
end
redis.call('SET', KEYS[3], string.format('%.0f', last), 'PX', 86400000)
return ids
"""
)

APPEND_AS_LEADER = (
    _CLOCK
    + """
-- KEYS leader journal generation clock   ARGV lease record...
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
local generation = redis.call('GET', KEYS[3]) or ''
local now_ms = journal_ms(KEYS[4])
local id = ''
for i = 2, #ARGV do
  id = add(now_ms, 3, {'XADD', KEYS[2], '', 'g', generation, 'e', ARGV[i]})
end
return id
"""
)

PUBLISH = (
    _CLOCK
    + """
-- KEYS leader published clock stream...   ARGV lease maxlen (stream_number source_id record)...
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local now_ms = journal_ms(KEYS[3])
local high = redis.call('GET', KEYS[2]) or '0-0'
local high_ms, high_seq = split(high)
local sent = 0
for i = 3, #ARGV, 3 do
  local ms, seq = split(ARGV[i + 1])
  if ms > high_ms or (ms == high_ms and seq > high_seq) then
    local stream = KEYS[3 + tonumber(ARGV[i])]
    add(now_ms, 6, {'XADD', stream, 'MAXLEN', '~', ARGV[2], '', 's', ARGV[i + 1], 'c', ARGV[i + 2]})
    sent = sent + 1
    high = ARGV[i + 1]
  end
end
if sent > 0 then redis.call('SET', KEYS[2], high) end
return sent
"""
)

ACQUIRE = (
    _CLOCK
    + """
-- KEYS leader token journal generation snapshots published clock
-- ARGV engine ttl_ms generation_followed generation_new seed
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
local generation = redis.call('GET', KEYS[4])
if (generation or '') ~= ARGV[3] then return 'moved' end
local now_ms = journal_ms(KEYS[7])
local token = math.max(tonumber(redis.call('GET', KEYS[2]) or '0') + 1, now_ms)
token = string.format('%.0f', token)
redis.call('SET', KEYS[2], token)
if not generation then
  generation = ARGV[4]
  redis.call('DEL', KEYS[3], KEYS[5], KEYS[6])
  redis.call('SET', KEYS[4], generation)
  if ARGV[5] ~= '' then redis.call('RPUSH', KEYS[5], ARGV[5]) end
end
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. token, 'PX', ARGV[2])
local record = '{"type":"LeaderElected","v":1,"engine":' .. cjson.encode(ARGV[1])
record = record .. ',"token":' .. token .. '}'
local id = add(now_ms, 3, {'XADD', KEYS[3], '', 'g', generation, 'e', record})
return {token, id, generation}
"""
)

RELEASE = """
-- KEYS leader   ARGV lease
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""

PULSE = (
    _CLOCK
    + """
-- KEYS leader generation node journal clock
-- ARGV lease ttl_ms node_ttl_ms process seen_ms passed_ms quiet_id
-- Renewing comes first and needs no memory: a full Redis must not cost the leader its lease.
local leader = redis.call('GET', KEYS[1]) or ''
local leads = 0
if ARGV[1] ~= '' and leader == ARGV[1] then
  leads = redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
local owner = ''
if ARGV[3] ~= '0' then
  owner = redis.call('GET', KEYS[3]) or ''
  if owner == ARGV[4] then
    redis.call('PEXPIRE', KEYS[3], ARGV[3])
  elseif owner == '' then
    redis.pcall('SET', KEYS[3], ARGV[4], 'PX', ARGV[3])
  end
end
"""
    + f"""
local server, passed, was, was_pace = clock(KEYS[5])
local known = was ~= nil and passed >= 0 and passed <= {HELD_MS}
local now_ms = was or 0
local seen_ms = tonumber(ARGV[5])
if known then
  now_ms = math.floor(was + passed * was_pace)
elseif seen_ms > 0 then
  now_ms = math.max(now_ms, seen_ms + tonumber(ARGV[6]))  -- who asks has a clock that nobody sets
else
  now_ms = math.max(now_ms, server)
end
-- Never behind what anybody has seen, be it before Redis lost its data.
local last = newest(KEYS[4])
now_ms = math.max(now_ms, seen_ms, (split(last)))
-- Back to the server's clock: at once when it is near or, says the leader, nobody is there who could be
-- harmed; else a tenth slower or faster.
local quiet = leads == 1 and ARGV[7] == last
if now_ms < server and (quiet or server - now_ms <= {NEAR_MS}) then now_ms = server end
local pace = 1
if now_ms > server then
  local stands = quiet or (leads == 0 and was_pace == 0)
  pace = stands and 0 or 0.9
elseif now_ms < server then
  pace = 1.1
end
if not known or passed >= {KEEP_MS} or pace ~= was_pace then
  redis.pcall('SET', KEYS[5], string.format('%.0f %.0f %s', server, now_ms, pace))
end
local generation = redis.call('GET', KEYS[2]) or ''
local ahead = now_ms - server
return {{string.format('%.0f', now_ms), leads, leader, generation, owner, tostring(pace), ahead}}
"""
)

SAVE_SNAPSHOT = """
-- KEYS leader snapshots   ARGV lease snapshot kept
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('RPUSH', KEYS[2], ARGV[2])
redis.call('LTRIM', KEYS[2], -tonumber(ARGV[3]), -1)
return 1
"""

TRIM = """
-- KEYS leader journal   ARGV lease first_id_kept
-- Not '~': what was archived must be gone exactly, or the archive could not go on from its end.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
return redis.call('XTRIM', KEYS[2], 'MINID', ARGV[2])
"""
