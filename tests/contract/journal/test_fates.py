"""The fates of Redis: absent, restarted, emptied, crashed without its end, slow, full; strange entries."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import replace

from acd.contract import (
    AgentStatusDeclared,
    CallbackGivenUp,
    CallbackRequested,
    CallEnded,
    CallLeft,
    CallQueued,
    OfferAccepted,
    OfferCall,
    PlaceCallback,
    RulesLoaded,
)
from acd.journal.codec import encode
from acd.journal.stream import Journal, Lease

from .conftest import Making, RedisServer, eventually, next_offer, roster_of

DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


async def test_absent_at_the_start(making: Making, redis_server: RedisServer) -> None:
    redis_server.stop()
    node = making(node="n1", leads=True, roster=roster_of(1))
    started = time.monotonic()
    await node.start()
    assert time.monotonic() - started < 0.5
    orders = node.commands("n1")
    await node.report(CallQueued("c1", "n1", "hotline", "t"))
    assert not node.connected and not node.snapshot().connected
    assert node.snapshot().known_ms == 0
    redis_server.start()
    assert (await next_offer(orders, 10)).call_id == "c1"
    assert node.connected


async def test_restarted_with_its_data(making: Making, redis_server: RedisServer) -> None:
    redis_server.stop()
    redis_server.start(*DURABLE)
    node = making(node="n1", leads=True, roster=roster_of(1, "logged_out"))
    await node.start()
    orders = node.commands("n1")
    await node.report(CallQueued("c1", "n1", "hotline", "t"))
    await node.report(CallQueued("c2", "n1", "hotline", "t"))
    await eventually(lambda: len(node.snapshot().calls) == 2)
    place = node.snapshot().calls[1].first_queued_ms
    assert (before := node.snapshot()).known_ms == before.now_ms
    redis_server.stop(signal.SIGKILL)
    await eventually(lambda: not node.connected)
    known_ms = node.snapshot().known_ms
    assert before.now_ms - 1_000 < known_ms < node.snapshot().now_ms
    await node.report(CallLeft("c1", "abandoned"))
    await node.report(AgentStatusDeclared("a1", "available"))
    assert node.snapshot().known_ms == known_ms
    redis_server.start(*DURABLE)
    offer = await next_offer(orders, 10)
    assert offer.call_id == "c2"
    await eventually(lambda: node.connected)
    assert [(call.call_id, call.first_queued_ms) for call in node.snapshot().calls] == [("c2", place)]
    with redis_server.client() as client:
        entries = client.xrange("dozvon:journal")
    assert sum(b"CallLeft" in fields[b"e"] for _, fields in entries) == 1


async def test_emptied_under_a_running_hotline(making: Making, redis_server: RedisServer) -> None:
    """Who talks goes on talking, who waits keeps the place, agents keep their status."""
    node = making(node="n1", leads=True, roster=roster_of(3))
    web = making()
    await node.start()
    await web.start()
    orders = node.commands("n1")
    await node.report(CallQueued("c1", "n1", "hotline", "t"))
    first = await next_offer(orders)
    await node.report(OfferAccepted(first.offer_id, "c1", first.agent_id))
    for agent in {"a1", "a2", "a3"} - {first.agent_id}:
        await web.report(AgentStatusDeclared(agent, "on_break", "lunch"))
    await eventually(lambda: [a.status for a in node.snapshot().agents].count("on_break") == 2)
    await node.report(CallQueued("c2", "n1", "hotline", "t"))
    await node.report(CallQueued("c3", "n1", "hotline", "t"))
    await eventually(lambda: len(web.snapshot().calls) == 3)
    before = {call.call_id: (call.state, call.first_queued_ms) for call in web.snapshot().calls}
    agents = {agent.agent_id: (agent.status, agent.state) for agent in web.snapshot().agents}
    generation = node._follower.replica.generation
    with redis_server.client() as client:
        client.flushall()
    await eventually(lambda: web.connected and web._follower.replica.generation not in ("", generation))
    await eventually(
        lambda: {c.call_id: (c.state, c.first_queued_ms) for c in web.snapshot().calls} == before
    )
    assert {agent.agent_id: (agent.status, agent.state) for agent in web.snapshot().agents} == agents
    assert web.snapshot().today.answered == 1
    await web.report(AgentStatusDeclared("a1" if first.agent_id != "a1" else "a2", "available"))
    second = await next_offer(orders)
    assert second.call_id == "c2" and second.token > first.token
    await node.report(CallEnded("c1", first.agent_id))
    await eventually(lambda: "c1" not in [call.call_id for call in web.snapshot().calls])


async def test_emptied_and_founded_by_one_who_knew_nothing(making: Making, redis_server: RedisServer) -> None:
    """The node does not lead, and the new leader starts from nothing: the node asserts its live calls."""
    leader = making(leads=True)
    await leader.start()
    node = making(node="n1", roster=roster_of(2))
    await node.start()
    orders = node.commands("n1")
    for call in ("c1", "c2", "c3"):
        await node.report(CallQueued(call, "n1", "hotline", "t"))
    offers = [await next_offer(orders), await next_offer(orders)]
    assert [offer.call_id for offer in offers] == ["c1", "c2"]
    await node.report(OfferAccepted(offers[0].offer_id, "c1", offers[0].agent_id))
    await eventually(lambda: "connected" in [call.state for call in node.snapshot().calls])
    places = {call.call_id: call.first_queued_ms for call in node.snapshot().calls}
    await leader.stop()
    with redis_server.client() as client:
        client.flushall()
    stranger = making(leads=True)
    await stranger.start()
    await eventually(lambda: stranger.leading and len(stranger.snapshot().calls) == 3)
    # When c1 was queued is forgotten by nobody either: its node said so again.
    seen = {call.call_id: call for call in stranger.snapshot().calls}
    await eventually(lambda: stranger.snapshot().calls and _state(stranger, "c1") == "connected")
    assert seen["c3"].first_queued_ms == places["c3"] and seen["c2"].first_queued_ms == places["c2"]
    assert _state(stranger, "c1") == "connected"
    offer = await next_offer(orders)
    assert offer.call_id == "c2" and offer.agent_id != offers[0].agent_id


def _state(service: object, call_id: str) -> str:
    calls = service.snapshot().calls  # type: ignore[attr-defined]
    return next((call.state for call in calls if call.call_id == call_id), "")


async def test_crashed_without_its_last_facts(making: Making, redis_server: RedisServer) -> None:
    """Redis comes back as it was a moment ago: facts that were sent since then are sent once more."""
    node = making(node="n1", leads=True, roster=roster_of(2, "logged_out"))
    await node.start()
    await node.report(CallQueued("c1", "n1", "hotline", "t"))
    await eventually(lambda: len(node.snapshot().calls) == 1 and len(node.snapshot().agents) == 2)
    with redis_server.client() as client:
        client.save()
    await node.report(CallQueued("c2", "n1", "hotline", "t"))
    await node.report(CallLeft("c1", "abandoned"))
    await node.report(AgentStatusDeclared("a1", "available"))
    await eventually(lambda: [call.state for call in node.snapshot().calls] == ["offered"])
    place = node.snapshot().calls[0].first_queued_ms
    redis_server.stop(signal.SIGKILL)
    redis_server.start()
    await eventually(lambda: node._follower.replica.counts["entries"] and not node.connected)
    await eventually(
        lambda: (
            node.connected
            and [(c.call_id, c.first_queued_ms) for c in node.snapshot().calls] == [("c2", place)]
        )
    )
    with redis_server.client() as client:
        entries = [fields[b"e"] for _, fields in client.xrange("dozvon:journal")]
    for fact in (b'CallQueued","v":1,"call_id":"c1"', b'CallQueued","v":1,"call_id":"c2"', b'"CallLeft"'):
        assert sum(fact in entry for entry in entries) == 1


async def test_slow(making: Making, redis_server: RedisServer) -> None:
    """Frozen for 3 s: known to be so, and nothing is lost or doubled."""
    node = making(node="n1", leads=True, roster=roster_of(1))
    await node.start()
    orders = node.commands("n1")
    await eventually(lambda: node.connected)
    redis_server.send(signal.SIGSTOP)
    frozen = time.monotonic()
    await node.report(CallQueued("c1", "n1", "hotline", "t"))
    await eventually(lambda: not node.connected)
    await eventually(lambda: time.monotonic() - frozen > 3)
    redis_server.send(signal.SIGCONT)
    assert (await next_offer(orders)).call_id == "c1"
    await eventually(lambda: node.connected)
    with redis_server.client() as client:
        entries = client.xrange("dozvon:journal")
    assert sum(b"CallQueued" in fields[b"e"] for _, fields in entries) == 1


async def test_full(making: Making, redis_server: RedisServer) -> None:
    """Redis refuses to store: we say so, the lease stays, and facts wait until there is room."""
    node = making(node="n1", leads=True, roster=roster_of(1, "logged_out"))
    await node.start()
    orders = node.commands("n1")
    await node.report(CallQueued("c0", "n1", "hotline", "t"))
    await eventually(lambda: node.connected and node.snapshot().calls)
    token = node._leadership.lease
    with redis_server.client() as client:
        client.config_set("maxmemory", "1mb")
        await node.report(CallQueued("c1", "n1", "hotline", "t"))
        await node.report(AgentStatusDeclared("a1", "available"))
        await eventually(lambda: not node.connected)
        full_since = time.monotonic()
        await eventually(lambda: time.monotonic() - full_since > 1.5)
        assert node.leading and node._leadership.lease == token
        client.config_set("maxmemory", "0")
    assert (await next_offer(orders)).call_id == "c0"
    await eventually(lambda: node.connected and len(node.snapshot().calls) == 2)


async def test_strange_entries_are_passed_over(making: Making, redis_server: RedisServer) -> None:
    node = making(node="n1", leads=True, roster=roster_of(1))
    await node.start()
    orders = node.commands("n1")
    await eventually(lambda: node.leading)
    strange = {
        "undecodable_unknown_version": b'{"type":"CallQueued","v":2,"call_id":"x"}',
        "undecodable_unknown_type": b'{"type":"MoonRose","v":1}',
        "undecodable_wrong_fields": b'{"type":"CallQueued","v":1,"call_id":7}',
        "undecodable_not_json": b"\xff\xfe{",
        "undecodable_too_long": b'{"type":"CallQueued","v":1,"call_id":"' + b"x" * 300_000 + b'"}',
    }
    with redis_server.client() as client:
        for data in strange.values():
            client.xadd("dozvon:journal", {"e": data})
        client.xadd("dozvon:journal", {"nothing": "here"})
        client.xadd("dozvon:commands:n1", {"c": b'{"type":"OfferCall","v":9}'})
    await node.report(CallQueued("c1", "n1", "hotline", "t"))
    assert (await next_offer(orders)).call_id == "c1"
    counts = node.counts()
    for name in strange:
        assert counts[name] >= 1
    assert counts["order_undecodable_unknown_version"] == 1


async def test_facts_out_of_order_and_of_the_unknown(making: Making) -> None:
    node = making(node="n1", leads=True, roster=roster_of(1))
    await node.start()
    orders = node.commands("n1")
    await node.report(OfferAccepted("o?", "c?", "a?"))
    await node.report(CallEnded("c??", "a1"))
    await node.report(CallLeft("c???", "abandoned"))
    await node.report(AgentStatusDeclared("nobody", "available"))
    await node.report(CallQueued("c1", "n1", "hotline", "t"))
    await node.report(CallQueued("c1", "n1", "hotline", "t"))
    offer = await next_offer(orders)
    await node.report(OfferAccepted(offer.offer_id, "c1", "a1"))
    await node.report(OfferAccepted(offer.offer_id, "c1", "a1"))
    await node.report(CallEnded("c1", "a1"))
    await node.report(CallEnded("c1", "a1"))
    await eventually(lambda: node.snapshot().today.answered >= 1 and _state(node, "c1") == "")
    assert node.counts().get("engine_faults", 0) == 0


async def test_callbacks_that_fall_due_together_are_all_ordered_and_all_given_up(
    making: Making, redis_server: RedisServer
) -> None:
    """As every callback asked for after hours does when the doors open: one Tick, one entry, many orders; and
    those for whom there was no agent when the time is over."""
    rules = RulesLoaded("1", {"callback_ring_s": 1, "ring_s": 1, "callback_attempts": 1})
    node = making(node="n1", leads=True, roster=roster_of(5), rules=rules)
    await node.start()
    orders = node.commands("n1")
    due_ms = node.now_ms() + 700
    for n in range(10):
        wish = CallbackRequested(f"b{n}", "", "n1", "hotline", "t", caller_ref=f"r{n}", due_ms=due_ms)
        await node.report(replace(wish, not_before_ms=due_ms, not_after_ms=due_ms + 500))
    placed: set[str] = set()
    given_up: set[str] = set()
    async with asyncio.timeout(10):
        async for order in orders:
            if isinstance(order, PlaceCallback):
                placed.add(order.call_id)
            elif isinstance(order, CallbackGivenUp):
                given_up.add(order.call_id)
            if len(given_up) == 5:
                break
    assert (len(placed), len(given_up)) == (5, 5)
    assert placed | given_up == {f"b{n}" for n in range(10)}
    assert node.counts().get("order_repeated", 0) == 0


async def test_an_append_whose_answer_was_lost_may_be_repeated(redis_server: RedisServer) -> None:
    journal = Journal(redis_server.url)
    try:
        assert await journal.acquire("e1", 60_000, "", "g1")
        records = [encode(CallQueued(f"c{n}", "n1", "hotline", "t")) for n in range(5)]
        assert len(await journal.append("g1", "p1", 1, records[:3])) == 3
        assert await journal.append("g1", "p1", 1, records[:3]) == []
        assert len(await journal.append("g1", "p1", 2, records[1:])) == 2
        assert [entry.data for entry in await journal.range()][1:] == records
    finally:
        await journal.close()


async def test_orders_that_are_old_repeated_or_stale_are_not_performed(
    making: Making, redis_server: RedisServer
) -> None:
    node = making(node="n1", leads=True)
    await node.start()
    orders = node.commands("n1")
    await node.report(CallQueued("c1", "n1", "hotline", "t"))
    await eventually(lambda: node.leading and node.snapshot().calls)
    lease = node._leadership.lease
    assert isinstance(lease, Lease)

    def offer(number: int, token: int, call: str = "c1") -> bytes:
        return encode(OfferCall(f"o{number}", call, "n1", "a1", "PJSIP/a1", 15_000, token=token))

    now = node.now_ms()
    with redis_server.client() as client:
        stream = "dozvon:commands:n1"
        client.xadd(stream, {"s": "1-1", "c": offer(1, lease.token)}, id=f"{now - 18_000}-0")
        for source in ("2-1", "2-1"):
            client.xadd(stream, {"s": source, "c": offer(2, lease.token)})
        client.xadd(stream, {"s": "3-1", "c": offer(3, lease.token - 1)})
        client.xadd(stream, {"s": "4-1", "c": offer(4, lease.token)})
    taken = [await next_offer(orders), await next_offer(orders)]
    assert [offer.offer_id for offer in taken] == ["o2", "o4"]
    counts = node.counts()
    assert counts["order_repeated"] == 1 and counts["order_stale_token"] == 1 and counts["order_ran_out"] == 1
