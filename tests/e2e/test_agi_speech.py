"""Speech through a real Asterisk: its AEAP client, the speech server with its real voice detector, AGI.

The recogniser's words are given by the test (what is understood is tested elsewhere); when it hears, when
prompts stop and what happens when the server goes away is real.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from acd.switch.switch import Switch
from dozvon.phones import sound
from dozvon.settings import ROOT
from ivr.agi.channel import POKE, CallerHungUp, Channel
from ivr.agi.codec import Environment
from ivr.agi.listening import Listener, make_silence
from ivr.agi.server import AgiServer
from ivr.agi.session import Session
from ivr.agi.speaking import Speaker
from ivr.dialog.contract import Ask, Digits, NoInput, Prompt, SpeechFailed, Utterance
from ivr.dialog.ports import Hearing
from ivr.speech.contract import ENGINES, MAX_RESULTS_BYTES
from ivr.speech.server import SpeechServer
from ivr.speech.ways import MAX_OTHERS, Heard, Way

pytestmark = pytest.mark.e2e
VOICE = ROOT / "voice_prompts" / "ru" / "sounds" / "after.ask.alaw"


class Words:
    """A model that always hears the same, and keeps the sound that it was given."""

    def __init__(self, words: str) -> None:
        self.words = words
        self.others: tuple[Way, ...] = ()
        self.fed = bytearray()
        self.phrases: tuple[str, ...] = ()

    def recogniser(self, phrases: Sequence[str], *, others: bool = False) -> Words:
        self.phrases = tuple(phrases)
        return self

    def missing(self, phrases: Sequence[str]) -> list[str]:
        return []

    def feed(self, piece: bytes) -> None:
        self.fed += piece

    def so_far(self) -> str:
        return self.words

    def finish(self) -> Heard:
        return Heard(self.words, 0.9, self.others)


class OneTone:
    def __init__(self, path: str) -> None:
        self._path = path

    def text(self, prompts: tuple[Prompt, ...], language: str) -> str:
        return "tone"

    def sound(self, prompts: tuple[Prompt, ...], language: str) -> str:
        return self._path

    async def prepare(self, prompts: tuple[Prompt, ...], language: str) -> None:
        """It is there."""

    def duration_ms(self, prompts: tuple[Prompt, ...], language: str) -> int:
        return 6000


@pytest.fixture
async def speech(settings, asterisk, asterisk_secrets):
    """A speech server where Asterisk looks for it; ``speech.model`` is its model."""
    model = Words("статус заявления")
    server = SpeechServer({"ru": model}, token=asterisk_secrets.speech_token)
    await server.start(settings.speech.host, settings.speech.port)
    server.model = model
    yield server
    await server.stop()


@pytest.fixture
async def listening(settings, asterisk, asterisk_secrets, caller_phone, tmp_path):
    """``await listening(ask, during)``: what a caller's answer to ``ask`` came to, and his phone."""
    tmp_path.chmod(0o755)
    sound.write_wav(tmp_path / "prompt.wav", sound.tone(700, 6.0))
    silence = make_silence(tmp_path)
    servers = []

    async def run(ask: Ask, during: Any, *, questions: int = 1) -> tuple[list[Any], Any]:
        result: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        names: list[str] = []

        async def serve(session: Session, environment: Environment) -> None:
            channel = Channel(session)
            names.append(environment.fields["channel"])
            speaker = Speaker(channel, OneTone(str(tmp_path / "prompt")), "ru")
            listener = Listener(channel, speaker, "call-1", silence, lambda: ENGINES)
            try:
                answers = [await listener.ask(ask) for _ in range(questions)]
                await channel.set("DOZVON_DONE", "1")
                result.set_result(answers)
            except Exception as error:
                if not result.done():  # a call that failed comes again
                    result.set_exception(error)

        server = AgiServer({"call": serve}, asterisk_secrets.agi_token)
        await server.start("127.0.0.1", settings.agi.port)
        servers.append(server)
        phone = await caller_phone()
        await phone.call(settings.hotline.number)
        await during(phone, names)
        return await asyncio.wait_for(result, 40), phone

    yield run
    for server in servers:
        await server.stop()


ASK = Ask((Prompt("menu"),), speech=True, timeout_ms=2_000, interdigit_ms=800, phrases=("статус заявления",))


