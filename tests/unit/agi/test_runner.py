"""Whole calls in memory: server, session and runner here, Asterisk's end of the protocol there."""

from __future__ import annotations

import json
import math
import wave
from array import array
from pathlib import Path
from typing import Any

import pytest
from agi_hall import BYE, done, offer, queueing, ringing, say

from acd.contract import (
    CallEnded,
    CallLeft,
    CallQueued,
    ReleaseCall,
)
from ivr import unkept
from ivr.dialog.contract import (
    Action,
    Ask,
    CallStarted,
    Digits,
    Disconnect,
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
    Record,
    Recorded,
    RememberLanguage,
    SpeechFailed,
    TicketFailed,
    TicketOpened,
    Transfer,
    TransferEnded,
)


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


# ----------------------------------------------------------------------------------- requests and faults
def tone(path: Path, seconds: float, loudness: int = 8000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        samples = array("h", (int(loudness * math.sin(n / 3)) for n in range(int(seconds * 8000))))
        file.writeframes(samples.tobytes())


def a_second_of_sound(path: Path) -> str:
    """What Asterisk answers to RECORD FILE."""
    tone(path, 1.0)
    return "result=35 (dtmf) endpos=8000"


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

    peer.recorded = a_second_of_sound
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
    names = {each.name for each in node.settings.spool.iterdir()}
    assert names == {f"{source_id}.json", f"{source_id}.wav", "interactions"}
    (summary,) = (node.settings.spool / "interactions").iterdir()  # the desk could not take that either
    assert unkept.read(summary).call_id == node.hotline.heard[0].call_id  # type: ignore[attr-defined]


@pytest.mark.parametrize("wanted", [True, False])
async def test_what_a_caller_throws_away_is_not_kept(hall: Any, soon: Any, wanted: bool) -> None:
    """He says it twice; the second take becomes a ticket, or nothing as a specialist is there."""

    def script(event: Input, session: Any) -> tuple[Action, ...]:
        takes = [each for each in session.heard if isinstance(each, Recorded)]
        match event:
            case CallStarted():
                return (Record(say("speak")),)
            case Recorded() if not takes:
                return (Record(say("once more")),)
            case Recorded(path=path) if wanted:
                return (OpenTicket("access", "ru", recording=path),)
            case _:
                return BYE

    node = hall(script)
    peer = await node.call()

    peer.recorded = a_second_of_sound
    await done(node, peer, soon)
    _, second = [each for each in node.hotline.heard if isinstance(each, Recorded)]
    left = [str(each) for each in node.settings.recordings.iterdir()]
    assert left == ([second.path] if wanted else []), "what became a ticket is the desk's to seal"


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
