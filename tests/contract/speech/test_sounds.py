"""What telephones carry beside one clear voice, through the real detector and the real model.

Recorded sounds are those that callers hear from us (music, prompts) and the sentences of tests/data/speech;
babble is made of those sentences.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from dozvon.phones import sound as telephone
from ivr.speech.client import Client
from ivr.speech.contract import NOTHING, ONSET, turn_settings
from ivr.speech.endpoint import PATIENCE
from ivr.speech.server import SpeechServer

ROOT = Path(__file__).parents[3]
TOKEN = "secret of the tests"
MENU = ("соедините с оператором", "хочу узнать статус заявления", "не могу войти в личный кабинет")
SENTENCES = ("operator", "status", "cannot_sign_in", "snils")
Call = Callable[[], Client]
Sound = Callable[[str], bytes]
Samples = npt.NDArray[np.float64]


def samples(raw: bytes) -> Samples:
    return np.frombuffer(raw, "<i2").astype(np.float64)


def raw(sound: Samples) -> bytes:
    return np.clip(np.round(sound), -32768, 32767).astype("<i2").tobytes()


def silence(ms: int) -> bytes:
    """As A-law carries it."""
    return np.full(8 * ms, 8, "<i2").tobytes()


def alaw(file: Path) -> Samples:
    return np.array(telephone.from_alaw(file.read_bytes()), np.float64)


def weaker(sound: Samples, db: float) -> Samples:
    return sound * 10 ** (-db / 20)


def babble(sound: Sound, seconds: float) -> Samples:
    """Twelve voices at once: the sentences, shifted against each other and backwards; as loud as one."""
    random = np.random.default_rng(1)
    length = int(8000 * seconds)
    out = np.zeros(length)
    for index in range(12):
        voice = samples(sound(SENTENCES[index % len(SENTENCES)]))[:: -1 if index % 2 else 1]
        out += np.roll(np.tile(voice, 1 + length // len(voice))[:length], random.integers(length))
    return out / np.sqrt(12)


async def created(call: Call) -> Client:
    client = call()
    assert "error_msg" not in await client.create(TOKEN)
    return client


async def heard(client: Client, within_s: float = 0.4) -> list[str]:
    found = []
    while True:
        try:
            found.append((await client.result(within_s)).text)
        except TimeoutError:
            return found


async def begun(client: Client, sound: bytes) -> bool:
    """Does this sound begin a turn?"""
    await client.begin(turn_settings(1, "sentence"))
    await client.say(sound, paced=False)
    return bool(await heard(client))


@pytest.mark.parametrize("below_db", [40, 45])
async def test_the_prompts_own_echo_is_no_speech(call: Call, server: SpeechServer, below_db: float) -> None:
    client = await created(call)
    folder = ROOT / "voice_prompts/ru/sounds"
    chosen = sorted(folder.glob("*.alaw"))[:60:12]
    echo = np.concatenate([weaker(alaw(file)[:32_000], below_db) for file in chosen])
    assert not await begun(client, raw(echo))
    assert server.counters.turns == 0


@pytest.mark.parametrize("weaker_db", [0, 10, 20, 30])
async def test_music_on_hold_is_no_words(call: Call, weaker_db: float) -> None:
    """From another telephone in the room; at worst the caller is asked again."""
    client = await created(call)
    await client.begin(turn_settings(1, "choice", MENU))
    music = alaw(ROOT / "asterisk-config/sounds/moh/waiting.alaw")[:80_000]
    await client.say(raw(weaker(music, weaker_db)) + silence(1500), paced=False)
    assert await heard(client) in ([], [ONSET, NOTHING])


@pytest.mark.parametrize("below_db", [40, 30])
async def test_people_talking_far_away_begin_no_turn(call: Call, sound: Sound, below_db: float) -> None:
    client = await created(call)
    assert not await begun(client, raw(weaker(babble(sound, 8), below_db)))


@pytest.mark.parametrize("snr_db", [20, 12])
async def test_a_phrase_is_heard_among_people_talking(call: Call, sound: Sound, snr_db: float) -> None:
    client = await created(call)
    await client.begin(turn_settings(1, "choice", MENU))
    said = samples(silence(300) + sound("status") + silence(1500))
    await client.say(raw(said + weaker(babble(sound, len(said) / 8000)[: len(said)], snr_db)), paced=False)
    results = await heard(client)
    assert results == [ONSET, "хочу узнать статус заявления"]


@pytest.mark.parametrize("gain", [4, 20])
async def test_who_shouts_is_understood(call: Call, sound: Sound, gain: float) -> None:
    """Twenty times as loud: nearly every sample is cut off."""
    client = await created(call)
    await client.begin(turn_settings(1, "choice", MENU))
    await client.say(silence(300) + raw(gain * samples(sound("operator"))) + silence(1200), paced=False)
    assert await heard(client) == [ONSET, "соедините с оператором"]


async def test_who_speaks_softly_is_understood(call: Call, sound: Sound) -> None:
    client = await created(call)
    await client.begin(turn_settings(1, "choice", MENU))
    await client.say(silence(300) + raw(weaker(samples(sound("operator")), 15)) + silence(1200), paced=False)
    assert await heard(client) == [ONSET, "соедините с оператором"]


async def test_a_silent_caller_costs_nothing(call: Call, server: SpeechServer) -> None:
    client = await created(call)
    assert not await begun(client, silence(20_000))
    assert server.counters.turns == 0 and server._places.taken == 0


async def test_who_talks_without_end_is_answered_in_time(call: Call, sound: Sound) -> None:
    """A menu: what was understood until then counts, and the place is free again."""
    client = await created(call)
    await client.begin(turn_settings(1, "choice", MENU))
    speech = sound("status") + sound("cannot_sign_in")
    longest_ms = PATIENCE["choice"].longest_ms
    await client.say(speech * (2 * longest_ms * 16 // len(speech)), paced=False)
    async with asyncio.timeout(10):
        onset, words = await client.result(), await client.result()
    assert onset.text == ONSET and "хочу узнать статус заявления" in words.text
    assert await heard(client) == []  # no second turn by itself


async def test_a_pause_for_thought_cuts_no_sentence(call: Call, sound: Sound) -> None:
    client = await created(call)
    await client.begin(turn_settings(1, "sentence"))
    said = sound("cannot_sign_in") + silence(400) + sound("status")
    await client.say(silence(300) + said + silence(1500), paced=False)
    onset, words = await heard(client)
    assert onset == ONSET
    assert words.startswith("не могу войти") and words.endswith("статус заявления")
