"""Redis and leaders killed, frozen and emptied at random while callers come: all are served, once each."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from collections import Counter

import pytest

from acd.contract import CallEnded, CallQueued, OfferAccepted, OfferCall, ReleaseCall, RulesLoaded
from acd.service import DistributorService

from .conftest import Making, RedisServer, eventually, roster_of

DURABLE = ("--appendonly", "yes", "--appendfsync", "always")
CALLS = 120


class Node:
    """Answers each offer at once, talks a moment, and counts what it is told to do."""

    def __init__(self, service: DistributorService, chance: random.Random) -> None:
        self.service = service
        self.chance = chance
        self.served: Counter[str] = Counter()
        self.talking: dict[str, str] = {}  # agent -> call
        self.faults: list[str] = []
        self._talks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        async for order in self.service.commands("n1"):
            if isinstance(order, ReleaseCall):
                self.faults.append(f"{order.call_id} released: {order.reason}")
            if not isinstance(order, OfferCall) or self.served[order.call_id]:
                continue
            if order.agent_id in self.talking:
                self.faults.append(f"{order.agent_id} is offered {order.call_id} while he talks")
                continue
            self.served[order.call_id] += 1
            self.talking[order.agent_id] = order.call_id
            await self.service.report(OfferAccepted(order.offer_id, order.call_id, order.agent_id))
            task = asyncio.create_task(self._talk(order))
            self._talks.add(task)
            task.add_done_callback(self._talks.discard)

    async def _talk(self, order: OfferCall) -> None:
        await asyncio.sleep(self.chance.uniform(0.02, 0.15))
        del self.talking[order.agent_id]
        await self.service.report(CallEnded(order.call_id, order.agent_id))


async def _harm(server: RedisServer, what: str) -> None:
    if what == "freeze":
        server.send(signal.SIGSTOP)
        await asyncio.sleep(1.2)
        server.send(signal.SIGCONT)
    elif what == "restart":
        await asyncio.to_thread(server.stop, signal.SIGKILL)
        await asyncio.sleep(0.3)
        await asyncio.to_thread(server.start, *DURABLE)
    elif what == "empty":
        with server.client() as client:
            await asyncio.to_thread(client.flushall)
    elif what == "depose":
        with server.client() as client:
            await asyncio.to_thread(client.delete, "dozvon:leader")


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_caller_is_served_once(making: Making, redis_server: RedisServer, seed: int) -> None:
    chance = random.Random(seed)
    redis_server.stop()
    redis_server.start(*DURABLE)
    # No wrap-up; whoever was offered a call in the worst moment is free again quickly.
    rules = RulesLoaded("chaos", {"wrap_up_s": 0, "ring_s": 3, "offer_grace_s": 1, "no_answer_pause_s": 0})
    service = making(node="n1", leads=True, roster=roster_of(6), rules=rules)
    standby = making(leads=True)
    await service.start()
    await standby.start()
    node = Node(service, chance)
    serving = asyncio.create_task(node.serve())
    harms = ["freeze", "restart", "empty", "depose"]
    chance.shuffle(harms)
    for number in range(CALLS):
        if number % (CALLS // len(harms)) == 10:
            harm = asyncio.create_task(_harm(redis_server, harms.pop()))
        await service.report(CallQueued(f"c{number}", "n1", "hotline", "t"))
        await asyncio.sleep(chance.uniform(0.0, 0.04))
    await harm
    await eventually(lambda: len(node.served) == CALLS and not node.talking, 30)
    await eventually(lambda: service.connected and not service._follower.replica.engine.calls, 15)
    await eventually(
        lambda: (
            service._follower.replica.last_id == standby._follower.replica.last_id
            and service._follower.replica.dump() == standby._follower.replica.dump()
        )
    )
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    assert not node.faults
    assert max(node.served.values()) == 1
    states = {agent.state for agent in service._follower.replica.engine.agents.values()}
    assert states <= {"ready", "paused"}
