"""A caller who asks to be called back is called back: real phones, Asterisk, trunk, daemon."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from redis.asyncio import Redis

sys.path.insert(0, str(Path(__file__).parent))
from hotline import NUMBER, OPEN, Hotline

from dozvon.settings import Callbacks

pytestmark = pytest.mark.e2e
AGENT = "2001"
CUSTOMER = "79161234567"


@pytest.fixture(scope="module")
def whole_hotline(settings, asterisk, redis_child):
    always = Callbacks(not_before="00:00", not_after="24:00")
    hotline = Hotline(settings.model_copy(update={"callbacks": always}))
    rules_file = hotline.config / "rules.yaml"
    rules = yaml.safe_load(rules_file.read_text("utf-8"))
    rules |= {"callback_ring_s": 6, "callback_retry_s": 10, "callback_attempts": 2}
    rules_file.write_text(yaml.safe_dump(rules, allow_unicode=True), "utf-8")
    asyncio.run(hotline.hours(OPEN))
    asyncio.run(hotline.start())
    yield hotline
    asyncio.run(hotline.stop())


@pytest.fixture
def customer(caller_phone, settings):
    """The telephone at the carrier's end: calls the hotline, and is called by it."""

    def make(**options):
        return caller_phone(number=CUSTOMER, port=settings.asterisk.trunk_port, **options)

    return make


async def to_the_offer(hotline, until, phone):
    """Into the queue, key 3; returns his waiting call."""
    await phone.call(NUMBER)
    await until(lambda: hotline.said("topics.ask"), 10)
    await phone.press("1")
    await until(lambda: hotline.said("access.ask"), 10)
    await phone.press("1")
    (before,) = await until(hotline.calls, 10)
    await until(lambda: hotline.said("queue.entered"), 10)
    await phone.press("3")
    await until(lambda: hotline.said("callback.offer"), 10)
    return before


async def asks_to_be_called(hotline, until, phone):
    """On this number, at his turn; returns his waiting call and the callback that took its place."""
    before = await to_the_offer(hotline, until, phone)
    await phone.press("1")
    await until(lambda: hotline.said("callback.accepted"), 10)
    await phone.hang_up()  # he has heard that we shall call
    await phone.wait_for("CALL_CLOSED")
    (after,) = await until(hotline.calls, 10)
    return before, after


async def the_ticket(hotline):
    tickets = (await hotline.api("/tickets"))["items"]
    return next((ticket for ticket in tickets if ticket["kind"] == "callback"), None)


async def reachable(hotline, until, agent_phone, **options):
    phone = await agent_phone(AGENT, **options)

    async def known():
        return (await hotline.agent(AGENT))["reachable"]

    await until(known, 10)
    return phone


async def status(hotline):
    return (await the_ticket(hotline))["status"]


async def in_the_journal(settings, text):
    """Whether Redis holds this text anywhere in the streams."""
    redis = Redis.from_url(settings.redis_url, decode_responses=True)
    try:
        streams = [key async for key in redis.scan_iter("dozvon:*", _type="stream")]
        assert streams
        return any([text in repr(await redis.xrange(key)) for key in streams])
    finally:
        await redis.aclose()


async def test_he_is_called_when_an_agent_is_there(hotline, customer, agent_phone, until, settings):
    phone = await customer()
    before, after = await asks_to_be_called(hotline, until, phone)
    assert after["first_queued_ms"] == before["first_queued_ms"]
    assert after["call_id"] != before["call_id"]
    assert await status(hotline) == "waiting"
    assert not await in_the_journal(settings, CUSTOMER[1:]), "the journal knows no number"
    assert await in_the_journal(settings, after["call_id"])
    seen = len(phone.events)
    agent = await reachable(hotline, until, agent_phone, auto_answer=True)
    ringing = await phone.wait_for("CALL_INCOMING", timeout_s=15, after=seen)
    assert NUMBER in ringing.peer, "he sees who calls"
    await phone.answer()
    await until(lambda: hotline.said("callback.hello"), 10)
    assert not hotline.said("queue.back")

    async def talking():
        return any(call["state"] == "connected" for call in await hotline.calls())

    await until(talking, 20)
    assert (await hotline.calls())[0]["call_id"] == after["call_id"]
    await asyncio.sleep(3)  # shorter than that is no conversation
    await agent.hang_up()
    await until(lambda: hotline.said("survey.ask"), 10)
    await phone.press("5")
    await phone.wait_for("CALL_CLOSED", timeout_s=10, after=seen)

    async def closed():
        return await status(hotline) == "closed"

    await until(closed, 10)


