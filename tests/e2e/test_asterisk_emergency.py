"""No daemon answers: the caller is told, waits in the fall-back queue or leaves a request for a ticket."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest

from desk.contract import Ticket
from dozvon.phones import sound
from ivr import spool

pytestmark = pytest.mark.e2e
NUMBER = "88005553535"


class Desk:
    """Notes what it is asked to open."""

    def __init__(self):
        self.drafts = []

    async def open_ticket(self, draft):
        self.drafts.append(draft)
        return Ticket(
            "1000", draft.source_id, draft.topic, "ru", draft.kind, "new", "", "", False, "", {}, 1, 1
        )


@pytest.fixture
async def no_patience(asterisk):
    """The dialplan waits 20 s for a daemon that restarts; here a test waits instead."""
    await asterisk.console("dialplan set global DOZVON_PATIENCE_S 1")
    yield
    await asterisk.console("dialplan set global DOZVON_PATIENCE_S 20")


@pytest.fixture
def inbox(settings):
    for file in settings.spool.iterdir():
        if file.is_file():
            file.unlink()
    return settings.spool


async def where(asterisk):
    """Application and extension of the caller's channel: ``hotline emergency AGI``."""
    said = await asterisk.console("core show channels concise")
    for line in said.splitlines():
        if line.startswith("PJSIP/trunk-"):
            field = line.split("!")
            return f"{field[1]} {field[2]} {field[5]}"
    return ""


async def test_a_request_is_recorded_and_becomes_one_ticket(
    caller_phone, settings, asterisk, no_patience, inbox, until
):
    caller = await caller_phone(number="79165550101")
    await caller.call(NUMBER)
    for prompt in ("busy", "choice"):
        piece = sound.read_sound(settings.voice_prompts / "ru" / "sounds" / f"emergency.{prompt}.alaw")
        await until(lambda piece=piece: contains(caller.heard(), piece), 15, f"{prompt} is heard")
    await press_until(caller, "2", lambda: list(inbox.glob("*.recording")), until)
    await caller.press("0")  # does not hear the explanation out
    await until(lambda: list(inbox.glob("*.wav")), 15, "the recording begins")
    await caller.say(sound.tone(700, 3))
    await asyncio.sleep(3.2)  # as long as he speaks
    await caller.press("#")
    await caller.wait_for("CALL_CLOSED", timeout_s=15)
    (file,) = await until(lambda: list(inbox.glob("*.json")), 5, "the request in the spool")
    request = json.loads(file.read_text("utf-8"))
    assert request["caller_number"] == "79165550101"
    assert request["fields"]["dialled"] == NUMBER
    assert sound.tone_seconds(sound.read_sound(inbox / request["recording"]), 700) > 2
    desk = Desk()
    assert (await spool.import_spool(inbox, desk)).tickets == 1
    assert (await spool.import_spool(inbox, desk)).tickets == 0
    assert [draft.caller_number for draft in desk.drafts] == ["79165550101"]


async def test_hanging_up_while_speaking_keeps_what_was_said(
    caller_phone, asterisk, no_patience, inbox, until
):
    caller = await caller_phone(number="79165550102")
    await caller.call(NUMBER)
    await until(lambda: asyncio.ensure_future(at(asterisk, "emergency AGI")), 6, "the emergency script")
    await press_until(caller, "2", lambda: list(inbox.glob("*.recording")), until)
    await caller.press("0")  # does not hear the explanation out
    await until(lambda: list(inbox.glob("*.wav")), 15, "the recording begins")
    await caller.say(sound.tone(700, 3))
    await asyncio.sleep(2.2)
    await caller.hang_up()
    (file,) = await until(lambda: list(inbox.glob("*.json")), 5, "the request in the spool")
    request = json.loads(file.read_text("utf-8"))
    assert request["kind"] == "request"
    assert sound.tone_seconds(sound.read_sound(inbox / request["recording"]), 700) > 1


