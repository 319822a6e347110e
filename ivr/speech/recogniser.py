"""Vosk behind a small port: one model a language, a fresh recogniser for each turn.

Vosk computes without holding the interpreter, so all this runs in worker threads, never on the event loop.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ivr.speech.tempo import Slower
from ivr.speech.voice import doubled
from ivr.speech.ways import MAX_WAYS, UNKNOWN, Heard, joined, likeliest, text_of, ways_of, weighed

RATE = 8000
MAX_PHRASES = 400
SLOWER = 1.3  # times; quick speech loses fewest words so (chosen on voices of development)
_RATE_LINE = re.compile(r"^--sample-frequency=(\d+)", re.MULTILINE)


class ModelFaulty(Exception):
    """The folder is no speech model that we can use; the text says why."""


class Recogniser(Protocol):
    def feed(self, sound: bytes) -> None: ...

    def so_far(self) -> str:
        """What was said up to now."""
        ...

    def finish(self) -> Heard: ...


class Model(Protocol):
    def recogniser(self, phrases: Sequence[str], *, others: bool = False) -> Recogniser: ...

    def missing(self, phrases: Sequence[str]) -> list[str]: ...


class VoskModel:
    """Raises ModelFaulty for a folder that is none, before Vosk's library would abort the process."""

    def __init__(self, folder: Path) -> None:
        check_folder(folder)
        import vosk

        vosk.SetLogLevel(-1)
        try:
            self._model = vosk.Model(str(folder))
        except Exception as error:  # vosk raises a bare Exception
            raise ModelFaulty(f"{folder}: Vosk cannot read it: {error}") from None
        self.folder = folder
        self._wide = sample_rate(folder) != RATE

    def recogniser(self, phrases: Sequence[str], *, others: bool = False) -> Recogniser:
        """Of 8 kHz sound; ``phrases`` () listens freely. Words the model lacks are left out of a phrase's
        chance, so phrases with such words are not offered at all. ``others``: what else may have been said
        is wanted, too; then all is heard twice, the second time slowed, for twice the work."""
        known = [phrase for phrase in phrases[:MAX_PHRASES] if not self.missing([phrase])]
        if not others:
            return self._made(known)
        return _TwoPaces(self._made(known, MAX_WAYS), self._made(known, MAX_WAYS))

    def _made(self, known: Sequence[str], ways: int = 0) -> _VoskRecogniser:
        import vosk

        rate = 2 * RATE if self._wide else RATE
        if not known:
            made = vosk.KaldiRecognizer(self._model, rate)
        else:
            # Words escaped as \uXXXX would all count as missing.
            grammar = json.dumps([*known, UNKNOWN], ensure_ascii=False)
            made = vosk.KaldiRecognizer(self._model, rate, grammar)
        made.SetWords(True)
        if ways:
            made.SetMaxAlternatives(ways)
        return _VoskRecogniser(made, self._wide)

    def missing(self, phrases: Sequence[str]) -> list[str]:
        """Words that the model does not have."""
        words = dict.fromkeys(word for phrase in phrases for word in phrase.split())
        return [word for word in words if self._model.vosk_model_find_word(word) < 0]


class _VoskRecogniser:
    def __init__(self, recogniser: Any, wide: bool) -> None:
        self._recogniser = recogniser
        self._wide = wide  # the model wants 16 kHz
        self._last = 0
        self._done: list[dict[str, Any]] = []  # stretches that Vosk itself closed

    def feed(self, sound: bytes) -> None:
        if self._wide:
            samples = np.frombuffer(sound, "<i2")
            sound, self._last = doubled(samples, self._last).tobytes(), int(samples[-1])
        if self._recogniser.AcceptWaveform(sound):
            self._done.append(json.loads(self._recogniser.Result()))

    def so_far(self) -> str:
        partial = json.loads(self._recogniser.PartialResult()).get("partial", "")
        return joined([*(text_of(result) for result in self._done), partial])

    def finish(self) -> Heard:
        self._done.append(json.loads(self._recogniser.FinalResult()))
        if any("alternatives" in result for result in self._done):
            return likeliest([ways_of(result) for result in self._done])
        words = [word for result in self._done for word in result.get("result", ())]
        said = [word for word in words if word["word"] != UNKNOWN]
        if not said:
            return Heard("", 0.0)
        # A turn half of whose sounds are no known words is less sure than its words look.
        share = len(said) / len(words)
        return Heard(" ".join(word["word"] for word in said), min(word["conf"] for word in said) * share)


class _TwoPaces:
    """Hears everything as it was said and slowed: who dictates quickly swallows words, and slowed they are
    found again; what one of the two mishears the other often does not."""

    def __init__(self, plain: Recogniser, slow: Recogniser) -> None:
        self._plain, self._slow = plain, slow
        self._slower = Slower(SLOWER)

    def feed(self, sound: bytes) -> None:
        self._plain.feed(sound)
        if len(slowed := self._slower.feed(np.frombuffer(sound, "<i2"))):
            self._slow.feed(slowed.astype("<i2").tobytes())

    def so_far(self) -> str:
        """As heard slowed: it loses less."""
        return self._slow.so_far()

    def finish(self) -> Heard:
        if len(rest := self._slower.finish()):
            self._slow.feed(rest.astype("<i2").tobytes())
        return weighed([self._slow.finish(), self._plain.finish()])


def check_folder(folder: Path) -> None:
    """A model folder of Vosk whose features can be computed from telephone sound. Raises ModelFaulty."""
    if not folder.is_dir():
        raise ModelFaulty(f"{folder}: no such folder")
    for part in ("am/final.mdl", "conf/model.conf", "conf/mfcc.conf"):
        if not (folder / part).is_file():
            raise ModelFaulty(f"{folder}: {part} is missing: not a Vosk model's folder")
    if not any((folder / "graph" / name).is_file() for name in ("HCLG.fst", "HCLr.fst")):
        raise ModelFaulty(f"{folder}: graph/HCLG.fst or graph/HCLr.fst is missing")
    if (rate := sample_rate(folder)) not in (RATE, 2 * RATE):
        raise ModelFaulty(f"{folder}: made for {rate} Hz, 8000 or 16000 are expected")


def sample_rate(folder: Path) -> int:
    """Hz; Kaldi's own default is 16 kHz."""
    found = _RATE_LINE.search((folder / "conf/mfcc.conf").read_text("utf-8", "replace"))
    return int(found[1]) if found else 16_000
