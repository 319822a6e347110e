"""Callers' journeys through the whole hotline: real phones, Asterisk, Redis, database, daemon."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from array import array
from contextlib import closing
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from hotline import CLOSED, NUMBER, OPEN, Hotline

from dozvon.demo import Demonstration
from dozvon.phones import sound
from ivr import unkept

pytestmark = pytest.mark.e2e
AGENT = "2001"


@pytest.fixture(scope="module")
def whole_hotline(settings, asterisk, redis_child):
    hotline = Hotline(settings)
    asyncio.run(hotline.hours(OPEN))
    asyncio.run(hotline.start())
    yield hotline
    asyncio.run(hotline.stop())


async def registered(hotline, until, agent_phone, user=AGENT, **options):
    """An agent's phone that the distributor knows to be reachable, the agent ready."""
    phone = await agent_phone(user, **options)

    async def reachable():
        return (await hotline.agent(user))["reachable"]

    await until(reachable, 10)
    return phone


async def to_queue(hotline, until, caller):
    """Dial, «вход», «не получается войти»: waits for a specialist for ``access``."""
    await caller.call(NUMBER)
    await until(lambda: hotline.said("topics.ask"), 10)
    await caller.press("1")
    await until(lambda: hotline.said("access.ask"), 10)
    await caller.press("1")
    return await until(lambda: _only_call(hotline), 10)


async def to_recording(hotline, until, caller):
    """Dial after hours, ask for a person, agree to leave a request: the microphone is on."""
    before = set(recording(hotline))
    await caller.call(NUMBER)
    await until(lambda: hotline.said("after.ask"), 10)
    await caller.press("0")
    await until(lambda: hotline.said("request.offer"), 10)
    await caller.press("1")
    await until(lambda: hotline.said("request.speak"), 10)
    await until(
        lambda: set(recording(hotline)) - before, 20, "he has listened to the end, and heard the beep"
    )


async def speaks(hotline, until, caller):
    """Until the recording holds a second of what he says."""
    await caller.say(sound.tone(700, 3))
    await until(lambda: any(loud_s(file) > 1 for file in recording(hotline)), 15)


def recording(hotline):
    """What Asterisk is writing."""
    return list(hotline.settings.recordings.glob("*.wav"))