async def test_nobody_answers_and_it_becomes_a_ticket(hotline, customer, agent_phone, until):
    phone = await customer()
    await asks_to_be_called(hotline, until, phone)
    seen = len(phone.events)
    await reachable(hotline, until, agent_phone, auto_answer=True)
    await phone.wait_for("CALL_INCOMING", timeout_s=15, after=seen)
    await phone.wait_for("CALL_CLOSED", timeout_s=15, after=seen)  # the first time he lets it ring
    seen = len(phone.events)
    await phone.wait_for("CALL_INCOMING", timeout_s=20, after=seen)
    await phone.hang_up()  # the second time he rejects it

    async def given_up():
        return await status(hotline) == "new" and not await hotline.calls()

    await until(given_up, 10)
    missed = [line["reason"] for line in hotline.lines if line.get("action") == "callback_missed"]
    assert missed == ["no_answer", "busy"]


async def test_who_calls_again_is_known_and_takes_his_place(hotline, customer, agent_phone, until):
    phone = await customer()
    before, _ = await asks_to_be_called(hotline, until, phone)
    hotline.mark()
    await phone.call(NUMBER)
    await until(lambda: hotline.said("kept.callback"), 10)
    assert hotline.said("kept.place"), "he is told his place"
    await phone.press("1")

    async def queued_again():
        return [call for call in await hotline.calls() if not call["call_id"].count("-cb-")]

    (again,) = await until(queued_again, 10)
    assert again["first_queued_ms"] == before["first_queued_ms"]
    assert again["topic"] == before["topic"], "without a way through the menu"
    assert len(await hotline.calls()) == 1, "the callback has ended"

    async def closed():
        return await status(hotline) == "closed"

    await until(closed, 10)
    await phone.hang_up()  # and gives up waiting: he was promised a call

    async def called_after_all():
        return [call for call in await hotline.calls() if call["call_id"].count("-cb-")]

    (renewed,) = await until(called_after_all, 10)
    assert renewed["first_queued_ms"] == before["first_queued_ms"]
    assert len(await hotline.calls()) == 1
    assert await status(hotline) == "waiting"


async def with_a_time(hotline):
    return [each for each in (await hotline.api("/callbacks"))["items"] if each["due_ms"]]


async def test_a_time_chosen_by_keys_is_remembered_and_cancelled_by_another_call(hotline, customer, until):
    phone = await customer()
    await to_the_offer(hotline, until, phone)
    await phone.press("4")
    await until(lambda: hotline.said("callback.when"), 10)
    await phone.press("2")
    await until(lambda: hotline.said("callback.we_call"), 10)
    await phone.press("1")
    await until(lambda: hotline.said("callback.agreed"), 10)
    await phone.wait_for("CALL_CLOSED", timeout_s=20)
    (planned,) = await with_a_time(hotline)
    assert planned["due_ms"] > time.time() * 1000 + 3_600_000 - 60_000
    (waiting,) = await hotline.calls()
    assert waiting["first_queued_ms"] == planned["due_ms"], "the chosen time is his place"
    seen = len(phone.events)
    hotline.mark()
    await phone.call(NUMBER)
    await until(lambda: hotline.said("kept.callback"), 10)
    assert hotline.said("callback.we_call")
    await phone.press("3")
    await until(lambda: hotline.said("kept.cancelled"), 10)
    await phone.hang_up()
    await phone.wait_for("CALL_CLOSED", timeout_s=10, after=seen)

    async def gone():
        return not await with_a_time(hotline) and not await hotline.calls()

    await until(gone, 10)
    assert await status(hotline) == "closed"


