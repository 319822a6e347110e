"""Whole calls in memory: server, session and runner here, Asterisk's end of the protocol there."""

from __future__ import annotations

import asyncio
import json
import math
import wave
from array import array
from pathlib import Path
from typing import Any

import pytest

from acd.contract import (
    AgentUnreachable,
    CallEnded,
    CallLeft,
    CallQueued,
    MarkGiven,
    OfferAccepted,
    OfferCall,
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
    Disconnect,
    Enqueue,
    Hold,
    HungUp,
    Input,
    LeaveQueue,
    LookUp,
    LookUpDone,
    NoInput,
    Note,
    OpenTicket,
    Play,
    Prompt,
    PromptFinished,
    QueueReleased,
    Record,
    Recorded,
    RememberLanguage,
    RequestCallback,
    SaveMark,
    SpeechFailed,
    TicketFailed,
    TicketOpened,
    Transfer,
    TransferEnded,
    Waited,
)

BYE = (Play((Prompt("bye"),)), Disconnect())


def say(*ids: str) -> tuple[Prompt, ...]:
    return tuple(Prompt(each) for each in ids)


def queueing(*, every_ms: int = 5_000, whisper: tuple[Prompt, ...] = ()) -> Any:
    """Straight into the queue; a survey after the conversation; key 1 while waiting hears an answer."""

    def script(event: Input, _session: Any) -> tuple[Action, ...]:
        match event:
            case CallStarted():
                wait = Enqueue(
                    "main",
                    "access",
                    "ru",
                    announce_every_ms=every_ms,
                    whisper=whisper,
                    first_queued_ms=event.first_queued_ms,
                )
                return (Play(say("hello")), wait)
            case Waited():
                return (Play(say("place")), Hold(5_000))
            case Digits("1"):
                return (Play(say("answer")), Hold(5_000))
            case ConversationEnded():
                return (Ask(say("mark"), timeout_ms=40),)
            case Digits(mark):
                return (SaveMark(int(mark)), *BYE)
            case QueueReleased():
                return (Play(say("sorry_" + event.reason)), Disconnect())
            case _:
                return BYE

    return script


def offer(call_id: str, offer_id: str = "o1", ring_ms: int = 15_000) -> OfferCall:
    return OfferCall(offer_id, call_id, "n1", "anna", "PJSIP/2001", ring_ms)


def ringing(*results: tuple[str, str, str], hold_s: float = 0.0) -> Any:
    """EXEC Dial with these results, one after another, each after ``hold_s``."""
    rest = list(results)

    async def dial(peer: Any, arguments: str) -> tuple[str, str, str]:
        peer.applications.append(arguments)
        result = rest.pop(0)
        await asyncio.sleep(hold_s)
        return result

    return dial


async def done(hall: Any, peer: Any, soon: Any) -> None:
    await soon(lambda: peer.closed.is_set() and len(hall.calls) == 0)


# ------------------------------------------------------------------------------------------------- menus
async def test_a_menu_answered_by_key(hall: Any, soon: Any) -> None:
    def script(event: Input, _session: Any) -> tuple[Action, ...]:
        return (Play(say("hello")), Ask(say("menu"))) if isinstance(event, CallStarted) else BYE

    node = hall(script)
    node.desk.languages["79161234567"] = "en"
    peer = await node.call()
    peer.sounds["/voice/ru/menu"] = 5.0
    await soon(lambda: "/voice/ru/menu" in peer.said)
    peer.key("2")
    await done(node, peer, soon)
    started = node.hotline.heard[0]
    assert isinstance(started, CallStarted)
    assert (started.caller_number, started.dialled, started.language) == ("79161234567", "88005553535", "en")
    assert node.hotline.heard[1:] == [Digits("2")]
    assert peer.said == ["/voice/ru/hello", "/voice/ru/menu", "/voice/ru/bye"]
    assert peer.variables["DOZVON_DONE"] == "1"
    assert peer.variables["DOZVON_CALL_ID"] == started.call_id
    (summary,) = node.desk.interactions
    assert (summary.outcome, summary.queued_ms, summary.flow_version) == ("self_served", 0, "v1")
    assert node.distributor.facts == []