async def until_heard(phone: Any, seconds: float) -> None:
    async with asyncio.timeout(10):
        while sound.tone_seconds(phone.heard(), 700) < seconds:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_words_and_barge_in(speech, listening, capture):
    async def speaks(phone: Any, _names: list[str]) -> None:
        await until_heard(phone, 1.0)
        await phone.say(VOICE)

    async with capture() as wire:
        answers, _ = await listening(ASK, speaks)
        assert answers == [Utterance("статус заявления", 0.9)]
        invite = wire.messages(method="INVITE")[0]
        (to_caller,) = wire.streams_to(invite.audio_port)
        from_caller = next(
            s for s in wire.streams() if s.destination.startswith("127.0.0.1") and s is not to_caller
        )
        onset = from_caller.first_sound_after(0.0)
        last_tone = max(
            packet.at_s
            for packet in to_caller.audio
            if sound.share_of_tone(sound.from_alaw(packet.payload), 700) > 0.7
        )
    print(f"onset to silence {1000 * (last_tone - onset):.0f} ms")
    assert onset < last_tone < onset + 0.6  # the measure for quiet machines is in bench/speech
    assert speech.model.phrases[0] == "статус заявления" and "оператор" in speech.model.phrases
    assert len(speech.model.fed) > 8000
    assert speech.counters.sessions == 1


async def test_all_ways_in_which_a_number_was_heard_arrive_in_order(speech, listening):
    """Asterisk turns their order round and writes them into one line, which must hold the longest."""
    long = "восемьсот девяносто четыре " * 6
    speech.model.words = f"{long}ноль"
    speech.model.others = tuple(Way(f"{long}{n}", n / 2) for n in range(1, MAX_OTHERS + 1))

    async def speaks(phone: Any, _names: list[str]) -> None:
        await until_heard(phone, 0.5)
        await phone.say(VOICE)

    ask = Ask((Prompt("menu"),), speech=True, expects="digits", max_digits=11, timeout_ms=2_000)
    (heard,), _ = await listening(ask, speaks)
    sent = MAX_RESULTS_BYTES // len(f"{long}11".encode()) - 1
    assert (heard.text, heard.confidence) == (speech.model.words, 0.9)
    assert heard.alternatives == tuple(Hearing(f"{long}{n}", n / 2) for n in range(1, sent + 1))


async def test_keys_while_listening(speech, listening):
    async def presses(phone: Any, _names: list[str]) -> None:
        await until_heard(phone, 0.5)
        await phone.press("42")

    ask = Ask((Prompt("menu"),), speech=True, max_digits=5, interdigit_ms=900)
    answers, phone = await listening(ask, presses)
    assert answers == [Digits("42")]
    assert sound.tone_seconds(phone.heard(), 700) < 2.5


async def test_silence_is_no_input(speech, listening, tmp_path):
    sound.write_wav(tmp_path / "prompt.wav", sound.tone(700, 1.0))

    async def says_nothing(_phone: Any, _names: list[str]) -> None:
        pass

    began = asyncio.get_running_loop().time()
    answers, _ = await listening(ASK, says_nothing)
    assert answers == [NoInput()]
    assert asyncio.get_running_loop().time() - began < 8  # a second of prompt and two or three of waiting


async def test_a_hangup_while_listening(speech, listening):
    async def leaves(phone: Any, _names: list[str]) -> None:
        await until_heard(phone, 0.3)
        await phone.hang_up()

    with pytest.raises(CallerHungUp):
        await listening(ASK, leaves)


async def test_a_key_that_nobody_has_ends_listening(speech, listening, settings, asterisk_secrets):
    """How an offer stops SPEECH RECOGNIZE: the manager presses it."""
    asterisk = settings.asterisk
    manager = Switch(asterisk.ami_host, asterisk.ami_port, asterisk.ami_user, asterisk_secrets.ami_secret)
    await manager.start()

    async def poked(phone: Any, names: list[str]) -> None:
        await until_heard(phone, 0.3)
        await manager.press(names[0], POKE)

    try:
        answers, phone = await listening(ASK, poked)
    finally:
        await manager.stop()
    assert answers == [NoInput()]
    assert sound.tone_seconds(phone.heard(), 700) < 3


async def test_no_server_means_keys(listening):
    async def presses(phone: Any, _names: list[str]) -> None:
        await until_heard(phone, 0.3)
        await phone.press("3")

    answers, _ = await listening(ASK, presses, questions=2)
    assert answers == [SpeechFailed("no_connection"), Digits("3")]


async def test_a_server_that_dies_in_a_turn(speech, listening):
    async def kills(phone: Any, _names: list[str]) -> None:
        await until_heard(phone, 0.5)
        await speech.stop()
        await until_heard(phone, 2.5)
        await phone.press("3")

    answers, _ = await listening(ASK, kills, questions=2)
    assert isinstance(answers[0], SpeechFailed)
    assert answers[1] == Digits("3")
