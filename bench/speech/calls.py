"""Speech in real calls: what is understood, how soon a prompt stops, how soon the next one begins.

    nice python -m bench.speech.calls [--commands 60] [--numbers 20] [--times 0] [--dates 0]
        [--human /usr/share/asterisk/sounds/ru_RU_f_IvrvoiceRU] [--at-once 3] [--show]

Starts a private Asterisk and `dozvon speech` as a process of its own. baresip callers speak A-law with voices
that the model was never trained on (`bench.speech.said`), clean and with noise at 15 dB; the call's side is
`ivr.agi.listening`, the daemon's own. Every prompt is a tone of six seconds into which the caller speaks, and
the next question follows as soon as the answer is known; all speech is made before the calls begin. Times are
read off captured RTP packets:

  barge_in_ms       caller's first packet with speech -> last packet of the prompt's tone
  next_prompt_ms    caller's last packet with speech -> first packet of the next prompt's tone

Menu commands are phrases of the flows' menus and the words that every menu knows, with the menu's own
grammar, times to be called at and dates of birth with theirs; right is what leads to the same
(`bench.speech.phrases`), recordings of a human (Debian's asterisk-core-sounds-ru-wav: numbers, months, days,
one word each) with all their words. A SNILS is read out in groups, heard, read back and
confirmed: a caller whose number came out wrong (or impossible) says no and reads it once more, this time
digit by digit; the two readings are weighed together, as the dialogue does.
One JSON object on standard output.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import logging
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from bench.calls.latency import spread
from bench.speech import said
from bench.speech.phrases import Phrase, births, commands, recordings, times
from dozvon.machine import secrets
from dozvon.machine.asterisk import CONFIG, AsteriskChild
from dozvon.machine.children import free_port
from dozvon.phones import CallerPhone, sound
from dozvon.phones.capture import Capture, RtpStream
from dozvon.settings import ROOT, Agi, Asterisk, Settings, Speech
from ivr.agi.channel import Channel
from ivr.agi.codec import Environment
from ivr.agi.listening import Listener, make_silence
from ivr.agi.server import AgiServer
from ivr.agi.session import Session
from ivr.agi.speaking import Speaker
from ivr.dialog import hearings
from ivr.dialog.contract import Ask, Input, Prompt, SpeechFailed, Utterance
from ivr.dialog.identifiers import snils_is_valid
from ivr.dialog.ports import Hearing
from ivr.dialog.understanding.understander import Understander
from ivr.dialog.understanding.yes_no import yes_or_no
from ivr.speech.contract import ENGINES
from tools.speech_model.numbers_ru import cardinal

NOISE_DB = 15.0
TONES = {"a": 700.0, "b": 900.0}
PROMPT_S = 6.0
PAUSES_S = (0.25, 0.5)  # between groups of a number
SPEECH_RMS = 150.0
BARGE_IN_MS = 150.0  # wanted
_YES, _NO = ("да", "верно", "да верно"), ("нет", "неверно")


class Tones:
    """A voice that whistles."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name, hz in TONES.items():
            sound.write_wav(folder / f"{name}.wav", sound.tone(hz, PROMPT_S))

    def text(self, prompts: tuple[Prompt, ...], language: str) -> str:
        return "tone"

    def sound(self, prompts: tuple[Prompt, ...], language: str) -> str:
        return str(self._folder / prompts[0].prompt_id)

    async def prepare(self, prompts: tuple[Prompt, ...], language: str) -> None:
        """They are there."""

    def duration_ms(self, prompts: tuple[Prompt, ...], language: str) -> int:
        return int(PROMPT_S * 1000)


@dataclass
class Turn:
    """One question and what was said into it; times are Unix seconds."""

    kind: str
    tone: str
    noise_rms: float
    asked_s: float
    what: str
    said_s: float = 0.0
    heard_s: float = 0.0
    answer: Input | None = None


