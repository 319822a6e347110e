"""The speech server through real websockets: turns, limits, malformed input."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from ivr.speech.aeap import MAX_FRAME
from ivr.speech.client import Client
from ivr.speech.contract import BUSY, NOTHING, ONSET, turn_settings
from ivr.speech.recogniser import VoskModel
from ivr.speech.server import MAX_MALFORMED, SpeechServer
from ivr.speech.voice import Silero
from ivr.speech.ways import MAX_OTHERS

TOKEN = "secret of the tests"
HEARD_TWICE = 3  # times as fast as a telephone: a number costs more, and the machine may have other work
Call = Callable[[], Client]
Sound = Callable[[str], bytes]
MENU = (
    "соедините с оператором",
    "хочу узнать статус заявления",
    "не могу войти в личный кабинет",
    "да",
    "нет",
)


def silence(ms: int) -> bytes:
    return bytes(16 * ms)


def noise(ms: int, level: float, seed: int = 1) -> bytes:
    samples = np.random.default_rng(seed).standard_normal(8 * ms) * level
    return np.clip(samples, -32768, 32767).astype("<i2").tobytes()


def noisy(sound: bytes, snr_db: float) -> bytes:
    speech = np.frombuffer(sound, "<i2").astype(float)
    loud = speech[np.abs(speech) > 300]
    level = np.sqrt(np.mean(loud**2)) * 10 ** (-snr_db / 20)
    mixed = speech + np.random.default_rng(1).standard_normal(len(speech)) * level
    return np.clip(mixed, -32768, 32767).astype("<i2").tobytes()


async def created(call: Call) -> Client:
    client = call()
    answer = await client.create(TOKEN)
    assert answer["codecs"] == [{"name": "slin"}] and "error_msg" not in answer
    return client


async def closed(client: Client) -> None:
    """Waits until the server has closed the connection."""
    await asyncio.wait_for(client.ended.wait(), 5)


async def test_a_phrase_of_the_menu_is_heard(call: Call, sound: Sound, server: SpeechServer) -> None:
    client = await created(call)
    await client.begin(turn_settings(1, "choice", MENU))
    await client.say(silence(500) + sound("operator") + silence(1200), paced=False)
    assert (await client.result()).text == ONSET
    heard = await client.result()
    assert heard.text == "соедините с оператором"
    assert heard.score >= 70 and heard.grammar == "speech"
    assert server.counters.recognised == 1 and server.counters.turns == 1


@pytest.mark.parametrize("snr_db", [25, 15])
async def test_a_phrase_is_heard_through_noise(call: Call, sound: Sound, snr_db: float) -> None:
    client = await created(call)
    await client.begin(turn_settings(1, "choice", MENU))
    said = silence(300) + sound("cannot_sign_in") + silence(1200)
    await client.say(noisy(said, snr_db), paced=False)
    assert (await client.result()).text == ONSET
    assert (await client.result()).text == "не могу войти в личный кабинет"


async def test_the_first_syllable_is_kept(call: Call, sound: Sound) -> None:
    """The shortest word there is, with nothing before it but the silence of the turn."""
    client = await created(call)
    await client.begin(turn_settings(1, "yes_no", ("да", "нет", "повторите")))
    await client.say(silence(300) + sound("yes") + silence(900), paced=False)
    assert (await client.result()).text == ONSET
    assert (await client.result()).text == "да"


async def test_a_pause_does_not_end_a_number_while_digits_are_missing(call: Call, sound: Sound) -> None:
    client = await created(call)
    await client.begin(turn_settings(1, "digits", digits=11))
    await client.say(silence(200) + sound("snils_pause") + silence(2500), paced=False, hurry=HEARD_TWICE)
    assert (await client.result()).text == ONSET
    words = (await client.result()).text.split()
    assert words[:2] == ["сто", "двенадцать"] and words[-1] == "пять"


async def test_a_number_comes_with_other_ways_to_hear_it_and_a_choice_does_not(
    call: Call, sound: Sound
) -> None:
    client = await created(call)
    await client.begin(turn_settings(1, "digits", digits=11))
    await client.say(silence(200) + noisy(sound("snils"), 5) + silence(2500), paced=False, hurry=HEARD_TWICE)
    assert (await client.result()).text == ONSET
    number = await client.result()
    scores = [score for _, score in number.others]
    assert 1 <= len(scores) <= MAX_OTHERS and scores == sorted(scores, reverse=True)
    assert number.text not in dict(number.others) and 0 < number.score <= 100
    await client.begin(turn_settings(2, "choice", ("оператор", "статус заявления")))
    await client.say(silence(300) + sound("operator") + silence(900), paced=False)
    assert [(await client.result()).others for _ in range(2)] == [(), ()]


async def test_complete_digits_end_the_turn_sooner_than_missing_ones(
    call: Call, sound: Sound, server: SpeechServer
) -> None:
    client = await created(call)
    waited = {}
    for number, digits in enumerate((11, 14)):
        await client.begin(turn_settings(number, "digits", digits=digits))
        await client.say(silence(200) + sound("snils"), paced=False, hurry=HEARD_TWICE)
        assert (await client.result()).text == ONSET
        step_ms = 100
        for waited_ms in range(0, 4000, step_ms):
            await client.say(silence(step_ms), paced=True)
            try:
                await client.result(0.001)
            except TimeoutError:
                continue
            waited[digits] = waited_ms
            break
    assert waited[11] <= 1000
    assert waited[14] >= waited[11] + 500


@pytest.mark.parametrize("level", [30, 300, 3000])
async def test_noise_is_no_speech(call: Call, server: SpeechServer, level: float) -> None:
    client = await created(call)
    await client.begin(turn_settings(1, "sentence"))
    await client.say(noise(3000, level), paced=False)
    with pytest.raises(TimeoutError):
        await client.result(0.3)
    assert server.counters.turns == 0


async def test_keys_are_no_speech(call: Call, server: SpeechServer) -> None:
    """All DTMF tones of ITU-T Q.23, as loud as telephones send them."""
    t = np.arange(8 * 120) / 8000
    tones = [
        np.concatenate([6000 * (np.sin(2 * np.pi * low * t) + np.sin(2 * np.pi * high * t)), np.zeros(800)])
        for low in (697, 770, 852, 941)
        for high in (1209, 1336, 1477, 1633)
    ]
    client = await created(call)
    await client.begin(turn_settings(1, "sentence"))
    await client.say(np.concatenate(tones).astype("<i2").tobytes(), paced=False)
    with pytest.raises(TimeoutError):
        await client.result(0.3)
    assert server.counters.turns == 0


async def test_more_callers_than_places_are_told_to_use_keys(
    call: Call, sound: Sound, server: SpeechServer
) -> None:
    clients = [await created(call) for _ in range(3)]
    for client in clients:
        await client.begin(turn_settings(1, "sentence"))
    for client in clients:  # the first two go on speaking while the third begins
        await client.say(sound("status"), paced=False)
    assert [(await client.result()).text for client in clients] == [ONSET, ONSET, BUSY]
    assert server.counters.busy == 1
    for client in clients[:2]:
        await client.say(silence(1500), paced=False)
        assert not (await client.result()).text.startswith("@")
    await clients[2].begin(turn_settings(2, "sentence"))
    await clients[2].say(sound("status"), paced=False)
    assert (await clients[2].result()).text == ONSET  # the places are free again


async def test_a_caller_who_hangs_up_while_speaking_frees_his_place(
    call: Call, sound: Sound, server: SpeechServer
) -> None:
    for _ in range(4):
        client = await created(call)
        await client.begin(turn_settings(1, "sentence"))
        await client.say(sound("status"), paced=False)
        assert (await client.result()).text == ONSET
        await client.close()
    client = await created(call)
    await client.begin(turn_settings(1, "sentence"))
    await client.say(sound("status"), paced=False)
    assert (await client.result()).text == ONSET


async def test_a_new_turn_silences_the_old_one(call: Call, sound: Sound) -> None:
    client = await created(call)
    await client.begin(turn_settings(1, "choice", MENU))
    await client.say(sound("operator"), paced=False)
    assert (await client.result()).text == ONSET
    await client.begin(turn_settings(2, "choice", MENU))
    await client.say(silence(400) + sound("status") + silence(1200), paced=False)
    assert (await client.result()).text == ONSET
    assert (await client.result()).text == "хочу узнать статус заявления"


async def test_sound_outside_a_turn_is_ignored(call: Call, sound: Sound, server: SpeechServer) -> None:
    client = await created(call)
    await client.say(sound("operator") + silence(1000), paced=False)
    with pytest.raises(TimeoutError):
        await client.result(0.2)
    assert server.counters.turns == 0


async def test_a_cough_is_told_as_nothing_or_not_at_all(call: Call) -> None:
    """A burst of noise with a voice's loudness: at worst the caller is asked again."""
    burst = np.random.default_rng(3).standard_normal(2400) * 8000 * np.exp(-np.arange(2400) / 700)
    client = await created(call)
    await client.begin(turn_settings(1, "choice", MENU))
    await client.say(silence(300) + burst.astype("<i2").tobytes() + silence(1500), paced=False)
    results = []
    while True:
        try:
            results.append((await client.result(0.3)).text)
        except TimeoutError:
            break
    assert results in ([], [ONSET, NOTHING])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"token": "wrong"}, "wrong token"),
        ({"token": ""}, "wrong token"),
        ({"language": "tt"}, "no model for this language"),
        ({"codec": "ulaw"}, "the codec has to be slin"),
    ],
)
async def test_who_may_not_is_refused(
    call: Call, server: SpeechServer, changes: dict[str, str], reason: str
) -> None:
    answer = await call().create(**{"token": TOKEN, **changes})
    assert answer["error_msg"] == reason
    assert server.counters.refused == 1


