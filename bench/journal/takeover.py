"""kill -9 of the leader -> first order of the standby.

    python -m bench.journal.takeover [--runs 20] [--agents 200] [--waiting 100]

The leader is a process of its own, the standby sits in the node's process. At a random moment of the lease
the leader is killed and an agent becomes available; the clock runs from the kill to the offer received.
Counted as well: calls or places lost, offers doubled.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import time

import structlog

from acd.contract import AgentStatusDeclared, CallEnded, CallQueued, OfferAccepted, OfferCall, RulesLoaded
from acd.service import DistributorService
from acd.service.roster import Roster
from bench.journal.common import HEADER, LeaderProcess, redis_server, row
from bench.journal.offer_latency import roster_of


async def once(options: argparse.Namespace, chance: random.Random) -> tuple[float, int, int]:
    """Seconds to the first order, calls or places lost, offers doubled."""
    with redis_server() as url:
        leader = LeaderProcess(url)
        roster = roster_of(options.agents, chance)
        roster = Roster(tuple(type(entry)(entry.agent, "logged_out") for entry in roster.entries))
        rules = RulesLoaded("bench", {"wrap_up_s": 3600, "nobody_can_serve_after_s": 600})
        node = DistributorService(url, node="n1", leads=True, roster=roster, rules=rules)
        try:
            await node.start()
            orders = node.commands("n1")
            for number in range(options.waiting):
                await node.report(CallQueued(f"c{number}", "n1", "hotline", f"topic-{number % 8}"))
            deadline = time.monotonic() + 30
            while len(node._follower.replica.engine.calls) < options.waiting:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)
            before = {c.call_id: c.first_queued_ms for c in node.snapshot().calls}
            await asyncio.sleep(chance.uniform(0, 0.5))
            killed = time.monotonic()
            leader.kill()
            await node.report(AgentStatusDeclared("a0", "available"))
            seen: list[str] = []
            async with asyncio.timeout(20):
                while not seen:
                    order = await anext(orders)
                    if isinstance(order, OfferCall):
                        seen.append(order.offer_id)
                        took_s = time.monotonic() - killed
            await node.report(OfferAccepted(order.offer_id, order.call_id, order.agent_id))  # type: ignore[attr-defined]
            after = {c.call_id: c.first_queued_ms for c in node.snapshot().calls}
            lost = sum(after.get(call) != place for call, place in before.items())
            await node.report(CallEnded(order.call_id, order.agent_id))  # type: ignore[attr-defined]
            await asyncio.sleep(0.1)
            return took_s, lost, node.counts().get("order_repeated", 0)
        finally:
            await node.stop()
            leader.kill() if leader.process.poll() is None else None


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--agents", type=int, default=200)
    parser.add_argument("--waiting", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1001)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    chance = random.Random(options.seed)
    found = [await once(options, chance) for _ in range(options.runs)]
    print(HEADER)
    print(row("kill -9 -> first order of standby", [took_s for took_s, _, _ in found]))
    print(
        f"calls or places lost: {sum(each[1] for each in found)}; offers doubled: {sum(e[2] for e in found)}"
    )


if __name__ == "__main__":
    asyncio.run(main())
