"""A server's clock that is set: the journal's time runs on, and comes back to it.

A clock that was ahead until now is made by writing ``clock`` so, as the server's own cannot be set here.
"""

from __future__ import annotations

import asyncio
import time

from acd.contract import CallEnded, CallQueued, OfferAccepted, OfferTimedOut, ReleaseCall, RulesLoaded
from acd.journal.scripts import HELD_MS
from acd.journal.stream import Journal, Lease, Pulse, id_pair

from .conftest import Making, RedisServer, next_offer, roster_of

HOURS_MS = 5 * 3_600_000


def wall_ms() -> int:
    return int(time.time() * 1000)


class Watch:
    """A journal of one leader, and one process that looks."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.journal = Journal(server.url)
        self.lease = Lease("e1", 0)

    async def __aenter__(self) -> Watch:
        answer = await self.journal.acquire("e1", 600_000, "", "g1")
        assert answer is not None
        self.lease = answer[0]
        return self

    async def __aexit__(self, *what: object) -> None:
        await self.journal.close()

    def was(self, server_ms: int, journal_ms: int, pace: str = "1") -> None:
        with self.server.client() as client:
            client.set("dozvon:clock", f"{server_ms} {journal_ms} {pace}")

    async def look(self, seen_ms: int = 0, passed_ms: int = 0, quiet_id: str = "") -> Pulse:
        times = {"seen_ms": seen_ms, "passed_ms": passed_ms}
        return await self.journal.pulse(self.lease, 600_000, "", 0, "e1", quiet_id=quiet_id, **times)

    async def add(self) -> int:
        return id_pair(await self.journal.append_as_leader(self.lease, [b"{}"]))[0]


async def test_a_clock_that_is_right_is_the_journals(redis_server: RedisServer) -> None:
    async with Watch(redis_server) as watch:
        seen_ms = 0
        for _ in range(3):
            before = wall_ms()
            pulse = await watch.look(seen_ms, 0)
            seen_ms = pulse.now_ms
            assert before <= await watch.add() <= wall_ms()
            assert before <= pulse.now_ms <= wall_ms() and (pulse.pace, pulse.ahead_ms) == (1.0, 0)


async def test_set_back_the_time_runs_on(redis_server: RedisServer) -> None:
    """Appended before anybody looked it stands; then it goes on from what was seen, a tenth slower."""
    async with Watch(redis_server) as watch:
        seen_ms = wall_ms() + HOURS_MS
        watch.was(seen_ms, seen_ms)
        assert await watch.add() == seen_ms
        pulse = await watch.look(seen_ms, 250)
        assert pulse.now_ms == seen_ms + 250 and pulse.pace == 0.9 and pulse.ahead_ms > HOURS_MS - 10_000
        began = time.monotonic()
        await asyncio.sleep(0.4)
        later = await watch.add()
        passed_ms = (time.monotonic() - began) * 1000
        assert 0.9 * 400 - 5 <= later - pulse.now_ms <= 0.9 * passed_ms + 5
        other = await watch.look()  # of a process that came just now
        assert other.now_ms >= later and other.pace == 0.9


async def test_set_forward_it_is_not_followed(redis_server: RedisServer) -> None:
    async with Watch(redis_server) as watch:
        await asyncio.to_thread(redis_server.client().delete, "dozvon:journal")
        seen_ms = wall_ms() - HOURS_MS
        watch.was(seen_ms, seen_ms)
        assert await watch.add() == seen_ms + HELD_MS  # nobody looked yet: so much and no more
        pulse = await watch.look(seen_ms, 20_000)
        assert pulse.now_ms == seen_ms + 20_000 and pulse.pace == 1.1 and pulse.ahead_ms < 30_000 - HOURS_MS
        assert (await watch.look(pulse.now_ms, 10)).now_ms - pulse.now_ms < 1_000


async def test_a_server_that_was_away_has_missed_nothing(redis_server: RedisServer) -> None:
    """Who looks knows how long that was; when all were away, only the server's clock does."""
    async with Watch(redis_server) as watch:
        seen_ms = wall_ms() - HOURS_MS
        watch.was(seen_ms, seen_ms)
        pulse = await watch.look(seen_ms, HOURS_MS)
        assert pulse.ahead_ms == 0 and abs(pulse.now_ms - wall_ms()) < 1_000
        watch.was(seen_ms, seen_ms)
        pulse = await watch.look()
        assert pulse.ahead_ms == 0 and abs(pulse.now_ms - wall_ms()) < 1_000