async def test_the_detector_is_loaded_before_anybody_calls(model: VoskModel) -> None:
    made: list[Silero] = []

    def detector() -> Silero:
        made.append(Silero())
        return made[-1]

    server = SpeechServer({"ru": model}, token=TOKEN, detector=detector)
    await server.start("127.0.0.1", 0)
    assert len(made) == 1
    await server.stop()


async def test_more_calls_than_allowed_are_turned_away_at_the_door(call: Call) -> None:
    for _ in range(4):
        await created(call)
    with pytest.raises(Exception, match="503"):
        await call().create(TOKEN)


async def test_a_call_that_connects_twice_keeps_the_newer_connection(call: Call, sound: Sound) -> None:
    first, second = await created(call), await created(call)
    await first.begin([("call", "node-1.17"), *turn_settings(1, "choice", MENU)])
    await second.begin([("call", "node-1.17"), *turn_settings(1, "choice", MENU)])
    assert first.socket is not None
    await closed(first)
    await second.say(silence(200) + sound("operator") + silence(1000), paced=False)
    assert (await second.result()).text == ONSET


async def test_malformed_messages_are_counted_and_a_call_survives_some(
    call: Call, sound: Sound, server: SpeechServer
) -> None:
    client = await created(call)
    assert client.socket is not None
    for text in (
        "",
        "{",
        "[]",
        "{}",
        '{"id": 5, "request": "set"}',
        '{"id":"a","request":"set","params":[]}',
    ):
        await client.socket.send_str(text)
    await client.socket.send_bytes(b"\0" * (MAX_FRAME + 2))
    await client.socket.send_bytes(b"\0")
    await client.begin(turn_settings(1, "choice", MENU))
    await client.say(silence(300) + sound("operator") + silence(1000), paced=False)
    assert (await client.result()).text == ONSET
    assert server.counters.malformed == 8


