"""A staffing plan as text, as data, and as one HTML page with a drawing a day."""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from zoneinfo import ZoneInfo

from acd.staffing.plan import Goal, Interval
from acd.staffing.trial import Tried

WIDTH, HEIGHT, LEFT, BOTTOM = 960, 170, 40, 34
STYLE = (
    "body{font:15px sans-serif;margin:2em;max-width:62em}table{border-collapse:collapse}"
    "td,th{padding:.15em .7em;text-align:right;border-bottom:1px solid #ccc}"
    "td:first-child,th:first-child,td.l,th.l{text-align:left}tr.gap td{background:#fde3e3}"
    "summary{cursor:pointer}"
)


@dataclass(frozen=True, slots=True)
class Staffing:
    """Everything the report tells. ``about`` are sentences on where the figures come from."""

    intervals: Sequence[Interval]
    tried: Tried | None
    goal: Goal
    zone: ZoneInfo
    about: Sequence[str] = ()
    holidays: dict[dt.date, str] = field(default_factory=dict)

    @property
    def gaps(self) -> list[Interval]:
        return [each for each in self.intervals if each.gap(self.goal.share)]


def _clock(staffing: Staffing, ms: int) -> str:
    return dt.datetime.fromtimestamp(ms / 1000, staffing.zone).strftime("%H:%M")


def _day(staffing: Staffing, date: dt.date) -> str:
    return f"{date:%a %d.%m.}" + (" holiday" if date in staffing.holidays else "")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share * 100:.1f} %"


# ------------------------------------------------------------------------------------------------ text
def shift_rows(staffing: Staffing) -> list[list[str]]:
    """One row a shift, the head first."""
    rows = [["day", "shift", "agents", "callers", "needed", "at", "best", "simulated", "gaps"]]
    for (date, shift), group in groupby(staffing.intervals, lambda each: (each.date, each.shift)):
        some = list(group)
        offered = sum(each.offered for each in some)
        peak = max(some, key=lambda each: each.needed)
        best = sum(each.in_time * each.offered for each in some) / offered if offered else None
        calls = sum(each.tried[0] for each in some if each.tried)
        good = sum(each.tried[1] for each in some if each.tried)
        gaps = sum(each.gap(staffing.goal.share) for each in some)
        rows.append(
            [
                _day(staffing, date),
                shift or "nobody",
                str(some[0].present),
                f"{offered:.0f}",
                str(peak.needed),
                _clock(staffing, peak.start_ms),
                _percent(best),
                _percent(good / calls if calls else None),
                f"{gaps} of {len(some)}" if gaps else "",
            ]
        )
    return rows


def gap_lines(staffing: Staffing) -> list[str]:
    """Gaps that follow each other and lack the same are one line."""
    lines = []
    for some in _runs(staffing):
        first, last = some[0], some[-1]
        when = (
            f"{_day(staffing, first.date)} {_clock(staffing, first.start_ms)}-{_clock(staffing, last.end_ms)}"
        )
        shares = [share for each in some if (share := each.tried_share) is not None]
        seen = f"; simulated {_percent(min(shares))} at worst" if shares else ""
        if not first.shortages:
            why = f"{first.present} planned are enough by Erlang A, not as played: skills, languages, breaks"
            lines.append(f"{when}  {why}{seen}")
            continue
        worst = max(some, key=lambda each: each.shortages[0].needed).shortages[0]
        every = len(worst.topics) == len(first.calls)
        who = "all topics" if every else " + ".join(worst.topics)
        have = f"{worst.present} planned" if every else f"{worst.present} planned can"
        lines.append(f"{when}  {who}: {worst.needed} needed, {have}{seen}")
    return lines


def _runs(staffing: Staffing) -> Iterator[list[Interval]]:
    run: list[Interval] = []
    for each in staffing.gaps:
        if run and (run[-1].end_ms != each.start_ms or _kind(run[-1]) != _kind(each)):
            yield run
            run = []
        run.append(each)
    if run:
        yield run


