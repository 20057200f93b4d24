"""The Lua scripts: what must happen in one step on the server.

A script that fails half-way keeps what it has written, so each one first does what the server may refuse as a
whole (memory, replica, disk), and nothing after that can stop it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

from redis.exceptions import NoScriptError

# What a command may hold: text, bytes and numbers, as redis-py sends them.
Argument = bytes | str | int | float
Command = tuple[Argument, ...]


class Commands(Protocol):
    """Who can send a command: a client, or a connection of one's own (`Line`)."""

    async def execute_command(self, *args: Any) -> Any:
        """Send it and return the reply. Raises what redis-py raises."""
        ...


class Script:
    """A Lua script, sent by its digest and whole only when the server does not know it."""

    def __init__(self, body: str) -> None:
        self.body = body
        self.sha = hashlib.sha1(body.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, redis: Commands, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Run it. Raises what redis-py raises."""
        try:
            return await redis.execute_command("EVALSHA", self.sha, len(keys), *keys, *args)
        except NoScriptError:
            return await redis.execute_command("EVAL", self.body, len(keys), *keys, *args)


# Take a lease, or confirm one's own (a lost reply is harmless).
# KEYS lease; ARGV token, ttl ms. Answers 1 or 0.
# A server whose clock was set back keeps old leases for as long as the step was: such a time to live is cut
# short, and a living holder renews it anyway.
LEASE_TAKE = Script("""
local holder = redis.call('GET', KEYS[1])
if not holder then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 1
end
if holder == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return 1
end
local left = redis.call('PTTL', KEYS[1])
if left < 0 or left > 60000 + tonumber(ARGV[2]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
""")

# KEYS lease; ARGV token, ttl ms. Answers 1, or 0 when it is another's.
LEASE_RENEW = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
""")

# KEYS lease; ARGV token.
LEASE_RELEASE = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
""")

# Make the group at the cursor, or take it over as it is.
# KEYS lease, source; ARGV token, group, cursor, how many entries a read may have left in hand.
# Answers {OK, created|resumed|rewound, pending entries that were trimmed away} or {LOST}.
# Entries between the cursor and what the group has delivered must all be pending. Where they are not (someone
# moved the group or deleted its consumer), the group goes back to the cursor.
ADOPT = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'LOST'} end
local made = redis.pcall('XGROUP', 'CREATE', KEYS[2], ARGV[2], ARGV[3], 'MKSTREAM')
if not made.err then return {'OK', 'created', 0} end
if not string.find(made.err, 'BUSYGROUP', 1, true) then return made end
local delivered = '0-0'
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[2])) do
  local info = {}
  for i = 1, #group, 2 do info[group[i]] = group[i + 1] end
  if info['name'] == ARGV[2] then delivered = info['last-delivered-id'] end
end
local most = tonumber(ARGV[4]) + 1
local there = redis.call('XRANGE', KEYS[2], '(' .. ARGV[3], delivered, 'COUNT', most)
local pending = redis.call('XPENDING', KEYS[2], ARGV[2], '(' .. ARGV[3], '+', most)
local same = #there == #pending and #there < most
for i = 1, #there do
  same = same and there[i][1] == pending[i][1]
end
if same then return {'OK', 'resumed', 0} end
redis.call('XGROUP', 'SETID', KEYS[2], ARGV[2], ARGV[3])
-- What is pending there comes again as new, unless it was trimmed away.
local gone = 0
while #pending > 0 do
  for i = 1, #pending do
    local id = pending[i][1]
    if #redis.call('XRANGE', KEYS[2], id, id) == 0 then gone = gone + 1 end
    redis.call('XACK', KEYS[2], ARGV[2], id)
  end
  pending = redis.call('XPENDING', KEYS[2], ARGV[2], '(' .. ARGV[3], '+', most)
end
return {'OK', 'rewound', gone}
""")

