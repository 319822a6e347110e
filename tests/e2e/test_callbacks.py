"""A caller who asks to be called back is called back: real phones, Asterisk, trunk, daemon."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

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
async def hotline(whole_hotline, until):
    await until(lambda: _ready(whole_hotline), 20)
    whole_hotline.mark()
    yield whole_hotline
    for line in whole_hotline.lines[-25:]:  # shown when the test failed
        print(" ".join(f"{k}={v}" for k, v in line.items() if k not in ("level", "event", "path"))[:300])


async def _ready(hotline):
    try:
        agents = await hotline.api("/agents")
        return agents["connected"] and agents["items"] and not await hotline.calls()
    except Exception:
        return False


@pytest.fixture
def customer(caller_phone, settings):
    """The telephone at the carrier's end: calls the hotline, and is called by it."""

    def make(**options):
        return caller_phone(number=CUSTOMER, port=settings.asterisk.trunk_port, **options)

    return make


async def asks_to_be_called(hotline, until, phone):
    """Into the queue, key 3, this number; returns his waiting call and the callback that took its place."""
    await phone.call(NUMBER)
    await until(lambda: hotline.said("topics.ask"), 10)
    await phone.press("1")
    await until(lambda: hotline.said("access.ask"), 10)
    await phone.press("1")
    (before,) = await until(hotline.calls, 10)
    await until(lambda: hotline.said("queue.entered"), 10)
    await phone.press("3")
    await until(lambda: hotline.said("callback.offer"), 10)
    await phone.press("1")
    await until(lambda: hotline.said("callback.accepted"), 10)
    await phone.wait_for("CALL_CLOSED", timeout_s=20)
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


async def test_who_calls_again_has_his_place(hotline, customer, agent_phone, until):
    phone = await customer()
    before, _ = await asks_to_be_called(hotline, until, phone)
    await phone.call(NUMBER)
    hotline.mark()
    await until(lambda: hotline.said("topics.ask"), 10)
    await phone.press("1")
    await until(lambda: hotline.said("access.ask"), 10)
    await phone.press("1")

    async def queued_again():
        return [call for call in await hotline.calls() if not call["call_id"].count("-cb-")]

    (again,) = await until(queued_again, 10)
    assert again["first_queued_ms"] == before["first_queued_ms"]
    assert len(await hotline.calls()) == 1, "the callback has ended"
    await phone.hang_up()
    await until(hotline.ended)
