"""The journal itself: facts in, orders out, over Redis Streams.

``PREFIX:journal`` is the one stream of facts; ``PREFIX:commands:NODE`` carries orders to a node. The entry's
id is the only clock: its first part is the journal's time in Unix milliseconds, which never falls and does
not jump when the server's clock is set (``Pulse``).

Every method asks Redis once and raises JournalDown, JournalFull or one of the answers below. Nothing is
repeated here. Scripts: see ``scripts``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from acd.journal import scripts
from acd.journal.link import BLOCK_MS, ERRORS, JournalError, connect, meaning_of

COMMANDS_KEPT = 10_000  # of a node's stream: some minutes of the busiest node; older offers ran out long ago
SNAPSHOTS_KEPT = 2


class JournalEmpty(JournalError):
    """Redis holds no journal (new, or emptied): a leader has to found one."""


class JournalMoved(JournalError):
    """Redis holds another journal than the one that was followed: it was emptied and founded again."""


class LeaseLost(JournalError):
    """Another engine leads, or the lease ran out."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a stream. ``generation`` is "" for entries written by foreign hands."""

    id: str
    data: bytes
    generation: str = ""
    source: str = ""  # of a command: the journal entry that caused it

    @property
    def time_ms(self) -> int:
        return id_pair(self.id)[0]


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to order, under a token that only grows."""

    engine: str
    token: int

    @property
    def value(self) -> str:
        return f"{self.engine}:{self.token}"


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a look at Redis told. ``leader`` "": nobody leads. ``generation`` "": there is no journal.

    ``now_ms`` is the journal's time. A server's clock that was set leaves it ``ahead_ms`` of it (negative:
    behind), and until they agree again it goes at another ``pace`` than 1.
    """

    now_ms: int
    leads: bool
    leader: str
    generation: str
    node_owner: str  # the process that holds the node's name; "" when it was free until now
    pace: float = 1.0
    ahead_ms: int = 0


def id_pair(entry_id: str) -> tuple[int, int]:
    """``"1700000000000-3"`` as numbers, comparable in the stream's order."""
    ms, _, seq = entry_id.partition("-")
    return int(ms), int(seq or 0)