def _kind(interval: Interval) -> tuple[object, ...]:
    return (interval.shift, interval.shortages[0].topics if interval.shortages else None)


def text(staffing: Staffing) -> str:
    """For the terminal."""
    rows = shift_rows(staffing)
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    lines = list(staffing.about)
    lines.append("")
    for row in rows:
        cells = [cell.ljust(w) if index < 2 else cell.rjust(w) for index, (cell, w) in _cells(row, widths)]
        lines.append("  ".join(cells).rstrip())
    lines.append("")
    gaps = gap_lines(staffing)
    share, target = _percent(staffing.goal.share), staffing.goal.target_s
    found = f"{len(staffing.gaps)} of {len(staffing.intervals)} quarter hours are gaps" if gaps else "No gaps"
    lines.append(f"{found}. The goal: {share} of all callers answered in {target:g} s.")
    return "\n".join(lines + ["  " + line for line in gaps])


def _cells(row: Sequence[str], widths: Sequence[int]) -> Iterator[tuple[int, tuple[str, int]]]:
    return enumerate(zip(row, widths, strict=True))


# ------------------------------------------------------------------------------------------------ data
def data(staffing: Staffing) -> dict[str, object]:
    """The same and each quarter hour, JSON-able."""
    goal = staffing.goal
    tried = staffing.tried
    return {
        "goal": {"target_s": goal.target_s, "share": goal.share, "away_share": goal.away_share},
        "about": list(staffing.about),
        "gaps": len(staffing.gaps),
        "simulated": None
        if tried is None
        else {
            "abandoned": tried.abandoned,
            "p95_wait_s": tried.p95_wait_s,
            "by_topic": {
                topic: {"callers": offered, "in_time": good}
                for topic, (offered, good) in tried.by_topic.items()
            },
        },
        "intervals": [
            {
                "start": dt.datetime.fromtimestamp(each.start_ms / 1000, staffing.zone).isoformat(),
                "minutes": (each.end_ms - each.start_ms) / 60_000,
                "shift": each.shift,
                "callers": {topic: round(count, 3) for topic, count in each.calls.items()},
                "work_erlang": round(each.work, 3),
                "planned": each.present,
                "needed": each.needed,
                "by_topic": {
                    topic: {"needed_alone": need, "planned_with_skill": have}
                    for topic, (need, have) in each.alone.items()
                },
                "in_time_at_best": round(each.in_time, 4),
                "in_time_simulated": each.tried_share,
                "short": [
                    {"topics": list(short.topics), "needed": short.needed, "planned": short.present}
                    for short in each.shortages
                ],
                "gap": each.gap(goal.share),
            }
            for each in staffing.intervals
        ],
    }


# ------------------------------------------------------------------------------------------------ page
def page(staffing: Staffing) -> str:
    """One HTML page that needs nothing else."""
    head, *rows = shift_rows(staffing)
    said = "".join(f"<li>{html.escape(line)}</li>" for line in staffing.about)
    gaps = "".join(f"<li>{html.escape(line)}</li>" for line in gap_lines(staffing)) or "<li>none</li>"
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Staffing</title>',
        f"<style>{STYLE}</style><h1>Staffing</h1><ul>{said}</ul>",
        _table(head, rows, [bool(row[-1]) for row in rows]),
        f"<h2>Gaps</h2><ul>{gaps}</ul><h2>Day by day</h2>",
        "<p>Grey: agents needed as one pool. Dark line: planned. Blue line: agents busy on average. "
        "Red: gap. Strip below: simulated share answered in time, green from the goal on.</p>",
    ]
    for date, group in groupby(staffing.intervals, lambda each: each.date):
        some = list(group)
        parts.append(f"<h3>{html.escape(_day(staffing, date))}</h3>{drawing(staffing, some)}")
        parts.append(f"<details><summary>Figures</summary>{_quarters(staffing, some)}</details>")
    return "".join(parts) + "</html>\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], marked: Sequence[bool]) -> str:
    top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = "".join(
        f"<tr{' class=gap' if mark else ''}>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>"
        for row, mark in zip(rows, marked, strict=True)
    )
    return f"<table><tr>{top}</tr>{body}</table>"