async def test_with_nobody_there_it_comes_back_at_once(redis_server: RedisServer) -> None:
    async with Watch(redis_server) as watch:
        await asyncio.to_thread(redis_server.client().delete, "dozvon:journal")
        behind_ms = wall_ms() - HOURS_MS
        watch.was(wall_ms(), behind_ms)
        entry_id = await watch.journal.append_as_leader(watch.lease, [b"{}"])
        assert (await watch.look(quiet_id="1-1")).pace == 1.1  # an entry came that he has not read
        pulse = await watch.look(quiet_id=entry_id)
        assert (pulse.pace, pulse.ahead_ms) == (1.0, 0)

        ahead_ms = wall_ms() + HOURS_MS
        watch.was(wall_ms(), ahead_ms)
        entry_id = await watch.journal.append_as_leader(watch.lease, [b"{}"])
        pulse = await watch.look(quiet_id=entry_id)
        assert pulse.pace == 0.0
        follower = await watch.journal.pulse(None, 1_000, "", 0, "e2", seen_ms=pulse.now_ms)
        assert follower.pace == 0.0  # whether anybody is there the leader says
        await asyncio.sleep(0.05)
        assert await watch.add() == pulse.now_ms
        assert (await watch.look(pulse.now_ms, 50)).pace == 0.9


async def test_what_anybody_has_seen_outlives_the_data(redis_server: RedisServer) -> None:
    async with Watch(redis_server) as watch:
        seen_ms = wall_ms() + HOURS_MS
        token = (await watch.look(seen_ms)).now_ms
        redis_server.client().flushall()
        pulse = await watch.look(seen_ms, 30)
        assert pulse.now_ms == seen_ms + 30
        answer = await watch.journal.acquire("e1", 600_000, "", "g2")
        assert answer is not None and answer[0].token >= token and id_pair(answer[1])[0] >= seen_ms


async def test_an_entry_of_foreign_hands_in_the_future_stops_nothing(redis_server: RedisServer) -> None:
    async with Watch(redis_server) as watch:
        future_ms = wall_ms() + 600_000
        redis_server.client().xadd("dozvon:journal", {"e": "{}"}, id=f"{future_ms}-0")
        assert await watch.add() == future_ms
        pulse = await watch.look(wall_ms(), 10)
        assert pulse.now_ms == future_ms and pulse.pace == 0.9


async def test_orders_carry_the_journals_time(redis_server: RedisServer) -> None:
    async with Watch(redis_server) as watch:
        ahead_ms = wall_ms() + HOURS_MS
        watch.was(wall_ms(), ahead_ms)
        await watch.journal.publish(watch.lease, [("n1", "1-1", b"{}"), ("n1", "2-1", b"{}")])
        made = [entry.time_ms for entry in await watch.journal.read_commands("n1", "0-0")]
        assert len(made) == 2 and all(0 <= at_ms - ahead_ms < 1_000 for at_ms in made)


async def test_a_clock_corrected_by_five_hours_keeps_nobody_waiting(
    making: Making, redis_server: RedisServer
) -> None:
    """Wrap-up and pause end, callers come with this machine's time and wait as long as they do."""
    with redis_server.client() as client:
        client.set("dozvon:clock", f"{wall_ms() + HOURS_MS} {wall_ms() + HOURS_MS} 1")
    rules = RulesLoaded("1", {"wrap_up_s": 0.3, "no_answer_pause_s": 0.3, "nobody_can_serve_after_s": 1})
    node = making(node="n1", leads=True, roster=roster_of(1), rules=rules)
    await node.start()
    orders = node.commands("n1")
    await node.report(CallQueued("c1", "n1", "hotline", "t", first_queued_ms=wall_ms()))
    offer = await next_offer(orders)
    await node.report(OfferAccepted(offer.offer_id, "c1", "a1"))
    await node.report(CallEnded("c1", "a1"))
    await node.report(CallQueued("c2", "n1", "hotline", "t", first_queued_ms=wall_ms()))
    offer = await next_offer(orders)  # after the wrap-up
    await node.report(OfferTimedOut(offer.offer_id, "c2", "a1"))
    assert (await next_offer(orders)).call_id == "c2"  # after the pause
    await node.report(CallQueued("c3", "n1", "hotline", "nobodys", first_queued_ms=wall_ms()))
    async with asyncio.timeout(8):
        async for order in orders:
            if isinstance(order, ReleaseCall):
                break
    assert (order.call_id, order.reason) == ("c3", "nobody_can_serve")
    assert node.counts()["clock_ahead_ms"] > HOURS_MS - 60_000
    assert all(node.now_ms() - call.first_queued_ms < 10_000 for call in node.snapshot().calls)
