"""English numbers as they are spoken: pure functions from values to words.

A comma in the result is where a speaker makes a short pause. No hyphens: every word is a word of its own.
"""

from __future__ import annotations

from datetime import date

MAX_CARDINAL = 999_999_999_999
MAX_ORDINAL = 9999


def _forms(words: str) -> tuple[str, ...]:
    return tuple(words.split())


_UNITS = _forms(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS = _forms("twenty thirty forty fifty sixty seventy eighty ninety")
_SIZES = ((10**9, "billion"), (10**6, "million"), (10**3, "thousand"), (100, "hundred"))
_IRREGULAR = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip
MONTHS = _forms(
    "January February March April May June July August September October November December"
)  # fmt: skip
WEEKDAYS = _forms("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")

# Singular and plural.
NOUNS = {
    "second": ("second", "seconds"), "minute": ("minute", "minutes"), "hour": ("hour", "hours"),
    "day": ("day", "days"), "week": ("week", "weeks"), "month": ("month", "months"),
    "year": ("year", "years"), "time": ("time", "times"), "call": ("call", "calls"),
    "question": ("question", "questions"), "request": ("request", "requests"),
    "attempt": ("attempt", "attempts"), "digit": ("digit", "digits"), "rouble": ("rouble", "roubles"),
    "message": ("message", "messages"), "person": ("person", "people"), "caller": ("caller", "callers"),
}  # fmt: skip


def cardinal(number: int) -> str:
    """``cardinal(121)`` is "one hundred twenty one". Raises ValueError outside 0..MAX_CARDINAL."""
    if not 0 <= number <= MAX_CARDINAL:
        raise ValueError(f"a number from 0 to {MAX_CARDINAL} is expected, not {number}")
    if number < 20:
        return _UNITS[number]
    if number < 100:
        tens, units = divmod(number, 10)
        return _TENS[tens - 2] + (f" {_UNITS[units]}" if units else "")
    for size, name in _SIZES:
        if number >= size:
            many, rest = divmod(number, size)
            return f"{cardinal(many)} {name}" + (f" {cardinal(rest)}" if rest else "")
    raise AssertionError("unreachable")


def ordinal(number: int) -> str:
    """``ordinal(21)`` is "twenty first". Raises ValueError outside 1..MAX_ORDINAL."""
    if not 1 <= number <= MAX_ORDINAL:
        raise ValueError(f"a number from 1 to {MAX_ORDINAL} is expected, not {number}")
    *before, last = cardinal(number).split()
    if last in _IRREGULAR:
        last = _IRREGULAR[last]
    else:
        last = (last[:-1] + "ie" if last.endswith("y") else last) + "th"
    return " ".join([*before, last])


def count(number: int, word: str) -> str:
    """``count(5, "minute")`` is "five minutes". Raises KeyError for a noun that NOUNS lacks."""
    return f"{cardinal(number)} {NOUNS[word][number != 1]}"


def duration(ms: int) -> str:
    """Below a minute in tens of seconds (rounded up), below an hour in minutes, then in hours and minutes."""
    if ms < 60_000:
        return count(min(50, max(10, -(-ms // 10_000) * 10)), "second")
    hours, minutes = divmod((ms + 30_000) // 60_000, 60)
    parts = [count(hours, "hour")] if hours else []
    if minutes:
        parts.append(count(minutes, "minute"))
    return " ".join(parts)


def duration_range(low_ms: int, high_ms: int) -> str:
    """ "two to four minutes"; the ends are rounded outwards to whole minutes, to five above twenty."""
    if high_ms < 60_000:
        return "less than a minute"
    low, high = _minutes(low_ms, up=False), _minutes(high_ms, up=True)
    if low >= 180:
        return "more than three hours"
    if low == high:
        return f"about {duration(low * 60_000)}"
    if low == 0:
        return f"up to {duration(high * 60_000)}"
    if high < 60:
        return f"{cardinal(low)} to {count(high, 'minute')}"
    if low % 60 == 0 and high % 60 == 0:
        return f"{cardinal(low // 60)} to {count(high // 60, 'hour')}"
    return f"{duration(low * 60_000)} to {duration(high * 60_000)}"


def _minutes(ms: int, up: bool) -> int:
    minutes = -(-ms // 60_000) if up else ms // 60_000
    if minutes <= 20:
        return minutes
    return -(-minutes // 5) * 5 if up else minutes // 5 * 5


def clock(hour: int, minute: int) -> str:
    """ "eight thirty a m", "nine oh five p m"; noon and midnight by name."""
    if minute == 0 and hour % 12 == 0:
        return "noon" if hour == 12 else "midnight"
    spoken = cardinal((hour - 1) % 12 + 1)
    if minute:
        spoken += f" oh {cardinal(minute)}" if minute < 10 else f" {cardinal(minute)}"
    return f"{spoken} {'a m' if hour % 24 < 12 else 'p m'}"


def day_of_month(day: date, with_year: bool = False) -> str:
    spoken = f"the {ordinal(day.day)} of {MONTHS[day.month - 1]}"
    return f"{spoken} {year(day.year)}" if with_year else spoken


def year(number: int) -> str:
    """ "twenty twenty six", "two thousand five", "nineteen hundred", "nineteen oh five"."""
    century, rest = divmod(number, 100)
    if not 10 <= century <= 99 or (century % 10 == 0 and rest < 10):
        return cardinal(number)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def weekday(number: int) -> str:
    """0 is Monday."""
    return WEEKDAYS[number]


def on_weekday(number: int) -> str:
    return f"on {weekday(number)}"


def day(value: date) -> str:
    return f"{on_weekday(value.weekday())}, {day_of_month(value)}"


def digits(text: str) -> str:
    """One by one."""
    return ", ".join(cardinal(int(digit)) for digit in text)


def groups(parts: list[str]) -> str:
    """Digit by digit, with a pause between the groups: "one two three, four five six"."""
    return ", ".join(" ".join(cardinal(int(digit)) for digit in part) for part in parts)


def phone(parts: list[str], international: bool = False) -> str:
    return ("plus " if international else "") + groups(parts)
