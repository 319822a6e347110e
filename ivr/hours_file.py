"""``config/hours.yaml`` to schedules: every fault with file and line."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from ivr.config_file import read
from ivr.dialog.marks import Bad, Mapped, compose, flag, items, mapping, table, text, texts
from ivr.schedule import DAY_MIN, Exception_, Schedule, Shift

MAX_BYTES = 256 * 1024
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAIN = ""  # name of the centre at the top of the file


class HoursError(Exception):
    """The hours file cannot be used; the text is ``file:line: fault``."""


def load(file: Path, extra: Path | None = None) -> Mapping[str, Schedule]:
    """Schedules by name of the centre, the main one under "". Raises HoursError.

    ``extra`` is a file with nothing but ``exceptions``, declared while running; they count for every centre
    beside those of its own. It need not exist.
    """
    found = read(file, parse, HoursError, MAX_BYTES)
    if extra is None or not extra.exists():
        return found
    more = read(extra, parse_exceptions, HoursError, MAX_BYTES)
    return {
        name: dataclasses.replace(schedule, exceptions=(*schedule.exceptions, *more))
        for name, schedule in found.items()
    }


def parse(content: str) -> Mapping[str, Schedule]:
    """Raises ivr.dialog.marks.Bad."""
    root = compose(content)
    if root is None:
        raise Bad(None, "the file is empty")
    fields = mapping(root)
    centres = fields.pop("centres", None)
    for name in ("timezone", "week"):
        if name not in fields:
            raise Bad(root, f"'{name}' is missing")
    main = Schedule(**_fields(fields))
    found = {MAIN: main}
    for name, (key, value) in (mapping(centres[1]) if centres else {}).items():
        if not name.isidentifier():
            raise Bad(key, f"a centre's name is made of letters, digits and _, not '{name}'")
        found[name] = dataclasses.replace(main, **_fields(mapping(value)))
    return found


def parse_exceptions(content: str) -> tuple[Exception_, ...]:
    """A file with ``exceptions`` only. Raises ivr.dialog.marks.Bad."""
    root = compose(content)
    if root is None:
        return ()
    fields = mapping(root)
    for name, (key, _) in fields.items():
        if name != "exceptions":
            raise Bad(key, f"unknown entry '{name}'; only exceptions belong here")
    return tuple(_exception(item) for item in items(fields["exceptions"][1])) if fields else ()


def _fields(fields: Mapped) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, (key, value) in fields.items():
        if name == "timezone":
            values["timezone"] = _zone(value)
        elif name == "week":
            values["week"] = _week(value)
        elif name == "holidays":
            values |= _holidays(mapping(value))
        elif name == "exceptions":
            values["exceptions"] = tuple(_exception(item) for item in items(value))
        else:
            raise Bad(key, f"unknown entry '{name}'; known are timezone, week, holidays, exceptions, centres")
    return values


def _zone(node: yaml.Node) -> str:
    name = text(node)
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        raise Bad(node, f"there is no time zone '{name}'; write it like Europe/Moscow") from None
    return name


def _week(node: yaml.Node) -> tuple[tuple[Shift, ...], ...]:
    week: list[tuple[Shift, ...]] = [()] * 7
    given: set[int] = set()
    for name, (key, value) in mapping(node).items():
        first, _, last = name.partition("-")
        if first not in WEEKDAYS or (last or first) not in WEEKDAYS:
            raise Bad(key, f"'{name}' is no weekday; write mon, tue, wed, thu, fri, sat, sun, or mon-fri")
        start, stop = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        if stop < start:
            raise Bad(key, f"'{name}' runs backwards")
        for day in range(start, stop + 1):
            if day in given:
                raise Bad(key, f"the hours of {WEEKDAYS[day]} are given twice")
            given.add(day)
            week[day] = _shifts(value)
    return tuple(week)


def _shifts(node: yaml.Node) -> tuple[Shift, ...]:
    shifts = []
    for value in texts(node):
        start_text, dash, end_text = value.partition("-")
        start, end = _minutes(start_text), _minutes(end_text)
        if not dash or start is None or end is None or start >= end:
            raise Bad(node, f"'{value}' is no shift; write 08:00-14:00, and 24:00 for the end of a day")
        shifts.append((start, end))
    shifts.sort()
    for before, after in pairwise(shifts):
        if after[0] < before[1]:
            raise Bad(node, "two shifts of one day overlap")
    return tuple(shifts)


def _minutes(value: str) -> int | None:
    hours, colon, minutes = value.strip().partition(":")
    if not colon or len(minutes) != 2 or len(hours) not in (1, 2) or not (hours + minutes).isdigit():
        return None
    if not (hours + minutes).isascii() or int(minutes) > 59:
        return None
    total = int(hours) * 60 + int(minutes)
    return total if total <= DAY_MIN else None


def _holidays(fields: Mapped) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, (key, value) in fields.items():
        if name == "country":
            values["country"] = _country(value)
        elif name == "shifts":
            values["holiday_shifts"] = _shifts(value)
        elif name == "moved_working_day":
            if text(value) not in WEEKDAYS:
                raise Bad(value, f"'{text(value)}' is no weekday")
            values["moved_working_day"] = WEEKDAYS.index(text(value))
        elif name == "add":
            values["added"] = {_date(k, day): text(v) for day, (k, v) in mapping(value).items()}
        elif name == "remove":
            values["removed"] = frozenset(_date(item, text(item)) for item in items(value))
        elif name == "working":
            values["working"] = frozenset(_date(item, text(item)) for item in items(value))
        elif name == "years_known":
            values["years_known"] = frozenset(_year(item) for item in items(value))
        else:
            known = "country, shifts, moved_working_day, add, remove, working, years_known"
            raise Bad(key, f"holidays have no '{name}'; known are {known}")
    return values


def _country(node: yaml.Node) -> str:
    import holidays as library

    name = text(node)
    if name and name not in library.list_supported_countries(include_aliases=False):
        raise Bad(node, f"the holidays library knows no country '{name}'; write it like RU")
    return name


def _year(node: yaml.Node) -> int:
    value = text(node)
    if len(value) != 4 or not value.isascii() or not value.isdigit():
        raise Bad(node, f"'{value}' is no year")
    return int(value)


def _date(node: yaml.Node, value: str) -> dt.date:
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        raise Bad(node, f"'{value}' is no date; write 2027-05-09") from None


def _exception(node: yaml.Node) -> Exception_:
    fields = mapping(node)
    for name, (key, _) in fields.items():
        if name not in ("from", "to", "open", "announce"):
            raise Bad(key, f"a closure has no '{name}'; known are from, to, open, announce")
    for name in ("from", "to"):
        if name not in fields:
            raise Bad(node, f"'{name}' is missing")
    start, end = _moment(fields["from"][1]), _moment(fields["to"][1])
    if start >= end:
        raise Bad(node, "it ends before it begins")
    return Exception_(
        start=start,
        end=end,
        open=flag(fields["open"][1]) if "open" in fields else False,
        announcement=table(fields["announce"][1]) if "announce" in fields else {},
    )


def _moment(node: yaml.Node) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text(node))
    except ValueError:
        raise Bad(node, f"'{text(node)}' is no moment; write 2026-12-01T12:00") from None
    if moment.tzinfo is not None:
        raise Bad(node, "moments are the centre's wall-clock time, without a zone")
    return moment
