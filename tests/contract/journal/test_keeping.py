"""Snapshots, trimming with the archive, lost nodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from acd.contract import AgentStatusDeclared, CallLeft, CallQueued, NodeLost, OfferCall
from acd.journal import archive as archive_module
from acd.journal.codec import decode_event
from acd.journal.stream import Entry, id_pair
from acd.service import DistributorService, chores, leadership

from .conftest import Making, RedisServer, eventually, next_offer, roster_of


async def _busy(node: DistributorService, first: int, count: int) -> None:
    """Callers who come and go; every tenth stays."""
    for number in range(first, first + count):
        await node.report(CallQueued(f"c{number}", "n1", "hotline", "t"))
        if number % 10:
            await node.report(CallLeft(f"c{number}", "abandoned"))
    last = first + (count - 1) // 10 * 10
    await eventually(lambda: node.wait_of(f"c{last}") and not len(node._outbox))


async def test_a_snapshot_and_the_rest_give_the_same_state(
    making: Making, redis_server: RedisServer, tmp_path: Path
) -> None:
    folder = tmp_path / "archive"
    node = making(node="n1", leads=True, roster=roster_of(3, "logged_out"), archive=folder)
    seen: list[str] = []
    await node.start()
    await eventually(lambda: node.leading)
    node.listeners.append(lambda event, _: seen.append(type(event).__name__))
    await _busy(node, 0, 100)
    await node._chores.store()
    await _busy(node, 100, 100)
    await node._chores.store()
    await _busy(node, 200, 50)
    counts = node.counts()
    assert counts["snapshots"] == 2 and counts["trimmed"] == counts["archived"] > 150

    late = making()
    await late.start()
    assert await late.synchronised(5)
    await eventually(lambda: late._follower.replica.last_id == node._follower.replica.last_id)
    assert late._follower.replica.dump() == node._follower.replica.dump()
    assert late.counts()["entries"] < 200

    # The archive and what is left in Redis are the whole journal, without a gap or a repeat.
    kept = archive_module.Archive(folder)
    archived = [entry for file in kept.files() for entry in archive_module.read(file)]
    with redis_server.client() as client:
        left = [Entry(key.decode(), fields[b"e"]) for key, fields in client.xrange("dozvon:journal")]
    ids = [id_pair(entry.id) for entry in archived + left]
    assert ids == sorted(set(ids))
    calls = [decode_event(entry.data) for entry in archived + left]
    queued = [event.call_id for event in calls if isinstance(event, CallQueued)]
    assert queued == [f"c{number}" for number in range(250)]


async def test_a_damaged_snapshot_is_passed_over(making: Making, redis_server: RedisServer) -> None:
    node = making(node="n1", leads=True, roster=roster_of(1, "logged_out"))
    await node.start()
    await eventually(lambda: node.leading)
    await _busy(node, 0, 30)
    await node._chores.store()
    await _busy(node, 30, 30)
    with redis_server.client() as client:
        good = client.lrange("dozvon:snapshots", 0, -1)[-1]
        client.rpush("dozvon:snapshots", good[: len(good) // 2])
        client.rpush("dozvon:snapshots", b"\x00" * 100)
    late = making()
    await late.start()
    await eventually(lambda: late._follower.replica.last_id == node._follower.replica.last_id)
    assert late._follower.replica.dump() == node._follower.replica.dump()
    assert late.counts()["bad_snapshots"] == 2


async def test_snapshots_come_by_themselves(making: Making, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores, "SNAPSHOT_ENTRIES", 50)
    node = making(node="n1", leads=True)
    await node.start()
    await eventually(lambda: node.leading)
    await _busy(node, 0, 100)
    await eventually(lambda: node.counts().get("snapshots"))


async def test_the_calls_of_a_node_that_vanished_end(
    making: Making, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the callers are taken back with their places when the node was only cut off for a while."""
    monkeypatch.setattr(leadership, "NODE_MS", 600)
    monkeypatch.setattr(chores, "NODE_GRACE_S", 0.5)
    leader = making(leads=True, roster=roster_of(1, "logged_out"))
    lost: list[str] = []
    leader.listeners.append(lambda event, _: lost.append(event.node) if isinstance(event, NodeLost) else None)
    await leader.start()
    node = making(node="n2")
    await node.start()
    orders = node.commands("n2")
    await node.report(CallQueued("c1", "n2", "hotline", "t"))
    await eventually(lambda: leader.snapshot().calls)
    place = leader.snapshot().calls[0].first_queued_ms
    await node._cancel_all()  # as if its network had gone
    await eventually(lambda: lost == ["n2"] and not leader.snapshot().calls)
    await node.start()
    await eventually(lambda: leader.snapshot().calls)
    assert [(call.call_id, call.first_queued_ms) for call in leader.snapshot().calls] == [("c1", place)]
    del orders


async def test_an_offer_for_a_call_that_is_not_here_is_answered_for(
    making: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process asserted a call for our node: its agent must not wait for the ring to end."""
    monkeypatch.setattr("acd.service.orders.YOUNG_MS", 300)
    node = making(node="n1", leads=True, roster=roster_of(1, "logged_out"))
    other = making()
    await node.start()
    await other.start()
    orders = node.commands("n1")
    await other.report(CallQueued("ghost", "n1", "hotline", "t"))
    await node.report(CallQueued("real", "n1", "hotline", "t"))
    await eventually(lambda: len(node.snapshot().calls) == 2)
    await node.report(AgentStatusDeclared("a1", "available"))
    offer = await next_offer(orders)
    assert isinstance(offer, OfferCall) and offer.call_id == "real"
    await eventually(lambda: [call.call_id for call in node.snapshot().calls] == ["real"])
