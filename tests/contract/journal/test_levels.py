"""Service levels and the truth of estimates are what the journal says: computed again from it, they agree."""

from __future__ import annotations

from acd.contract import CallEnded, CallLeft, CallQueued, OfferAccepted, WrapUpFinished
from acd.core.engine import Engine
from acd.journal.codec import decode_event
from acd.journal.stream import id_pair

from .conftest import Making, RedisServer, eventually, next_offer, roster_of


async def test_levels_are_recomputable_from_the_journal(making: Making, redis_server: RedisServer) -> None:
    node = making(node="n1", leads=True, roster=roster_of(1))
    await node.start()
    orders = node.commands("n1")
    await eventually(lambda: [agent.state for agent in node.snapshot().agents] == ["ready"])
    for number in range(12):
        await node.report(CallQueued(f"c{number}", "n1", "hotline", "t"))
    waiting = {f"c{number}" for number in range(12)}
    for number in range(9):
        offer = await next_offer(orders)
        waiting.remove(offer.call_id)
        await node.report(OfferAccepted(offer.offer_id, offer.call_id, "a1"))
        await node.report(CallEnded(offer.call_id, "a1"))
        if number < 8:
            await node.report(WrapUpFinished("a1"))
    for call_id, outcome in zip(sorted(waiting), ("overflowed", "abandoned", "abandoned"), strict=True):
        await node.report(CallLeft(call_id, outcome))
    await node._sender.drained()
    await eventually(lambda: not node.snapshot().calls)
    seen = node.snapshot()
    levels = {each.name: (each.numerator, each.denominator) for each in seen.levels}
    assert levels["answered_of_offered"] == (9, 12) and levels["answered_of_finished"] == (9, 11)
    assert levels["without_short_abandons"] == (9, 9) and levels["asterisk_servicelevelperf"] == (9, 9)
    assert seen.estimates.checked == 8  # the first did not wait

    again = Engine()
    with redis_server.client() as client:
        for key, fields in client.xrange("dozvon:journal"):
            again.step(decode_event(fields[b"e"]), id_pair(key.decode())[0])
    recomputed = again.snapshot(seen.now_ms)
    assert recomputed.levels == seen.levels and recomputed.estimates == seen.estimates
