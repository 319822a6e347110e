"""Figures side by side: as a table for the terminal, as one HTML page with a drawing, as plain data."""

from __future__ import annotations

import datetime
import html
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from acd.journal.recorded import Figures

COLOURS = ("#555555", "#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e")
WIDTH, HEIGHT, LEFT, BOTTOM = 960, 320, 50, 40


def rows(target_s: int) -> list[tuple[str, str]]:
    """Names of the rows and the field or property of each."""
    return [
        ("offered", "offered"),
        (f"answered in {target_s} s", "in_target"),
        (f"share answered in {target_s} s", "share"),
        ("answered", "answered"),
        ("abandoned", "abandoned"),
        ("left otherwise or still waiting", "other"),
        ("ASA, s", "asa_s"),
        ("95 % waited at most, s", "p95_wait_s"),
        ("longest wait, s", "max_wait_s"),
    ]


def _cell(figures: Figures, name: str) -> str:
    value = getattr(figures, name)
    if value is None:
        return "-"
    if name == "share":
        return f"{value * 100:.1f} %"
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def table(columns: Sequence[Figures], target_s: int) -> str:
    """Rows of figures, one column a variant, and the share in target by topic."""
    lines = [["", *(column.name for column in columns)]]
    lines += [[title, *(_cell(column, name) for column in columns)] for title, name in rows(target_s)]
    topics = sorted({topic for column in columns for topic in column.by_topic})
    for topic in topics:
        cells = [_share(*column.by_topic.get(topic, (0, 0))) for column in columns]
        lines.append([f"  in target, {topic}", *cells])
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns) + 1)]
    return "\n".join(
        "  ".join(
            [line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))]
        )
        for line in lines
    )


def _share(offered: int, reached: int) -> str:
    return f"{reached / offered * 100:.1f} %" if offered else "-"


def data(columns: Sequence[Figures], target_s: int) -> dict[str, object]:
    """The same as JSON-able data."""
    return {
        "target_s": target_s,
        "variants": [
            {
                "name": column.name,
                **{name: getattr(column, name) for _, name in rows(target_s)},
                "by_topic": {
                    topic: {"offered": offered, "in_target": reached}
                    for topic, (offered, reached) in column.by_topic.items()
                },
            }
            for column in columns
        ],
    }


def page(columns: Sequence[Figures], target_s: int, zone: ZoneInfo, notes: Sequence[str]) -> str:
    """One HTML page that needs nothing else: table, drawing, notes."""
    head = "".join(f"<th>{html.escape(column.name)}</th>" for column in columns)
    body = "".join(
        f"<tr><th>{html.escape(title)}</th>{''.join(f'<td>{_cell(c, name)}</td>' for c in columns)}</tr>"
        for title, name in rows(target_s)
    )
    said = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>What would have been</title>'
        "<style>body{font:15px sans-serif;margin:2em}table{border-collapse:collapse}"
        "td,th{padding:.2em .8em;text-align:right;border-bottom:1px solid #ccc}"
        "th:first-child{text-align:left}"
        "</style><h1>What would have been</h1>"
        f"<table><tr><th></th>{head}</tr>{body}</table>"
        f"<h2>Answered in {target_s} s, by time of day</h2>{drawing(columns, zone)}<ul>{said}</ul></html>\n"
    )


def drawing(columns: Sequence[Figures], zone: ZoneInfo) -> str:
    """SVG: grey bars, callers; lines, share answered in target (0 to 100 %)."""
    times = sorted({start for column in columns for start in column.buckets})
    if not times:
        return "<p>No callers.</p>"
    step = (WIDTH - LEFT) / len(times)
    most = max(offered for column in columns for offered, _ in column.buckets.values())
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT + BOTTOM + 20 * len(columns)}" width="{WIDTH}" role="img">']
    for share in (0, 25, 50, 75, 100):
        y = HEIGHT - share / 100 * (HEIGHT - 10)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" font-size="12">{share} %</text>'
        )
    each = len(times) // 12 + 1
    one_day = times[-1] - times[0] < 86_400_000
    for index, start in enumerate(times):
        x = LEFT + index * step
        offered = max(column.buckets.get(start, (0, 0))[0] for column in columns)
        tall = offered / most * (HEIGHT - 10) * 0.5
        parts.append(
            f'<rect x="{x:.1f}" y="{HEIGHT - tall:.1f}" width="{step * 0.9:.1f}" height="{tall:.1f}" '
            f'fill="#e8e8e8"><title>{offered} callers</title></rect>'
        )
        if index % each == 0:
            clock = datetime.datetime.fromtimestamp(start / 1000, zone).strftime(
                "%H:%M" if one_day else "%d.%m %H:%M"
            )
            parts.append(f'<text x="{x:.1f}" y="{HEIGHT + 16}" font-size="11">{clock}</text>')
    for number, column in enumerate(columns):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(
            f"{LEFT + (index + 0.45) * step:.1f},{HEIGHT - reached / offered * (HEIGHT - 10):.1f}"
            for index, start in enumerate(times)
            for offered, reached in [column.buckets.get(start, (0, 0))]
            if offered
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        y = HEIGHT + BOTTOM + 20 * number
        parts.append(f'<rect x="{LEFT}" y="{y - 10}" width="14" height="10" fill="{colour}"/>')
        name = html.escape(column.name)
        parts.append(f'<text x="{LEFT + 20}" y="{y}" font-size="13">{name}</text>')
    parts.append("</svg>")
    return "".join(parts)
