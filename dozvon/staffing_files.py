"""Files of ``dozvon staffing``: who works which shift, and assumptions in place of a history.

Every fault is a StaffingFileError with file and line.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from acd.contract import AgentDefined
from acd.core.rules import Rules
from acd.staffing.forecast import KINDS
from acd.staffing.past import Handling
from ivr.config_file import read
from ivr.dialog.marks import Bad, Mapped, compose, items, mapping, text, whole
from ivr.schedule import Schedule, Shift, day_kind

MAX_BYTES = 256 * 1024
MAX_AGENTS = 20_000
WEEKDAYS = KINDS[:7]
Crews = Mapping[Shift, tuple[AgentDefined, ...]]


class StaffingFileError(Exception):
    """The file cannot be used; the text is ``file:line: fault``."""


@dataclass(frozen=True, slots=True)
class ShiftPlan:
    """Agents by shift, of the weekdays (0 Monday) and of holidays."""

    week: tuple[Crews, ...]
    holidays: Crews
    away_share: float = 0.0

    def crews(self, schedule: Schedule, day: dt.date) -> Crews:
        kind, _ = day_kind(schedule, day)
        if kind == "holiday":
            return self.holidays
        return self.week[schedule.moved_working_day if kind == "moved_working_day" else day.weekday()]


@dataclass(frozen=True, slots=True)
class Assumptions:
    """Given, not measured: callers a day by day kind, shares of the hours and of the topics."""

    a_day: Mapping[str, float]
    by_hour: Mapping[int, float]
    topics: Mapping[str, float]
    handling: Handling


def load_shifts(file: Path, schedule: Schedule, roster: Mapping[str, AgentDefined]) -> ShiftPlan:
    """The shift plan; each shift of the hours file must be there, and no other. Raises StaffingFileError."""
    return read(file, lambda content: parse_shifts(content, schedule, roster), StaffingFileError, MAX_BYTES)


def load_assumptions(file: Path, rules: Rules, known: Mapping[str, object]) -> Assumptions:
    """``known``: the topics. Raises StaffingFileError."""
    return read(file, lambda content: parse_assumptions(content, rules, known), StaffingFileError, MAX_BYTES)


def _root(content: str, known: tuple[str, ...], needed: tuple[str, ...]) -> Mapped:
    root = compose(content)
    if root is None:
        raise Bad(None, "the file is empty")
    fields = mapping(root)
    for name, (key, _) in fields.items():
        if name not in known:
            raise Bad(key, f"unknown entry '{name}'; known are {', '.join(known)}")
    for name in needed:
        if name not in fields:
            raise Bad(root, f"'{name}' is missing")
    return fields


# ------------------------------------------------------------------------------------------------ shifts
def parse_shifts(content: str, schedule: Schedule, roster: Mapping[str, AgentDefined]) -> ShiftPlan:
    """Raises ivr.dialog.marks.Bad."""
    fields = _root(content, ("away_share", "week", "holidays"), ("week",))
    away = _share(fields["away_share"][1]) if "away_share" in fields else 0.0
    week: list[Crews | None] = [None] * 7
    for name, (key, value) in mapping(fields["week"][1]).items():
        for day in _weekdays(key, name):
            if week[day] is not None:
                raise Bad(key, f"the shifts of {WEEKDAYS[day]} are given twice")
            week[day] = _crews(key, value, WEEKDAYS[day], schedule.week[day], roster)
    for day, crews in enumerate(week):
        if crews is None and schedule.week[day]:
            raise Bad(fields["week"][0], f"{WEEKDAYS[day]} is missing, and hours.yaml has shifts then")
    holidays: Crews = {}
    if "holidays" in fields:
        holidays = _crews(*fields["holidays"], "holidays", schedule.holiday_shifts, roster)
    elif schedule.holiday_shifts:
        raise Bad(fields["week"][0], "'holidays' is missing, and hours.yaml has shifts then")
    return ShiftPlan(tuple(crews or {} for crews in week), holidays, away)


def _weekdays(key: yaml.Node, name: str) -> range:
    first, _, last = name.partition("-")
    if first not in WEEKDAYS or (last or first) not in WEEKDAYS:
        raise Bad(key, f"'{name}' is no weekday; write {', '.join(WEEKDAYS)}, or mon-fri")
    start, stop = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
    if stop < start:
        raise Bad(key, f"'{name}' runs backwards")
    return range(start, stop + 1)


def shift_name(shift: Shift) -> str:
    """08:00-14:00"""
    return "-".join(f"{minutes // 60:02}:{minutes % 60:02}" for minutes in shift)


def _crews(
    where: yaml.Node, node: yaml.Node, day: str, shifts: tuple[Shift, ...], roster: Mapping[str, AgentDefined]
) -> Crews:
    by_name = {shift_name(shift): shift for shift in shifts}
    found: dict[Shift, tuple[AgentDefined, ...]] = {}
    for name, (key, value) in mapping(node).items():
        if name not in by_name:
            has = ", ".join(by_name) or "none"
            raise Bad(key, f"'{name}' is no shift of {day} in hours.yaml, which has {has}")
        found[by_name[name]] = _crew(value, roster)
    missing = [name for name, shift in by_name.items() if shift not in found]
    if missing:
        raise Bad(where, f"{day}: shift {missing[0]} of hours.yaml is missing; write 0 when nobody works")
    return found


def _crew(node: yaml.Node, roster: Mapping[str, AgentDefined]) -> tuple[AgentDefined, ...]:
    if isinstance(node, yaml.ScalarNode):
        count = whole(node)
        if count > MAX_AGENTS:
            raise Bad(node, f"more than {MAX_AGENTS} agents")
        if count and not roster:
            raise Bad(node, "a head count needs a roster to take the skills from")
        agents = list(roster.values())
        return tuple(
            replace(agent, agent_id=f"{agent.agent_id}#{turn}" if turn else agent.agent_id)
            for turn, agent in ((n // len(agents), agents[n % len(agents)]) for n in range(count))
        )
    found: dict[str, AgentDefined] = {}
    for item in items(node):
        agent_id = text(item)
        if agent_id not in roster:
            raise Bad(item, f"agent {agent_id} is not in the roster")
        if agent_id in found:
            raise Bad(item, f"agent {agent_id} is given twice")
        found[agent_id] = roster[agent_id]
    return tuple(found.values())


# ------------------------------------------------------------------------------------------- assumptions
def parse_assumptions(content: str, rules: Rules, known: Mapping[str, object]) -> Assumptions:
    """Raises ivr.dialog.marks.Bad."""
    names = ("calls_a_day", "by_hour", "topics", "talk_s", "ring_s", "patience_s", "languages")
    fields = _root(content, names, ("calls_a_day", "topics", "talk_s", "patience_s"))
    a_day: dict[str, float] = {}
    for name, (key, value) in mapping(fields["calls_a_day"][1]).items():
        for kind in (name,) if name == "holiday" else (WEEKDAYS[day] for day in _weekdays(key, name)):
            a_day[kind] = _number(value, 0, 10_000_000)
    for kind in KINDS:
        if kind not in a_day:
            raise Bad(fields["calls_a_day"][0], f"'{kind}' is missing")
    by_hour = dict.fromkeys(range(24), 1.0)
    if "by_hour" in fields:
        for name, (key, value) in mapping(fields["by_hour"][1]).items():
            if not name.isascii() or not name.isdigit() or int(name) > 23:
                raise Bad(key, f"'{name}' is no hour; write 0 to 23")
            by_hour[int(name)] = _number(value, 0, 1_000_000)
    topics = _shares(fields["topics"][1])
    for name, (key, _) in mapping(fields["topics"][1]).items():
        if name not in known:
            raise Bad(key, f"unknown topic '{name}'; known: {', '.join(sorted(known))}")
    patience = fields["patience_s"][1]
    talks = _talks(fields["talk_s"], topics)
    languages = _shares(fields["languages"][1]) if "languages" in fields else {"ru": 1.0}
    handling = Handling(
        talks,
        {topic: rules.topic(topic).wrap_up_ms / 1000 for topic in topics},
        ring_s=_number(fields["ring_s"][1], 0, 120) if "ring_s" in fields else 3.0,
        patience_s=None if text(patience) == "endless" else _number(patience, 1, 86_400),
        languages=dict.fromkeys(topics, languages),
        exponential=True,
    )
    return Assumptions(a_day, by_hour, topics, handling)


def _talks(field: tuple[yaml.Node, yaml.Node], topics: Mapping[str, float]) -> dict[str, tuple[int, ...]]:
    key, node = field
    if isinstance(node, yaml.ScalarNode):
        return dict.fromkeys(topics, (round(_number(node, 1, 36_000) * 1000),))
    given = mapping(node)
    for name, (own, _) in given.items():
        if name not in topics:
            raise Bad(own, f"'{name}' is not among the topics above")
    for topic in topics:
        if topic not in given:
            raise Bad(key, f"'{topic}' is missing")
    return {topic: (round(_number(value, 1, 36_000) * 1000),) for topic, (_, value) in given.items()}


def _shares(node: yaml.Node) -> dict[str, float]:
    """Relative weights to shares of 1."""
    found = {name: _number(value, 0, 1_000_000) for name, (_, value) in mapping(node).items()}
    total = sum(found.values())
    if total <= 0:
        raise Bad(node, "shares that are together more than 0 are expected here")
    return {name: value / total for name, value in found.items()}


def _number(node: yaml.Node, least: float, most: float) -> float:
    try:
        value = float(text(node))
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise Bad(node, f"a number from {least:g} to {most:g} is expected, not '{text(node)}'")
    return value


def _share(node: yaml.Node) -> float:
    return _number(node, 0, 0.5)
