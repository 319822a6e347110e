"""What is particular to a language: its letters, sounds, numbers and voices. A new language is a new entry
here, a module of numbers and a folder under ``text/``.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tools.speech_model import numbers_en, numbers_ru

HERE = Path(__file__).parent


class Numbers(Protocol):
    """How numbers are said; a module serves."""

    DAYS: tuple[str, str]  # today, tomorrow
    WEEK: Sequence[str]  # from Sunday on
    MONTH_NAMES: Sequence[str]  # forms of each parted by |

    def cardinal(self, number: int, /) -> list[str]: ...

    def vocabulary(self) -> list[str]: ...

    def loop_words(self) -> list[str]:
        """The words of dictated digit strings."""
        ...

    def random_number(self, r: random.Random, /) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Speakers:
    """Voices of one synthesiser; ``count``: utterances of all of them together."""

    engine: str
    voices: tuple[str, ...]
    count: int = 0
    rate: tuple[float, float] = (1.0, 1.0)
    pitch: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Language:
    code: str
    letters: str  # a word is a run of these (a regular expression's set)
    # espeak-ng's voices whose pronunciations count, the usual one first.
    accents: tuple[str, ...]
    # espeak-ng writes some sounds in several ways; the model's inventory has one for each.
    same: Mapping[str, tuple[str, ...]]
    numbers: Numbers
    word_list: Path  # words for variety of sounds only, one a line; "/" and what follows is left out
    training: tuple[Speakers, ...]  # licences: README.md
    testing: tuple[Speakers, ...]  # heard only to measure: nothing of them gets into the model
    # Voices that speak another accent than the usual one: "engine" or "engine/voice" -> number in `accents`.
    accent_of: Mapping[str, int] = field(default_factory=dict)

    @property
    def text(self) -> Path:
        return HERE / "text" / self.code

    def accent(self, engine: str, voice: str) -> int:
        return self.accent_of.get(f"{engine}/{voice}", self.accent_of.get(engine, 0))


_ESPEAK_VARIANTS = (
    "m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 Andrea Denis boris linda max klatt2 klatt4 Annie Gene Lee "
    "Michael steph zac adam Alicia anika victor"
).split()

RUSSIAN = Language(
    code="ru",
    letters="а-яё",
    accents=("ru",),
    same={
        "ɑ": ("a",), 'u"': ("u",), "ɪ^": ("ɪ",), "ŋ": ("n",), "ɵ": ("o",), "ja": ("j", "a"),
        "ju": ("j", "u"),
    },
    numbers=numbers_ru,
    word_list=Path("/usr/share/hunspell/ru_RU.dic"),
    training=(
        Speakers("rhvoice", ("Anna", "Irina", "Aleksandr"), 3300, (0.75, 1.4), (0.78, 1.28)),
        Speakers("espeak", tuple(f"ru+{v}" for v in _ESPEAK_VARIANTS), 1500, (0.65, 1.15), (0.5, 1.5)),
        Speakers("festival", ("msu_ru_nsh_clunits",), 600),
        Speakers("ru_tts", ("male", "female"), 700, (0.7, 1.3), (0.75, 1.4)),
    ),
    testing=(
        Speakers("rhvoice", (
            "Arina", "Artemiy", "Evgeniy-Rus", "Mikhail", "Pavel", "Tatiana", "Victoria", "Vitaliy", "Yuriy",
        )),
    ),
)  # fmt: skip

_ENGLISH_ACCENTS = ("en-us", "en-gb", "en-gb-x-rp", "en-gb-scotland", "en-us", "en-us-nyc")

ENGLISH = Language(
    code="en",
    letters="a-z'",
    accents=("en-us", "en-gb"),
    same={
        "ɑɹ": ("ɑ", "ɹ"), "oɹ": ("ɔ", "ɹ"), "ɔɹ": ("ɔ", "ɹ"), "ɪɹ": ("ɪ", "ɹ"), "ɛɹ": ("ɛ", "ɹ"),
        "ʊɹ": ("ʊ", "ɹ"), "aɪɚ": ("aɪ", "ɚ"), "aɪə": ("aɪ", "ə"), "əl": ("ə", "l"), "ɐ": ("ə",),
        "ᵻ": ("ɪ",), "iə": ("i", "ə"), "ɾ": ("t",), "ʔ": ("t",), "n̩": ("ə", "n"), "m̩": ("ə", "m"),
        "əʊ": ("oʊ",), "eə": ("ɛ", "ə"), "ɪə": ("ɪ", "ə"), "ʊə": ("ʊ", "ə"), "a": ("æ",), "o": ("ɔ",),
        "e": ("ɛ",), "r": ("ɹ",), "ɫ": ("l",), "ɡ": ("ɡ",), "g": ("ɡ",), "l̩": ("ə", "l"), "ɔ̃": ("ɔ",),
        "aʊɚ": ("aʊ", "ɚ"), "aʊə": ("aʊ", "ə"), "ɑ̃": ("ɑ",), "ʲ": ("j",), "ɜɹ": ("ɜ",), "x": ("k",),
    },
    numbers=numbers_en,
    word_list=Path("/usr/share/dict/american-english"),
    training=(
        Speakers("rhvoice", ("Alan", "Bdl", "Slt"), 2400, (0.75, 1.4), (0.78, 1.28)),
        Speakers("espeak", tuple(
            f"{_ENGLISH_ACCENTS[index % len(_ENGLISH_ACCENTS)]}+{variant}"
            for index, variant in enumerate([*_ESPEAK_VARIANTS, *_ESPEAK_VARIANTS[1:]])
        ), 1500, (0.65, 1.15), (0.5, 1.5)),
        Speakers("flite", ("awb", "slt", "kal16"), 1500, (0.75, 1.35), (0.8, 1.25)),
        Speakers("festival", ("kal_diphone", "ked_diphone"), 700),
    ),
    testing=(
        Speakers("pico", ("en-US", "en-GB")),
        Speakers("rhvoice", ("Clb", "Evgeniy-Eng", "Lyubov")),
        Speakers("flite", ("rms",)),
        Speakers("festival", ("rab_diphone",)),
    ),
    accent_of={
        **{f"espeak/{accent}+{variant}": 1 for accent in ("en-gb", "en-gb-x-rp", "en-gb-scotland")
           for variant in _ESPEAK_VARIANTS},
        "rhvoice/Alan": 1, "flite/awb": 0,
    },
)  # fmt: skip

LANGUAGES = {language.code: language for language in (RUSSIAN, ENGLISH)}