def loud_s(file):
    """Seconds of sound in a WAV file whose head is not finished yet."""
    data = file.read_bytes()[44:]
    samples = array("h", data[: len(data) // 2 * 2])
    pieces = (samples[at : at + 160] for at in range(0, len(samples) - 159, 160))
    return 0.02 * sum(sound.rms(piece) > 1000 for piece in pieces)


async def send(hotline, until, caller):
    """He has spoken: stop, and send it."""
    await caller.press("#")
    await until(lambda: hotline.said("record.review"), 10)
    await caller.press("1")


async def _only_call(hotline):
    calls = await hotline.calls()
    return calls[0] if calls else None


async def test_the_demonstration_sees_every_step(hotline):
    told = []
    await Demonstration(hotline.settings, told.append).run()
    assert "mark 5" in told[-1]


async def test_after_hours_a_request_becomes_a_ticket_with_its_recording(hotline, caller_phone, until):
    await hotline.hours(CLOSED)
    caller = await caller_phone()
    await to_recording(hotline, until, caller)
    await speaks(hotline, until, caller)
    await send(hotline, until, caller)
    await caller.wait_for("CALL_CLOSED", timeout_s=40)
    ended = await until(hotline.ended)
    assert ended["tickets"] == 1
    ticket = (await hotline.api("/tickets"))["items"][0]
    assert ticket["kind"] == "request"
    assert ticket["has_recording"]


async def test_a_killed_daemon_takes_the_waiting_caller_back_in_his_place(
    hotline, caller_phone, agent_phone, until
):
    caller = await caller_phone()
    before = await to_queue(hotline, until, caller)
    hotline.kill()
    await asyncio.sleep(0.3)
    assert caller.in_call
    await hotline.start()
    restarted = time.monotonic()
    back = await until(lambda: _only_call(hotline), 10)
    await until(lambda: any(line.get("action") == "said" for line in hotline.lines[-20:]), 10)
    assert time.monotonic() - restarted < 3.0
    assert back["call_id"] == before["call_id"]
    assert back["first_queued_ms"] == before["first_queued_ms"]
    await registered(hotline, until, agent_phone, auto_answer=True)
    await until(lambda: hotline.said("survey.ask") or _talking(hotline), 15)
    await caller.hang_up()


async def _talking(hotline):
    return any(call["state"] == "connected" for call in await hotline.calls())


async def test_redis_dies_in_the_middle_and_the_caller_keeps_his_place(
    hotline, caller_phone, agent_phone, until, redis_child
):
    caller = await caller_phone()
    before = await to_queue(hotline, until, caller)
    await redis_child.stop()
    await asyncio.sleep(1.0)
    assert caller.in_call
    await redis_child.start()
    await until(lambda: _ready_again(hotline), 20)
    back = await until(lambda: _only_call(hotline), 10)
    assert (back["call_id"], back["first_queued_ms"]) == (before["call_id"], before["first_queued_ms"])
    await registered(hotline, until, agent_phone, auto_answer=True)
    await until(lambda: _talking(hotline), 15)
    await caller.hang_up()


async def _ready_again(hotline):
    return (await hotline.api("/agents"))["connected"]


async def test_redis_stays_away_and_the_caller_may_leave_a_request(hotline, caller_phone, until, redis_child):
    await redis_child.stop()
    try:
        caller = await caller_phone()
        await caller.call(NUMBER)
        await until(lambda: hotline.said("topics.ask"), 10)
        await caller.press("0")
        await until(lambda: hotline.said("request.offer") or hotline.said("request.speak"), 60)
        assert caller.in_call
        await caller.hang_up()
        await until(hotline.ended)
    finally:
        await redis_child.start()


async def test_the_database_is_locked_and_the_request_waits_in_the_spool(hotline, caller_phone, until):
    await hotline.hours(CLOSED)
    before = len((await hotline.api("/tickets"))["items"])
    caller = await caller_phone(number="79165550001")
    await to_recording(hotline, until, caller)
    with closing(sqlite3.connect(hotline.settings.home / "desk.sqlite3", timeout=5)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        await speaks(hotline, until, caller)
        await send(hotline, until, caller)
        await until(hotline.spooled, 20)
        await caller.hang_up()
        await until(hotline.ended)
        assert await hotline.spooled()
        await until(lambda: unkept.waiting(hotline.settings.spool), 20, "the call's summary waits too")
        lock.rollback()

    async def imported():
        calls = [each["call_id"] for each in (await hotline.api("/interactions"))["items"]]
        return (
            len((await hotline.api("/tickets"))["items"]) == before + 1
            and not await hotline.spooled()
            and not unkept.waiting(hotline.settings.spool)
            and calls.count(hotline.ended()["call_id"]) == 1
        )

    await until(imported, 20)


@pytest.fixture
def full_disk(hotline):
    """A file system of 100 kB under the recordings."""
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    folder = str(hotline.settings.recordings)
    subprocess.run(
        [*as_root, "mount", "-t", "tmpfs", "-o", "size=100k,mode=777", "tmpfs", folder], check=True
    )
    yield
    subprocess.run([*as_root, "umount", "-l", folder], check=True)


async def test_the_disk_is_full_and_the_request_is_taken_without_a_recording(
    hotline, caller_phone, until, full_disk
):
    await hotline.hours(CLOSED)
    caller = await caller_phone(number="79165550002")
    await caller.call(NUMBER)
    await until(lambda: hotline.said("after.ask"), 10)
    await caller.press("0")
    await until(lambda: hotline.said("request.offer"), 10)
    await caller.press("1")
    recorded = await until(lambda: hotline.of("recorded"), 20)
    assert recorded["reason"] == "disk_full"
    assert await until(lambda: hotline.said("record.failed"), 10)
    await caller.hang_up()
    ended = await until(hotline.ended)
    assert ended["tickets"] == 1
    ticket = (await hotline.api("/tickets"))["items"][0]
    assert not ticket["has_recording"]


@pytest.mark.parametrize(
    ("where", "outcome"),
    [("greeting", "left"), ("menu", "left"), ("waiting", "abandoned"), ("recording", "left")],
)
async def test_the_caller_hangs_up(hotline, caller_phone, until, where, outcome):
    caller = await caller_phone()
    if where == "waiting":
        await to_queue(hotline, until, caller)
    else:
        if where == "recording":
            await hotline.hours(CLOSED)
            await to_recording(hotline, until, caller)
        else:
            await caller.call(NUMBER)
            await until(lambda: hotline.said("topics.ask"), 10)
    if where == "menu":
        await caller.press("1")
        await until(lambda: hotline.said("access.ask"), 10)
    if where == "recording":
        await speaks(hotline, until, caller)
    await caller.hang_up()
    ended = await until(hotline.ended)
    # What was recorded is a request all the same.
    assert (ended["outcome"], ended["tickets"]) == (outcome, int(where == "recording"))
    assert await until(lambda: _nobody(hotline), 10)


async def _nobody(hotline):
    return not await hotline.calls()


async def test_the_caller_hangs_up_while_the_phone_rings(hotline, caller_phone, agent_phone, until):
    agent = await registered(hotline, until, agent_phone)
    caller = await caller_phone()
    await to_queue(hotline, until, caller)
    await agent.wait_for("CALL_INCOMING", timeout_s=15)
    left = time.monotonic()
    await caller.hang_up()
    await agent.wait_for("CALL_CLOSED", timeout_s=5)
    assert time.monotonic() - left < 1.0
    ended = await until(hotline.ended)
    assert ended["outcome"] == "abandoned"

    async def ready():
        return (await hotline.agent(AGENT))["state"] == "ready"

    await until(ready, 10)


async def test_the_caller_hangs_up_in_the_survey(hotline, caller_phone, agent_phone, until):
    agent = await registered(hotline, until, agent_phone, auto_answer=True)
    caller = await caller_phone()
    await to_queue(hotline, until, caller)
    await until(lambda: _talking(hotline), 15)
    await asyncio.sleep(3)  # shorter than that is no conversation
    await agent.hang_up()
    await until(lambda: hotline.said("survey.ask"), 10)
    await caller.hang_up()
    ended = await until(hotline.ended)
    assert (ended["outcome"], ended["mark"]) == ("answered", 0)


async def test_silence_and_wrong_keys_lead_to_a_person(hotline, caller_phone, until):
    caller = await caller_phone()
    await caller.call(NUMBER)
    await until(lambda: hotline.said("topics.ask"), 10)
    await caller.press("9")
    await until(lambda: hotline.said("retry.no_match"), 10)
    await caller.press("8")
    await until(lambda: hotline.said("retry.to_person"), 20)
    call = await until(lambda: _only_call(hotline), 20)
    assert call["state"] == "queued"
    await caller.hang_up()
    await until(hotline.ended)


async def test_no_agent_is_logged_in(hotline, caller_phone, until):
    everybody = [agent["agent_id"] for agent in (await hotline.api("/agents"))["items"]]
    for agent_id in everybody:
        await hotline.status(agent_id, "logged_out")
    try:
        caller = await caller_phone()
        await caller.call(NUMBER)
        await until(lambda: hotline.said("topics.ask"), 10)
        await caller.press("0")
        await until(lambda: hotline.said("queue.nobody") or hotline.said("request.offer"), 40)
        await caller.hang_up()
        await until(hotline.ended)
    finally:
        for agent_id in everybody:
            await hotline.status(agent_id, "available")


async def test_a_broken_flow_is_not_taken_and_a_changed_text_is(hotline, caller_phone, until):
    flow = hotline.config / "flows" / "main.yaml"
    good = flow.read_text("utf-8")
    flow.write_text(good.replace("open: topics", "open: nowhere"), "utf-8")
    refused = await until(
        lambda: next((line for line in hotline.lines if line.get("action") == "reload_refused"), None), 5
    )
    assert "main.yaml:" in refused["why"]
    assert "nowhere" in refused["why"]
    caller = await caller_phone()
    await caller.call(NUMBER)
    await until(lambda: hotline.said("topics.ask"), 10)
    await caller.hang_up()
    await until(hotline.ended)
    flow.write_text(good, "utf-8")
    await until(lambda: any(line.get("action") == "reloaded" for line in hotline.lines), 10)
