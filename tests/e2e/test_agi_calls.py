"""Real calls through a real Asterisk into the FastAGI server: what is heard, reported and kept."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import socket
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from acd.contract import (
    AgentStatusDeclared,
    AgentUnreachable,
    CallEnded,
    CallLeft,
    CallQueued,
    MarkGiven,
    OfferAccepted,
    OfferDeclined,
    OfferTimedOut,
)
from dozvon.phones import PhoneError, sound
from ivr.agi.recording import loud_ms

pytestmark = pytest.mark.e2e
SCRIPT = Path(__file__).with_name("agi_node.py")
_spec = importlib.util.spec_from_file_location("agi_node", SCRIPT)
assert _spec is not None and _spec.loader is not None
_node = importlib.util.module_from_spec(_spec)
sys.modules["agi_node"] = _node
_spec.loader.exec_module(_node)
Node = _node.NodeProcess
HZ = {name: hz for name, (hz, _) in _node.TONES.items()}


@pytest.fixture(scope="module")
def nodes() -> Any:
    """Processes by their options: starting one for each test would take a minute more in all."""
    made: dict[str, Node] = {}
    yield made
    for each in made.values():
        each.end()


@pytest.fixture
async def node(settings: Any, asterisk: Any, asterisk_secrets: Any, redis_child: Any, nodes: Any) -> Any:
    used: list[Node] = []

    async def make(*agents: str, **options: Any) -> Node:
        key = repr((agents, options))
        for other, it in nodes.items():
            if other != key:  # they share Asterisk's way to the port
                await asyncio.to_thread(it.end)
        it = nodes.setdefault(key, Node(settings, asterisk_secrets, list(agents or ("2001",)), **options))
        used.append(it)
        await it.fresh()
        return it

    yield make
    for each in used:
        await each.rest()


def heard_seconds(phone: Any, name: str) -> float:
    return sound.tone_seconds(phone.heard(), HZ[name])


def heard_in(file: Path, name: str) -> float:
    return sound.tone_seconds(sound.read_sound(file), HZ[name])


async def into_the_queue(phone: Any, it: Node, until: Any, number: str) -> CallQueued:
    before = len(it.all(CallQueued))
    await phone.call(number)
    await until(lambda: heard_seconds(phone, "menu") > 0.2, 10)
    await phone.press("1")
    await until(lambda: len(it.all(CallQueued)) > before, 10)
    return it.all(CallQueued)[-1]


async def test_a_key_leads_on_and_the_call_ends_by_itself(node, caller_phone, until, settings):
    await node("2001")
    phone = await caller_phone()
    await phone.call(settings.hotline.number)
    await until(lambda: heard_seconds(phone, "menu") > 0.2, 5)
    await phone.press("9")
    await until(lambda: heard_seconds(phone, "again") > 0.2, 5)
    await phone.press("5")
    await phone.wait_for("CALL_CLOSED")
    assert heard_seconds(phone, "hello") >= 0.2
    assert heard_seconds(phone, "menu") < 2  # cut short by the key
    assert heard_seconds(phone, "bye") >= 0.2


async def test_connected_talks_and_gives_a_mark(node, caller_phone, agent_phone, until, settings):
    it = await node("2001")
    agent, phone = await agent_phone("2001"), await caller_phone()
    await agent.set_microphone(sound.tone(1000, 60))
    await phone.set_microphone(sound.tone(1250, 60))
    queued = await into_the_queue(phone, it, until, settings.hotline.number)
    await agent.wait_for("CALL_INCOMING")
    assert not it.all(OfferAccepted)
    await agent.answer()
    await until(lambda: it.all(OfferAccepted), 3)
    await until(lambda: sound.tone_seconds(phone.heard(), 1000) > 0.6, 8)
    await until(lambda: sound.tone_seconds(agent.heard(), 1250) > 0.6, 8)
    assert heard_seconds(agent, "whisper") >= 0.3
    assert heard_seconds(phone, "whisper") == 0
    assert not it.all(CallEnded)
    await agent.hang_up()
    await until(lambda: it.all(CallEnded), 3)
    await until(lambda: heard_seconds(phone, "mark") > 0.2, 5)
    await phone.press("5")
    await phone.wait_for("CALL_CLOSED")
    await until(lambda: it.all(MarkGiven), 3)
    assert it.all(MarkGiven) == [MarkGiven(queued.call_id, "2001", 5)]
    assert not it.all(CallLeft)
    assert heard_seconds(phone, "thanks") >= 0.2
    talk = settings.home / "agi-recordings" / f"{queued.call_id}.talk.wav"
    assert loud_ms(talk) > 500
    assert heard_in(talk, "whisper") == heard_in(talk, "menu") == 0  # the conversation and nothing else


@pytest.mark.parametrize("how", ["busy", "rejects", "no_answer", "unregistered", "frozen"])
async def test_an_agent_who_does_not_come(node, caller_phone, agent_phone, until, settings, how):
    """The offer is reported, the caller goes back to music, and is connected when the agent can."""
    it = await node("2001")
    phone = await caller_phone()
    agent = None if how == "unregistered" else await agent_phone("2001")
    if how == "busy":
        agent.be_busy()
    elif how == "frozen":
        agent.freeze()
    await into_the_queue(phone, it, until, settings.hotline.number)
    if how == "rejects":
        await agent.wait_for("CALL_INCOMING")
        await agent.reject()
    kind = {"unregistered": AgentUnreachable, "no_answer": OfferTimedOut, "frozen": OfferTimedOut}.get(
        how, OfferDeclined
    )
    await until(lambda: it.all(kind), 12)
    await until(lambda: heard_music(phone), 6)
    if agent is None:
        agent = await agent_phone("2001")
    seen = len(agent.events)
    agent.be_busy(False)
    agent.thaw()
    await agent.wait_for("CALL_INCOMING", after=seen, timeout_s=15)

    async def answered() -> bool:
        with contextlib.suppress(PhoneError):  # a thawed phone rings for the old call first
            await agent.answer()
        return bool(it.all(OfferAccepted))

    await until(answered, 8)
    await phone.hang_up()
    await until(lambda: it.all(CallEnded), 5)
    assert not it.all(CallLeft)


def heard_music(phone: Any) -> bool:
    """The last half second was not silence."""
    return sound.rms(phone.heard()[-4000:]) > 50


async def test_a_withdrawn_offer_stops_ringing(node, caller_phone, agent_phone, until, settings):
    it = await node("2001")
    agent, phone = await agent_phone("2001"), await caller_phone()
    await into_the_queue(phone, it, until, settings.hotline.number)
    await agent.wait_for("CALL_INCOMING")
    await it.observer.report(AgentStatusDeclared("2001", "logged_out"))
    told = time.time()
    closed = await agent.wait_for("CALL_CLOSED", timeout_s=2)
    assert closed.wall_s - told < 1
    await until(lambda: heard_music(phone), 3)
    seen = len(agent.events)
    await it.observer.report(AgentStatusDeclared("2001", "available"))
    await agent.wait_for("CALL_INCOMING", after=seen)
    await agent.answer()
    await until(lambda: it.all(OfferAccepted), 5)
    await agent.hang_up()


async def test_an_agent_who_hangs_up_before_he_is_connected(node, caller_phone, agent_phone, until, settings):
    """The caller never spoke to anybody: he waits on, in his place, and is served."""
    it = await node("2001")
    agent, phone = await agent_phone("2001"), await caller_phone()
    queued = await into_the_queue(phone, it, until, settings.hotline.number)
    await agent.wait_for("CALL_INCOMING")
    await agent.answer()
    await until(lambda: heard_seconds(agent, "whisper") > 0.2, 3)
    seen = len(agent.events)
    await agent.hang_up()
    await until(lambda: len(it.all(CallQueued)) == 2, 5)
    again = it.all(CallQueued)[1]
    assert again.call_id == queued.call_id + "~2"
    assert again.first_queued_ms <= int((it.at(CallQueued)) * 1000)
    await agent.wait_for("CALL_INCOMING", after=seen)
    await agent.answer()
    await until(lambda: len(it.all(OfferAccepted)) == 2, 5)
    await phone.hang_up()
    await until(lambda: len(it.all(CallEnded)) == 2, 5)


@pytest.mark.parametrize("step", ["menu", "music", "ringing", "talking", "mark", "recording"])
async def test_a_hangup_at_every_step(node, caller_phone, agent_phone, until, settings, step):
    it = await node("2001")
    phone = await caller_phone()
    number = settings.hotline.number
    agent = await agent_phone("2001") if step in ("ringing", "talking", "mark") else None
    if agent is not None:
        await agent.set_microphone(sound.tone(1000, 60))
    if step in ("menu", "recording"):
        await phone.call(number)
        await until(lambda: heard_seconds(phone, "menu") > 0.05, 5)
        if step == "recording":
            await phone.say(sound.tone(440, 20))
            await phone.press("2")
            await until(lambda: heard_seconds(phone, "speak") > 0.1, 5)
            await asyncio.sleep(1.5)  # he speaks
    else:
        await into_the_queue(phone, it, until, number)
    if agent is not None:
        await agent.wait_for("CALL_INCOMING")
        if step != "ringing":
            await agent.answer()
            await until(lambda: sound.tone_seconds(phone.heard(), 1000) > 0.2, 6)  # connected
            assert it.all(OfferAccepted)
        if step == "mark":
            await agent.hang_up()
            await until(lambda: heard_seconds(phone, "mark") > 0.1, 5)
    await phone.hang_up()
    if step == "ringing":
        await agent.wait_for("CALL_CLOSED", timeout_s=3)
    if step in ("music", "ringing"):
        await until(lambda: it.all(CallLeft), 5)
        assert [left.outcome for left in it.all(CallLeft)] == ["abandoned"]
        assert not it.all(OfferAccepted)
    elif step in ("talking", "mark"):
        await until(lambda: it.all(CallEnded), 5)
        assert not it.all(CallLeft)
    rows = await until(lambda: interactions(settings.home, phone.user, it.facts), 5)
    assert rows >= 1


def interactions(home: Path, number: str, facts: Any) -> int:
    """Summaries in the desk's database; the number itself is encrypted there."""
    with sqlite3.connect(home / "agi-desk.sqlite3") as base:
        return int(base.execute("select count(*) from interactions").fetchone()[0])


