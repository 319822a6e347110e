"""Whole calls in memory: the queue, offers, withdrawals, releases, restarts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agi_hall import BYE, done, offer, queueing, ringing, say

from acd.contract import (
    AgentUnreachable,
    CallEnded,
    CallLeft,
    CallQueued,
    MarkGiven,
    OfferAccepted,
    OfferDeclined,
    OfferTimedOut,
    ReleaseCall,
    WithdrawOffer,
)
from ivr.dialog.contract import (
    Action,
    Ask,
    Brief,
    CallStarted,
    ConversationEnded,
    Digits,
    Enqueue,
    Hold,
    Input,
    LeaveQueue,
    Play,
    RequestCallback,
    Waited,
)


# ------------------------------------------------------------------------------------------------- queue
async def test_a_caller_is_connected_and_gives_a_mark(hall: Any, soon: Any) -> None:
    node = hall(queueing(whisper=say("topic")))
    talking = asyncio.Event()

    async def dial(peer: Any, arguments: str) -> tuple[str, str, str]:
        peer.applications.append(arguments)
        await node.agent_answers(peer.variables["DOZVON_OFFER"])
        await talking.wait()
        return "ANSWER", "16", "30"

    peer = await node.call(dial=dial)
    queued = await node.fact(CallQueued)
    assert (queued.topic, queued.language, queued.node, queued.caller_ref) == ("access", "ru", "n1", "ref-67")
    await soon(lambda: peer.music == "default")
    assert peer.variables["DOZVON_TOPIC"] == "access"
    assert int(peer.variables["DOZVON_FIRST_QUEUED_MS"]) > 1_600_000_000_000
    node.distributor.orders.put_nowait(offer(queued.call_id, ring_ms=12_000))
    accepted = await node.fact(OfferAccepted)
    assert accepted == OfferAccepted("o1", queued.call_id, "anna")
    assert "CallEnded" not in node.distributor.names()  # told at the answer, not at the end
    assert peer.applications == ["PJSIP/2001,12,gm(default)U(acd-whisper)"]
    assert peer.variables["DOZVON_WHISPER"] == "/voice/ru/topic"
    talking.set()
    await soon(lambda: "/voice/ru/mark" in peer.said)
    peer.key("5")
    await done(node, peer, soon)
    assert node.distributor.facts[2:] == [
        CallEnded(queued.call_id, "anna"),
        MarkGiven(queued.call_id, "anna", 5),
    ]
    (summary,) = node.desk.interactions
    assert (summary.outcome, summary.agent_id, summary.mark) == ("answered", "anna", 5)
    assert summary.started_ms <= summary.queued_ms <= summary.answered_ms <= summary.ended_ms


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        (("BUSY", "17", ""), OfferDeclined),
        (("CHANUNAVAIL", "21", ""), OfferDeclined),
        (("CHANUNAVAIL", "3", ""), AgentUnreachable),
        (("NOANSWER", "0", ""), OfferTimedOut),
    ],
)
async def test_an_offer_that_fails_takes_the_caller_back(
    hall: Any, soon: Any, result: Any, kind: Any
) -> None:
    node = hall(queueing())
    peer = await node.call(dial=ringing(result, ("ANSWER", "16", "2")))
    queued = await node.fact(CallQueued)
    node.distributor.orders.put_nowait(offer(queued.call_id))
    failed = await node.fact(kind)
    assert failed == kind("o1", queued.call_id, "anna")
    await soon(lambda: peer.music == "default")
    node.distributor.orders.put_nowait(offer(queued.call_id, "o2"))
    assert (await node.fact(OfferAccepted)).offer_id == "o2"
    await node.fact(CallEnded)
    await done(node, peer, soon)
    assert len(node.distributor.facts) == 4


async def test_an_agent_who_leaves_before_the_caller_is_there(hall: Any, soon: Any) -> None:
    node = hall(queueing())
    peer = await node.call(dial=ringing(("ANSWER", "16", "1"), ("ANSWER", "16", "2")))
    peer.meets = False
    first = await node.fact(CallQueued)
    node.distributor.orders.put_nowait(offer(first.call_id))
    again = await node.fact(CallQueued, 2)
    assert (again.call_id, again.topic) == (first.call_id + "~2", "access")
    assert str(again.first_queued_ms) == peer.variables["DOZVON_FIRST_QUEUED_MS"]
    await soon(lambda: peer.music == "default")
    assert peer.variables["DOZVON_DONE"] == ""
    peer.meets = True
    node.distributor.orders.put_nowait(offer(again.call_id, "o2"))
    ended = await node.fact(CallEnded, 2)
    assert (ended.call_id, ended.outcome) == (again.call_id, "answered")
    await done(node, peer, soon)
    assert next(fact.outcome for fact in node.distributor.facts if isinstance(fact, CallEnded)) == "failed"
    assert node.desk.interactions[0].outcome == "answered"


async def test_an_offer_interrupts_what_is_being_said(hall: Any, soon: Any) -> None:
    node = hall(queueing())
    peer = await node.call(dial=ringing(("BUSY", "17", ""), ("ANSWER", "16", "2")))
    peer.sounds["/voice/ru/answer"] = 9.0
    queued = await node.fact(CallQueued)
    peer.key("1")
    await soon(lambda: "/voice/ru/answer" in peer.said)
    node.distributor.orders.put_nowait(offer(queued.call_id))
    await node.fact(OfferDeclined)
    await soon(lambda: peer.said.count("/voice/ru/answer") == 2)  # taken up again after the failed offer
    node.distributor.orders.put_nowait(offer(queued.call_id, "o2"))
    await node.fact(CallEnded)
    await done(node, peer, soon)
    assert ConversationEnded("anna", 2000) in node.hotline.heard or any(
        isinstance(each, ConversationEnded) for each in node.hotline.heard
    )


async def test_announcements_tell_the_place(hall: Any, soon: Any) -> None:
    node = hall(queueing(every_ms=250))
    peer = await node.call()
    await soon(lambda: "/voice/ru/place" in peer.said)
    waited = node.hotline.heard[1]
    assert isinstance(waited, Waited)
    assert 240 <= waited.waited_ms <= 2_500
    assert (waited.place, waited.low_ms, waited.high_ms) == (2, 60_000, 120_000)
    await soon(lambda: peer.music == "default")


async def test_a_talk_while_waiting(hall: Any, soon: Any) -> None:
    """Enqueue that is not last only takes the place; what was laid out is known to the node."""

    def script(event: Input, session: Any) -> tuple[Action, ...]:
        match event:
            case CallStarted():
                wait = Enqueue("main", "access", "ru", notes={"system": "unknown"})
                return (Play(say("hello")), wait, Play(say("talk")), Ask(say("which"), timeout_ms=3_000))
            case Digits("1"):
                return (Brief({"system": "app"}), Hold(5_000))
            case Digits("2"):
                return ()
            case _:
                return BYE

    node = hall(script)
    peer = await node.call(dial=ringing(("ANSWER", "16", "1")))
    queued = await node.fact(CallQueued)
    await soon(lambda: "/voice/ru/which" in peer.said)
    call = node.calls.get(queued.call_id)
    assert call.matter == {"system": "unknown"}
    peer.key("1")
    await soon(lambda: peer.music == "default")
    assert call.matter == {"system": "app"}
    peer.key("2")  # means nothing: the music goes on
    await soon(lambda: Digits("2") in node.hotline.heard)
    node.distributor.orders.put_nowait(offer(queued.call_id))
    await node.fact(CallEnded)
    await done(node, peer, soon)
    assert peer.said == [f"/voice/ru/{name}" for name in ("hello", "talk", "which", "bye")]


class StoppingPhones:
    """The manager's part: remembers what it was asked to silence."""

    def __init__(self, stop: asyncio.Event) -> None:
        self.stop = stop
        self.asked: list[tuple[str, str]] = []

    async def stop_ringing(self, endpoint: str, caller_unique_id: str) -> int:
        self.asked.append((endpoint, caller_unique_id))
        self.stop.set()
        return 1