async def test_an_agent_answers_from_the_fall_back_queue(
    caller_phone, agent_phone, asterisk, no_patience, inbox, until
):
    agent = await agent_phone("2004", auto_answer=True)
    await agent.set_microphone(sound.tone(900, 60))
    caller = await caller_phone()
    await caller.set_microphone(sound.tone(600, 120))
    await caller.call(NUMBER)
    await until(lambda: asyncio.ensure_future(at(asterisk, "emergency AGI")), 6, "the emergency script")
    await press_until(caller, "1", lambda: agent.in_call, until)
    await until(lambda: sound.tone_seconds(caller.heard()[-8000:], 900) > 0.5, 5, "the agent is heard")
    await until(lambda: sound.tone_seconds(agent.heard()[-8000:], 600) > 0.5, 5, "the caller is heard")
    await agent.hang_up()
    await caller.wait_for("CALL_CLOSED")
    assert list(inbox.glob("*.json")) == []


async def test_no_phone_registered_leads_to_a_request(caller_phone, asterisk, no_patience, inbox, until):
    await until(lambda: asyncio.ensure_future(nobody_registered(asterisk)), 15, "no phone is registered")
    caller = await caller_phone(number="79165550103")
    await caller.call(NUMBER)
    await until(lambda: asyncio.ensure_future(at(asterisk, "emergency AGI")), 6, "the emergency script")
    await press_until(caller, "1", lambda: list(inbox.glob("*.recording")), until)
    await caller.press("0")
    await until(lambda: list(inbox.glob("*.wav")), 25, "a recording, as nobody can answer")
    await caller.hang_up()
    (file,) = await until(lambda: list(inbox.glob("*.json")), 5, "his number in the spool")
    request = json.loads(file.read_text("utf-8"))
    assert (request["kind"], request["caller_number"]) == ("callback", "79165550103")
    assert request["fields"]["queue_said"] in ("JOINEMPTY", "JOINUNAVAIL")


async def test_a_full_disk_does_not_lose_the_caller(
    caller_phone, asterisk, no_patience, inbox, settings, until
):
    hidden = inbox.with_name("spool.away")
    inbox.rename(hidden)
    try:
        caller = await caller_phone()
        await caller.call(NUMBER)
        await until(lambda: asyncio.ensure_future(at(asterisk, "emergency AGI")), 6, "the emergency script")
        # Not stored, so to the queue; nobody there, so back here: the caller is never just cut off.
        await press_until(caller, "2", lambda: asyncio.ensure_future(visited(asterisk, 2)), until)
        await caller.hang_up()
    finally:
        hidden.rename(inbox)


async def press_until(caller, key, happened, until):
    """Like a caller who presses again when nothing happens: the script may not listen yet."""
    pressing = asyncio.create_task(press_on(caller, key))
    try:
        await until(happened, 25, f"something after key {key}")
    finally:
        pressing.cancel()


async def press_on(caller, key):
    while True:
        await caller.press(key)
        await asyncio.sleep(1.0)


def contains(heard, prompt) -> bool:
    """Was this prompt heard? Correlation of its loudest 400 ms with everything that was heard.

    No longer piece: a busy machine may lose a packet in it, and what follows is shifted.
    """
    size = 3200
    text = np.asarray(prompt, float)
    starts = range(0, len(text) - size, size // 4)
    part = max((text[start : start + size] for start in starts), key=np.linalg.norm)
    whole = np.asarray(heard, float)
    if len(whole) < size:
        return False
    match = np.fft.irfft(np.fft.rfft(whole, 2 * len(whole)) * np.conj(np.fft.rfft(part, 2 * len(whole))))
    best = int(np.argmax(match[: len(whole) - size + 1]))
    there = np.linalg.norm(whole[best : best + size])
    return bool(match[best] > 0.9 * np.linalg.norm(part) * max(there, 1.0))


async def at(asterisk, place):
    return place in await where(asterisk)


async def visited(asterisk, times):
    said = await asterisk.console("core show channels concise")
    names = [line.split("!")[0] for line in said.splitlines() if line.startswith("PJSIP/trunk-")]
    if not names:
        return False
    shown = await asterisk.console(f"core show channel {names[0]}")
    return any(f"DOZVON_ROUND={n}" in shown for n in range(times, 9))


async def nobody_registered(asterisk):
    return "/sip:2" not in await asterisk.console("pjsip show contacts")
