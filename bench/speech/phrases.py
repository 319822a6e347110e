"""What callers are made to say in `bench.speech.calls`: menu commands, times to be called at, dates of birth.

Each knows what it has to lead to, so that another wording which leads there is right, too.
"""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.speech import said
from dozvon.settings import ROOT
from ivr.dialog import times as spoken
from ivr.dialog.asking import find_option
from ivr.dialog.asking import phrases_of as options_phrases
from ivr.dialog.calling_back import phrases_of
from ivr.dialog.flow import load as load_flow
from ivr.dialog.model import Menu, Option
from ivr.dialog.ports import Appointment, Expects
from ivr.dialog.understanding import dates
from ivr.dialog.understanding.number_words import RUSSIAN
from ivr.dialog.understanding.text import words
from ivr.dialog.words import common_intent
from tools.speech_model.numbers_ru import MONTH_NAMES, WEEK, cardinal, random_date

_COMMON = ("оператор", "повторите", "назад", "соедините с оператором")
_TIMES = (
    "завтра в десять утра", "послезавтра после обеда", "в полдень", "завтра утром", "сегодня вечером",
    "завтра в четыре часа", "в пятницу в два часа", "послезавтра в шесть вечера", "сегодня после обеда",
    "завтра в полдень", "в четверг утром", "завтра днём", "в шестнадцать часов", "завтра в двенадцать",
    "послезавтра утром", "завтра после обеда", "сегодня в шесть часов вечера", "в пятницу в десять часов",
)  # fmt: skip
_MONDAY = dt.date(2026, 11, 23)
_HOURS = range(10, 20, 2)


@dataclass(frozen=True)
class Phrase:
    """``right`` tells whether what was heard leads to the same."""

    text: str
    right: Callable[[str], bool]
    kind: str = "menu"
    expects: Expects = "choice"
    phrases: tuple[str, ...] = ()
    recording: Path | None = None

    def sound(self, voice: str) -> said.Sound:
        return said.clean(self.text, voice) if self.recording is None else said.recorded(self.recording)


def commands(count: int) -> list[Phrase]:
    """Phrases of all menus that are not free, four commands of every menu among them."""
    menus = [n for n in load_flow(ROOT / "config" / "flows").nodes.values() if isinstance(n, Menu)]
    known = []
    for menu in menus:
        if menu.free:
            continue
        texts = (*options_phrases(menu.options, "ru"), random.choice(_COMMON))
        known += [_command(text, menu.options) for text in texts]
    random.shuffle(known)
    return (known * (1 + count // len(known)))[:count]


def _command(text: str, options: tuple[Option, ...]) -> Phrase:
    def right(heard: str) -> bool:
        wanted = find_option(options, text, "ru")
        if wanted is not None:
            return find_option(options, heard, "ru") == wanted
        return bool(heard) and common_intent(heard, "ru") == common_intent(text, "ru")

    return Phrase(text, right, phrases=options_phrases(options, "ru"))


def times(count: int) -> list[Phrase]:
    """Times to be called at, into the question for one: a working week's are to be had, today is Monday."""
    days = [(number, str(_MONDAY + dt.timedelta(number))) for number in range(5)]
    every = tuple(
        Appointment(86_400_000 * number + 3_600_000 * hour, day, f"{hour}:00", number)
        for number, day in days
        for hour in _HOURS
    )
    texts = (_TIMES * (1 + count // len(_TIMES)))[:count]
    return [_time(text, every) for text in texts]


def _time(text: str, every: tuple[Appointment, ...]) -> Phrase:
    wanted = spoken.understood(text, "ru", every, 0)
    assert wanted is not None

    def right(heard: str) -> bool:
        return spoken.understood(heard, "ru", every, 0) == wanted

    return Phrase(text, right, "time", "choice", phrases_of(every, "ru"))


def births(count: int) -> list[Phrase]:
    """Dates of birth, with the month's name or in numbers."""
    r = random.Random(random.random())
    found: list[Phrase] = []
    while len(found) < count:
        text = " ".join(random_date(r))
        if (day := dates.parse(words(text), RUSSIAN)) is not None:
            found.append(Phrase(text, _means(day), "date", "date"))
    return found


def _means(day: dt.date) -> Callable[[str], bool]:
    return lambda heard: dates.parse(words(heard), RUSSIAN) == day


def recordings(folder: Path) -> list[Phrase]:
    """Numbers, months and days, one word a file; a month's and a day's name may be in either case."""
    names: dict[str, tuple[str, ...]] = {
        str(n): tuple(cardinal(n)) for n in (*range(21), *range(30, 100, 10))
    }
    names |= {f"mon-{n}": tuple(forms.split("|")) for n, forms in enumerate(MONTH_NAMES)}
    names |= {f"day-{n}": (day, re.sub("а$", "у", day)) for n, day in enumerate(WEEK)}
    files = {folder / "digits" / f"{name}.wav": forms for name, forms in names.items()}
    there = {file: forms for file, forms in files.items() if file.is_file()}
    phrases = tuple(dict.fromkeys(form for forms in there.values() for form in forms))
    return [
        Phrase(forms[0], forms.__contains__, "human", "choice", phrases, file)
        for file, forms in there.items()
    ]
