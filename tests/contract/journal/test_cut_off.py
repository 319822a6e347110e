"""A node that was cut off from Redis while the journal went on, and comes back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from acd.contract import (
    AgentReachabilityChanged,
    AgentRemoved,
    AgentStatusDeclared,
    CallQueued,
    RulesLoaded,
)
from acd.journal.link import JournalDown
from acd.service import DistributorService

from .conftest import Making, RedisServer, eventually, roster_of


class Cable:
    """To Redis; may be cut."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ends: set[asyncio.StreamWriter] = set()
        self._whole = True

    async def lay(self) -> asyncio.Server:
        return await asyncio.start_server(self._connect, "127.0.0.1", 0)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._whole:
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._ends |= {writer, far_writer}
        await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    def cut(self) -> None:
        self._whole = False
        for end in self._ends:
            end.close()
        self._ends.clear()

    def mend(self) -> None:
        self._whole = True


@pytest.fixture
async def cable(redis_server: RedisServer) -> AsyncIterator[tuple[Cable, str]]:
    cable = Cable(redis_server.port)
    server = await cable.lay()
    yield cable, f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    cable.cut()
    server.close()


async def trimmed(service: DistributorService) -> None:
    """Two states stored: what was before the first of them has left the journal."""
    for status in ("on_break", "available", "on_break"):
        await service.report(AgentStatusDeclared("a3", status))  # type: ignore[arg-type]
        entries = service.counts()["entries"]
        await eventually(lambda before=entries: service.counts()["entries"] > before)
        await eventually(lambda: not service._follower.replica.has_pending)
        await service._chores.store()
    assert service.counts()["trimmed"]


async def test_it_asserts_nothing_that_others_have_changed_since(
    making: Making, cable: tuple[Cable, str]
) -> None:
    """Status, phone, rules and a removed agent stay as they are; its caller and what it said then come."""
    line, url = cable
    two = making(node="n2", leads=True, roster=roster_of(3, "logged_out"))
    await two.start()
    await eventually(lambda: two.leading)
    one = DistributorService(url, node="n1", roster=roster_of(3, "logged_out"), rules=RulesLoaded("1", {}))
    await one.start()
    try:
        await one.report(AgentStatusDeclared("a1", "available"))
        await one.report(AgentReachabilityChanged("a1", False))
        await one.report(AgentStatusDeclared("a2", "available"))
        engine = two._follower.replica.engine
        await eventually(lambda: engine.rules_version == "1" and engine.agents["a2"].status == "available")

        line.cut()
        await eventually(lambda: not one._follower.synced.is_set())
        await two.report(AgentStatusDeclared("a1", "logged_out"))
        await two.report(AgentReachabilityChanged("a1", True))
        await two.report(AgentRemoved("a2"))
        await two.report(RulesLoaded("2", {"ring_s": 20}))
        await trimmed(two)
        await one.report(CallQueued("c1", "n1", "hotline", "t"))
        await one.report(AgentStatusDeclared("a3", "available", "said meanwhile"))
        line.mend()
        await eventually(lambda: one.connected and "c1" in engine.calls)
        await eventually(lambda: not len(one._outbox) and not one._chores.assert_facts)
        await asyncio.sleep(0.3)
        assert (engine.agents["a1"].status, engine.agents["a1"].reachable) == ("logged_out", True)
        assert "a2" not in engine.agents and engine.rules_version == "2"
        assert engine.agents["a3"].reason == "said meanwhile"
        assert one._facts.unknown_to(engine) == []
    finally:
        await one.stop(drain_s=0.2)


async def test_what_was_found_holds_until_all_has_been_read(
    making: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks after the state was loaded: at the second try it is still a start."""
    node = making(node="n1", leads=True, roster=roster_of(2))
    follower, told = node._follower, list[str]()
    read, tell = follower._catch_up, follower._on_synced

    async def broken() -> None:
        monkeypatch.setattr(follower, "_catch_up", read)
        raise JournalDown("the connection broke")

    monkeypatch.setattr(follower, "_catch_up", broken)
    monkeypatch.setattr(follower, "_on_synced", lambda why: (told.append(why), tell(why)))
    await node.start()
    await eventually(lambda: len(node.snapshot().agents) == 2)
    assert told[0] == "start"