async def test_a_request_is_recorded(node, caller_phone, until, settings):
    await node("2001")
    phone = await caller_phone()
    await phone.call(settings.hotline.number)
    await until(lambda: heard_seconds(phone, "menu") > 0.2, 5)
    await phone.say(sound.tone(440, 20))
    await phone.press("2")
    await until(lambda: heard_seconds(phone, "speak") > 0.1, 5)
    await asyncio.sleep(1.5)  # he speaks
    await phone.press("#")
    await phone.wait_for("CALL_CLOSED")
    assert heard_seconds(phone, "ticket") >= 0.3
    with sqlite3.connect(settings.home / "agi-desk.sqlite3") as base:
        assert base.execute("select count(*) from tickets").fetchone()[0] >= 1


async def test_a_fault_of_ours_leads_to_a_specialist(node, caller_phone, agent_phone, until, settings):
    it = await node("2001")
    agent, phone = await agent_phone("2001", auto_answer=True), await caller_phone()
    await phone.call(settings.hotline.number)
    await until(lambda: heard_seconds(phone, "menu") > 0.2, 5)
    await phone.press("8")
    await until(lambda: it.all(OfferAccepted), 5)
    assert heard_seconds(phone, "error.sorry") >= 0.3
    await agent.hang_up()
    await phone.wait_for("CALL_CLOSED")