async def test_silence(hall: Any, soon: Any) -> None:
    def script(event: Input, _session: Any) -> tuple[Action, ...]:
        return (Ask(say("menu"), timeout_ms=20),) if isinstance(event, CallStarted) else BYE

    node = hall(script)
    peer = await node.call(callerid="unknown", calleridname='"><script>${SHELL(id)}')
    await done(node, peer, soon)
    assert node.hotline.heard[1:] == [NoInput()]
    assert node.hotline.heard[0].caller_number == ""  # type: ignore[attr-defined]


async def test_speech_that_is_off_is_said_once_and_keys_go_on(hall: Any, soon: Any) -> None:
    def script(event: Input, _session: Any) -> tuple[Action, ...]:
        ask = Ask(say("menu"), speech=True, timeout_ms=3_000)
        return (ask,) if isinstance(event, CallStarted | SpeechFailed) else BYE

    node = hall(script)
    peer = await node.call()
    peer.key("3")
    await done(node, peer, soon)
    assert node.hotline.heard[1:] == [SpeechFailed("off"), Digits("3")]


async def test_a_missing_prompt_is_left_out(hall: Any, soon: Any) -> None:
    node = hall(lambda event, session: (Play(say("a", "gone", "b")), Disconnect()))
    node.voice.missing.add("gone")
    peer = await node.call()
    await done(node, peer, soon)
    assert peer.said == ["/voice/ru/a", "/voice/ru/b"]


@pytest.mark.parametrize("step", ["play", "ask", "record", "queue", "answer_in_queue", "ring", "survey"])
async def test_a_hangup_at_every_step(hall: Any, soon: Any, step: str) -> None:
    """Exactly one end is reported, the dialogue hears it once, the dialplan is told that nothing is left."""

    def script(event: Input, session: Any) -> tuple[Action, ...]:
        if isinstance(event, HungUp):
            return (Note("left_at", step), LeaveQueue("hung_up", "abandoned"))
        match step:
            case "play":
                return (Play(say("long")),)
            case "ask":
                return (Ask(say("long")),)
            case "record":
                return (Record(say("long")),)
            case _:
                return queueing()(event, session)  # type: ignore[no-any-return]

    node = hall(script)
    peer = await node.call(dial=ringing(("ANSWER", "16", "1"), hold_s=9 if step == "ring" else 0.05))
    for long in ("long", "answer", "mark"):
        peer.sounds[f"/voice/ru/{long}"] = 9.0
    expected = []
    if step in ("queue", "answer_in_queue", "ring", "survey"):
        queued = await node.fact(CallQueued)
        expected = ["CallQueued", "CallLeft"]
        if step == "answer_in_queue":
            peer.key("1")
            await soon(lambda: "/voice/ru/answer" in peer.said)
        elif step == "ring":
            node.distributor.orders.put_nowait(offer(queued.call_id))
            await soon(lambda: bool(peer.applications))
        elif step == "survey":
            node.distributor.orders.put_nowait(offer(queued.call_id))
            await soon(lambda: "/voice/ru/mark" in peer.said)
            expected = ["CallQueued", "OfferAccepted", "CallEnded"]
    else:
        await soon(lambda: "/voice/ru/long" in peer.said)
    await peer.hang_up()
    await done(node, peer, soon)
    assert node.distributor.names() == expected
    assert node.hotline.heard.count(HungUp()) == 1
    assert peer.variables["DOZVON_DONE"] == "1"
    if "CallLeft" in expected:
        left = await node.fact(CallLeft)
        assert left.outcome == "abandoned"
    (summary,) = node.desk.interactions
    assert summary.outcome == {"survey": "answered"}.get(step, "abandoned" if expected else "left")


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