class Journal:
    """All that is asked of Redis. ``prefix`` keeps several hotlines (or tests) apart in one Redis."""

    def __init__(self, url: str, prefix: str = "dozvon") -> None:
        self._redis, self._clients = connect(url)
        self.prefix = prefix
        self.key = f"{prefix}:journal"
        self._leader = f"{prefix}:leader"
        self._token = f"{prefix}:token"
        self._generation = f"{prefix}:generation"
        self._snapshots = f"{prefix}:snapshots"
        self._published = f"{prefix}:published"
        self._clock = f"{prefix}:clock"
        register = self._redis.register_script
        self._append = register(scripts.APPEND)
        self._append_as_leader = register(scripts.APPEND_AS_LEADER)
        self._publish = register(scripts.PUBLISH)
        self._acquire = register(scripts.ACQUIRE)
        self._release = register(scripts.RELEASE)
        self._pulse = register(scripts.PULSE)
        self._save_snapshot = register(scripts.SAVE_SNAPSHOT)
        self._trim = register(scripts.TRIM)

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()

    def node_key(self, node: str) -> str:
        return f"{self.prefix}:node:{node}"

    def commands_key(self, node: str) -> str:
        return f"{self.prefix}:commands:{node}"

    # ------------------------------------------------------------------------------------------ facts in
    async def append(
        self, generation: str, producer: str, first_seq: int, records: Sequence[bytes]
    ) -> list[str]:
        """Appends records under consecutive sequence numbers of a producer; ids of those that were new.

        Sending the same numbers again appends nothing: an append whose answer was lost may be repeated.
        Raises JournalEmpty, JournalMoved, JournalDown, JournalFull.
        """
        keys = [self.key, self._generation, f"{self.prefix}:producer:{producer}", self._clock]
        answer = await self._run(self._append, keys, [generation, first_seq, *records])
        if answer == b"empty":
            raise JournalEmpty("no journal")
        if answer == b"moved":
            raise JournalMoved("another journal")
        return [_text(item) for item in answer]

    async def append_as_leader(self, lease: Lease, records: Sequence[bytes]) -> str:
        """Appends under the fence; the last id. Raises LeaseLost, JournalDown, JournalFull."""
        keys = [self._leader, self.key, self._generation, self._clock]
        answer = await self._run(self._append_as_leader, keys, [lease.value, *records])
        if answer is None:
            raise LeaseLost(lease.value)
        return _text(answer)

    # --------------------------------------------------------------------------------------- orders out
    async def publish(self, lease: Lease, commands: Sequence[tuple[str, str, bytes]]) -> int:
        """Sends ``(node, source entry id, record)`` in order; how many were new.

        All commands of one entry must be in one call. Raises LeaseLost, JournalDown, JournalFull.
        """
        nodes = sorted({node for node, _, _ in commands})
        number = {node: index for index, node in enumerate(nodes, start=1)}
        arguments: list[str | bytes | int] = [lease.value, COMMANDS_KEPT]
        for node, source, record in commands:
            arguments += [number[node], source, record]
        keys = [self._leader, self._published, self._clock, *(self.commands_key(node) for node in nodes)]
        answer = int(await self._run(self._publish, keys, arguments))
        if answer < 0:
            raise LeaseLost(lease.value)
        return answer

    async def published(self) -> str:
        """The id of the last entry whose commands were sent."""
        answer = await self._ask("GET", self._published)
        return _text(answer) if answer else "0-0"

    # ------------------------------------------------------------------------------------------ reading
    async def read(self, after: str, block_ms: int = BLOCK_MS, count: int = 500) -> list[Entry]:
        """Entries of the journal after an id; waits up to ``block_ms`` for the first. Empty: none came."""
        return await self._read(self.key, after, block_ms, count)

    async def read_commands(
        self, node: str, after: str, block_ms: int = BLOCK_MS, count: int = 100
    ) -> list[Entry]:
        return await self._read(self.commands_key(node), after, block_ms, count)

    async def range(self, first: str = "-", last: str = "+", count: int = 1000) -> list[Entry]:
        """Entries from ``first`` to ``last``, both included; ``(id`` excludes."""
        return [_entry(item) for item in await self._ask("XRANGE", self.key, first, last, "COUNT", count)]

    async def holds(self, entry_id: str, data: bytes) -> bool:
        """Whether this very entry is (still) in the journal."""
        found = await self.range(entry_id, entry_id, 1)
        return bool(found) and found[0].data == data

    async def generation(self) -> str:
        """Which life of the journal this is; "" when there is none."""
        answer = await self._ask("GET", self._generation)
        return _text(answer) if answer else ""

    async def first_id(self) -> str:
        """Id of the first entry; "" when the journal is empty."""
        found = await self.range(count=1)
        return found[0].id if found else ""

    async def length(self) -> int:
        return int(await self._ask("XLEN", self.key))

    async def _read(self, key: str, after: str, block_ms: int, count: int) -> list[Entry]:
        # BLOCK 0 would wait for ever.
        block = min(max(block_ms, 1), BLOCK_MS)
        answer = await self._ask("XREAD", "COUNT", count, "BLOCK", block, "STREAMS", key, after)
        if not answer:
            return []
        return [_entry(item) for item in answer[0][1]]

    # --------------------------------------------------------------------------------------- leadership
    async def pulse(
        self,
        lease: Lease | None,
        ttl_ms: int,
        node: str,
        node_ttl_ms: int,
        process: str,
        *,
        seen_ms: int = 0,
        passed_ms: int = 0,
        quiet_id: str = "",
    ) -> Pulse:
        """Renews the lease, says that the node lives ("": no node), keeps the journal's time and looks round.

        ``seen_ms`` is what the last pulse told, 0: there was none; ``passed_ms`` the time since, by a clock
        that cannot be set. ``quiet_id``: the newest entry, when after it no time has to pass for anybody.
        """
        keys = [self._leader, self._generation, self.node_key(node), self.key, self._clock]
        who = [lease.value if lease else "", ttl_ms, node_ttl_ms if node else 0, process]
        answer = await self._run(self._pulse, keys, [*who, seen_ms, passed_ms, quiet_id])
        now_ms, leads, leader, generation, owner, pace, ahead_ms = answer
        names = _text(leader), _text(generation), _text(owner)
        return Pulse(int(now_ms), bool(leads), *names, float(pace), int(ahead_ms))

    async def acquire(
        self, engine: str, ttl_ms: int, followed: str, new_generation: str, seed: bytes = b""
    ) -> tuple[Lease, str, str] | None:
        """Takes the lease if nobody holds it: lease, id of the LeaderElected entry, generation.

        ``followed`` is the generation that the candidate knows; where Redis holds another one, JournalMoved
        is raised: who has not read the journal may not lead. Where there is none, it is founded with
        ``seed`` (a snapshot) as its first state.
        """
        keys = [
            self._leader, self._token, self.key, self._generation, self._snapshots, self._published,
            self._clock,
        ]  # fmt: skip
        answer = await self._run(self._acquire, keys, [engine, ttl_ms, followed, new_generation, seed])
        if answer is None:
            return None
        if answer == b"moved":
            raise JournalMoved("another journal")
        token, entry_id, generation = answer
        return Lease(engine, int(token)), _text(entry_id), _text(generation)

    async def release(self, lease: Lease) -> None:
        await self._run(self._release, [self._leader], [lease.value])

    async def eviction_policy(self) -> str:
        """What Redis drops when it is full; "" when it does not tell."""
        try:
            answer = await self._ask("CONFIG", "GET", "maxmemory-policy")
        except JournalError:
            return ""  # not every hosted Redis lets anybody ask
        pairs = answer.items() if isinstance(answer, dict) else zip(answer[::2], answer[1::2], strict=True)
        return next((_text(value) for _, value in pairs), "")

    async def living(self, nodes: Sequence[str]) -> set[str]:
        """Those of the nodes that said within their time that they live."""
        if not nodes:
            return set()
        answer = await self._ask("MGET", *(self.node_key(node) for node in nodes))
        return {node for node, value in zip(nodes, answer, strict=True) if value is not None}

    # ---------------------------------------------------------------------------------------- snapshots
    async def save_snapshot(self, lease: Lease, data: bytes) -> None:
        if not await self._run(
            self._save_snapshot, [self._leader, self._snapshots], [lease.value, data, SNAPSHOTS_KEPT]
        ):
            raise LeaseLost(lease.value)

    async def snapshots(self) -> list[bytes]:
        """The kept snapshots, newest first."""
        answer = await self._ask("LRANGE", self._snapshots, 0, -1)
        return [bytes(item) for item in reversed(answer)]

    async def trim(self, lease: Lease, first_kept: str) -> int:
        """Drops entries before an id; how many."""
        answer = int(await self._run(self._trim, [self._leader, self.key], [lease.value, first_kept]))
        if answer < 0:
            raise LeaseLost(lease.value)
        return answer

    # ---------------------------------------------------------------------------------------------------
    async def _run(self, script: Any, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        try:
            return await script(keys=keys, args=arguments)
        except ERRORS as error:
            raise meaning_of(error) from error

    async def _ask(self, *words: Any) -> Any:
        try:
            return await self._redis.execute_command(*words)  # type: ignore[no-untyped-call]
        except ERRORS as error:
            raise meaning_of(error) from error


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _entry(item: Any) -> Entry:
    """From ``(id, {field: value})`` or ``(id, [field, value, …])``, as the client's version has it."""
    entry_id, fields = item
    if fields is None:
        return Entry(_text(entry_id), b"")
    if not isinstance(fields, dict):
        fields = dict(zip(fields[::2], fields[1::2], strict=True))
    data = fields.get(b"e") or fields.get(b"c") or b""
    return Entry(
        _text(entry_id),
        data,
        fields.get(b"g", b"").decode("ascii", "replace"),
        fields.get(b"s", b"").decode("ascii", "replace"),
    )
