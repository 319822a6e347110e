"""Which text is said by which voice, in which manner: a fixed list for a given seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from tools.speech_model import vocabulary
from tools.speech_model.languages import Language


@dataclass(frozen=True, slots=True)
class Utterance:
    name: str
    engine: str
    voice: str
    rate: float  # factor of the engine's own
    pitch: float
    text: str


def save(utterances: list[Utterance], file: Path) -> None:
    """What is to be said is written down before it is said: the vocabulary may change afterwards."""
    fields = [(u.name, u.engine, u.voice, str(u.rate), str(u.pitch), u.text) for u in utterances]
    file.write_text("".join("\t".join(row) + "\n" for row in fields), "utf-8")


def load(file: Path) -> list[Utterance]:
    rows = (line.split("\t") for line in file.read_text("utf-8").splitlines())
    return [
        Utterance(name, engine, voice, float(rate), float(pitch), text)
        for name, engine, voice, rate, pitch, text in rows
    ]


class _Texts:
    def __init__(self, r: random.Random, language: Language) -> None:
        self._r = r
        self._numbers = language.numbers
        self._phrases = vocabulary.phrases(language)
        self._examples = vocabulary.examples(language) or self._phrases
        self._words = vocabulary.words(language)
        self._foreign = vocabulary.foreign_words(language)

    def training(self) -> str:
        r, kind = self._r, self._r.random()
        if kind < 0.16:
            return r.choice(self._phrases)
        if kind < 0.28:
            return r.choice(self._examples)
        if kind < 0.36:
            return r.choice(self._words)
        if kind < 0.62:
            return " ".join(self._numbers.random_number(r))
        if kind < 0.74:
            return " ".join(r.sample(self._words, r.randint(2, 5)))
        return " ".join(r.sample(self._foreign, r.randint(1, 5)))

    def test(self) -> str:
        r, kind = self._r, self._r.random()
        if kind < 0.5:
            return r.choice(self._phrases)
        return " ".join(self._numbers.random_number(r)) if kind < 0.85 else r.choice(self._words)

    def unknown(self) -> str:
        """Words the model does not have: what must not be taken for a command."""
        known = set(self._words)
        while True:
            text = " ".join(self._r.sample(self._foreign, self._r.randint(1, 2)))
            if not known & set(text.split()):
                return text


def training(language: Language, seed: int = 1, scale: float = 1.0) -> list[Utterance]:
    r = random.Random(seed)
    texts = _Texts(r, language)
    found: list[Utterance] = []
    for speakers in language.training:
        for index in range(round(speakers.count * scale)):
            voice = speakers.voices[index % len(speakers.voices)]
            name = f"s{seed}-{speakers.engine}-{voice}-{len(found):05d}"
            rate, pitch = (round(r.uniform(*span), 2) for span in (speakers.rate, speakers.pitch))
            found.append(Utterance(name, speakers.engine, voice, rate, pitch, texts.training()))
    r.shuffle(found)  # so that whatever is made first is a fair sample
    return found


def testing(language: Language, per_voice: int = 60, unknown: int = 12, seed: int = 99) -> list[Utterance]:
    r = random.Random(seed)
    texts = _Texts(r, language)
    found: list[Utterance] = []
    for speakers in language.testing:
        for voice in speakers.voices:
            for index in range(per_voice + unknown):
                kind = "test" if index < per_voice else "unknown"
                text = texts.test() if kind == "test" else texts.unknown()
                name = f"{kind}-{speakers.engine}-{voice}-{index:03d}"
                rate = r.choice((0.85, 1.0, 1.15))
                found.append(Utterance(name, speakers.engine, voice, rate, 1.0, text))
    return found