def _quarters(staffing: Staffing, some: Sequence[Interval]) -> str:
    topics = sorted({topic for each in some for topic in each.calls})
    head = ["from", "callers", "busy", "needed", "planned", "best", "simulated", *topics]
    rows = [
        [
            _clock(staffing, each.start_ms),
            f"{each.offered:.1f}",
            f"{each.work:.1f}",
            str(each.needed),
            str(each.present),
            _percent(each.in_time),
            _percent(each.tried_share),
            *("/".join(map(str, each.alone[topic])) if topic in each.alone else "" for topic in topics),
        ]
        for each in some
    ]
    note = "<p>By topic: agents needed if they served this topic only / planned who have the skill.</p>"
    return note + _table(head, rows, [each.gap(staffing.goal.share) for each in some])


def drawing(staffing: Staffing, some: Sequence[Interval]) -> str:
    """SVG of one day."""
    start, end = some[0].start_ms, some[-1].end_ms
    most = max(max(each.needed, each.present) for each in some) or 1
    goal = staffing.goal.share

    def x(ms: int) -> float:
        return LEFT + (ms - start) / (end - start) * (WIDTH - LEFT)

    def y(agents: float) -> float:
        return HEIGHT - agents / most * (HEIGHT - 12)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT + BOTTOM}" width="{WIDTH}" role="img">']
    step = max(1, round(most / 5))
    for agents in range(0, most + 1, step):
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y(agents):.1f}" y2="{y(agents):.1f}" stroke="#eee"/>'
        )
        parts.append(
            f'<text x="{LEFT - 6}" y="{y(agents) + 4:.1f}" text-anchor="end" font-size="11">{agents}</text>'
        )
    for each in some:
        left, wide = x(each.start_ms), x(each.end_ms) - x(each.start_ms)
        gap = each.gap(goal)
        if gap:
            parts.append(f'<rect x="{left:.1f}" y="0" width="{wide:.1f}" height="{HEIGHT}" fill="#fde3e3"/>')
        hint = f"{_clock(staffing, each.start_ms)}: {each.offered:.1f} callers, "
        hint += f"needed {each.needed}, planned {each.present}"
        for short in each.shortages:
            hint += f"; {' + '.join(short.topics)}: {short.needed} needed, {short.present} can"
        parts.append(
            f'<rect x="{left + 1:.1f}" y="{y(each.needed):.1f}" width="{max(1.0, wide - 2):.1f}" '
            f'height="{HEIGHT - y(each.needed):.1f}" fill="{"#e09090" if gap else "#cfcfcf"}">'
            f"<title>{html.escape(hint)}</title></rect>"
        )
        if (share := each.tried_share) is not None:
            colour = "#c22" if each.misses(goal) else "#e8b34b" if share < goal else "#3a9a4a"
            parts.append(
                f'<rect x="{left + 1:.1f}" y="{HEIGHT + 3}" width="{max(1.0, wide - 2):.1f}" height="8" '
                f'fill="{colour}"><title>{_percent(share)} in time, simulated</title></rect>'
            )
        if each.start_ms % 3_600_000 == 0:
            clock = _clock(staffing, each.start_ms)
            parts.append(f'<text x="{left:.1f}" y="{HEIGHT + 26}" font-size="11">{clock}</text>')
    planned = " ".join(
        f"{x(ms):.1f},{y(each.present):.1f}" for each in some for ms in (each.start_ms, each.end_ms)
    )
    busy = " ".join(
        f"{x((each.start_ms + each.end_ms) // 2):.1f},{y(min(most, each.work)):.1f}" for each in some
    )
    parts.append(f'<polyline points="{busy}" fill="none" stroke="#1f77b4" stroke-width="1.5"/>')
    parts.append(f'<polyline points="{planned}" fill="none" stroke="#222" stroke-width="2.5"/></svg>')
    return "".join(parts)