async def test_who_sends_nothing_but_rubbish_is_cut_off(call: Call, server: SpeechServer) -> None:
    client = await created(call)
    assert client.socket is not None
    for _ in range(MAX_MALFORMED):
        await client.socket.send_str("rubbish")
    await closed(client)
    assert server.counters.malformed == MAX_MALFORMED


async def test_unknown_requests_and_settings_do_no_harm(call: Call) -> None:
    client = await created(call)
    assert (await client.request("dance"))["error_msg"] == "not supported"
    assert "error_msg" not in await client.request(
        "set", params={"colour": "blue", "digits": "-1", "turn": "x"}
    )
    assert (await client.request("get", params=["results"]))["params"] == {}


async def test_a_broken_recogniser_means_keys(call: Call, sound: Sound, server: SpeechServer) -> None:
    class Broken:
        def recogniser(self, phrases: object, *, others: bool = False) -> object:
            raise RuntimeError("out of memory")

        def missing(self, phrases: object) -> list[str]:
            return []

    client = await created(call)
    server._means.models["ru"] = Broken()  # type: ignore[index]
    await client.begin(turn_settings(1, "choice", MENU))
    await client.say(sound("operator"), paced=False)
    assert [(await client.result()).text for _ in range(2)] == [ONSET, BUSY]
    assert server.counters.failed == 1


async def test_a_language_without_a_model_is_refused_in_a_call_too(call: Call) -> None:
    client = await created(call)
    answer = await client.request("set", params={"language": "en"})
    assert answer["error_msg"] == "no model for this language"
    assert "error_msg" not in await client.request("set", params={"language": "ru"})
