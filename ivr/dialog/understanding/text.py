"""From an utterance to words and their lemmas: the same for examples and for what callers say."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

MAX_CHARACTERS = 600  # of one utterance; the rest is not looked at
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")


def words(text: str) -> list[str]:
    """Lower case, е for ё, no punctuation: «Не могу войти!» -> ["не", "могу", "войти"]."""
    plain = text[:MAX_CHARACTERS].lower().replace("ё", "е").replace("’", "'")
    return _WORD.findall(plain)


@lru_cache(maxsize=1)
def _morphology() -> Any:
    import pymorphy3

    return pymorphy3.MorphAnalyzer()


@lru_cache(maxsize=50_000)
def _russian(word: str) -> str:
    lemma: str = _morphology().parse(word)[0].normal_form
    return lemma.replace("ё", "е")


_ENGLISH_ENDINGS = (
    ("ations", "ate"), ("ation", "ate"), ("ingly", ""), ("ings", ""), ("ing", ""), ("ied", "y"), ("ies", "y"),
    ("edly", ""), ("ed", ""), ("ers", ""), ("er", ""), ("ly", ""), ("es", ""), ("s", ""), ("e", ""),
)  # fmt: skip
_ENGLISH_STEM = 3  # letters that have to remain


def _english(word: str) -> str:
    """A light stem: enough to meet «logging», «logged», «logs»; the same for examples and callers."""
    word = word.removesuffix("'s")
    for ending, instead in _ENGLISH_ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _ENGLISH_STEM:
            stem = word[: -len(ending)]
            if len(stem) > _ENGLISH_STEM and stem[-1] == stem[-2] and stem[-1] not in "ls":
                stem = stem[:-1]
            return (stem + instead).removesuffix("e")
    return word


def lemma(word: str, language: str) -> str:
    """``word`` as `words` gives it; languages without a morphology keep their words as they are."""
    if language == "ru":
        return _russian(word)
    return _english(word) if language == "en" else word


class Said(NamedTuple):
    """An utterance taken apart; ``lemmas`` stand as the words do."""

    words: list[str]
    lemmas: list[str]


def read(text: str, language: str) -> Said:
    found = words(text)
    return Said(found, [lemma(word, language) for word in found])
