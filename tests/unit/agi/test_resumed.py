"""Calls that the dialplan sends once more: after a session that broke, after a restart."""

from __future__ import annotations

from typing import Any

import pytest
from agi_hall import BYE, done, queueing, ringing

from acd.contract import (
    AgentDefined,
    AgentStatusDeclared,
    CallLeft,
    CallQueued,
    Event,
    OfferCall,
    ReleaseCall,
)
from acd.core.engine import Engine
from ivr.dialog.contract import (
    Action,
    Ask,
    CallStarted,
    Enqueue,
    HungUp,
    Input,
    LeaveQueue,
    Note,
    OpenTicket,
    QueueReleased,
    RememberLanguage,
)

GARBAGE = b"this is not FastAGI\n"


def hanging_up(script: Any) -> Any:
    """The script, and what the real dialogue says when its caller has hung up in the queue."""

    def with_end(event: Input, session: Any) -> tuple[Action, ...]:
        if isinstance(event, HungUp):
            left = LeaveQueue("hung_up", "abandoned")
            return (OpenTicket("access", "ru", text="kept"), left, Note("hung_up_at", "queue"))
        return script(event, session)  # type: ignore[no-any-return]

    return with_end


def again(peer: Any) -> tuple[str, ...]:
    """What the dialplan calls the next node with."""
    names = ("DOZVON_CALL_ID", "DOZVON_FIRST_QUEUED_MS", "DOZVON_TOPIC", "DOZVON_LANGUAGE")
    return tuple(peer.variables.get(name, "") for name in names)


def offered(facts: list[Event]) -> list[str]:
    """Whom the engine connects first, once an agent is free after all these facts."""
    engine = Engine()
    engine.step(AgentDefined("anna", "Anna", "PJSIP/2001", {"access": 3}, ("ru",)), 1)
    engine.step(AgentStatusDeclared("anna", "on_break"), 1)
    begin_ms = max([1_000_000, *(fact.first_queued_ms for fact in facts if isinstance(fact, CallQueued))])
    for after_ms, fact in enumerate(facts):
        engine.step(fact, begin_ms + after_ms)
    orders = engine.step(AgentStatusDeclared("anna", "available"), begin_ms + 60_000)
    return [order.call_id for order in orders if isinstance(order, OfferCall)]


async def test_a_caller_whose_session_broke_has_his_place_again(hall: Any, soon: Any) -> None:
    node = hall(hanging_up(queueing()))
    first = await node.call()
    his = await node.fact(CallQueued)
    await soon(lambda: first.music == "default")
    second = await node.call(callerid="79160000002")
    await node.fact(CallQueued, 2)
    await first.end.write(GARBAGE)
    assert await node.fact(CallLeft) == CallLeft(his.call_id, "failed", "node_lost")
    await soon(lambda: first.closed.is_set() and len(node.calls) == 1)
    assert [draft.text for draft in node.desk.tickets] == ["kept"]
    assert first.variables["DOZVON_DONE"] == ""

    third = await node.call(*again(first))
    assert (await node.fact(CallQueued, 3)).call_id == his.call_id
    assert offered(node.distributor.facts) == [his.call_id]
    for peer in (second, third):
        await peer.hang_up()
    await soon(lambda: len(node.calls) == 0)


async def test_a_caller_whose_call_broke_too_dials_again(hall: Any, soon: Any) -> None:
    node = hall(hanging_up(queueing()))
    first = await node.call()
    await node.fact(CallQueued)
    second = await node.call(callerid="79160000002")
    await node.fact(CallQueued, 2)
    first.end.close()
    await node.fact(CallLeft)
    third = await node.call()
    redialled = await node.fact(CallQueued, 3)
    assert offered(node.distributor.facts) == [redialled.call_id]
    for peer in (second, third):
        await peer.hang_up()
    await soon(lambda: len(node.calls) == 0)