@dataclass
class Line:
    """One call, driven by the bench: `ask` gives what the call's side made of it."""

    phone: CallerPhone
    questions: asyncio.Queue[tuple[Ask, asyncio.Future[Input]] | None] = field(
        default_factory=lambda: asyncio.Queue(4)
    )
    turns: list[Turn] = field(default_factory=list)

    async def ask(self, kind: str, what: str, speech: said.Sound, noisy: bool, **how: Any) -> Input:
        level = NOISE_DB if noisy else None
        samples, noise = await asyncio.to_thread(said.on_line, speech, level, len(self.turns))
        turn = Turn(kind, "ab"[len(self.turns) % 2], noise, time.time(), what)
        answer: asyncio.Future[Input] = asyncio.get_running_loop().create_future()
        question = Ask((Prompt(turn.tone),), speech=True, timeout_ms=3_000, terminator="", **how)
        await self.questions.put((question, answer))
        await asyncio.sleep(random.uniform(0.6, 0.9))
        turn.said_s = time.time()
        await self.phone.say(samples)
        async with asyncio.timeout(60):
            turn.answer = await answer
        turn.heard_s = time.time()
        self.turns.append(turn)
        return turn.answer

    @property
    def text(self) -> str:
        answer = self.turns[-1].answer
        return answer.text if isinstance(answer, Utterance) else ""

    @property
    def heard(self) -> tuple[Hearing, ...]:
        answer = self.turns[-1].answer
        return hearings.of(answer) if isinstance(answer, Utterance) else ()


# ------------------------------------------------------------------------------------------- what is said
def snils() -> tuple[str, list[str]]:
    """A valid number, and how it is read from the card: three groups of three and the check digits."""
    nine = str(random.randrange(2_000_000, 999_999_999)).zfill(9)
    check = next(f"{n:02}" for n in range(100) if snils_is_valid(f"{nine}{n:02}"))
    number = nine + check
    return number, [_group(part) for part in _parts(number)]


def _parts(number: str) -> list[str]:
    return [number[0:3], number[3:6], number[6:9], number[9:]]


def singly(number: str) -> list[str]:
    return [" ".join(cardinal(int(digit))[0] for digit in part) for part in _parts(number)]


def _group(part: str) -> str:
    zeros = len(part) - len(part.lstrip("0"))
    rest = cardinal(int(part)) if part.strip("0") else []
    return " ".join(["ноль"] * zeros + rest)


def _number(heard: list[tuple[Hearing, ...]], denied: list[str]) -> str:
    """What the dialogue makes of the readings so far."""
    return Understander({}).snils(heard[::-1], "ru", denied)


# ----------------------------------------------------------------------------------------------- the bench
class Bench:
    def __init__(self, settings: Settings, token: str, show: bool) -> None:
        self.settings = settings
        self.token = token
        self._show = show
        self._silence = make_silence(settings.home)
        self._voice = Tones(settings.home)
        self._waiting: asyncio.Queue[Line] = asyncio.Queue(1)
        self.results: dict[str, list[bool]] = {}
        self.deaf: Counter[str] = Counter()  # why a call went on without speech: a busy machine, seldom more

    async def serve(self, session: Session, _environment: Environment) -> None:
        channel = Channel(session)
        line = await self._waiting.get()
        speaker = Speaker(channel, self._voice, "ru")
        listener = Listener(channel, speaker, line.phone.user, self._silence, lambda: ENGINES[:1])
        while (question := await line.questions.get()) is not None:
            ask, answer = question
            try:
                given = await listener.ask(ask)
                if isinstance(given, SpeechFailed):
                    self.deaf[given.reason] += 1
                answer.set_result(given)
            except Exception as error:
                answer.set_exception(error)
                raise
        await channel.set("DOZVON_DONE", "1")

    def note(self, name: str, right: bool, wanted: str, heard: str, voice: str) -> None:
        self.results.setdefault(name, []).append(right)
        if self._show and not right:
            print(f"{name}: {voice}: {wanted} -> {heard}", file=sys.stderr, flush=True)

    def complain(self, slow: list[str]) -> None:
        for each in slow if self._show else ():
            print(each, file=sys.stderr, flush=True)

    async def phrase(self, line: Line, phrase: Phrase, noisy: bool, voice: str) -> None:
        speech = await asyncio.to_thread(phrase.sound, voice)
        how = {"expects": phrase.expects, "phrases": phrase.phrases}
        await line.ask(phrase.kind, f"{phrase.text} ({voice})", speech, noisy, **how)
        name = f"{phrase.kind}_{'noise' if noisy else 'clean'}"
        self.note(name, phrase.right(line.text), phrase.text, line.text, voice)

    async def number(self, line: Line, number: str, parts: list[str], noisy: bool, voice: str) -> None:
        where = "noise" if noisy else "clean"
        readings: list[tuple[Hearing, ...]] = []
        denied: list[str] = []
        for attempt, texts in (("first", parts), ("second", singly(number))):
            speech = await asyncio.to_thread(said.groups, texts, voice, random.choice(PAUSES_S))
            await line.ask("digits", number, speech, noisy, expects="digits", max_digits=11)
            readings.append(line.heard)
            text = " / ".join(f"{each.text} {each.cost:.1f}" for each in line.heard)
            heard = _number(readings, denied)
            self.note(f"snils_{where}_{attempt}_reading", heard == number, " ".join(texts), text, voice)
            if heard:
                agrees = heard == number
                word = random.choice(_YES if agrees else _NO)
                reply = await asyncio.to_thread(said.clean, word, voice)
                await line.ask("yes_no", f"{word} ({voice})", reply, noisy, expects="yes_no")
                understood = yes_or_no(line.text, "ru")[0]
                self.note(
                    f"yes_no_{where}", understood == ("yes" if agrees else "no"), word, line.text, voice
                )
                if understood != "no":
                    break
                denied.append(heard)
        self.note(f"snils_{where}_after_one_confirmation", heard == number, number, text, voice)

    async def call(self, caller: str, server: str, work: asyncio.Queue[Any]) -> Line:
        async with CallerPhone(server, number=caller) as phone:
            line = Line(phone)
            await self._waiting.put(line)
            await phone.call(self.settings.hotline.number)
            while not work.empty():
                what, noisy, voice = work.get_nowait()
                if isinstance(what, Phrase):
                    await self.phrase(line, what, noisy, voice)
                else:
                    await self.number(line, *what, noisy, voice)
            await line.questions.put(None)
            await asyncio.sleep(0.3)
        return line


