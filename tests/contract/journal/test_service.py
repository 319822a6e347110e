"""The distributor over a real Redis: a call's way, and what processes see of each other."""

from __future__ import annotations

from acd.contract import (
    AgentStatusDeclared,
    CallEnded,
    CallLeft,
    CallQueued,
    OfferAccepted,
    OfferDeclined,
    RulesLoaded,
    WithdrawOffer,
    WrapUpFinished,
)

from .conftest import Making, eventually, next_offer, roster_of


async def test_a_call_is_offered_answered_and_ended(making: Making) -> None:
    node = making(node="n1", leads=True, roster=roster_of(1))
    web = making()
    await node.start()
    await web.start()
    orders = node.commands("n1")
    await node.report(CallQueued("c1", "n1", "hotline", "t", caller_ref="x"))
    offer = await next_offer(orders)
    assert (offer.call_id, offer.agent_id, offer.endpoint) == ("c1", "a1", "PJSIP/a1")
    assert offer.token > 0
    await node.report(OfferAccepted(offer.offer_id, "c1", "a1"))
    await eventually(lambda: [c.state for c in web.snapshot().calls] == ["connected"])
    assert web.why("c1")
    await node.report(CallEnded("c1", "a1"))
    await eventually(lambda: [a.state for a in web.snapshot().agents] == ["wrap_up"])
    seen = web.snapshot()
    assert seen.connected and seen.today.answered == 1 and not seen.calls


async def test_the_other_process_logs_agents_in_and_out(making: Making) -> None:
    node = making(node="n1", leads=True, roster=roster_of(1, "logged_out"))
    web = making()
    await node.start()
    await web.start()
    await eventually(lambda: web.snapshot().agents)
    orders = node.commands("n1")
    await node.report(CallQueued("c1", "n1", "hotline", "t"))
    await eventually(lambda: (wait := node.wait_of("c1")) and wait.place == 1)
    await web.report(AgentStatusDeclared("a1", "available"))
    assert (await next_offer(orders)).agent_id == "a1"


async def test_an_offer_that_is_declined_returns_the_call_with_its_place(making: Making) -> None:
    node = making(node="n1", leads=True, roster=roster_of(2))
    await node.start()
    orders = node.commands("n1")
    await node.report(CallQueued("c1", "n1", "hotline", "t"))
    first = await next_offer(orders)
    place = node.snapshot().calls[0].first_queued_ms
    await node.report(OfferDeclined(first.offer_id, "c1", first.agent_id))
    second = await next_offer(orders)
    assert {first.agent_id, second.agent_id} == {"a1", "a2"}
    assert node.snapshot().calls[0].first_queued_ms == place


async def test_a_deadline_comes_by_itself(making: Making) -> None:
    """Wrap-up of 0.3 s: no event follows, and yet the next caller is offered to the agent."""
    rules = RulesLoaded("quick", {"wrap_up_s": 0.3})
    node = making(node="n1", leads=True, roster=roster_of(1), rules=rules)
    await node.start()
    orders = node.commands("n1")
    await node.report(CallQueued("c0", "n1", "hotline", "t"))
    took_ms, before = [], 0
    for number in range(4):
        await node.report(CallQueued(f"c{number + 1}", "n1", "hotline", "t"))
        offer = await next_offer(orders)
        assert offer.call_id == f"c{number}"
        if before:
            took_ms.append(node.now_ms() - before)
        await node.report(OfferAccepted(offer.offer_id, offer.call_id, "a1"))
        await node.report(CallEnded(offer.call_id, "a1"))
        before = node.now_ms()
    # Never early; and soon, at least when this machine has a moment for us.
    assert min(took_ms) >= 200 and min(took_ms) <= 1000
    assert node.counts()["ticks"] >= 3


async def test_the_agent_is_taken_away_while_he_rings(making: Making) -> None:
    node = making(node="n1", leads=True, roster=roster_of(1))
    await node.start()
    orders = node.commands("n1")
    await node.report(CallQueued("c1", "n1", "hotline", "t"))
    offer = await next_offer(orders)
    await node.report(AgentStatusDeclared("a1", "logged_out"))
    withdrawn = await anext(orders)
    assert isinstance(withdrawn, WithdrawOffer) and withdrawn.offer_id == offer.offer_id


async def test_a_restart_changes_nobodys_status_and_follows_the_roster(making: Making) -> None:
    first = making(node="n1", leads=True, roster=roster_of(3))
    await first.start()
    await eventually(lambda: len(first.snapshot().agents) == 3)
    await first.report(AgentStatusDeclared("a1", "on_break", "lunch"))
    await first.stop()
    again = making(node="n1", leads=True, roster=roster_of(2))
    await again.start()
    await eventually(lambda: len(again.snapshot().agents) == 2)
    statuses = {agent.agent_id: agent.status for agent in again.snapshot().agents}
    assert statuses == {"a1": "on_break", "a2": "available"}


async def test_calls_left_by_a_dead_process_are_cleared(making: Making) -> None:
    node = making(node="n1", leads=True, roster=roster_of(1, "logged_out"))
    await node.start()
    await node.report(CallQueued("c1", "n1", "hotline", "t"))
    await node.report(CallQueued("c2", "n1", "hotline", "t"))
    await eventually(lambda: len(node.snapshot().calls) == 2)
    place = {call.call_id: call.first_queued_ms for call in node.snapshot().calls}
    await node.stop()
    again = making(node="n1", leads=True, roster=roster_of(1, "logged_out"))
    await again.start()
    await again.report(CallQueued("c1", "n1", "hotline", "t", first_queued_ms=place["c1"]))
    assert await again.synchronised(5)
    await eventually(lambda: [c.call_id for c in again.snapshot().calls] == ["c1"], 20)
    assert again.snapshot().calls[0].first_queued_ms == place["c1"]
    assert again.counts()["ghosts"] == 1


async def test_facts_of_one_process_keep_their_order(making: Making) -> None:
    node = making(node="n1", leads=True, roster=roster_of(1, "logged_out"))
    seen: list[str] = []
    node.listeners.append(
        lambda event, _: seen.append(event.call_id) if isinstance(event, CallQueued) else None
    )
    await node.start()
    for number in range(1000):
        await node.report(CallQueued(f"c{number}", "n1", "hotline", "t"))
    await eventually(lambda: len(seen) >= 1000)
    assert seen == [f"c{number}" for number in range(1000)]
    await node.report(CallLeft("c0", "abandoned"))
    await eventually(lambda: node.wait_of("c0") is None and node.wait_of("c1"))


async def test_wrap_up_can_be_finished_early(making: Making) -> None:
    node = making(node="n1", leads=True, roster=roster_of(1))
    await node.start()
    orders = node.commands("n1")
    await node.report(CallQueued("c1", "n1", "hotline", "t"))
    offer = await next_offer(orders)
    await node.report(OfferAccepted(offer.offer_id, "c1", "a1"))
    await node.report(CallEnded("c1", "a1"))
    await node.report(WrapUpFinished("a1"))
    await eventually(lambda: node.snapshot().agents[0].state == "ready")