async def test_killed_with_a_caller_waiting(node, caller_phone, agent_phone, until, settings):
    """kill -9: the same call, with its place, is back within 3 s of the restart, then served."""
    it = await node("2001")
    phone = await caller_phone()
    queued = await into_the_queue(phone, it, until, settings.hotline.number)
    await it.observer.report(AgentStatusDeclared("2001", "logged_out"))
    first_ms = await until(lambda: place_of(it, queued.call_id), 3)
    it.kill()
    await asyncio.sleep(0.5)
    began = time.monotonic()
    await it.start()
    restarted = time.monotonic()
    await until(lambda: len(it.all(CallQueued)) >= 2, 10)
    back = time.monotonic()
    again = it.all(CallQueued)[-1]
    print(f"start {restarted - began:.2f} s, back {back - restarted:.2f} s after it")
    assert again.call_id == queued.call_id
    assert abs(again.first_queued_ms - first_ms) < 50
    assert back - restarted < 3
    assert heard_seconds(phone, "back") > 0 or await until(lambda: heard_seconds(phone, "back") > 0, 5)
    agent = await agent_phone("2001", auto_answer=True)
    await it.observer.report(AgentStatusDeclared("2001", "available"))
    await until(lambda: it.all(OfferAccepted), 8)
    await agent.hang_up()
    await until(lambda: it.all(CallEnded), 5)