def _is_tone(payload: bytes, hz: float) -> bool:
    return sound.share_of_tone(sound.from_alaw(payload), hz) > 0.7


def measure_line(streams: list[RtpStream], port: int, line: Line, slow: list[str]) -> dict[str, list[float]]:
    """Barge-in and next prompt of a line's turns, ms by kind; a turn without a sound gives none.

    What stopped a prompt later than wanted is added to ``slow``.
    """
    to_caller = [p for s in streams if s.destination.endswith(f":{port}") for p in s.audio]
    from_caller = [p for s in streams if s.source.endswith(f":{port}") for p in s.audio]
    loud = [(p.at_s, sound.rms(sound.from_alaw(p.payload))) for p in from_caller]
    found: dict[str, list[float]] = {}
    ends = [*(turn.said_s for turn in line.turns[1:]), float("inf")]
    for index, (turn, end) in enumerate(zip(line.turns, ends, strict=True)):
        least = max(SPEECH_RMS, 3 * turn.noise_rms)
        spoken = [at for at, rms in loud if turn.said_s <= at < end and rms > least]
        if not spoken:
            continue
        where = "noise" if turn.noise_rms else "clean"
        during = [p for p in to_caller if turn.asked_s <= p.at_s < turn.heard_s + 0.2]
        tone = [p.at_s for p in during if _is_tone(p.payload, TONES[turn.tone])]
        if tone and turn.kind != "digits":
            late = 1000 * (tone[-1] - spoken[0])
            found.setdefault(f"barge_in_{where}", []).append(late)
            slow += [f"{where}: {turn.what} stopped the prompt after {late:.0f} ms"] * (late > BARGE_IN_MS)
        if index + 1 < len(line.turns):
            following = line.turns[index + 1]
            span = (p for p in to_caller if turn.heard_s - 0.1 <= p.at_s < following.said_s + 1)
            begins = next((p.at_s for p in span if _is_tone(p.payload, TONES[following.tone])), 0.0)
            if begins:
                found.setdefault(f"next_prompt_{turn.kind}_{where}", []).append(1000 * (begins - spoken[-1]))
    return found


def make_settings(home: Path) -> Settings:
    rtp = random.randrange(12_000, 19_000, 2)
    return Settings(
        home=home,
        agi=Agi(port=free_port()),
        speech=Speech(port=free_port()),
        asterisk=Asterisk(
            ami_port=free_port(),
            sip_port=free_port(kind=socket.SOCK_DGRAM),
            rtp_start=rtp,
            rtp_end=rtp + 400,
            trunk_port=free_port(kind=socket.SOCK_DGRAM),
        ),
    )


