"""Agent ready (event) -> offer on the wire, through Redis.

    python -m bench.journal.offer_latency [--agents 2000] [--waiting 500] [--rate 50] [--seconds 30] [--alone]

All agents talk, ``waiting`` callers wait. At random moments (Poisson, ``rate`` a second) a random agent's
conversation ends, he is ready a moment later (that report is the start of the clock), a caller is offered to
him (reading the order in ``commands(node)`` stops it), accepted, and another caller queues. Each cycle is
four facts and one order. The leader is a process of its own; ``--alone``: the node's process leads.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import time

import structlog

from acd.contract import (
    AgentDefined,
    CallEnded,
    CallQueued,
    OfferAccepted,
    OfferCall,
    RulesLoaded,
    WrapUpFinished,
)
from acd.service import DistributorService
from acd.service.roster import Roster, RosterAgent
from bench.journal.common import HEADER, LeaderProcess, redis_server, row

TOPICS = [f"topic-{number}" for number in range(8)]


def roster_of(count: int, chance: random.Random) -> Roster:
    """Each agent has two to four topics, mixed levels; one in ten speaks English as well."""
    entries = []
    for number in range(count):
        skills = {topic: chance.randint(1, 3) for topic in chance.sample(TOPICS, chance.randint(2, 4))}
        languages = ("ru", "en") if number % 10 == 0 else ("ru",)
        agent = AgentDefined(f"a{number}", f"Agent {number}", f"PJSIP/a{number}", skills, languages)
        entries.append(RosterAgent(agent, "available"))
    return Roster(tuple(entries))


class Bench:
    def __init__(self, node: DistributorService, options: argparse.Namespace, chance: random.Random) -> None:
        self.node = node
        self.options = options
        self.chance = chance
        self.talks: dict[str, str] = {}  # agent -> call
        self.started: dict[str, float] = {}  # agent -> when he became ready
        self.taken: list[float] = []
        self.measuring = False
        self.calls = 0

    async def queue(self) -> None:
        self.calls += 1
        topic = self.chance.choice(TOPICS)
        await self.node.report(CallQueued(f"c{self.calls}", "n1", "hotline", topic))

    async def serve(self) -> None:
        """The node: accepts every offer at once."""
        async for order in self.node.commands("n1"):
            if not isinstance(order, OfferCall):
                continue
            started = self.started.pop(order.agent_id, None)
            if started is not None and self.measuring:
                self.taken.append(time.perf_counter() - started)
            self.talks[order.agent_id] = order.call_id
            await self.node.report(OfferAccepted(order.offer_id, order.call_id, order.agent_id))

    async def fill(self) -> None:
        deadline = time.monotonic() + 120
        while len(self.talks) < self.options.agents:
            for _ in range(min(100, self.options.agents - len(self.talks))):
                await self.queue()
            await asyncio.sleep(0.05)
            if time.monotonic() > deadline:
                raise RuntimeError(f"only {len(self.talks)} agents were given a call")
        engine = self.node._follower.replica.engine
        while (waiting := sum(c.state == "queued" for c in engine.calls.values())) < self.options.waiting:
            for _ in range(self.options.waiting - waiting):
                await self.queue()
            await asyncio.sleep(0.3)

    async def cycle(self) -> None:
        agent, call = self.chance.choice(list(self.talks.items()))
        del self.talks[agent]
        await self.node.report(CallEnded(call, agent))
        await asyncio.sleep(self.chance.uniform(0.05, 0.15))
        self.started[agent] = time.perf_counter()
        await self.node.report(WrapUpFinished(agent))
        await asyncio.sleep(self.chance.uniform(0.05, 0.15))
        await self.queue()

    async def run(self) -> None:
        serving = asyncio.create_task(self.serve())
        await self.fill()
        begin = time.monotonic()
        running: set[asyncio.Task[None]] = set()
        next_s = begin
        warm_s = begin + 3
        while next_s < warm_s + self.options.seconds:
            next_s += self.chance.expovariate(self.options.rate)
            await asyncio.sleep(max(0, next_s - time.monotonic()))
            self.measuring = next_s > warm_s
            task = asyncio.create_task(self.cycle())
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)
        await asyncio.sleep(0.5)
        serving.cancel()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--agents", type=int, default=2000)
    parser.add_argument("--waiting", type=int, default=500)
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--seed", type=int, default=1001)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    chance = random.Random(options.seed)
    with redis_server() as url:
        leader = None if options.alone else LeaderProcess(url)
        rules = RulesLoaded("bench", {"wrap_up_s": 3600})
        node = DistributorService(
            url, node="n1", leads=options.alone, roster=roster_of(options.agents, chance), rules=rules
        )
        try:
            await node.start()
            bench = Bench(node, options, chance)
            await bench.run()
            where = "leader in the node's process" if options.alone else "leader in a process of its own"
            print(f"{options.agents} agents, {options.waiting} waiting, {options.rate:g} ready/s, {where}")
            print(HEADER)
            print(row("agent ready -> offer received", bench.taken))
            unanswered = len(bench.started)
            print(f"without an offer: {unanswered}; entries {node.counts()['entries']}")
        finally:
            await node.stop()
            if leader is not None:
                leader.kill()


if __name__ == "__main__":
    asyncio.run(main())