_READ = """
local function read(lease, token, source, group, consumer, count, after, cursor)
  if redis.call('GET', lease) ~= token then return {'LOST'} end
  local found = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', count, 'STREAMS', source, after)
  local number = after == '>' and 1 or count
  local following = redis.call('XRANGE', source, '(' .. cursor, '+', 'COUNT', number)
  for i = 1, #following do following[i] = following[i][1] end
  return {'OK', found, following}
end
"""

# Read for the group, only while the lease holds the caller's token.
# KEYS lease, source; ARGV token, group, consumer, count, id ('>' for new entries, else pending ones after it), cursor.
# Answers {OK, reply of XREADGROUP, ids that follow the cursor in the stream} or {LOST}. Of new entries one such id is
# enough, because they come without a gap among themselves.
FENCED_READ = Script(_READ + "return read(KEYS[1], ARGV[1], KEYS[2], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6])")

# Write the answers of a read, move the cursor and acknowledge, if the cursor is where the caller thinks it is; then
# read on, so that under load an entry costs one call and not two. Entries that came by a plain XREAD are taken for the
# group here, while the lease holds the caller's token, so that one at rest costs two calls and not three; where the
# group would take others than those answered, somebody has moved it.
# KEYS cursor, lease, source; ARGV expected cursor, new cursor, token, consumer, entries to read (0: none), group,
# 1 if the entries are to be taken (else 0), number of ids, ids, then for each command the number of its arguments and
# its arguments.
# Answers {OK, commands refused, first refusal, XADDs that were there already, answer of the read, what became of the
# group ('': all is well)}, {STALE, current cursor} or {LOST}; the answer of the read is as FENCED_READ's, of new
# entries, {} if none was asked for.
# SET comes first: a server that takes no writes refuses there, with nothing written. After that a refused
# command (a stream of another type, an id below the stream's top) is counted, because stopping could not undo
# the others.
COMMIT = Script(
    _READ
    + """
local current = redis.call('GET', KEYS[1]) or '0-0'
if current ~= ARGV[1] then return {'STALE', current} end
if ARGV[7] == '1' and redis.call('GET', KEYS[2]) ~= ARGV[3] then return {'LOST'} end
redis.call('SET', KEYS[1], ARGV[2])
local function there_already(at, n)
  if string.upper(ARGV[at]) ~= 'XADD' then return false end
  local p = at + 2
  if string.upper(ARGV[p]) == 'NOMKSTREAM' then p = p + 1 end
  local trim = string.upper(ARGV[p])
  if trim == 'MAXLEN' or trim == 'MINID' then
    p = p + 1
    if ARGV[p] == '~' or ARGV[p] == '=' then p = p + 1 end
    p = p + 1
    if string.upper(ARGV[p]) == 'LIMIT' then p = p + 2 end
  end
  local found = redis.pcall('XRANGE', ARGV[at + 1], ARGV[p], ARGV[p])
  return not found.err and #found == 1
end
local ids = tonumber(ARGV[8])
local at = 9 + ids
local refused, first, repeated = 0, '', 0
while at <= #ARGV do
  local n = tonumber(ARGV[at])
  local reply = redis.pcall(unpack(ARGV, at + 1, at + n))
  if type(reply) == 'table' and reply.err then
    if there_already(at + 1, n) then
      repeated = repeated + 1
    else
      refused = refused + 1
      if first == '' then first = reply.err end
    end
  end
  at = at + n + 1
end
local moved = ''
if ARGV[7] == '1' then
  local taken = redis.pcall('XREADGROUP', 'GROUP', ARGV[6], ARGV[4], 'COUNT', ids, 'NOACK', 'STREAMS', KEYS[3], '>')
  local found = taken and not taken.err and taken[1][2] or {}
  if #found ~= ids then moved = 'gap' end
  for i = 1, #found do
    if found[i][1] ~= ARGV[8 + i] then moved = 'gap' end
  end
  if taken and taken.err then moved = string.match(taken.err, '%u+') or 'gap' end
else
  for i = 9, 8 + ids, 1000 do
    redis.call('XACK', KEYS[3], ARGV[6], unpack(ARGV, i, math.min(i + 999, 8 + ids)))
  end
end
local more = {}
if ARGV[5] ~= '0' and moved == '' then
  more = read(KEYS[2], ARGV[3], KEYS[3], ARGV[6], ARGV[4], ARGV[5], '>', ARGV[2])
end
return {'OK', refused, first, repeated, more, moved}
"""
)