async def asks_after_hours(hotline, phone, until):
    seen = len(phone.events)
    await until(lambda: hotline.said("after.ask"), 20)
    for key, heard in (("0", "request.only_call"), ("3", "request.callback"), ("1", "callback.accepted")):
        await phone.press(key)
        await until(lambda heard=heard: hotline.said(heard), 10)
    await phone.wait_for("CALL_CLOSED", timeout_s=20, after=seen)


async def test_after_hours_it_is_asked_for_by_keys_and_kept_until_the_doors_open(hotline, customer, until):
    closed = datetime.now(ZoneInfo("Europe/Moscow")) + timedelta(hours=2)
    await hotline.hours(False, until=closed.strftime("%Y-%m-%dT%H:%M"))
    hotline.mark()
    phone = await customer()
    await phone.call(NUMBER)
    await asks_after_hours(hotline, phone, until)
    (waiting,) = await until(hotline.calls, 10)
    assert waiting["callback"], waiting
    assert await status(hotline) == "waiting"
    assert not hotline.said("callback.hello"), "nobody is called before the doors open"
    # He forgets about it, calls again, does not choose, and asks once more: he has one, at the old place.
    hotline.mark()
    await phone.call(NUMBER)
    await until(lambda: hotline.said("kept.callback"), 10)
    await phone.press("9")
    await until(lambda: hotline.said("retry.no_match"), 10)
    await phone.press("9")
    await until(lambda: hotline.said("kept.safe"), 10)
    await asks_after_hours(hotline, phone, until)

    async def replaced():
        (one,) = await hotline.calls()
        return one if one["call_id"] != waiting["call_id"] else None

    one = await until(replaced, 10)
    assert one["first_queued_ms"] == waiting["first_queued_ms"], "nothing is gained, nothing is lost"

    async def only_one_ticket_waits():
        tickets = (await hotline.api("/tickets"))["items"]
        return [each["status"] for each in tickets[:2]] == ["waiting", "closed"]

    await until(only_one_ticket_waits, 10)
    (listed,) = (await hotline.api("/callbacks"))["items"]
    assert listed["callback_id"] == one["call_id"]


async def typed(hotline, *words):
    """What ``dozvon callbacks WORDS`` prints."""
    environment = {**os.environ, "DOZVON_CONFIG": str(hotline.config)}
    command = [sys.executable, "-m", "dozvon", "callbacks", *words]
    done = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


async def test_a_time_given_by_the_api_comes_and_he_is_called(hotline, customer, agent_phone, until):
    phone = await customer()
    agent = await reachable(hotline, until, agent_phone, auto_answer=True)
    tomorrow = (datetime.now() + timedelta(days=1)).isoformat(timespec="minutes")
    added = await typed(hotline, "add", "84951234567", "--topic", "access", "--at", tomorrow)
    assert added.split()[1] == "waiting" and "4951234567" not in added
    assert added in await typed(hotline, "list")
    assert (await typed(hotline, "cancel", added.split()[0])).split()[1] == "closed"
    due_ms = round(time.time() * 1000) + 3_000
    wish = {"request_id": f"e2e-{due_ms}", "number": CUSTOMER, "topic": "access", "at_ms": due_ms}
    made = await hotline.api("/callbacks", "POST", {**wish, "text": "Не приходит код"})
    assert (made["status"], made["due_ms"]) == ("waiting", due_ms)
    await phone.wait_for("CALL_INCOMING", timeout_s=20)
    rang_ms = time.time() * 1000
    assert due_ms <= rang_ms <= due_ms + 5_000, f"{rang_ms - due_ms:.0f} ms after the time"
    await phone.answer()

    async def talking():
        return any(call["state"] == "connected" for call in await hotline.calls())

    await until(talking, 20)
    await phone.hang_up()
    await agent.wait_for("CALL_CLOSED", timeout_s=10)

    async def closed():
        return (await hotline.api(f"/tickets/{made['ticket']}"))["status"] == "closed"

    await until(closed, 10)
