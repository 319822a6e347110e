"""The FastAGI codec and Channel against Asterisk itself: what the unit tests' fake takes for granted."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from dozvon.phones import sound
from ivr.agi import commands
from ivr.agi.channel import CallerHungUp, Channel, PlaybackFailed
from ivr.agi.codec import Command, Environment
from ivr.agi.recording import loud_ms
from ivr.agi.server import AgiServer
from ivr.agi.session import Session

pytestmark = pytest.mark.e2e
Work = Callable[[Channel, Environment], Awaitable[Any]]


@pytest.fixture
async def on_a_call(settings, asterisk, asterisk_secrets, caller_phone, tmp_path):
    """``await on_a_call(work)``: a real caller's channel, given to ``work``; its result comes back."""
    servers = []

    async def run(work: Work, during: Callable[[Any], Awaitable[Any]] | None = None) -> Any:
        result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def serve(session: Session, environment: Environment) -> None:
            channel = Channel(session)
            try:
                value = await work(channel, environment)
                await channel.set("DOZVON_DONE", "1")
                result.set_result(value)
            except Exception as error:
                result.set_exception(error)

        server = AgiServer({"call": serve}, asterisk_secrets.agi_token)
        await server.start("127.0.0.1", settings.agi.port)
        servers.append(server)
        phone = await caller_phone()
        await phone.call(settings.hotline.number)
        if during is not None:
            await during(phone)
        return await asyncio.wait_for(result, 30)

    yield run
    for server in servers:
        await server.stop()


@pytest.fixture
def tone(tmp_path):
    tmp_path.chmod(0o755)

    def make(name: str, ms: int) -> str:
        sound.write_wav(tmp_path / f"{name}.wav", sound.tone(600, ms / 1000))
        return str(tmp_path / name)

    return make


async def test_values_and_errors_are_read_as_sent(on_a_call, settings):
    values = [
        "",
        "два слова",
        'a "quoted" \\ one',
        "${EXTEN}$[1+1]",
        "HANGUP",
        "hangup",
        "a) (b endpos=4",
        "x" * 1000,
        "a,b;c|d",
    ]

    async def work(channel: Channel, environment: Environment) -> Any:
        assert environment.args[1] == settings.hotline.number
        assert environment.fields["callerid"] == "79161234567"
        back = []
        for value in values:
            await channel.set("V", value)
            back.append(await channel.get("V"))
        codes = []
        for words in (("NO", "SUCH"), ("STREAM", "FILE"), ("SET", "MUSIC"), ("GET", "VARIABLE")):
            reply = await channel.session.run(Command(words), 5)
            codes.append(reply.code)
        unknown = await channel.session.run(commands.execute("NoSuchApplication"), 5)
        with pytest.raises(PlaybackFailed):
            await channel.play("/no/such/sound")
        await channel.set("V", "last")
        return back, codes, unknown.result, await channel.get("V"), await channel.get("UNSET")

    back, codes, unknown, last, unset = await on_a_call(work)
    assert back == values
    assert codes == [510, 520, 520, 520]
    assert (unknown, last, unset) == ("-2", "last", "")


async def test_interrupting_never_shifts_a_reply(on_a_call, tone):
    """Prompts and waits are cancelled at random moments, many about when they end by themselves."""
    name, chance = tone("beep", 120), random.Random(7)

    async def work(channel: Channel, environment: Environment) -> Any:
        wrong = 0
        for turn in range(60):
            task = asyncio.create_task(
                channel.play(name) if turn % 2 else channel.wait_for_key(120, "default" if turn % 4 else "")
            )
            await asyncio.sleep(chance.choice([0.0, 0.01, 0.118, 0.12, 0.122, 0.124, 0.13, 0.05]))
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await channel.set("TURN", str(turn))
            wrong += await channel.get("TURN") != str(turn)
        return wrong

    assert await on_a_call(work) == 0


async def test_stop_silences_at_once(on_a_call, tone, until):
    name = tone("long", 8000)
    stopped: list[float] = []

    async def work(channel: Channel, environment: Environment) -> Any:
        task = asyncio.create_task(channel.play(name))
        await asyncio.sleep(1.0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await channel.stop()
        await asyncio.sleep(1.0)

    phones: list[Any] = []

    async def during(phone: Any) -> None:
        phones.append(phone)

    await on_a_call(work, during)
    assert 0.7 <= sound.tone_seconds(phones[0].heard(), 600) <= 1.3
    assert stopped == []


async def test_keys_typed_ahead_are_kept(on_a_call, tone):
    name = tone("menu", 3000)

    async def work(channel: Channel, environment: Environment) -> Any:
        await channel.play(name)
        options = {"terminator": "#", "timeout_ms": 3000, "interdigit_ms": 1500}
        return await channel.ask([name], max_digits=20, **options)

    async def during(phone: Any) -> None:
        await asyncio.sleep(0.3)
        await phone.press("12345678901#")

    answer = await on_a_call(work, during)
    assert (answer.keys, answer.terminated) == ("12345678901", True)


async def test_music_comes_back_after_a_prompt(on_a_call, tone):
    name = tone("short", 300)
    phones: list[Any] = []

    async def work(channel: Channel, environment: Environment) -> Any:
        await channel.wait_for_key(600, "default")
        await channel.play(name)
        before = len(phones[0].heard())
        await channel.wait_for_key(1500, "default")
        heard = phones[0].heard()[before:]
        return len(heard) / 8000, sound.rms(heard)

    async def during(phone: Any) -> None:
        phones.append(phone)

    seconds, loudness = await on_a_call(work, during)
    assert seconds > 1.0
    assert loudness > 100


@pytest.mark.parametrize("end", ["key", "silence", "limit", "hangup"])
async def test_recording(on_a_call, tmp_path, end):
    target = tmp_path / "recorded"
    tmp_path.chmod(0o777)

    async def work(channel: Channel, environment: Environment) -> Any:
        options = {"max_ms": 2500, "silence_ms": 1000 if end == "silence" else 9000, "terminator": "#"}
        return await channel.record(str(target), **options, beep=False, sound_format="wav")

    async def during(phone: Any) -> None:
        await phone.say(sound.tone(440, 0.8 if end == "silence" else 10))
        await asyncio.sleep(1.2)
        if end == "key":
            await phone.press("#")
        elif end == "hangup":
            await phone.hang_up()

    raw = await on_a_call(work, during)
    assert raw.end == {"key": "key", "silence": "timeout", "limit": "timeout", "hangup": "hung_up"}[end]
    assert raw.duration_ms > 500
    assert (raw.duration_ms >= 2400) == (end == "limit")
    assert loud_ms(target.with_suffix(".wav")) >= 400


async def test_variables_after_the_hangup(on_a_call, tone):
    name = tone("long", 8000)

    async def work(channel: Channel, environment: Environment) -> Any:
        with pytest.raises(CallerHungUp):
            await channel.play(name)
        with pytest.raises(CallerHungUp):
            await channel.play(name)
        await channel.set("LATE", "yes")
        return await channel.get("LATE"), channel.gone

    async def during(phone: Any) -> None:
        await asyncio.sleep(0.5)
        await phone.hang_up()

    assert await on_a_call(work, during) == ("yes", True)
