"""Waiting with music: who is listened to over it, where it goes on, how an offer ends it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from agi_hall import BYE, offer, ringing, say

from acd.contract import CallQueued, OfferAccepted, OfferDeclined
from ivr.agi.holding import Ears, Music, Track, tracks
from ivr.dialog.contract import (
    Action,
    CallStarted,
    Digits,
    Enqueue,
    Hold,
    Input,
    Utterance,
    Waited,
)

SILENCE = "/sounds/silence"
SONG = Track("/music/song", 60_000)


def heard(text: str, score: int = 90) -> str:
    return f'(speech) endpos=0 results=1 score0={score} text0="{text}" grammar0=speech'


# -------------------------------------------------------------------------------------- music and ears
def test_music_goes_on_where_it_was_left_and_round() -> None:
    now = [0.0]
    music = Music([Track("a", 3_000), Track("b", 2_000)], lambda: now[0])

    def play(seconds: float) -> tuple[str, int]:
        with music.playing():
            now[0] += seconds
        return music.sound, music.offset

    assert play(1.0) == ("a", 8_000)
    assert music.left_s == 2.0
    assert play(0.5) == ("a", 12_000)
    assert play(1.6) == ("b", 0)
    assert play(2.0) == ("a", 0)
    assert not Music([])


def test_tracks_are_the_files_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "b.alaw").write_bytes(b"x" * 16_000)
    (tmp_path / "a.alaw").write_bytes(b"x" * 8_000)
    (tmp_path / "empty.alaw").touch()
    (tmp_path / "c.wav").write_bytes(b"x")
    assert tracks(tmp_path) == (Track(f"{tmp_path}/a", 1_000), Track(f"{tmp_path}/b", 2_000))
    assert tracks(tmp_path / "nowhere") == ()


def test_ears_are_bounded() -> None:
    ears = Ears(1)
    with ears.claimed(True) as one, ears.claimed(True) as two, ears.claimed(False) as three:
        assert (one, two, three) == (True, False, False)
    with pytest.raises(RuntimeError), ears.claimed(True):
        raise RuntimeError
    assert ears.taken == 0


# ----------------------------------------------------------------------------------------- in a call
def waits(every_ms: int = 5_000, **hold: Any) -> Any:
    def script(event: Input, _session: Any) -> tuple[Action, ...]:
        match event:
            case CallStarted():
                return (Enqueue("main", "access", "ru"), Hold(every_ms, say("place"), speech=True))
            case Waited():
                return (Hold(every_ms, say("still"), speech=True),)
        return BYE

    return script


async def waiting(
    hall: Any, speech: Any, *, music: tuple[Track, ...] = (SONG,), every_ms: int = 5_000
) -> Any:
    node = hall(waits(every_ms), silence=SILENCE, music=music)
    peer = node.connect()
    peer.speech = speech
    peer.sounds[SONG.sound] = SONG.duration_ms / 1000
    await peer.open("0123456789abcdef-token", "88005553535")
    return node, peer


def ends_turns(node: Any, peer: Any) -> list[str]:
    """The speech server ends a turn when it is told to; of which calls it was."""
    ended: list[str] = []

    async def end_turn(call_id: str) -> bool:
        ended.append(call_id)
        peer.end_turn()
        return True

    object.__setattr__(node.house, "end_turn", end_turn)
    return ended


async def test_words_over_the_music(hall: Any, soon: Any) -> None:
    """What is no speech costs a moment of silence; then the music goes on from there."""
    results = [
        (9.0, ""),  # the news, heard to its end
        (0.3, heard("@onset")),
        (0.01, heard("@nothing")),
        (0.05, heard("@onset")),
        (0.01, heard("вопрос")),
    ]
    node, peer = await waiting(hall, results)
    await soon(lambda: peer.closed.is_set())
    assert node.hotline.heard[1] == Utterance("вопрос", 0.9)
    assert peer.said[:5] == ["/voice/ru/place", SONG.sound, SILENCE, SONG.sound, SILENCE]
    assert peer.offsets[0] == peer.offsets[1] == 0
    assert 2_400 <= peer.offsets[3] < 8_000  # samples: some 0.3 s were heard
    assert node.calls.ears.taken == 0


async def test_words_over_the_news(hall: Any, soon: Any) -> None:
    node, peer = await waiting(hall, [(0.0, heard("@onset")), (0.0, heard("перезвоните"))])
    await soon(lambda: peer.closed.is_set())
    assert node.hotline.heard[1] == Utterance("перезвоните", 0.9)
    assert peer.said[:2] == ["/voice/ru/place", SILENCE]


async def test_a_key_over_the_music(hall: Any, soon: Any) -> None:
    node, peer = await waiting(hall, [])
    await soon(lambda: SONG.sound in peer.said)
    peer.key("1")
    await soon(lambda: peer.closed.is_set())
    assert node.hotline.heard[1] == Digits("1")


async def test_noise_three_times_and_there_is_only_music(hall: Any, soon: Any) -> None:
    noise = [(0.0, heard("@onset")), (0.0, heard("@nothing"))] * 3
    node, peer = await waiting(hall, noise)
    await soon(lambda: peer.music == "default")
    peer.key("2")
    await soon(lambda: peer.closed.is_set())
    assert node.hotline.heard[1] == Digits("2")


@pytest.mark.parametrize("why", ["no_music", "no_ears", "no_server", "server_dies"])
async def test_nobody_listens_and_the_news_are_heard(hall: Any, soon: Any, why: str) -> None:
    speech = {"no_server": None, "server_dies": [(9.0, ""), (0.0, "(speech) endpos=0 results=0")]}
    node = hall(waits(), silence=SILENCE, music=() if why == "no_music" else (SONG,))
    peer = node.connect()
    peer.speech = speech.get(why, [])
    node.calls.ears.most = 0 if why == "no_ears" else 1
    await peer.open("0123456789abcdef-token", "88005553535")
    await soon(lambda: peer.music == "default")
    assert peer.said[0] == "/voice/ru/place" and peer.said.count("/voice/ru/place") == 1
    peer.key("3")
    await soon(lambda: peer.closed.is_set())
    assert node.hotline.heard[1] == Digits("3")


async def test_the_next_announcement_ends_listening(hall: Any, soon: Any) -> None:
    node, peer = await waiting(hall, [], every_ms=300)
    ends_turns(node, peer)
    await soon(lambda: "/voice/ru/still" in peer.said)
    waited = node.hotline.heard[1]
    assert isinstance(waited, Waited) and waited.heard
    assert peer.said[:3] == ["/voice/ru/place", SONG.sound, "/voice/ru/still"]


async def test_words_begun_before_the_next_announcement_are_heard(hall: Any, soon: Any) -> None:
    results = [(9.0, ""), (0.15, heard("@onset")), (0.35, heard("перезвоните"))]
    node, peer = await waiting(hall, results, every_ms=300)
    ends_turns(node, peer)
    await soon(lambda: peer.closed.is_set())
    assert node.hotline.heard[1] == Utterance("перезвоните", 0.9)
    assert "/voice/ru/still" not in peer.said


async def test_noise_puts_the_next_announcement_off_no_longer_than_it_lasts(hall: Any, soon: Any) -> None:
    results = [(9.0, ""), (0.15, heard("@onset")), (0.35, heard("@nothing"))]
    node, peer = await waiting(hall, results, every_ms=300)
    ends_turns(node, peer)
    await soon(lambda: "/voice/ru/still" in peer.said)
    assert isinstance(node.hotline.heard[1], Waited)


async def test_an_offer_does_not_wait_for_the_end_of_a_sentence(hall: Any, soon: Any) -> None:
    results = [(9.0, ""), (0.01, heard("@onset")), (9.0, "")]
    node, peer = await waiting(hall, results, every_ms=200)
    ends_turns(node, peer)
    peer.sounds[SILENCE] = 9.0
    peer.dial = ringing(("BUSY", "17", ""))
    queued = await node.fact(CallQueued)
    await asyncio.sleep(0.4)
    assert peer.said[-1] == SILENCE, "his sentence outlasts the announcement's time"
    node.distributor.orders.put_nowait(offer(queued.call_id))
    await node.fact(OfferDeclined)
    await soon(lambda: "/voice/ru/still" in peer.said)  # nobody speaks any more


async def test_an_offer_ends_listening_at_once(hall: Any, soon: Any) -> None:
    """By the speech server, without the manager."""
    node, peer = await waiting(hall, [])
    ended = ends_turns(node, peer)
    peer.dial = ringing(("ANSWER", "16", "1"))
    queued = await node.fact(CallQueued)
    await soon(lambda: SONG.sound in peer.said)
    began = time.monotonic()
    node.distributor.orders.put_nowait(offer(queued.call_id))
    await node.fact(OfferAccepted)
    assert time.monotonic() - began < 1.0
    assert ended == [queued.call_id]
    assert node.calls.ears.taken == 0
    await soon(lambda: peer.closed.is_set())
    assert not any(isinstance(event, Utterance | Digits) for event in node.hotline.heard)


async def test_a_server_that_does_not_end_its_turn_is_not_waited_for(hall: Any, soon: Any) -> None:
    node, peer = await waiting(hall, [])

    async def deaf(_call_id: str) -> bool:
        return True

    class Phones:
        async def press(self, _channel: str, key: str) -> None:
            peer.key(key)

    object.__setattr__(node.house, "end_turn", deaf)
    object.__setattr__(node.house, "phones", Phones())
    peer.dial = ringing(("ANSWER", "16", "1"))
    queued = await node.fact(CallQueued)
    await soon(lambda: SONG.sound in peer.said)
    node.distributor.orders.put_nowait(offer(queued.call_id))
    await node.fact(OfferAccepted)
    await soon(lambda: peer.closed.is_set())


async def test_a_hangup_while_listening_over_music(hall: Any, soon: Any) -> None:
    node, peer = await waiting(hall, [])
    await soon(lambda: SONG.sound in peer.said)
    await peer.hang_up()
    await soon(lambda: peer.closed.is_set())
    assert node.desk.interactions[0].outcome == "abandoned"
    await asyncio.sleep(0)
    assert node.calls.ears.taken == 0
