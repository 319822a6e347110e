"""Pronunciations by espeak-ng: a word's phones, without stress, as both training and the graph use them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable

from tools.speech_model.languages import Language

Phones = tuple[str, ...]
_BATCH = 400  # words per espeak-ng process


def _phones(ipa: str, language: Language) -> Phones:
    phones: list[str] = []
    for raw in re.split(r"[_\s]+", ipa):
        sound = re.sub(r"\(.*?\)|[ˈˌː]", "", raw)
        for phone in language.same.get(sound, (sound,)) if sound else ():
            if not phones or phones[-1] != phone:  # CTC merges equal neighbours
                phones.append(phone)
    return tuple(phones)


def _espeak(text: str, accent: str, timeout_s: float) -> str:
    command = ["espeak-ng", "-v", accent, "-q", "--ipa", "--sep=_", "--stdin"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=timeout_s, check=True)
    return done.stdout


def pronounce(words: Iterable[str], language: Language, accent: int = 0) -> dict[str, Phones]:
    """Phones of each word (or short phrase, as a whole)."""
    voice = language.accents[accent]
    todo = list(dict.fromkeys(words))
    found: dict[str, Phones] = {}
    for start in range(0, len(todo), _BATCH):
        batch = todo[start : start + _BATCH]
        # An empty line ends a sentence: so one process answers with one line a word.
        said = _espeak("".join(f"{word}.\n\n" for word in batch), voice, 120)
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        if len(lines) != len(batch):  # a word that espeak-ng keeps silent about, or splits
            lines = [" ".join(_espeak(f"{word}.", voice, 30).split()) for word in batch]
        found.update({word: _phones(line, language) for word, line in zip(batch, lines, strict=True)})
    return found


def respellings(language: Language) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (language.text / "respellings.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            word, spellings = line.split("\t")
            found.setdefault(word, []).extend(spellings.split("|"))
    return found


def build(words: Iterable[str], language: Language) -> dict[str, list[Phones]]:
    """Word -> its pronunciations, the usual one first, then those of other accents and spoken variants."""
    words = list(dict.fromkeys(words))
    extra = {word: spellings for word, spellings in respellings(language).items() if word in set(words)}
    respelt = [s for many in extra.values() for s in many if not s.startswith("=")]
    spoken = [pronounce([*words, *respelt], language, n) for n in range(len(language.accents))]
    lexicon: dict[str, list[Phones]] = {}
    for word in words:
        given: list[Phones] = []
        for spelling in extra.get(word, []):
            if spelling.startswith("="):
                given.append(tuple(spelling[1:].split()))
            else:
                given += [accent[spelling] for accent in spoken]
        # A letter standing alone is read as its name by espeak-ng: there only what is given counts.
        own = [] if len(word) == 1 and given else [accent[word] for accent in spoken]
        chosen = [phones for phones in dict.fromkeys([*own, *given]) if phones]
        if chosen:
            lexicon[word] = chosen
    return lexicon