# Append entries to one stream in order.
# KEYS stream; ARGV for each entry the number of its arguments, then its fields and values.
# Answers {entries written, first refusal}: an entry is written only when all before it are.
APPEND = Script("""
local at, written = 1, 0
while at <= #ARGV do
  local n = tonumber(ARGV[at])
  local reply = redis.pcall('XADD', KEYS[1], '*', unpack(ARGV, at + 1, at + n))
  if type(reply) == 'table' and reply.err then return {written, reply.err} end
  written = written + 1
  at = at + n + 1
end
return {written, ''}
""")

# Trim a stream by age, no further than the slowest guard and consumer group; over the hard cap by count, and then it
# says what was lost.
# KEYS stream, guards (a string is a cursor, a hash holds the snapshots' cursors in fields ending in
# '.cursor');
# ARGV oldest ms to keep, hard cap (entries, 0 for none). Answers {removed, lost}.
TRIM = Script("""
local function parse(id)
  local ms, seq = string.match(id, '^(%d+)%-?(%d*)$')
  return tonumber(ms), tonumber(seq) or 0
end
local function before(a, b)
  local ams, aseq = parse(a)
  local bms, bseq = parse(b)
  return ams < bms or (ams == bms and aseq < bseq)
end
local guard = nil
local function hold(id)
  if guard == nil or before(id, guard) then guard = id end
end
for i = 2, #KEYS do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind == 'string' then
    hold(redis.call('GET', KEYS[i]))
  elseif kind == 'hash' then
    local fields = redis.call('HGETALL', KEYS[i])
    local seen = false
    for f = 1, #fields, 2 do
      if string.sub(fields[f], -7) == '.cursor' then hold(fields[f + 1]); seen = true end
    end
    if not seen then hold('0-0') end
  else
    hold('0-0')
  end
end
-- Consumer groups hold back, too: what is pending, or was not delivered yet. Entries that are gone but still pending
-- hold nothing.
local function id_before(id)
  local ms, seq = parse(id)
  if seq > 0 then return string.format('%.0f-%.0f', ms, seq - 1) end
  return string.format('%.0f-18446744073709551615', ms - 1)
end
local first = redis.call('EXISTS', KEYS[1]) == 1 and redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if first then
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local info = {}
    for i = 1, #group, 2 do info[group[i]] = group[i + 1] end
    hold(info['last-delivered-id'])
    local pending = redis.call('XPENDING', KEYS[1], info['name'], first[1], '+', 1)[1]
    if pending then hold(id_before(pending[1])) end
  end
end
local wanted = ARGV[1] .. '-0'
local minid = wanted
if guard ~= nil and before(guard, wanted) then minid = guard end
local removed = redis.call('XTRIM', KEYS[1], 'MINID', '=', minid)
local cap = tonumber(ARGV[2])
local lost = 0
if cap > 0 and redis.call('XLEN', KEYS[1]) > cap then
  if guard ~= nil then
    -- What every reader is done with goes first, a few at a time: XRANGE copies whole entries.
    local surplus
    repeat
      local length = redis.call('XLEN', KEYS[1])
      surplus = #redis.call('XRANGE', KEYS[1], '-', guard, 'COUNT', math.max(1, math.min(64, length - cap)))
      if length <= cap then surplus = 0 end
      if surplus > 0 then
        removed = removed + redis.call('XTRIM', KEYS[1], 'MAXLEN', '=', length - surplus)
      end
    until surplus == 0
    lost = redis.call('XTRIM', KEYS[1], 'MAXLEN', '=', cap)
    removed = removed + lost
  else
    removed = removed + redis.call('XTRIM', KEYS[1], 'MAXLEN', '=', cap)
  end
end
return {removed, lost}
""")
