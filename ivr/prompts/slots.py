"""Slots of prompt texts, ``{place:ordinal}``: which kinds there are and what they say.

Pure: from a slot and its value to words in a language. The kinds are described for writers at the top of
voice_prompts/ru/texts.yaml.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from ivr.dialog.contract import Value
from ivr.dialog.identifiers import in_groups
from ivr.prompts import numbers_en as en
from ivr.prompts import numbers_ru as ru

# Languages that say everything: numbers, times, every prompt. Any other language may say fixed texts; what it
# lacks is spoken in the hotline's first one.
LANGUAGES = ("ru", "en")
_NUMBERS = ("ordinal", "cardinal", "count", "duration", "duration_range", "year")
_TIMES = ("clock", "date", "weekday", "on_weekday", "day")
_DIGITS = ("digits", "groups", "phone", "snils")
KINDS = frozenset((*_NUMBERS, *_TIMES, *_DIGITS, "text"))
MAX_DIGITS = 32
MAX_TEXT = 600  # characters of a {x:text}
SHAPE = re.compile(r"\{([a-z_][a-z0-9_]*):([a-z_]+)((?:\.[a-zа-яё]+)*)\}")
_CLOCK = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)")


class SlotError(ValueError):
    """A slot is written wrongly or its value does not suit its kind."""


@dataclass(frozen=True, slots=True)
class Slot:
    name: str
    kind: str
    options: tuple[str, ...] = ()

    @property
    def gender(self) -> str:
        return next((option for option in self.options if option in ru.GENDERS), "m")

    @property
    def case(self) -> str | None:
        return next((option for option in self.options if option in ru.CASES), None)

    @property
    def noun(self) -> str:
        return next((option for option in self.options if option in ru.NOUNS or option in en.NOUNS), "")


def parse(raw: str, language: str) -> Slot:
    """The slot written as ``{name:kind.options}``. Raises SlotError with what is wrong in it."""
    match = SHAPE.fullmatch(raw)
    if not match:
        raise SlotError(f"{raw}: a slot is written {{name:kind}}")
    name, kind, options = match[1], match[2], tuple(match[3].split(".")[1:])
    if kind not in KINDS:
        raise SlotError(f"{raw}: there is no kind {kind!r}; kinds: {', '.join(sorted(KINDS))}")
    if language not in LANGUAGES and kind != "text":
        raise SlotError(f"{raw}: nobody can say numbers in {language!r} yet: leave this prompt out")
    nouns = ru.NOUNS if language == "ru" else en.NOUNS
    for option in options:
        known = option in ru.GENDERS or option in ru.CASES or (kind == "date" and option == "year")
        if not known and not (kind == "count" and option in nouns):
            raise SlotError(f"{raw}: {option!r} is no gender, case or known noun")
    slot = Slot(name, kind, options)
    if kind == "count" and not slot.noun:
        raise SlotError(f"{raw}: what is counted? {{{name}:count.{next(iter(nouns))}}}")
    return slot


def speak(slot: Slot, value: Value, language: str) -> str:
    """The words for a value; commas are short pauses. Raises SlotError when the value does not suit."""
    if language not in LANGUAGES and slot.kind != "text":
        raise SlotError(f"nobody can say numbers in {language!r} yet")
    try:
        return _speak_ru(slot, value) if language == "ru" else _speak_en(slot, value)
    except SlotError:
        raise
    except (ValueError, KeyError, IndexError) as error:
        raise SlotError(f"{{{slot.name}:{slot.kind}}}: {error}") from None


def _speak_ru(slot: Slot, value: Value) -> str:
    case = slot.case or "nom"
    match slot.kind:
        case "ordinal":
            return ru.ordinal(_number(value), slot.gender, case)
        case "cardinal":
            return ru.cardinal(_number(value), slot.gender, case)
        case "count":
            return ru.count(_number(value), slot.noun, case)
        case "duration":
            return ru.duration(_number(value), case)
        case "duration_range":
            return ru.duration_range(*_range(value), case)
        case "clock":
            return ru.clock(*_clock(value), case)
        case "date":
            return ru.day_of_month(_date(value), slot.case or "gen", "year" in slot.options)
        case "weekday":
            return ru.weekday(_weekday(value), case)
        case "on_weekday":
            return ru.on_weekday(_weekday(value))
        case "day":
            return ru.day(_date(value))
        case "year":
            return ru.year(_number(value), case)
        case "digits":
            return ru.digits(_digits(value))
        case "text":
            return _text(value)
        case "phone":
            return ru.phone(digit_groups("phone", value), _is_international(value))
        case _:
            return ru.groups(digit_groups(slot.kind, value))


def _speak_en(slot: Slot, value: Value) -> str:
    match slot.kind:
        case "ordinal":
            return en.ordinal(_number(value))
        case "cardinal":
            return en.cardinal(_number(value))
        case "count":
            return en.count(_number(value), slot.noun)
        case "duration":
            return en.duration(_number(value))
        case "duration_range":
            return en.duration_range(*_range(value))
        case "clock":
            return en.clock(*_clock(value))
        case "date":
            return en.day_of_month(_date(value), "year" in slot.options)
        case "weekday":
            return en.weekday(_weekday(value))
        case "on_weekday":
            return en.on_weekday(_weekday(value))
        case "day":
            return en.day(_date(value))
        case "year":
            return en.year(_number(value))
        case "digits":
            return en.digits(_digits(value))
        case "text":
            return _text(value)
        case "phone":
            return en.phone(digit_groups("phone", value), _is_international(value))
        case _:
            return en.groups(digit_groups(slot.kind, value))


def digit_groups(kind: str, value: Value) -> list[str]:
    """Digits in the groups in which people say them.

    ``phone``: 8 800 555 35 35, 495 123 45 67; ``snils``: 123 456 789 01; the rest as `in_groups` does.
    """
    digits = _digits(value)
    if kind == "phone" and len(digits) in (10, 11):
        head = [digits[0]] if len(digits) == 11 else []
        rest = digits[len(head) :]
        return [*head, rest[:3], rest[3:6], rest[6:8], rest[8:]]
    if kind == "snils" and len(digits) != 11:
        raise SlotError(f"a SNILS has eleven digits, not {len(digits)}")
    return in_groups(digits)


def _number(value: Value) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 12:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise SlotError(f"a number is expected, not {value!r}")
    return value


def _range(value: Value) -> tuple[int, int]:
    if not (isinstance(value, tuple | list) and len(value) == 2):
        raise SlotError(f"a pair of milliseconds is expected, not {value!r}")
    low, high = _number(value[0]), _number(value[1])
    if not 0 <= low <= high:
        raise SlotError(f"the range {low}..{high} is upside down")
    return low, high


def _clock(value: Value) -> tuple[int, int]:
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise SlotError(f"a time HH:MM is expected, not {value!r}")
    return int(match[1]), int(match[2])


def _date(value: Value) -> date:
    if not isinstance(value, str):
        raise SlotError(f"a date YYYY-MM-DD is expected, not {value!r}")
    return date.fromisoformat(value[:10])


def _weekday(value: Value) -> int:
    if isinstance(value, int) and 0 <= value <= 6:
        return value
    return _date(value).weekday()


def _digits(value: Value) -> str:
    digits = re.sub(r"[ \-()+]", "", str(value))
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS):
        raise SlotError(f"up to {MAX_DIGITS} digits are expected, not {str(value)[:40]!r}")
    return digits


def _is_international(value: Value) -> bool:
    """With a plus, or eleven digits with Russia's 7 before: said with its plus; within the country people say
    8."""
    digits = _digits(value)
    return str(value).startswith("+") or (len(digits) == 11 and digits.startswith("7"))


def _text(value: Value) -> str:
    text = " ".join(str(value).split())
    if not text or len(text) > MAX_TEXT:
        raise SlotError(f"a text of 1 to {MAX_TEXT} characters is expected")
    return text
