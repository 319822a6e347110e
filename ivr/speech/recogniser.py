"""Vosk behind a small port: one model a language, a fresh recogniser for each turn.

Vosk computes without holding the interpreter, so all this runs in worker threads, never on the event loop.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ivr.speech.voice import doubled

RATE = 8000
UNKNOWN = "[unk]"
MAX_PHRASES = 400
MAX_WAYS = 10  # in which one stretch of speech is heard
MAX_OTHERS = 11  # other ways to hear all that was said
_RATE_LINE = re.compile(r"^--sample-frequency=(\d+)", re.MULTILINE)


class ModelFaulty(Exception):
    """The folder is no speech model that we can use; the text says why."""


@dataclass(frozen=True, slots=True)
class Way:
    """Words that may have been said instead; ``cost``: natural logarithm of how many times less likely."""

    words: str
    cost: float


@dataclass(frozen=True, slots=True)
class Heard:
    """``confidence`` 0 to 1: of the least certain word, of the least certain stretch where several ways to
    hear it were asked for; ``words``: what was said, "" for none; ``others``: the likeliest first."""

    words: str
    confidence: float
    others: tuple[Way, ...] = ()


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
        is wanted, too."""
        import vosk

        rate = 2 * RATE if self._wide else RATE
        known = [phrase for phrase in phrases[:MAX_PHRASES] if not self.missing([phrase])]
        if not known:
            made = vosk.KaldiRecognizer(self._model, rate)
        else:
            # Words escaped as \uXXXX would all count as missing.
            grammar = json.dumps([*known, UNKNOWN], ensure_ascii=False)
            made = vosk.KaldiRecognizer(self._model, rate, grammar)
        made.SetWords(True)
        if others:
            made.SetMaxAlternatives(MAX_WAYS)
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
        return _joined([*(_text(result) for result in self._done), partial])

    def finish(self) -> Heard:
        self._done.append(json.loads(self._recogniser.FinalResult()))
        if any("alternatives" in result for result in self._done):
            return _likeliest([_ways(result) for result in self._done])
        words = [word for result in self._done for word in result.get("result", ())]
        said = [word for word in words if word["word"] != UNKNOWN]
        if not said:
            return Heard("", 0.0)
        # A turn half of whose sounds are no known words is less sure than its words look.
        share = len(said) / len(words)
        return Heard(" ".join(word["word"] for word in said), min(word["conf"] for word in said) * share)


def _text(result: Mapping[str, Any]) -> str:
    return str(result.get("text") or next((way["text"] for way in result.get("alternatives", ())), ""))


def _ways(result: Mapping[str, Any]) -> list[Way]:
    """The likeliest first. Vosk calls the logarithm of a way's likelihood its confidence."""
    found = result.get("alternatives", ())
    return [Way(way["text"], found[0]["confidence"] - way["confidence"]) for way in found]


def _likeliest(stretches: Iterable[Sequence[Way]]) -> Heard:
    """What was said in all stretches together, each heard in several ways."""
    best = [Way("", 0.0)]
    confidence, words, unknown = 1.0, 0, 0
    for ways in stretches:
        if not ways or not ways[0].words:
            continue
        confidence = min(confidence, 1 / sum(math.exp(-way.cost) for way in ways))
        words += len(ways[0].words.split())
        unknown += ways[0].words.split().count(UNKNOWN)
        costs: dict[str, float] = {}
        for begun in best:
            for way in ways:
                text, cost = _joined([begun.words, way.words]), begun.cost + way.cost
                costs[text] = min(cost, costs.get(text, cost))
        ranked = sorted(costs.items(), key=lambda item: item[1])
        best = [Way(text, cost) for text, cost in ranked[: MAX_OTHERS + 1]]
    if words == unknown:
        return Heard("", 0.0)
    return Heard(best[0].words, confidence * (words - unknown) / words, tuple(best[1:]))


def _joined(texts: Sequence[str]) -> str:
    return " ".join(word for text in texts for word in text.split() if word != UNKNOWN)


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
