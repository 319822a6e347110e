"""Training material: each utterance over several telephone lines, as features beside its phones."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tools.speech_model import channel, corpus, features, lexicon, vocabulary, voices
from tools.speech_model.languages import Language

_RAREST_PHONE = 20  # a sound met less often cannot be learnt; words that hold it are left out
_EMPTY_PER_COPY = 250  # pieces of mere noise: the blank has to win there


@dataclass(frozen=True, slots=True)
class Inventory:
    """The model's phones: their number in the network is their index + 1, 0 is CTC's blank."""

    phones: tuple[str, ...]
    lexicon: dict[str, list[tuple[str, ...]]]

    def save(self, work: Path) -> None:
        (work / "phones.txt").write_text("\n".join(self.phones) + "\n", "utf-8")
        lines = [f"{word}\t{' '.join(p)}" for word, many in self.lexicon.items() for p in many]
        (work / "lexicon.txt").write_text("\n".join(lines) + "\n", "utf-8")

    @classmethod
    def load(cls, work: Path) -> Inventory:
        words: dict[str, list[tuple[str, ...]]] = {}
        for line in (work / "lexicon.txt").read_text("utf-8").splitlines():
            word, phones = line.split("\t")
            words.setdefault(word, []).append(tuple(phones.split()))
        return cls(tuple((work / "phones.txt").read_text("utf-8").split()), words)


def inventory(language: Language) -> Inventory:
    words = [*vocabulary.words(language), *vocabulary.foreign_words(language)]
    known = lexicon.build(words, language)
    counts = Counter(phone for many in known.values() for phones in many for phone in phones)
    phones = tuple(sorted(phone for phone, count in counts.items() if count >= _RAREST_PHONE))
    usable = {
        word: good for word, many in known.items() if (good := [p for p in many if set(p) <= set(phones)])
    }
    return Inventory(phones, usable)


def _noise_only(seed: int, bank: list[channel.Sound]) -> npt.NDArray[np.float32]:
    r = np.random.default_rng(seed)
    sound = channel.noise(r, int(r.uniform(1, 3) * channel.RATE), bank)
    sound = sound / (np.abs(sound).max() + 1e-6) * 10 ** (r.uniform(-60, -12) / 20)
    if r.random() < 0.2:
        sound = sound * 0
    return np.round(channel.alaw(sound.astype(np.float32)) * 32767).astype(np.float32)


def _labels(
    said: list[corpus.Utterance], sounds: Inventory, language: Language
) -> dict[str, npt.NDArray[np.int16]]:
    """Name of an utterance -> phone numbers, as a voice of its accent says the words; those with a word that
    cannot be written in the inventory's phones are left out."""
    number = {phone: index + 1 for index, phone in enumerate(sounds.phones)}
    words = list(dict.fromkeys(word for u in said for word in u.text.split()))
    spoken = [lexicon.pronounce(words, language, accent) for accent in range(len(language.accents))]

    def sound_of(word: str, accent: int) -> lexicon.Phones | None:
        usual = sounds.lexicon.get(word)
        # espeak-ng reads a single letter as its name: there the lexicon's choice counts.
        return spoken[accent][word] if usual and accent and len(word) > 1 else usual[0] if usual else None

    found = {}
    for u in said:
        accent = language.accent(u.engine, u.voice)
        parts = [sound_of(word, accent) for word in u.text.split()]
        if all(part and set(part) <= set(number) for part in parts):
            ids = [number[phone] for part in parts if part for phone in part]
            found[u.name] = np.array(ids, np.int16)
    return found


def prepare(work: Path, language: Language, seed: int, copies: int) -> None:
    """Writes ``features-SEED.pkl``: a list of (phone numbers, float16 features)."""
    sounds = inventory(language)
    if (work / "phones.txt").exists():  # later material must keep the numbers of earlier material
        kept = Inventory.load(work).phones
        sounds = Inventory(kept, sounds.lexicon)
    sounds.save(work)
    said = corpus.load(work / f"training-{seed}.tsv")
    labels = _labels(said, sounds, language)
    paths = [(work / "sound" / f"{u.name}.wav", labels[u.name]) for u in said if u.name in labels]
    spoken = [(path, ids) for path, ids in paths if path.exists()]
    print(len(said) - len(spoken), "utterances left out: a sound too rare, or refused", flush=True)
    bank = [channel.to_8k(voices.read(path)[0]) for path, _ in spoken[:60]]
    found = []
    for copy in range(copies):
        for index, (path, ids) in enumerate(spoken):
            r = np.random.default_rng((seed, copy, index))
            line = channel.telephone(voices.read(path)[0], r, bank)
            found.append((ids, features.mfcc(line).astype(np.float16)))
            if index % 1000 == 0:
                print("prepared", copy, index, "of", len(spoken), flush=True)
        for index in range(_EMPTY_PER_COPY):
            rows = features.mfcc(_noise_only(seed * 100_000 + copy * 1000 + index, bank))
            found.append((np.zeros(0, np.int16), rows.astype(np.float16)))
    with (work / f"features-{seed}.pkl").open("wb") as out:
        pickle.dump(found, out, protocol=5)
    print(len(found), "pieces,", round(sum(len(rows) for _, rows in found) / 360_000, 1), "hours")