def place_of(it: Node, call_id: str) -> int:
    return next((call.first_queued_ms for call in it.observer.snapshot().calls if call.call_id == call_id), 0)


async def test_killed_while_two_talk(node, caller_phone, agent_phone, until, settings):
    """The conversation goes on; after it the caller is not sent through the menu again."""
    it = await node("2001")
    agent, phone = await agent_phone("2001", auto_answer=True), await caller_phone()
    await agent.set_microphone(sound.tone(1000, 60))
    await into_the_queue(phone, it, until, settings.hotline.number)
    await until(lambda: it.all(OfferAccepted), 5)
    await until(lambda: sound.tone_seconds(phone.heard(), 1000) > 0.5, 5)
    it.kill()
    before = sound.tone_seconds(phone.heard(), 1000)
    await until(lambda: sound.tone_seconds(phone.heard(), 1000) > before + 0.8, 5)
    await agent.hang_up()
    await phone.wait_for("CALL_CLOSED", timeout_s=5)


async def test_an_agent_hands_the_caller_to_a_colleague(node, caller_phone, agent_phone, until, settings):
    """Blind transfer: our session ends, the conversation is over for the agent, the caller talks on."""
    it = await node("2001")
    agent, colleague = (
        await agent_phone("2001", auto_answer=True),
        await agent_phone("2002", auto_answer=True),
    )
    phone = await caller_phone()
    await agent.set_microphone(sound.tone(1000, 60))
    await colleague.set_microphone(sound.tone(1250, 60))
    await into_the_queue(phone, it, until, settings.hotline.number)
    await until(lambda: sound.tone_seconds(phone.heard(), 1000) > 0.3, 8)
    await agent.transfer("2002")
    await until(lambda: it.all(CallEnded), 5)
    await until(lambda: sound.tone_seconds(phone.heard(), 1250) > 0.5, 8)
    assert not it.all(CallLeft)
    await phone.hang_up()
    await colleague.wait_for("CALL_CLOSED")


async def test_two_callers_in_order(node, caller_phone, agent_phone, until, settings):
    it = await node("2001")
    first, second = await caller_phone(), await caller_phone(number="79160000002")
    one = await into_the_queue(first, it, until, settings.hotline.number)
    two = await into_the_queue(second, it, until, settings.hotline.number)
    assert one.call_id != two.call_id
    agent = await agent_phone("2001", auto_answer=True)
    await until(lambda: len(it.all(OfferAccepted)) == 1, 15)
    await first.hang_up() if it.all(OfferAccepted)[0].call_id == one.call_id else await second.hang_up()
    await until(lambda: len(it.all(OfferAccepted)) == 2, 15)
    assert {fact.call_id for fact in it.all(OfferAccepted)} == {one.call_id, two.call_id}
    await agent.hang_up()


async def test_strangers_at_the_port_cost_nothing(node, caller_phone, until, settings):
    """Scans, half headers, floods and probes while a call goes on."""
    it = await node("2001")
    phone = await caller_phone()
    await phone.call(settings.hotline.number)
    await until(lambda: heard_seconds(phone, "menu") > 0.2, 5)
    used = cpu_s(it.process.pid)
    sockets = []
    for n in range(300):
        with socket.create_connection(("127.0.0.1", settings.agi.port), 2) as visitor:
            visitor.sendall([b"", b"GET / HTTP/1.1\r\n\r\n", b"\0" * 20_000, b"agi_network: yes\n"][n % 4])
    for _ in range(20):
        half = socket.create_connection(("127.0.0.1", settings.agi.port), 2)
        half.sendall(b"agi_network: yes\nagi_arg")
        sockets.append(half)
    await phone.press("9")
    await until(lambda: heard_seconds(phone, "again") > 0.2, 5)
    assert cpu_s(it.process.pid) - used < 1.0
    for half in sockets:
        half.close()
    await phone.hang_up()


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