# ----------------------------------------------------------------------------------- requests and faults
def tone(path: Path, seconds: float, loudness: int = 8000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        samples = array("h", (int(loudness * math.sin(n / 3)) for n in range(int(seconds * 8000))))
        file.writeframes(samples.tobytes())


def asking_for_a_request(event: Input, _session: Any) -> tuple[Action, ...]:
    match event:
        case CallStarted():
            return (Record(say("speak"), max_ms=3_000),)
        case Recorded(path=path) if path:
            return (OpenTicket("access", "ru", recording=path),)
        case TicketOpened(number=number):
            return (Play((Prompt("ticket", {"number": number}),)), Disconnect())
        case _:
            return BYE


@pytest.mark.parametrize("desk_down", [False, True])
async def test_a_recorded_request(hall: Any, soon: Any, desk_down: bool) -> None:
    node = hall(asking_for_a_request)
    node.desk.down = desk_down
    peer = await node.call()

    def recorded(path: Path) -> str:
        tone(path, 1.0)
        return "result=35 (dtmf) endpos=8000"

    peer.recorded = recorded
    await done(node, peer, soon)
    record = node.hotline.heard[1]
    assert isinstance(record, Recorded)
    assert (record.reason, record.duration_ms) == ("finished", 1000)
    source_id = node.hotline.heard[0].call_id + ".1"  # type: ignore[attr-defined]
    if not desk_down:
        (draft,) = node.desk.tickets
        assert (draft.source_id, draft.recording_path) == (source_id, record.path)
        assert node.hotline.heard[2] == TicketOpened("1001")
        return
    assert node.hotline.heard[2] == TicketFailed("spooled")
    spooled = json.loads((node.settings.spool / f"{source_id}.json").read_text("utf-8"))
    assert spooled["source_id"] == source_id and spooled["recording"] == f"{source_id}.wav"
    assert (node.settings.spool / spooled["recording"]).stat().st_size > 8000
    assert {each.name for each in node.settings.spool.iterdir()} == {f"{source_id}.json", f"{source_id}.wav"}


@pytest.mark.parametrize(
    ("seconds", "loudness", "note", "reason", "usable"),
    [
        (2.0, 0, "result=0 (timeout) endpos=16000", "empty", False),
        (0.1, 8000, "result=35 (dtmf) endpos=800", "empty", False),
        (3.0, 8000, "result=0 (timeout) endpos=24000", "too_long", True),
        (1.0, 8000, "result=0 (timeout) endpos=8000", "finished", True),
        (1.0, 8000, "result=-1 (hangup) endpos=8000", "hung_up", True),
        (1.0, 8000, "result=-1 (writefile)", "disk_full", True),
        (0.0, 0, "result=-1 (randomerror) endpos=0", "failed", False),
        (None, 0, "result=0 (timeout) endpos=0", "failed", False),
    ],
)
async def test_recordings_are_judged(
    hall: Any, soon: Any, seconds: float | None, loudness: int, note: str, reason: str, usable: bool
) -> None:
    node = hall(asking_for_a_request)
    peer = await node.call()

    def recorded(path: Path) -> str:
        if seconds is not None:
            tone(path, seconds, loudness)
        return note

    peer.recorded = recorded
    await done(node, peer, soon)
    record = node.hotline.heard[1]
    assert isinstance(record, Recorded)
    assert (record.reason, bool(record.path)) == (reason, usable)
    assert usable == bool(list(node.settings.recordings.iterdir()))


async def test_a_full_disk_is_seen_before_the_beep(hall: Any, soon: Any) -> None:
    node = hall(asking_for_a_request, min_free_bytes=1 << 62)
    peer = await node.call()
    await done(node, peer, soon)
    assert node.hotline.heard[1] == Recorded("", 0, "disk_full")
    assert not any("RECORD" in command for command in peer.commands)


async def test_neither_desk_nor_spool(hall: Any, soon: Any, tmp_path: Path) -> None:
    node = hall(lambda event, _s: (OpenTicket("access", "ru"),) if isinstance(event, CallStarted) else BYE)
    node.desk.down = True
    (tmp_path / "spool").write_text("a file where the folder should be")
    peer = await node.call()
    await done(node, peer, soon)
    assert node.hotline.heard[1] == TicketFailed("lost")


async def test_a_request_opened_after_the_hangup(hall: Any, soon: Any) -> None:
    def script(event: Input, _session: Any) -> tuple[Action, ...]:
        return (OpenTicket("access", "ru", text="x"),) if isinstance(event, HungUp) else (Ask(say("menu")),)

    node = hall(script)
    peer = await node.call()
    await soon(lambda: bool(peer.said))
    await peer.hang_up()
    await done(node, peer, soon)
    assert [draft.text for draft in node.desk.tickets] == ["x"]


@pytest.mark.parametrize("at", ["start", "later"])
async def test_a_dialogue_that_fails_leads_to_a_specialist(hall: Any, soon: Any, at: str) -> None:
    def script(event: Input, _session: Any) -> tuple[Action, ...]:
        if at == "start" or not isinstance(event, CallStarted):
            raise KeyError("a fault of ours")
        return (Ask(say("menu"), timeout_ms=10),)

    node = hall(script)
    peer = await node.call(dial=ringing(("ANSWER", "16", "2")))
    queued = await node.fact(CallQueued)
    assert "/voice/ru/error.sorry" in peer.said
    node.distributor.orders.put_nowait(offer(queued.call_id))
    await node.fact(CallEnded)
    await done(node, peer, soon)
    assert peer.variables["DOZVON_DONE"] == "1"


async def test_what_cannot_be_rescued_is_left_to_the_dialplan(hall: Any, soon: Any) -> None:
    def script(event: Input, _session: Any) -> tuple[Action, ...]:
        raise KeyError("a fault of ours")

    node = hall(script)
    peer = await node.call()
    queued = await node.fact(CallQueued)
    node.distributor.orders.put_nowait(ReleaseCall(queued.call_id, "n1", "nobody_can_serve"))
    await done(node, peer, soon)
    assert peer.variables["DOZVON_DONE"] == ""


async def test_a_flow_that_spins_is_stopped(hall: Any, soon: Any) -> None:
    node = hall(lambda event, _session: (Play(()),))
    peer = await node.call()
    await node.fact(CallQueued)
    assert len(node.hotline.heard) < 100
    await peer.hang_up()
    await done(node, peer, soon)


async def test_lookups_transfers_and_languages(hall: Any, soon: Any) -> None:
    def script(event: Input, _session: Any) -> tuple[Action, ...]:
        match event:
            case CallStarted():
                return (RememberLanguage("en"), LookUp("application_status"))
            case LookUpDone():
                return (Transfer("nowhere"),)
            case TransferEnded(answered=False):
                return (Transfer("police"),)
            case _:
                return BYE

    node = hall(script, transfer_targets={"police": "PJSIP/102@trunk"})
    peer = await node.call(dial=ringing(("ANSWER", "16", "5")))
    await done(node, peer, soon)
    assert node.desk.languages == {"79161234567": "en"}
    assert node.hotline.heard[1:] == [LookUpDone(False), TransferEnded(False), TransferEnded(True)]
    assert peer.applications == ["PJSIP/102@trunk,30,g"]
    assert node.desk.interactions[0].outcome == "transferred"


async def test_the_desk_being_down_harms_no_call(hall: Any, soon: Any) -> None:
    node = hall(lambda event, _session: BYE)
    node.desk.down = True
    peer = await node.call()
    await done(node, peer, soon)
    assert peer.variables["DOZVON_DONE"] == "1"


async def test_a_daemon_that_stops_leaves_its_callers_their_place(hall: Any, soon: Any) -> None:
    node = hall(queueing())
    peer = await node.call()
    await node.fact(CallQueued)
    await soon(lambda: peer.music == "default")
    for task in node.tasks[1:]:
        task.cancel()
    await soon(lambda: peer.closed.is_set())
    assert node.distributor.names() == ["CallQueued"]  # nobody was told that he left
    assert peer.variables["DOZVON_DONE"] == ""
    assert node.hotline.heard[1:] == [] and PromptFinished() not in node.hotline.heard
