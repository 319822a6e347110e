"""The Lua scripts: each step that must happen whole or not at all.

Rules
  * ``leader`` holds ``engine:token`` of whoever leads, and runs out by itself. Whatever a leader writes is
    written by a script that first compares it: an engine that lost its lease, and does not know so yet,
    cannot order anything. That is the fence.
  * ``token`` never falls, not even when Redis was emptied: it is at least the server's clock in ms.
  * ``generation`` names one life of the journal. It is made by the first leader and vanishes with the data;
    facts meant for another life are refused.
  * ``published`` is the id of the last entry whose commands were sent, set together with them: after a
    takeover each command is sent exactly once, neither lost nor doubled.
"""

APPEND = """
-- KEYS journal generation producer   ARGV generation first_seq record...
local generation = redis.call('GET', KEYS[2])
if not generation then return 'empty' end
if generation ~= ARGV[1] then return 'moved' end
local last = tonumber(redis.call('GET', KEYS[3]) or '0')
local seq = tonumber(ARGV[2])
local ids = {}
for i = 3, #ARGV do
  if seq > last then
    ids[#ids + 1] = redis.call('XADD', KEYS[1], '*', 'g', generation, 'e', ARGV[i])
    last = seq
  end
  seq = seq + 1
end
redis.call('SET', KEYS[3], string.format('%.0f', last), 'PX', 86400000)
return ids
"""

APPEND_AS_LEADER = """
-- KEYS leader journal generation   ARGV lease record...
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
local generation = redis.call('GET', KEYS[3]) or ''
local id = ''
for i = 2, #ARGV do
  id = redis.call('XADD', KEYS[2], '*', 'g', generation, 'e', ARGV[i])
end
return id
"""

PUBLISH = """
-- KEYS leader published stream...   ARGV lease maxlen (stream_number source_id record)...
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local function split(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end
local high = redis.call('GET', KEYS[2]) or '0-0'
local high_ms, high_seq = split(high)
local sent = 0
for i = 3, #ARGV, 3 do
  local ms, seq = split(ARGV[i + 1])
  if ms > high_ms or (ms == high_ms and seq > high_seq) then
    redis.call('XADD', KEYS[2 + tonumber(ARGV[i])], 'MAXLEN', '~', ARGV[2], '*',
      's', ARGV[i + 1], 'c', ARGV[i + 2])
    sent = sent + 1
    high = ARGV[i + 1]
  end
end
if sent > 0 then redis.call('SET', KEYS[2], high) end
return sent
"""

ACQUIRE = """
-- KEYS leader token journal generation snapshots published
-- ARGV engine ttl_ms generation_followed generation_new seed
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
local generation = redis.call('GET', KEYS[4])
if (generation or '') ~= ARGV[3] then return 'moved' end
local time = redis.call('TIME')
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
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
local id = redis.call('XADD', KEYS[3], '*', 'g', generation, 'e', record)
return {token, id, generation}
"""

RELEASE = """
-- KEYS leader   ARGV lease
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""

PULSE = """
-- KEYS leader generation node   ARGV lease ttl_ms node_ttl_ms process
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
local time = redis.call('TIME')
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
return {string.format('%.0f', now_ms), leads, leader, redis.call('GET', KEYS[2]) or '', owner}
"""

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