def speech_server(settings: Settings, token: str) -> subprocess.Popen[str]:
    program = str(Path(sys.executable).with_name("dozvon"))
    command = [program, "speech", "--listen", f"{settings.speech.host}:{settings.speech.port}"]
    environment = {**os.environ, "DOZVON_SPEECH_TOKEN": token}
    server = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    )
    assert server.stderr is not None
    next(line for line in server.stderr if line.startswith("speech on "))
    return server


def speak_all(work: list[tuple[Any, str]]) -> None:
    """Synthesis takes a processor for itself: done while no call is measured."""
    for what, voice in work:
        if isinstance(what, Phrase):
            what.sound(voice)
            continue
        for text in (*what[1], *singly(what[0]), *_YES, *_NO):
            said.clean(text, voice)


async def all_calls(bench: Bench, options: argparse.Namespace) -> dict[str, list[float]]:
    asterisk = bench.settings.asterisk
    wire = Capture(bench.settings.home / "wire.pcap", asterisk.sip_port)
    work: asyncio.Queue[Any] = asyncio.Queue(10_000)
    chosen = [*commands(options.commands), *times(options.times), *births(options.dates)]
    numbers = [snils() for _ in range(options.numbers)]
    voices = itertools.cycle(said.voices())
    spoken = [(item, next(voices)) for item in (*chosen, *numbers)]
    spoken += [(item, "human") for item in (recordings(options.human) if options.human else ())]
    await asyncio.to_thread(speak_all, spoken)
    for noisy in (False, True):
        for item, voice in spoken:
            work.put_nowait((item, noisy, voice))
    callers = [f"7916{index:07}" for index in range(options.at_once)]
    server = f"{asterisk.sip_bind}:{asterisk.sip_port}"
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(wire)
        lines = await asyncio.gather(*(bench.call(each, server, work) for each in callers))
    ports = {each: m.audio_port for m in wire.messages(method="INVITE") for each in callers if each in m.text}
    streams = wire.streams()
    found: dict[str, list[float]] = {}
    slow: list[str] = []
    for line in lines:
        for name, values in measure_line(streams, ports[line.phone.user], line, slow).items():
            found.setdefault(name, []).extend(values)
    bench.complain(slow)
    return found


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    home = Path(tempfile.mkdtemp(prefix="dozvon-bench-"))
    home.chmod(0o755)  # noqa: ASYNC240
    settings = make_settings(home)
    asterisk = AsteriskChild(settings)
    load_before, began = os.getloadavg()[0], time.monotonic()
    await asterisk.start()
    known = secrets.ensure(settings.secrets, CONFIG)
    bench = Bench(settings, known.speech_token, options.show)
    hearing = await asyncio.to_thread(speech_server, settings, known.speech_token)
    agi = AgiServer({"call": bench.serve}, known.agi_token)
    try:
        await agi.start("127.0.0.1", settings.agi.port)
        times = await all_calls(bench, options)
    finally:
        await agi.stop()
        hearing.terminate()
        await asterisk.stop()
        shutil.rmtree(home, ignore_errors=True)
    counts = {name: f"{sum(rights)}/{len(rights)}" for name, rights in sorted(bench.results.items())}
    shares = {name: round(100 * float(np.mean(rights)), 1) for name, rights in sorted(bench.results.items())}
    return {
        "right": counts,
        "right_percent": shares,
        "ms": {name: spread(values) for name, values in sorted(times.items())},
        "voices": said.voices(),
        "calls_at_once": options.at_once,
        "speech_failed": dict(bench.deaf),
        "load_before_and_after": [load_before, os.getloadavg()[0]],
        "took_s": round(time.monotonic() - began),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commands", type=int, default=60, help="menu commands, clean and again with noise")
    parser.add_argument("--numbers", type=int, default=20, help="SNILS numbers, clean and again with noise")
    parser.add_argument("--times", type=int, default=0, help="times to be called at, twice as well")
    parser.add_argument("--dates", type=int, default=0, help="dates of birth, twice as well")
    parser.add_argument("--human", type=Path, help="folder of asterisk-core-sounds-ru-wav")
    parser.add_argument("--at-once", type=int, default=3, help="calls")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--show", action="store_true", help="what was heard wrong, on standard error")
    options = parser.parse_args()
    random.seed(options.seed)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    print(json.dumps(asyncio.run(measure(options)), indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