@pytest.mark.parametrize("instead", ["nothing", "offer", "release"])
async def test_an_offer_withdrawn_while_it_rings(hall: Any, soon: Any, instead: str) -> None:
    node = hall(queueing())
    stopped = asyncio.Event()
    phones = StoppingPhones(stopped)
    object.__setattr__(node.house, "phones", phones)
    answers: list[str] = []

    async def dial(peer: Any, arguments: str) -> tuple[str, str, str]:
        peer.applications.append(arguments)
        if len(peer.applications) > 1:
            return "ANSWER", "16", "3"
        await stopped.wait()
        void = await node.agent_answers("o1")  # he picks up in that very moment
        answers.append(void.variables.get("GOSUB_RESULT", ""))
        return "NOANSWER", "0", ""

    peer = await node.call(dial=dial)
    queued = await node.fact(CallQueued)
    put = node.distributor.orders.put_nowait
    put(offer(queued.call_id))
    await soon(lambda: bool(peer.applications))
    put(
        {
            "nothing": WithdrawOffer("o1", queued.call_id, "n1"),
            "offer": offer(queued.call_id, "o2"),
            "release": ReleaseCall(queued.call_id, "n1", "waited_too_long"),
        }[instead]
    )
    await soon(lambda: bool(answers))
    assert phones.asked == [("PJSIP/2001", "1.1")]
    assert answers == ["CONTINUE"]
    if instead == "nothing":
        await soon(lambda: peer.music == "default")
        assert node.distributor.names() == ["CallQueued"]
        await peer.hang_up()
    await done(node, peer, soon)
    assert (
        node.distributor.names()[1:]
        == {
            "nothing": ["CallLeft"],
            "offer": ["OfferAccepted", "CallEnded"],
            "release": ["CallLeft"],
        }[instead]
    )


