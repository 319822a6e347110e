"""Callbacks in memory: the wish, the call out, its ends, the tickets."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from agi_hall import BYE, done, queueing, ringing, say

from acd.contract import (
    CallbackFailed,
    CallbackGivenUp,
    CallbackRequested,
    CallEnded,
    CallLeft,
    CallQueued,
    KeptPlace,
    OfferAccepted,
    PlaceCallback,
    ReleaseCall,
    Snapshot,
    TodayView,
    WithdrawOffer,
)
from desk.contract import DeskUnavailable, KeptCallback
from ivr.agi.callback_book import CallbackSettings, base_of, callable_number
from ivr.agi.callbacks import Callbacks
from ivr.dialog.contract import (
    Action,
    Ask,
    CallStarted,
    CancelCallback,
    Digits,
    Enqueue,
    Input,
    KeptBefore,
    QueueReleased,
    RequestCallback,
)
from ivr.dialog.ports import Appointment

NUMBER = "79161234567"


class Tickets:
    """The desk's callbacks by id: status and result."""

    def __init__(self) -> None:
        self.kept: dict[str, KeptCallback] = {}
        self.settled: dict[str, tuple[str, str]] = {}
        self.moved: list[tuple[str, int, int, str]] = []
        self.down = False

    async def find(self, callback_id: str) -> KeptCallback | None:
        if self.down:
            raise DeskUnavailable("locked")
        return self.kept.get(callback_id)

    async def pending(self) -> Sequence[str]:
        return [key for key, (status, _) in self.settled.items() if status == "waiting"]

    async def settle(self, callback_id: str, status: str, result: str) -> bool:
        if self.down:
            raise DeskUnavailable("locked")
        self.settled[callback_id] = (status, result)
        return True

    async def move(self, callback_id: str, moves: int, due_ms: int, why: str) -> bool:
        self.moved.append((callback_id, moves, due_ms, why))
        self.kept[callback_id] = replace(self.kept[callback_id], moves=moves, due_ms=due_ms)
        return True