async def test_a_caller_who_comes_back_without_a_place_queues_anew(hall: Any, soon: Any) -> None:
    """The engine knows his id as ended: under it nobody would ever be offered to him."""

    def script(event: Input, _session: Any) -> tuple[Action, ...]:
        if isinstance(event, QueueReleased):
            return (Ask((), timeout_ms=60_000),)
        return (Enqueue("main", "access", "ru"),) if isinstance(event, CallStarted) else BYE

    node = hall(script)
    first = await node.call()
    queued = await node.fact(CallQueued)
    node.distributor.orders.put_nowait(ReleaseCall(queued.call_id, "n1", "nobody_can_serve"))
    await node.fact(CallLeft)
    await soon(lambda: first.variables["DOZVON_FIRST_QUEUED_MS"] == "")
    for task in node.tasks[1:]:  # the daemon is restarted
        task.cancel()
    await soon(lambda: first.closed.is_set())
    second = await node.call(*again(first), dial=ringing(("ANSWER", "16", "1")))
    anew = await node.fact(CallQueued, 2)
    assert anew.call_id == queued.call_id + "~2" == second.variables["DOZVON_CALL_ID"]
    assert offered(node.distributor.facts) == [anew.call_id]
    await second.hang_up()
    await done(node, second, soon)


async def test_a_session_that_is_not_to_be_trusted_leaves_the_place_in_the_dialplan(
    hall: Any, soon: Any
) -> None:
    """Asterisk refuses what it should not, and the connection lives: nothing is taken from the caller."""
    node = hall(hanging_up(queueing()))
    peer = await node.call()
    queued = await node.fact(CallQueued)
    await soon(lambda: peer.music == "default")
    place_ms = peer.variables["DOZVON_FIRST_QUEUED_MS"]

    async def refused(_timeout_s: float) -> None:
        await peer._reply("200 result=-1")

    peer._wait_for_digit = refused
    peer.key("1")
    await done(node, peer, soon)
    assert await node.fact(CallLeft) == CallLeft(queued.call_id, "failed", "node_lost")
    assert peer.variables["DOZVON_FIRST_QUEUED_MS"] == place_ms
    assert peer.variables["DOZVON_DONE"] == ""


# ---------------------------------------------------------------------------------------------- language
@pytest.mark.parametrize("callerid", ["", "79161234567"])
async def test_the_language_that_was_chosen_outlasts_a_restart(hall: Any, soon: Any, callerid: str) -> None:
    """Also where the number is withheld, and where the desk is not there yet."""

    def script(event: Input, _session: Any) -> tuple[Action, ...]:
        chosen = (RememberLanguage("en"), Enqueue("main", "access", "en"))
        return chosen if isinstance(event, CallStarted) else BYE

    node = hall(script)
    first = await node.call(callerid=callerid)
    await node.fact(CallQueued)
    assert first.variables["DOZVON_LANGUAGE"] == "en"
    await first.end.write(GARBAGE)
    await node.fact(CallLeft)
    node.desk.languages.clear()
    second = await node.call(*again(first), callerid=callerid)
    await node.fact(CallQueued, 2)
    assert started_in(node) == ["", "en"]
    await second.hang_up()
    await done(node, second, soon)


async def test_a_language_that_is_remembered_is_told_to_the_dialplan(hall: Any, soon: Any) -> None:
    """A new call has the first language there, which says nothing of its caller."""
    node = hall(queueing())
    node.desk.languages["79161234567"] = "en"
    first = await node.call("", "", "", "ru")
    await node.fact(CallQueued)
    second = await node.call("", "", "", "ru", callerid="79160000002")
    await node.fact(CallQueued, 2)
    assert started_in(node) == ["en", ""]
    assert first.variables["DOZVON_LANGUAGE"] == "en" and "DOZVON_LANGUAGE" not in second.variables
    for peer in (first, second):
        await peer.hang_up()
    await soon(lambda: len(node.calls) == 0)


def started_in(node: Any) -> list[str]:
    return [event.language for event in node.hotline.heard if isinstance(event, CallStarted)]