async def test_an_offer_withdrawn_before_it_was_begun_rings_nobody(hall: Any, soon: Any) -> None:
    node = hall(queueing())
    peer = await node.call()
    queued = await node.fact(CallQueued)
    node.calls.deliver(offer(queued.call_id))
    node.calls.deliver(WithdrawOffer("o1", queued.call_id, "n1"))
    await asyncio.sleep(0.05)
    assert peer.applications == []
    await peer.hang_up()
    await done(node, peer, soon)


async def test_a_released_caller_hears_why(hall: Any, soon: Any) -> None:
    node = hall(queueing())
    peer = await node.call()
    queued = await node.fact(CallQueued)
    node.distributor.orders.put_nowait(ReleaseCall(queued.call_id, "n1", "nobody_can_serve"))
    await done(node, peer, soon)
    assert peer.said[-1] == "/voice/ru/sorry_nobody_can_serve"
    assert await node.fact(CallLeft) == CallLeft(queued.call_id, "overflowed", "nobody_can_serve")


async def test_a_journal_that_is_away_releases_the_caller(hall: Any, soon: Any) -> None:
    node = hall(queueing(), queue_down_ms=50)
    node.distributor.connected = False
    peer = await node.call()
    await done(node, peer, soon)
    assert peer.said[-1] == "/voice/ru/sorry_queue_down"


async def test_a_restarted_daemon_takes_the_caller_back(hall: Any, soon: Any) -> None:
    node = hall(queueing())
    peer = await node.call("n1-abc", "1700000000000", "status")
    queued = await node.fact(CallQueued)
    started = node.hotline.heard[0]
    assert (started.call_id, started.first_queued_ms, started.resumed_topic) == (
        "n1-abc",
        1700000000000,
        "status",
    )  # type: ignore[attr-defined]
    assert (queued.call_id, queued.first_queued_ms) == ("n1-abc", 1700000000000)
    assert peer.variables["DOZVON_FIRST_QUEUED_MS"] == "1700000000000"
    await peer.hang_up()
    await done(node, peer, soon)


async def test_waiting_again_after_leaving_is_a_new_place(hall: Any, soon: Any) -> None:
    def script(event: Input, session: Any) -> tuple[Action, ...]:
        first = len(session.heard) == 0
        if isinstance(event, Digits):
            return (LeaveQueue("changed", "overflowed"), Enqueue("main", "status", "ru"))
        return (Enqueue("main", "access", "ru"),) if first else BYE

    node = hall(script)
    peer = await node.call()
    first = await node.fact(CallQueued)
    await soon(lambda: peer.music == "default")
    peer.key("1")
    second = await node.fact(CallQueued, 2)
    assert second.call_id == first.call_id + "~2"
    assert peer.variables["DOZVON_CALL_ID"] == second.call_id
    await peer.hang_up()
    await done(node, peer, soon)
    assert [fact.call_id for fact in node.distributor.facts if isinstance(fact, CallLeft)] == [
        first.call_id,
        second.call_id,
    ]


async def test_an_order_for_a_call_that_is_gone(hall: Any) -> None:
    node = hall(queueing())
    node.distributor.orders.put_nowait(offer("n1-gone"))
    assert await node.fact(CallLeft) == CallLeft("n1-gone", "abandoned", "node_lost")


async def test_a_callback_gives_up_the_line(hall: Any, soon: Any) -> None:
    def script(event: Input, _session: Any) -> tuple[Action, ...]:
        if isinstance(event, CallStarted):
            return (Enqueue("main", "access", "ru"),)
        return (RequestCallback("79990000000"), *BYE) if isinstance(event, Digits) else ()

    node = hall(script)
    peer = await node.call()
    await node.fact(CallQueued)
    await soon(lambda: peer.music == "default")
    peer.key("2")
    await done(node, peer, soon)
    (draft,) = node.desk.tickets
    assert draft.kind == "callback" and draft.fields["callback_number"] == "79990000000"
    assert (await node.fact(CallLeft)).outcome == "called_back"
