"""Pronunciations by espeak-ng: a word's phones, without stress, as both training and the graph use them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent
# espeak-ng writes some sounds in several ways; the model's inventory has one for each.
SAME = {"ɑ": ("a",), 'u"': ("u",), "ɪ^": ("ɪ",), "ŋ": ("n",), "ɵ": ("o",), "ja": ("j", "a"), "ju": ("j", "u")}
_BATCH = 400  # words per espeak-ng process


def _phones(ipa: str) -> tuple[str, ...]:
    phones: list[str] = []
    for raw in re.split(r"[_\s]+", ipa):
        sound = re.sub(r"\(.*?\)|[ˈˌː]", "", raw)
        for phone in SAME.get(sound, (sound,)) if sound else ():
            if not phones or phones[-1] != phone:  # CTC merges equal neighbours
                phones.append(phone)
    return tuple(phones)


def pronounce(words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Phones of each word (or short phrase, as a whole)."""
    todo = list(dict.fromkeys(words))
    found: dict[str, tuple[str, ...]] = {}
    for start in range(0, len(todo), _BATCH):
        batch = todo[start : start + _BATCH]
        # An empty line ends a sentence: so one process answers with one line a word.
        done = subprocess.run(
            ["espeak-ng", "-v", "ru", "-q", "--ipa", "--sep=_", "--stdin"],
            input="".join(f"{word}.\n\n" for word in batch),
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        if len(lines) != len(batch):  # a word that espeak-ng keeps silent about, or splits
            lines = [_one(word) for word in batch]
        found.update({word: _phones(line) for word, line in zip(batch, lines, strict=True)})
    return found


def _one(word: str) -> str:
    done = subprocess.run(
        ["espeak-ng", "-v", "ru", "-q", "--ipa", "--sep=_", f"{word}."],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return " ".join(done.stdout.split())


def respellings() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (HERE / "text/respellings.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            word, spellings = line.split("\t")
            found.setdefault(word, []).extend(spellings.split("|"))
    return found


def build(words: Iterable[str]) -> dict[str, list[tuple[str, ...]]]:
    """Word -> its pronunciations, the usual one first."""
    words = list(dict.fromkeys(words))
    extra = {word: spellings for word, spellings in respellings().items() if word in set(words)}
    spoken = pronounce([*words, *(s for many in extra.values() for s in many if not s.startswith("="))])
    lexicon: dict[str, list[tuple[str, ...]]] = {}
    for word in words:
        given = [tuple(s[1:].split()) if s.startswith("=") else spoken[s] for s in extra.get(word, [])]
        # A letter standing alone is read as its name by espeak-ng: there only what is given counts.
        own = [] if len(word) == 1 and given else [spoken[word]]
        chosen = [phones for phones in dict.fromkeys([*own, *given]) if phones]
        if chosen:
            lexicon[word] = chosen
    return lexicon
