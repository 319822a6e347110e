"""Two nodes beside one Asterisk, one Redis, one database: the second takes over whom the first had."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from hotline import OPEN, Hotline
from ways import Way, polled

from dozvon.machine.asterisk import AsteriskChild
from dozvon.machine.children import free_port
from dozvon.phones import CallerPhone
from dozvon.settings import Agi, Database, Redis, Speech, Web

pytestmark = pytest.mark.e2e
AGENT = "2001"


def _two(settings):
    """Settings of both nodes, as docs/operations.md says."""
    port = free_port()
    first = settings.model_copy(
        update={
            "home": settings.home / "a",
            "agi": settings.agi.model_copy(update={"second": f"127.0.0.1:{port}"}),
            "redis": Redis(port=settings.redis.port, url=settings.redis_url),
            "database": Database(url=f"sqlite+aiosqlite:///{settings.home / 'both.sqlite3'}"),
            "speech": Speech(enabled=False),
            "asterisk": settings.asterisk.model_copy(update={"manage": False}),
        }
    )
    second = first.model_copy(
        update={
            "node": "node-2",
            "home": settings.home / "b",
            "agi": Agi(port=port),
            "web": Web(port=free_port()),
        }
    )
    return first, second


@pytest.fixture
async def nodes(settings, asterisk, redis_child, until):
    first, second = _two(settings)
    for each in (first, second):
        shutil.copytree(settings.secrets, each.secrets)
    # The dialplan learns of the second node from the file that is written from the settings.
    with_second = settings.model_copy(update={"agi": first.agi})
    await AsteriskChild(with_second).start()
    both = [Hotline(first), Hotline(second)]
    for hotline in both:
        await hotline.hours(OPEN)
        await hotline.start()

    async def ready():
        lists = [await hotline.api("/agents") for hotline in both]
        return all(found["connected"] and found["items"] for found in lists)

    await until(ready, 20)
    try:
        yield both
    finally:
        for hotline in both:
            await hotline.stop()
        await AsteriskChild(settings).start()


async def _waiting(hotline):
    """Ids and places of those who wait, the oldest first."""
    return [(call["call_id"], call["first_queued_ms"]) for call in await hotline.calls()]


async def test_the_second_node_takes_over_callers_with_their_places(nodes, server, agent_phone, until):
    first, second = nodes
    async with AsyncExitStack() as stack:
        ways = []
        for number in ("79161110001", "79161110002"):
            caller = await stack.enter_async_context(CallerPhone(server, number=number))
            way = await Way.begin(first, caller)
            await way.presses("1", "topics.ask")
            await way.presses("1", "access.ask")
            await way.hears("queue.entered")
            ways.append(way)
        places = await _waiting(first)
        assert [call_id for call_id, _ in places] == [way.call_id for way in ways]
        await until(lambda: _same(second, places), 5, "the second node knows them")

        first.kill()
        killed_s = time.monotonic()
        taken = [Way(second, way.caller, way.call_id) for way in ways]
        for way in taken:
            await polled(lambda way=way: way.lines, "the caller is at the second node", way.last)
        took_s = time.monotonic() - killed_s
        print(f"taken over after {took_s:.2f} s")
        assert took_s < 5.0
        assert await _waiting(second) == places
        # Past the time after which a node without a sign of life is given up with all calls that it had.
        await until(lambda: second.of("node_lost") or time.monotonic() - killed_s > 8.5, 12)
        assert await _waiting(second) == places and all(way.caller.in_call for way in taken)

        # Who came first is served first, by the second node alone.
        await agent_phone(AGENT, auto_answer=True)

        async def talking():
            calls = await second.calls()
            return next((call["call_id"] for call in calls if call["state"] == "connected"), "")

        assert await until(talking, 15) == places[0][0]
        await taken[0].caller.hang_up()
        ended = await taken[0].ended()
        assert (ended["outcome"], ended["agent_id"], ended["resumed"]) == ("answered", AGENT, True)

        # The first node is back: it takes new calls, and takes nobody away from the second.
        await first.start()
        assert await until(talking, 20) == places[1][0]
        await asyncio.sleep(0.5)
        assert taken[1].caller.in_call
        await taken[1].caller.hang_up()
        await taken[1].ended()


async def _same(hotline, places):
    return await _waiting(hotline) == places
