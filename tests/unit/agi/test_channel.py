"""The channel's operations against Asterisk's end of the protocol."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from ivr.agi.channel import MAX_KEYS_AHEAD, Answer, CallerHungUp, Channel, PlaybackFailed
from ivr.agi.session import Session, SessionLost

Peer = tuple[Any, Session]
COLLECT = {"terminator": "#", "timeout_ms": 60, "interdigit_ms": 60}


@pytest.fixture
def channel(peer: Peer) -> Channel:
    return Channel(peer[1])


async def test_play_to_the_end(peer: Peer, channel: Channel) -> None:
    assert await channel.play("hello")
    assert peer[0].said == ["hello"]


async def test_a_key_stops_a_prompt_and_is_kept(peer: Peer, channel: Channel) -> None:
    peer[0].sounds["hello"] = 5.0
    peer[0].key("7")
    assert not await channel.play("hello")
    assert channel.keys_ahead == "7"
    assert await channel.ask(["menu"], max_digits=1, **COLLECT) == Answer("7")
    assert peer[0].said == ["hello"]  # who knows the menu need not hear it


async def test_a_notice_cannot_be_cut_short(peer: Peer, channel: Channel) -> None:
    peer[0].sounds["notice"] = 0.02
    peer[0].key("7")
    assert await channel.play("notice", barge_in=False)
    assert channel.keys_ahead == ""


async def test_a_missing_sound(peer: Peer, channel: Channel) -> None:
    peer[0].missing.add("nothing")
    with pytest.raises(PlaybackFailed):
        await channel.play("nothing")
    assert await channel.play("hello")


@pytest.mark.parametrize(
    ("keys", "max_digits", "expected"),
    [
        ("5", 1, Answer("5")),
        ("#", 1, Answer("#")),
        ("123#", 11, Answer("123", terminated=True)),
        ("12345678901", 11, Answer("12345678901")),
        ("12", 11, Answer("12")),
        ("#", 11, Answer("", terminated=True)),
        ("", 11, None),
    ],
)
async def test_ask(peer: Peer, channel: Channel, keys: str, max_digits: int, expected: Answer | None) -> None:
    peer[0].sounds["menu"] = 0.02
    peer[0].key(keys)
    assert await channel.ask(["menu"], max_digits=max_digits, **COLLECT) == expected


async def test_a_digit_too_many_belongs_to_the_number(peer: Peer, channel: Channel) -> None:
    peer[0].key("12345678")
    assert await channel.ask([], max_digits=7, **COLLECT) == Answer("12345678")
    assert channel.keys_ahead == ""
    peer[0].key("1234567#1")
    assert await channel.ask([], max_digits=7, **COLLECT) == Answer("1234567", terminated=True)
    assert await channel.ask([], max_digits=1, **COLLECT) == Answer("1"), "typed ahead on purpose"


async def test_no_key_is_collected_for_ever(peer: Peer, channel: Channel) -> None:
    peer[0].key("1" * 100)
    answer = await channel.ask([], max_digits=7, **COLLECT)
    assert answer is not None and len(answer.keys) == MAX_KEYS_AHEAD


async def number_and_late_key(peer: Peer, key: str, after_s: float) -> Channel:
    """A number that its last digit ended, then a key into the next prompt."""
    now = [100.0]
    channel = Channel(peer[1], lambda: now[0])
    peer[0].key("1234567")
    assert await channel.ask([], max_digits=7, **COLLECT) == Answer("1234567")
    now[0] += after_s
    peer[0].sounds["next"] = 0.02
    peer[0].key(key)
    return channel


@pytest.mark.parametrize(
    ("key", "after_s", "answer"),
    [("#", 1.0, None), ("#1", 1.0, "1"), ("1", 1.0, "1"), ("#", 4.0, "#"), ("##", 1.0, "#")],
)
async def test_a_late_terminator_answers_nothing(
    peer: Peer, key: str, after_s: float, answer: str | None
) -> None:
    channel = await number_and_late_key(peer, key, after_s)
    given = await channel.ask(["next"], max_digits=1, **COLLECT)
    assert (given and given.keys) == answer


async def test_a_prompt_goes_on_where_a_late_terminator_stopped_it(peer: Peer) -> None:
    channel = await number_and_late_key(peer, "#", 1.0)
    assert await channel.play("next")
    assert peer[0].commands[-1].endswith(" 800") and peer[0].said == ["next", "next"]


async def test_a_late_terminator_while_listening(peer: Peer) -> None:
    channel = await number_and_late_key(peer, "#2", 1.0)
    peer[0].speech = []
    reply = await channel.recognise("next", 1, 5.0)
    assert (reply.note, reply.fields["digit"]) == ("digit", "2")


async def test_music_is_set_again_after_a_prompt(peer: Peer, channel: Channel) -> None:
    await channel.wait_for_key(1, "default")
    assert peer[0].music == "default"
    await channel.play("hello")
    assert peer[0].music == ""
    await channel.wait_for_key(1, "default")
    await channel.wait_for_key(1, "default")
    assert peer[0].commands.count("SET MUSIC ON default") == 2


async def test_a_hangup_while_idle_is_known_at_once(peer: Peer, channel: Channel, soon: Any) -> None:
    await peer[0].hang_up()
    await soon(lambda: channel.gone)
    with pytest.raises(CallerHungUp):
        await channel.play("hello")
    await channel.set("A", "b")  # variables work to the very end
    assert await channel.get("A") == "b"


@pytest.mark.parametrize("operation", ["play", "key", "ask"])
async def test_a_hangup_in_the_middle(peer: Peer, channel: Channel, operation: str) -> None:
    peer[0].sounds["long"] = 9.0
    work = {
        "play": lambda: channel.play("long"),
        "key": lambda: channel.wait_for_key(9_000, "default"),
        "ask": lambda: channel.ask(["long"], max_digits=1, **COLLECT),
    }[operation]
    task = asyncio.create_task(work())  # type: ignore[arg-type]
    await asyncio.sleep(0.02)
    await peer[0].hang_up()
    with pytest.raises(CallerHungUp):
        await task


@pytest.mark.parametrize("work", ["play", "wait"])
async def test_cancelling_stops_what_plays_and_shifts_nothing(
    peer: Peer, channel: Channel, work: str
) -> None:
    peer[0].sounds["long"] = 9.0
    task = asyncio.create_task(channel.play("long") if work == "play" else channel.wait_for_key(9_000))  # type: ignore[arg-type]
    await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    peer[0].variables["A"] = "right"
    assert await channel.get("A") == "right"
    assert await channel.play("hello")


async def test_a_key_pressed_in_the_moment_of_cancelling_is_kept(peer: Peer, channel: Channel) -> None:
    peer[0].sounds["long"] = 9.0
    task = asyncio.create_task(channel.play("long"))
    await asyncio.sleep(0.02)
    peer[0].key("4")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0.02)
    await channel.stop()
    assert channel.keys_ahead == "4"


async def test_variables_hold_anything(channel: Channel) -> None:
    for value in ("", "два слова", 'a "quoted" \\ one', "${SHELL(touch /tmp/x)}", "hangup", "a) (b"):
        await channel.set("V", value)
        assert await channel.get("V") == value
    assert await channel.get("UNSET") == ""


@pytest.mark.parametrize(
    ("asterisk", "status"),
    [
        (("ANSWER", "16", "42"), "answered"),
        (("NOANSWER", "0", ""), "no_answer"),
        (("BUSY", "17", ""), "declined"),
        (("CHANUNAVAIL", "21", ""), "declined"),
        (("CHANUNAVAIL", "3", ""), "unreachable"),
        (("CONGESTION", "0", ""), "unreachable"),
        (("", "", ""), "unreachable"),
    ],
)
async def test_dial(peer: Peer, channel: Channel, asterisk: tuple[str, str, str], status: str) -> None:
    async def dial(_peer: Any, arguments: str) -> tuple[str, str, str]:
        assert arguments == "PJSIP/2001,15,g"
        return asterisk

    peer[0].dial = dial
    result = await channel.dial("PJSIP/2001", 15, "g")
    assert result.status == status
    assert result.answered_s == int(asterisk[2] or 0)


async def test_the_caller_leaves_while_a_phone_rings(peer: Peer, channel: Channel) -> None:
    async def dial(_peer: Any, _arguments: str) -> tuple[str, str, str]:
        await asyncio.sleep(9)
        raise AssertionError

    peer[0].dial = dial
    task = asyncio.create_task(channel.dial("PJSIP/2001", 15, "g"))
    await asyncio.sleep(0.02)
    await peer[0].hang_up()
    assert (await task).status == "cancelled"
    assert channel.gone


async def test_asterisk_goes_away(peer: Peer, channel: Channel) -> None:
    peer[0].sounds["long"] = 9.0
    task = asyncio.create_task(channel.play("long"))
    await asyncio.sleep(0.02)
    await peer[0].stop()
    with pytest.raises(SessionLost):
        await task
    with pytest.raises(SessionLost):
        await channel.get("A")


async def test_asterisk_that_does_not_reply_is_given_up(peer: Peer) -> None:
    session = peer[1]
    await peer[0].stop()
    from ivr.agi import commands

    with pytest.raises(SessionLost):
        await session.run(commands.noop(), 0.05)


async def test_record(peer: Peer, channel: Channel, tmp_path: Path) -> None:
    notes = iter(
        [
            "result=35 (dtmf) endpos=16000",
            "result=0 (timeout) endpos=8000",
            "result=-1 (writefile)",
            "result=-1 (hangup) endpos=800",
        ]
    )
    peer[0].recorded = lambda _path: next(notes)
    options = {"max_ms": 5000, "silence_ms": 4000, "terminator": "#", "beep": True, "sound_format": "wav"}
    ends = []
    for _ in range(4):
        raw = await channel.record(str(tmp_path / "a"), **options)  # type: ignore[arg-type]
        ends.append((raw.end, raw.duration_ms))
    assert ends == [("key", 2000), ("timeout", 1000), ("failed", 0), ("hung_up", 100)]
    assert peer[0].commands[0].endswith("wav # 5000 0 BEEP s=4")
