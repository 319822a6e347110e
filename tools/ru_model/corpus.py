"""Which text is said by which voice, in which manner: a fixed list for a given seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from tools.ru_model import number_words, vocabulary

# Licences: see README.md. Only these are ever trained on.
TRAINING_RHVOICE = ("Anna", "Irina", "Aleksandr")
# CC-BY-NC-ND: heard only to measure, nothing of them gets into the model.
TEST_RHVOICE = (
    "Arina", "Artemiy", "Evgeniy-Rus", "Mikhail", "Pavel", "Tatiana", "Victoria", "Vitaliy", "Yuriy",
)  # fmt: skip
ESPEAK_VARIANTS = (
    "m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 Andrea Denis boris linda max klatt2 klatt4 Annie Gene Lee "
    "Michael steph zac adam Alicia anika victor"
).split()
TRAINING_COUNTS = {"rhvoice": 1100, "espeak": 1500, "festival": 600, "ru_tts": 350}


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
    def __init__(self, r: random.Random) -> None:
        self._r = r
        self._phrases = vocabulary.phrases()
        self._examples = vocabulary.examples() or self._phrases
        self._words = vocabulary.words()
        self._foreign = vocabulary.foreign_words()

    def training(self) -> str:
        r, kind = self._r, self._r.random()
        if kind < 0.16:
            return r.choice(self._phrases)
        if kind < 0.28:
            return r.choice(self._examples)
        if kind < 0.36:
            return r.choice(self._words)
        if kind < 0.62:
            return " ".join(number_words.random_number(r))
        if kind < 0.74:
            return " ".join(r.sample(self._words, r.randint(2, 5)))
        return " ".join(r.sample(self._foreign, r.randint(1, 5)))

    def test(self) -> str:
        r, kind = self._r, self._r.random()
        if kind < 0.5:
            return r.choice(self._phrases)
        return " ".join(number_words.random_number(r)) if kind < 0.85 else r.choice(self._words)

    def unknown(self) -> str:
        """Words the model does not have: what must not be taken for a command."""
        known = set(self._words)
        while True:
            text = " ".join(self._r.sample(self._foreign, self._r.randint(1, 2)))
            if not known & set(text.split()):
                return text


def training(seed: int = 1, scale: float = 1.0) -> list[Utterance]:
    r = random.Random(seed)
    texts = _Texts(r)
    found: list[Utterance] = []

    def add(engine: str, voice: str, rate: float, pitch: float) -> None:
        name = f"s{seed}-{engine}-{voice}-{len(found):05d}"
        found.append(Utterance(name, engine, voice, round(rate, 2), round(pitch, 2), texts.training()))

    counts = {engine: round(count * scale) for engine, count in TRAINING_COUNTS.items()}
    for voice in TRAINING_RHVOICE:
        for _ in range(counts["rhvoice"]):
            add("rhvoice", voice, r.uniform(0.75, 1.4), r.uniform(0.78, 1.28))
    for index in range(counts["espeak"]):
        add(
            "espeak",
            ESPEAK_VARIANTS[index % len(ESPEAK_VARIANTS)],
            r.uniform(0.65, 1.15),
            r.uniform(0.5, 1.5),
        )
    for _ in range(counts["festival"]):
        add("festival", "msu_ru_nsh_clunits", 1, 1)
    for voice in ("male", "female"):
        for _ in range(counts["ru_tts"]):
            add("ru_tts", voice, r.uniform(0.7, 1.3), r.uniform(0.75, 1.4))
    r.shuffle(found)  # so that whatever is made first is a fair sample
    return found


def testing(per_voice: int = 60, unknown: int = 12, seed: int = 99) -> list[Utterance]:
    r = random.Random(seed)
    texts = _Texts(r)
    found: list[Utterance] = []
    for voice in TEST_RHVOICE:
        for index in range(per_voice + unknown):
            kind = "test" if index < per_voice else "unknown"
            text = texts.test() if kind == "test" else texts.unknown()
            name = f"{kind}-rhvoice-{voice}-{index:03d}"
            found.append(Utterance(name, "rhvoice", voice, r.choice((0.85, 1.0, 1.15)), 1.0, text))
    return found
