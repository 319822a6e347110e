"""The decoding graph of words in terms of sounds (Kaldi's HCL), with a phone loop for unknown words.

Arcs are in Kaldi's "reordered" form: the way out of a state stands before its self-loops.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tools.speech_model.kaldi_files import SILENCE, Units
from tools.speech_model.language import UNKNOWN

Phones = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Costs:
    """Chosen by trying (see the model card); natural logarithms."""

    blank: float = 0.15  # a blank inside a word: too low, and the end of speech is never found
    silence: float = 0.1
    word: float = 0.5
    unknown: float = 0.5
    unknown_phone: float = 0.0


@dataclass(frozen=True, slots=True)
class PhoneModel:
    """How sounds follow each other in the language: makes unknown words cost what they should."""

    first: Mapping[str, float]
    after: Mapping[str, Mapping[str, float]]
    last: Mapping[str, float]


def phone_model(pronunciations: Iterable[Phones], phones: Sequence[str]) -> PhoneModel:
    first: Counter[str] = Counter()
    last: Counter[str] = Counter()
    every: Counter[str] = Counter()
    after: dict[str, Counter[str]] = defaultdict(Counter)
    for said in pronunciations:
        first[said[0]] += 1
        last[said[-1]] += 1
        every.update(said)
        for one, two in itertools.pairwise(said):
            after[one][two] += 1
    words = sum(first.values())

    def follow(phone: str) -> dict[str, float]:
        seen = after[phone]
        total = sum(seen.values()) + 0.1 * len(phones)
        return {two: -math.log((count + 0.1) / total) for two, count in seen.items()}

    return PhoneModel(
        {phone: -math.log((first[phone] + 0.5) / words) for phone in phones},
        {phone: follow(phone) for phone in phones},
        {phone: -math.log((last[phone] + 0.5) / (every[phone] + 1)) for phone in phones},
    )


class SoundGraph:
    """Collects arcs; state 0 is where every word begins and ends."""

    def __init__(self, units: Units, costs: Costs) -> None:
        self._units, self._costs = units, costs
        self._lines: list[str] = []
        self._states = 1
        self._silence()

    def _state(self) -> int:
        self._states += 1
        return self._states - 1

    def _arc(self, source: int, target: int, transition: int, word: int = 0, cost: float = 0.0) -> None:
        self._lines.append(f"{source} {target} {transition} {word} {cost:.4f}")

    def _silence(self) -> None:
        pause, t = self._state(), self._units.transition
        self._arc(0, pause, t[SILENCE, 0, 1], 0, self._costs.silence)
        self._arc(pause, pause, t[SILENCE, 0, 0])
        self._arc(pause, 0, 0)

    def _phone(self, source: int, name: str, target: int, word: int = 0, cost: float = 0.0) -> None:
        """The phone's frames, then blanks or none."""
        number, t = self._units.id[name], self._units.transition
        bare, followed, blank = self._state(), self._state(), self._state()
        self._arc(source, bare, t[number, 0, 2], word, cost)
        self._arc(bare, bare, t[number, 0, 0])
        self._arc(bare, target, 0)
        self._arc(source, followed, t[number, 0, 1], word, cost)
        self._arc(followed, followed, t[number, 0, 0])
        self._arc(followed, blank, t[number, 1, 2], 0, self._costs.blank)
        self._arc(blank, blank, t[number, 1, 1], 0, self._costs.blank)
        self._arc(blank, target, 0)

    def add_words(self, pronunciations: Iterable[tuple[int, Phones]]) -> None:
        """Words with the same beginning share it; the word itself is known at its last phone."""
        begun: dict[Phones, int] = {(): 0}
        for word, phones in pronunciations:
            last = len(phones) - 1
            places = ["S"] if not last else ["B"] + ["I"] * (last - 1) + ["E"]
            names = tuple(f"{phone}_{place}" for phone, place in zip(phones, places, strict=True))
            for end in range(1, len(names)):
                if names[:end] not in begun:
                    begun[names[:end]] = self._state()
                    self._phone(begun[names[: end - 1]], names[end - 1], begun[names[:end]])
            self._phone(begun[names[:-1]], names[-1], 0, word, self._costs.word)

    def add_unknown(self, word: int, sounds: PhoneModel) -> None:
        after = {phone: self._state() for phone in self._units.phones}
        for phone, cost in sounds.first.items():
            self._phone(0, f"{phone}_B", after[phone], word, self._costs.unknown + cost)
        for before, followers in sounds.after.items():
            for phone, cost in followers.items():
                cost += self._costs.unknown_phone
                self._phone(after[before], f"{phone}_I", after[phone], 0, cost)
                self._phone(after[before], f"{phone}_E", 0, 0, cost + sounds.last[phone])

    def text(self) -> str:
        """OpenFst's text form."""
        return "\n".join([*self._lines, "0 0"]) + "\n"


def word_numbers(words: Iterable[str]) -> dict[str, int]:
    return {word: index for index, word in enumerate(["<eps>", *words, UNKNOWN, "#0", "<s>", "</s>"])}
