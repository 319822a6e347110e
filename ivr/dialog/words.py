"""Words that every node knows, and how two spoken texts are compared. Pure text, no models.

Only short whole utterances are matched here, so that a hotline without the understanding service still
takes «да» and «оператор»; everything longer is the understanding port's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

# Of who has not heard or understood the question: the same as a wish to hear it again.
UNHEARD: Mapping[str, tuple[str, ...]] = {
    "ru": (
        "не понял", "не поняла", "я не понял", "я не поняла", "не понимаю", "не понял вопрос",
        "не поняла вопрос", "не слышу", "я вас не слышу", "не слышно", "плохо слышно", "не расслышал",
        "не расслышала",
    ),
    "en": ("i don't understand", "i did not understand", "i can't hear you", "i didn't catch that"),
}  # fmt: skip

COMMON: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "ru": {
        "yes": (
            "да", "ага", "да да", "да конечно", "верно", "правильно", "помогло", "да помогло",
            "спасибо помогло",
        ),
        "no": (
            "нет", "нет нет", "нет спасибо", "не надо", "не хочу", "неверно", "неправильно", "не помогло",
            "нет не помогло",
        ),
        "person": (
            "оператор", "оператора", "специалист", "специалиста", "человек", "живой человек",
            "соедините с оператором", "соедините со специалистом", "позовите оператора",
        ),
        "repeat": ("повторить", "повторите", "повтори", "еще раз", "что", *UNHEARD["ru"]),
        "back": ("назад", "вернуться", "обратно", "главное меню"),
        "callback": ("перезвоните", "перезвоните мне", "обратный звонок"),
        "skip": ("пропустить", "дальше", "не знаю", "пропустите"),
        "other_language": ("английский", "инглиш", "по английски"),
    },
    "en": {
        "yes": ("yes", "yes please", "please", "yeah", "yep", "right", "correct", "it did", "yes it did"),
        "no": ("no", "nope", "wrong", "it did not", "not really"),
        "person": (
            "operator", "specialist", "agent", "human", "a person", "real person", "speak to a person",
        ),
        "repeat": ("repeat", "again", "say again", "say that again", "pardon", "what", *UNHEARD["en"]),
        "back": ("back", "go back", "main menu"),
        "callback": ("call me back", "call back", "callback"),
        "skip": ("skip", "next", "i do not know", "i don't know"),
        "other_language": ("russian", "in russian"),
    },
}  # fmt: skip

DIGIT_WORDS: Mapping[str, Mapping[str, str]] = {
    "ru": {
        "ноль": "0", "нуль": "0", "один": "1", "раз": "1", "одна": "1", "два": "2", "две": "2", "три": "3",
        "четыре": "4", "пять": "5", "шесть": "6", "семь": "7", "восемь": "8", "девять": "9",
        "единица": "1", "двойка": "2", "тройка": "3", "четверка": "4", "пятерка": "5",
    },
    "en": {
        "zero": "0", "oh": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
        "six": "6", "seven": "7", "eight": "8", "nine": "9",
    },
}  # fmt: skip

_NOT_WORDS = re.compile(r"[^\w']+")


def normal(text: str) -> str:
    """Lower case, е for ё, no punctuation, single spaces."""
    return _NOT_WORDS.sub(" ", text.lower().replace("ё", "е").replace("’", "'")).strip()


def common_intent(text: str, language: str) -> str:
    """The intent of a short utterance that means the same everywhere, "" for none."""
    said = normal(text)
    for intent, phrases in COMMON.get(language, {}).items():
        if said in phrases:
            return intent
    return ""


def digits_in(text: str, language: str) -> str:
    """Digits of an utterance that consists of nothing else («один два», "4071"), "" otherwise."""
    table = DIGIT_WORDS.get(language, {})
    found = ""
    for word in normal(text).split():
        digit = word if word.isascii() and word.isdigit() else table.get(word, "")
        if not digit:
            return ""
        found += digit
    return found


# --------------------------------------------------------------- do two phrases sound alike?
# Letters that a telephone line and Russian pronunciation make one: voiced consonants at the end and before
# voiceless ones, unstressed vowels, soft signs. Coarse on purpose: a false alarm costs a look.
_SOUNDS = str.maketrans(
    {
        "б": "п", "в": "ф", "г": "к", "д": "т", "ж": "ш", "з": "с", "щ": "ш", "ц": "с", "ч": "ш",
        "о": "а", "е": "и", "ы": "и", "э": "и", "я": "а", "ю": "у", "й": "и", "ь": "", "ъ": "",
        "b": "p", "v": "f", "g": "k", "d": "t", "z": "s", "j": "y", "q": "k", "c": "k", "x": "ks",
        "e": "i", "o": "a", "y": "i",
    }
)  # fmt: skip


@lru_cache(4096)
def sounds(text: str) -> str:
    """A rough key of how a phrase sounds: equal keys are hard to tell apart on a telephone."""
    key = normal(text).replace("тся", "ца").replace("ться", "ца").replace(" ", "").translate(_SOUNDS)
    return re.sub(r"(.)\1+", r"\1", key)


def distance(one: str, other: str) -> int:
    """Levenshtein distance: letters put in, left out or changed."""
    before = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            row.append(min(row[-1] + 1, before[j] + 1, before[j - 1] + (a != b)))
        before = row
    return before[-1]


def alike(one: str, other: str) -> bool:
    """Would a listener, or a recogniser, mistake one for the other?"""
    a, b = sounds(one), sounds(other)
    if a == b:
        return True
    longest = max(len(a), len(b))
    if abs(len(a) - len(b)) * 6 > longest:  # so many letters more
        return False
    return longest >= 5 and distance(a, b) * 6 <= longest