class Trunk:
    """Calls out, as the manager would; ``answer`` decides what becomes of it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Mapping[str, str]]] = []
        self.outcome = "answered"
        self.ends = asyncio.Event()
        self.ends.set()
        self.hung_up: list[str] = []
        self.on_answer: Any = None

    async def originate(
        self, destination: str, context: str, extension: str, **options: Any
    ) -> SimpleNamespace:
        self.calls.append((destination, {**options["variables"], "ring_s": str(options["ring_s"])}))
        assert (context, extension) == ("callback", "start")
        assert options["caller_number"] == "88005553535"
        await self.ends.wait()
        if self.outcome == "answered" and self.on_answer is not None:
            await self.on_answer()
        return SimpleNamespace(outcome=self.outcome)

    async def channels(self) -> Sequence[SimpleNamespace]:
        names = (f"Local/{NUMBER}@outgoing-0001;1", f"Local/{NUMBER}@outgoing-0001;2", "PJSIP/2001-1")
        return [SimpleNamespace(channel=name) for name in names]

    async def hang_up(self, channel: str, cause: int = 16) -> None:
        self.hung_up.append(channel)
        self.outcome = "failed"
        self.ends.set()


class Office:
    """Callbacks beside a hall."""

    def __init__(self, node: Any) -> None:
        self.tickets, self.trunk = Tickets(), Trunk()
        self.window: tuple[int, int] | None = (0, 10**15)
        self.outcomes: dict[str, tuple[str, str]] = {}
        self.callbacks = Callbacks(
            CallbackSettings("n1", "127.0.0.1:4573", "88005553535"),
            node.distributor,
            node.desk,
            self.tickets,
            self.trunk,
            lambda _number, _at, _now: self.window,
            self.outcomes.get,
            node.house.clock_ms,
            lambda _number, at_ms, _now: Appointment(at_ms, "2026-11-24", "10:00", 1),
        )
        node.calls.callbacks = self.callbacks
        node.distributor.snapshot = lambda: Snapshot(0, (), (), TodayView(0, 0, 0, 0, 0, 0, 0, 0, None))

    def keep(self, callback_id: str = "n1-cb-1", **fields: Any) -> None:
        self.tickets.kept[callback_id] = KeptCallback(callback_id, NUMBER, "access", "ru", 5_000, **fields)


@pytest.fixture
def office(hall: Any) -> Any:
    def make(script: Any = None) -> tuple[Any, Office]:
        node = hall(script or queueing())
        return node, Office(node)

    return make


async def rings(node: Any, office: Office, soon: Any) -> None:
    """The customer of n1-cb-1 is being called."""
    office.keep()
    office.trunk.ends.clear()
    node.distributor.orders.put_nowait(place())
    await soon(lambda: len(office.trunk.calls) == 1)


def place(offer_id: str = "o1", attempt: int = 1) -> PlaceCallback:
    return PlaceCallback(
        offer_id, "n1-cb-1", "n1", "anna", "PJSIP/2001", 9_000, attempt, customer_ring_ms=20_000
    )


def wants_a_call(number: str) -> Any:
    def script(event: Input, _session: Any) -> tuple[Action, ...]:
        if isinstance(event, CallStarted):
            return (Enqueue("main", "access", "ru", first_queued_ms=7_000),)
        return (RequestCallback(number), *BYE) if isinstance(event, Digits) else ()

    return script


@pytest.mark.parametrize(
    ("number", "called"),
    [
        ("79161234567", "79161234567"),
        ("89161234567", "79161234567"),
        ("+74951234567", "74951234567"),
        ("9161234567", "79161234567"),
        ("78121234567", "78121234567"),
        ("88005553535", ""),  # free service
        ("88091234567", ""),  # premium service
        ("81037412345", ""),  # 8-10: the way abroad
        ("77011234567", ""),  # Kazakhstan
        ("76001234567", ""),
        ("380441234567", ""),
        ("+84991234567", ""),  # Vietnam, not 8 499 123-45-67
        ("+9607771234", ""),  # Maldives
        ("7916123456", ""),
        ("7916123456*", ""),
        ("\u0667\u0669161234567", ""),
        ("", ""),
    ],
)
def test_only_telephones_in_russia_are_called(number: str, called: str) -> None:
    assert callable_number(number) == called


async def planned(node: Any, office: Office, soon: Any) -> Any:
    peer = await node.call()
    await node.fact(CallQueued)
    await soon(lambda: peer.music == "default")
    peer.key("3")
    await done(node, peer, soon)
    return peer


def with_callbacks(node: Any, office: Office) -> None:
    node.runner._house = replace(node.house, callbacks=office.callbacks)


async def test_the_wish_keeps_the_place_and_hides_the_number(office: Any, soon: Any) -> None:
    node, desk = office(wants_a_call("89161234567"))
    with_callbacks(node, desk)
    desk.window = (0, 9_999)
    await planned(node, desk, soon)
    wish = await node.fact(CallbackRequested)
    queued = await node.fact(CallQueued)
    assert wish.call_id == queued.call_id
    assert wish.callback_id.startswith("n1-cb-")
    assert (wish.first_queued_ms, wish.not_before_ms, wish.not_after_ms) == (7_000, 0, 9_999)
    assert (wish.queue, wish.topic, wish.caller_ref) == ("main", "access", "ref-67")
    assert "9161234567" not in repr(node.distributor.facts)
    (draft,) = node.desk.tickets
    assert (draft.source_id, draft.kind) == (wish.callback_id, "callback")
    assert desk.tickets.settled[wish.callback_id] == ("waiting", "planned")
    # With a desk that is away at that moment the number is still known here.
    desk.tickets.down = True
    desk.trunk.outcome = "busy"
    desk.window = (0, 10**15)
    order = PlaceCallback("o1", wish.callback_id, "n1", "anna", "PJSIP/2001", 9_000)
    node.distributor.orders.put_nowait(order)
    await node.fact(CallbackFailed)
    assert desk.trunk.calls[0][0] == f"Local/{NUMBER}@outgoing/n"


@pytest.mark.parametrize(("number", "window"), [("380441234567", (0, 9)), (NUMBER, None)])
async def test_without_number_or_time_a_person_calls(
    office: Any, soon: Any, number: str, window: Any
) -> None:
    node, desk = office(wants_a_call(number))
    with_callbacks(node, desk)
    desk.window = window
    await planned(node, desk, soon)
    assert "CallbackRequested" not in node.distributor.names()
    assert (await node.fact(CallLeft)).outcome == "called_back"
    (draft,) = node.desk.tickets
    assert draft.kind == "callback" and not desk.tickets.settled


async def test_the_customer_is_called_and_led_to_the_agent(office: Any, soon: Any) -> None:
    node, desk = office()
    with_callbacks(node, desk)
    desk.keep(matter={"device": "phone"})
    desk.tickets.kept["n1-cb-1"] = replace(desk.tickets.kept["n1-cb-1"], language="en")
    peers = []

    async def answers() -> None:
        _, variables = desk.trunk.calls[0]
        names = ("DOZVON_CALL_ID", "DOZVON_FIRST_QUEUED_MS", "DOZVON_TOPIC", "DOZVON_LANGUAGE")
        dial = ringing(("ANSWER", "16", "20"))
        peers.append(await node.call(*(variables[name] for name in names), dial=dial, callerid=NUMBER))

    desk.trunk.on_answer = answers
    node.distributor.orders.put_nowait(place())
    queued = await node.fact(CallQueued)
    assert (queued.call_id, queued.first_queued_ms) == ("n1-cb-1", 5_000)
    assert (await node.fact(OfferAccepted)) == OfferAccepted("o1", "n1-cb-1", "anna")
    await node.fact(CallEnded)
    (peer,) = peers
    assert peer.applications == ["PJSIP/2001,9,gm(default)U(acd-whisper)"]
    assert desk.trunk.calls[0][1]["ring_s"] == "20.0"
    assert desk.trunk.calls[0][1]["DOZVON_NODE_1"] == "127.0.0.1:4573"
    started = node.hotline.heard[0]
    assert isinstance(started, CallStarted) and started.called_back
    assert started.language == "en", "in which he had asked for it, also at a number that is not remembered"
    assert started.matter == {"device": "phone"}, "the agent has it laid out"
    await done(node, peer, soon)
    assert desk.tickets.settled["n1-cb-1"] == ("closed", "answered")
    assert "CallbackFailed" not in node.distributor.names()


async def test_another_agent_for_a_customer_on_the_line(office: Any, soon: Any) -> None:
    node, desk = office()
    with_callbacks(node, desk)
    desk.keep()

    async def answers() -> None:
        dial = ringing(("NOANSWER", "0", ""), ("ANSWER", "16", "20"))
        await node.call("n1-cb-1", "5000", "access", dial=dial)

    desk.trunk.on_answer = answers
    node.distributor.orders.put_nowait(place())
    await soon(lambda: "OfferTimedOut" in node.distributor.names())
    node.distributor.orders.put_nowait(place("o2", attempt=1))
    assert (await node.fact(OfferAccepted)).offer_id == "o2"
    assert len(desk.trunk.calls) == 1


async def test_a_customer_who_hangs_up_at_the_first_words_frees_the_agent(office: Any, soon: Any) -> None:
    node, desk = office(lambda event, _: (Ask(say("hello")),) if isinstance(event, CallStarted) else ())
    with_callbacks(node, desk)
    desk.keep()
    peers = []

    async def answers() -> None:
        peers.append(await node.call("n1-cb-1", "5000", "access"))

    desk.trunk.on_answer = answers
    node.distributor.orders.put_nowait(place())
    await soon(lambda: bool(peers) and "/voice/ru/hello" in peers[0].said)
    await peers[0].hang_up()
    assert await node.fact(CallLeft) == CallLeft("n1-cb-1", "abandoned", "hung_up")
    await soon(lambda: desk.tickets.settled.get("n1-cb-1") == ("new", "left"))
    assert "CallbackFailed" not in node.distributor.names()


async def test_a_customer_on_the_line_is_released_when_it_is_given_up(office: Any, soon: Any) -> None:
    node, desk = office()
    with_callbacks(node, desk)
    peer = await node.call("n1-cb-1", "5000", "access")
    await node.fact(CallQueued)
    await soon(lambda: peer.music == "default")
    node.distributor.orders.put_nowait(CallbackGivenUp("n1-cb-1", "n1", "too_late"))
    left = await node.fact(CallLeft)
    assert (left.outcome, left.reason) == ("overflowed", "waited_too_long")
    await done(node, peer, soon)
    assert desk.tickets.settled["n1-cb-1"][0] == "new"


async def test_an_answer_without_a_session_is_no_answer(office: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivr.agi.callbacks.ARRIVAL_TIMEOUT_S", 0.02)
    node, desk = office()
    desk.keep()
    node.distributor.orders.put_nowait(place())
    assert (await node.fact(CallbackFailed)).reason == "hung_up"


@pytest.mark.parametrize("outcome", ["busy", "no_answer", "failed"])
async def test_who_is_not_reached_is_reported_once(office: Any, outcome: str) -> None:
    node, desk = office()
    desk.keep()
    desk.trunk.outcome = outcome
    node.distributor.orders.put_nowait(place())
    assert await node.fact(CallbackFailed) == CallbackFailed("o1", "n1-cb-1", "anna", outcome)
    node.distributor.orders.put_nowait(place("o2", attempt=2))
    assert (await node.fact(CallbackFailed, 2)).offer_id == "o2"


async def test_nobody_is_called_without_a_number_or_outside_the_hours(office: Any) -> None:
    node, desk = office()
    node.distributor.orders.put_nowait(place())
    assert (await node.fact(CallbackFailed)).reason == "no_number"
    assert desk.trunk.calls == []


async def test_what_is_closed_by_now_is_moved_to_the_next_time_that_is_allowed(office: Any) -> None:
    node, desk = office()
    desk.keep(queue="main", caller_ref="ref-67")
    desk.window = (10**15, 10**15 + 1)
    node.distributor.orders.put_nowait(place())
    assert await node.fact(CallLeft) == CallLeft("n1-cb-1", "failed", "moved")
    wish = await node.fact(CallbackRequested)
    assert (wish.callback_id, wish.due_ms, wish.not_after_ms) == ("n1-cb-1.1", 10**15, 10**15 + 1)
    assert (wish.queue, wish.caller_ref, wish.topic) == ("main", "ref-67", "access")
    assert desk.tickets.moved == [("n1-cb-1", 1, 10**15, "closed")]
    assert desk.trunk.calls == [] and "CallbackFailed" not in node.distributor.names()


async def test_a_time_that_was_missed_is_moved_some_times_then_a_person_calls(office: Any, soon: Any) -> None:
    node, desk = office()
    desk.keep()
    for moves in range(1, 6):
        node.distributor.orders.put_nowait(CallbackGivenUp(f"n1-cb-1.{moves - 1}", "n1", "too_late"))
        wish = await node.fact(CallbackRequested, moves)
        assert (wish.callback_id, wish.first_queued_ms, wish.due_ms) == (f"n1-cb-1.{moves}", 5_000, 0)
        desk.tickets.kept["n1-cb-1"] = replace(desk.tickets.kept["n1-cb-1"], due_ms=0)
    node.distributor.orders.put_nowait(CallbackGivenUp("n1-cb-1.5", "n1", "too_late"))
    await soon(lambda: desk.tickets.settled == {"n1-cb-1": ("new", "too_late")})
    assert base_of("n1-cb-1.5~2") == "n1-cb-1"


def asks_outside_the_queue(event: Input, _session: Any) -> tuple[Action, ...]:
    wish = RequestCallback(NUMBER, 9_000_000, topic="access", language="en", notes={"device": "phone"})
    return (wish, *BYE) if isinstance(event, CallStarted) else ()


async def test_asked_for_outside_the_queue_at_a_chosen_time(office: Any, soon: Any) -> None:
    node, desk = office(asks_outside_the_queue)
    with_callbacks(node, desk)
    later_ms = 10**15
    desk.window = (later_ms, later_ms + 1)
    peer = await node.call()
    wish = await node.fact(CallbackRequested)
    assert (wish.call_id, wish.due_ms, wish.not_before_ms) == ("", later_ms, later_ms)
    assert (wish.queue, wish.topic, wish.language) == ("main", "access", "en")
    await done(node, peer, soon)
    (draft,) = node.desk.tickets
    assert draft.fields["callback_at_ms"] == later_ms and draft.fields["device"] == "phone"
    assert "CallLeft" not in node.distributor.names()
    assert node.desk.interactions[0].outcome == "called_back"


async def test_who_calls_again_is_known_and_may_cancel(office: Any, soon: Any) -> None:
    def script(event: Input, _session: Any) -> tuple[Action, ...]:
        return (CancelCallback(), *BYE) if isinstance(event, CallStarted) else ()

    node, desk = office(script)
    with_callbacks(node, desk)
    desk.keep(matter={"device": "phone", "list": [1]}, moves=2)
    node.distributor.places["ref-67"] = KeptPlace(5_000, "n1-cb-1.2", "access", 0, 9_000)
    peer = await node.call(callerid=NUMBER)
    assert await node.fact(CallLeft) == CallLeft("n1-cb-1.2", "abandoned", "cancelled")
    await done(node, peer, soon)
    started = node.hotline.heard[0]
    time = Appointment(9_000, "2026-11-24", "10:00", 1)
    assert started.kept == KeptBefore("callback", "access", 0, time, {"device": "phone"})
    assert desk.tickets.settled == {"n1-cb-1": ("closed", "cancelled")}
    assert not await desk.callbacks.cancel("n1-cb-2"), "there is none"


async def test_who_cancels_while_the_desk_is_away_is_not_called(office: Any, soon: Any) -> None:
    """His number is not known here: the daemon was restarted since. His ticket is closed later."""

    def script(event: Input, _session: Any) -> tuple[Action, ...]:
        return (CancelCallback(), *BYE) if isinstance(event, CallStarted) else ()

    node, desk = office(script)
    with_callbacks(node, desk)
    desk.keep(moves=2)
    desk.tickets.settled["n1-cb-1"] = ("waiting", "planned")
    desk.tickets.down = True
    node.distributor.places["ref-67"] = KeptPlace(5_000, "n1-cb-1.2", "access", 1)
    peer = await node.call(callerid=NUMBER)
    assert await node.fact(CallLeft) == CallLeft("n1-cb-1.2", "abandoned", "cancelled")
    await done(node, peer, soon)
    desk.tickets.down = False
    desk.outcomes["n1-cb-1.2"] = ("abandoned", "cancelled")
    await desk.callbacks.review_once()
    await desk.callbacks.review_once()
    assert desk.tickets.settled == {"n1-cb-1": ("closed", "cancelled")}
    assert node.distributor.names() == ["CallLeft"], "it is not asked for again"


async def test_without_the_desk_a_telephone_that_rings_is_stopped_all_the_same(
    office: Any, soon: Any
) -> None:
    node, desk = office()
    await rings(node, desk, soon)
    desk.tickets.down = True
    assert not await desk.callbacks.cancel("n1-cb-1"), "the ticket does not say so yet"
    assert desk.trunk.hung_up == [f"Local/{NUMBER}@outgoing-0001;1"]


async def test_who_takes_his_place_himself_has_no_callback_any_more(office: Any, soon: Any) -> None:
    node, desk = office()
    with_callbacks(node, desk)
    desk.keep()
    node.distributor.places["ref-67"] = KeptPlace(5_000, "n1-cb-1", "access", 1, queue="main")
    peer = await node.call(callerid=NUMBER)
    await node.fact(CallQueued)
    await soon(lambda: desk.tickets.settled == {"n1-cb-1": ("closed", "called_again")})
    await peer.hang_up()


async def test_who_takes_his_place_and_gives_up_waiting_is_called_after_all(office: Any, soon: Any) -> None:
    node, desk = office()
    with_callbacks(node, desk)
    desk.keep(queue="main", min_level=2, matter={"device": "phone"})
    node.distributor.places["ref-67"] = KeptPlace(5_000, "n1-cb-1", "access", 1, queue="main")
    peer = await node.call(callerid=NUMBER)
    await node.fact(CallQueued)
    node.distributor.places.clear()
    await peer.hang_up()
    wish = await node.fact(CallbackRequested)
    assert (await node.fact(CallLeft)).outcome == "abandoned"
    assert (wish.first_queued_ms, wish.queue, wish.topic) == (5_000, "main", "access")
    (draft,) = node.desk.tickets
    assert draft.kind == "callback"
    assert (draft.fields["callback_number"], draft.fields["device"]) == (NUMBER, "phone")
    await soon(lambda: desk.tickets.settled.get(wish.callback_id) == ("waiting", "planned"))
    assert desk.tickets.settled["n1-cb-1"] == ("closed", "called_again")


@pytest.mark.parametrize(("helped", "wanted"), [(False, 1), (True, 0)])
async def test_who_takes_his_place_and_is_let_go_is_called_unless_he_is_content(
    office: Any, soon: Any, helped: bool, wanted: int
) -> None:
    def script(event: Input, _session: Any) -> tuple[Action, ...]:
        if isinstance(event, CallStarted):
            return (Enqueue("main", "access", "ru", first_queued_ms=7_000),)
        return BYE if isinstance(event, QueueReleased) and helped else (Ask((), max_digits=1),)

    node, desk = office(script)
    with_callbacks(node, desk)
    desk.keep(queue="main")
    node.distributor.places["ref-67"] = KeptPlace(5_000, "n1-cb-1", "access", 1, queue="main")
    peer = await node.call(callerid=NUMBER)
    queued = await node.fact(CallQueued)
    node.distributor.places.clear()
    node.distributor.orders.put_nowait(ReleaseCall(queued.call_id, "n1", "nobody_can_serve"))
    assert (await node.fact(CallLeft)).outcome == "overflowed"
    if helped:
        await done(node, peer, soon)
    else:
        await peer.hang_up()
        await node.fact(CallbackRequested)
    assert node.distributor.names().count("CallbackRequested") == wanted


async def test_who_comes_to_another_queue_keeps_his_callback(office: Any, soon: Any) -> None:
    node, desk = office()
    with_callbacks(node, desk)
    desk.keep()
    node.distributor.places["ref-67"] = KeptPlace(5_000, "n1-cb-1", "access", 1, queue="other")
    peer = await node.call(callerid=NUMBER)
    await node.fact(CallQueued)
    await peer.hang_up()
    await node.fact(CallLeft)
    assert desk.tickets.settled == {}


def asks_once_more(at_ms: int = 0) -> Any:
    def script(event: Input, _session: Any) -> tuple[Action, ...]:
        wish = RequestCallback(NUMBER, at_ms=at_ms, queue="main", topic="access", notes={"device": "phone"})
        return (wish, *BYE) if isinstance(event, CallStarted) else ()

    return script


LATER = 9 * 10**14


@pytest.mark.parametrize(
    ("old_ms", "begin_ms", "at_ms", "due_ms", "first_queued_ms"),
    [
        (5_000, 0, 0, 0, 5_000),
        (5_000, LATER, 0, 0, 5_000),
        (LATER, LATER, 0, LATER, None),
        (5_000, LATER, LATER, LATER, None),
    ],
    ids=["he waits", "closed meanwhile", "both after hours: nothing is gained", "at a time that he chooses"],
)
async def test_who_asks_for_a_callback_while_he_has_one_has_one(
    office: Any,
    soon: Any,
    old_ms: int,
    begin_ms: int,
    at_ms: int,
    due_ms: int,
    first_queued_ms: int | None,
) -> None:
    node, desk = office(asks_once_more(at_ms))
    with_callbacks(node, desk)
    desk.window = (begin_ms, 10**15)
    desk.keep(queue="main", caller_ref="ref-67", matter={"device": "computer", "browser": "Firefox"}, moves=1)
    node.distributor.places["ref-67"] = KeptPlace(old_ms, "n1-cb-1.1", "access", 1, queue="main")
    await done(node, await node.call(callerid=NUMBER), soon)
    wish = await node.fact(CallbackRequested)
    assert (wish.not_before_ms, wish.due_ms) == (begin_ms, due_ms)
    if first_queued_ms is not None:
        assert wish.first_queued_ms == first_queued_ms
    assert desk.tickets.settled == {
        wish.callback_id: ("waiting", "planned"),
        "n1-cb-1": ("closed", "asked_again"),
    }
    (draft,) = node.desk.tickets
    assert draft.fields["first_queued_ms"] == wish.first_queued_ms
    assert (draft.fields["device"], draft.fields["browser"]) == ("phone", "Firefox"), "nothing told is lost"


async def test_a_lost_callback_of_who_has_asked_again_is_not_asked_for(office: Any) -> None:
    node, desk = office()
    desk.keep(queue="main", caller_ref="ref-67")
    desk.tickets.settled = {"n1-cb-1": ("waiting", "planned")}
    node.distributor.places["ref-67"] = KeptPlace(5_000, "n1-cb-2", "access", 1, queue="main")
    await desk.callbacks.review_once()
    await desk.callbacks.review_once()
    assert desk.tickets.settled == {"n1-cb-1": ("closed", "asked_again")}
    assert node.distributor.facts == []


async def test_whose_call_dropped_is_told_so(office: Any, soon: Any) -> None:
    node, desk = office(lambda event, _: BYE if isinstance(event, CallStarted) else ())
    with_callbacks(node, desk)
    node.distributor.places["ref-67"] = KeptPlace(5_000)
    await done(node, await node.call(callerid=NUMBER), soon)
    assert node.hotline.heard[0].kept == KeptBefore("dropped")


async def test_a_cancelled_callback_stops_ringing(office: Any, soon: Any) -> None:
    node, desk = office()
    await rings(node, desk, soon)
    assert await desk.callbacks.cancel("n1-cb-1")
    assert desk.trunk.hung_up == [f"Local/{NUMBER}@outgoing-0001;1"]
    assert await node.fact(CallLeft) == CallLeft("n1-cb-1", "abandoned", "cancelled")
    assert "CallbackFailed" not in node.distributor.names()


async def test_what_the_journal_lost_is_asked_for_again_from_the_ticket(office: Any) -> None:
    node, desk = office()
    now_ms = node.house.clock_ms()
    due_ms = now_ms + 3_600_000
    desk.window = (due_ms, due_ms + 3_600_000)
    desk.keep(due_ms=due_ms, moves=1)
    desk.tickets.settled = {"n1-cb-1": ("waiting", "planned")}
    await desk.callbacks.review_once()
    assert node.distributor.facts == []
    for times in range(1, 4):
        await desk.callbacks.review_once()
        wish = await node.fact(CallbackRequested, times)
        assert (wish.callback_id, wish.due_ms) == ("n1-cb-1.1", due_ms)
    await desk.callbacks.review_once()
    assert desk.tickets.settled == {"n1-cb-1": ("new", "lost")}, "not for ever"


async def test_a_missed_time_whose_order_was_lost_is_found_by_the_review(office: Any) -> None:
    node, desk = office()
    desk.keep()
    desk.tickets.settled = {"n1-cb-1": ("waiting", "planned")}
    desk.outcomes["n1-cb-1"] = ("failed", "callback_too_late")
    await desk.callbacks.review_once()
    await desk.callbacks.review_once()
    assert (await node.fact(CallbackRequested)).callback_id == "n1-cb-1.1"
    assert desk.tickets.moved[0][3] == "missed"
    assert desk.tickets.settled == {"n1-cb-1": ("waiting", "planned")}


async def test_a_ticket_that_a_person_took_up_cancels_the_callback(office: Any) -> None:
    node, desk = office()
    desk.keep(wanted=False)
    node.distributor.orders.put_nowait(place())
    assert await node.fact(CallLeft) == CallLeft("n1-cb-1", "called_back", "taken_up")
    assert desk.trunk.calls == [] and "CallbackFailed" not in node.distributor.names()


async def test_a_withdrawn_reservation_stops_the_ringing_and_the_next_one_rings_again(
    office: Any, soon: Any
) -> None:
    node, desk = office()
    await rings(node, desk, soon)
    node.distributor.orders.put_nowait(WithdrawOffer("o1", "n1-cb-1", "n1"))
    node.distributor.orders.put_nowait(place("o2"))
    await soon(lambda: len(desk.trunk.calls) == 2)
    assert desk.trunk.hung_up == [f"Local/{NUMBER}@outgoing-0001;1"]
    failed = await node.fact(CallbackFailed)
    assert failed.offer_id == "o2", "the withdrawn offer has no report"


async def test_given_up_it_is_a_persons_ticket(office: Any, soon: Any) -> None:
    node, desk = office()
    node.distributor.orders.put_nowait(CallbackGivenUp("n1-cb-1", "n1", "unanswered"))
    await soon(lambda: desk.tickets.settled == {"n1-cb-1": ("new", "unanswered")})


async def test_tickets_of_callbacks_that_ended_elsewhere_are_settled(office: Any) -> None:
    _, desk = office()
    desk.tickets.settled = {
        "n1-cb-1": ("waiting", "planned"),
        "n1-cb-2": ("waiting", "planned"),
    }
    desk.outcomes["n1-cb-1"] = ("transferred", "called_again")
    await desk.callbacks.review_once()
    assert desk.tickets.settled["n1-cb-1"] == ("waiting", "planned"), "not at the first look"
    await desk.callbacks.review_once()
    assert desk.tickets.settled == {"n1-cb-1": ("closed", "called_again"), "n1-cb-2": ("new", "lost")}
