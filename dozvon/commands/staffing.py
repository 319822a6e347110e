"""``dozvon staffing``: callers to come, agents needed for them, gaps of the shift plan."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from acd.core.rules import Rules
    from acd.journal.stream import Entry
    from acd.staffing.forecast import Day
    from dozvon.settings import Settings
    from dozvon.staffing import Expected
    from ivr.schedule import Schedule

LOOK_BACK_WEEKS = 26


@click.command()
@click.argument("file", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--week", is_flag=True, help="seven days (the default)")
@click.option("--days", type=click.IntRange(1, 62), help="so many days instead of a week")
@click.option("--from", "from_", metavar="DATE", help="first day, 2027-05-10; next Monday when left out")
@click.option("--shifts", type=click.Path(path_type=Path), help="shift plan instead of config/shifts.yaml")
@click.option("--assume", type=click.Path(path_type=Path), help="assumptions instead of a history")
@click.option("--share", type=click.FloatRange(0.01, 0.995), default=0.9, show_default=True, help="goal")
@click.option("--runs", type=click.IntRange(0, 1000), default=20, show_default=True, help="0: no simulation")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="write an HTML page")
@click.option("--json", "as_json", is_flag=True, help="every quarter hour as JSON")
def cli(
    file: tuple[Path, ...],
    week: bool,
    days: int | None,
    from_: str | None,
    shifts: Path | None,
    assume: Path | None,
    share: float,
    runs: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Forecast of callers, agents needed, and the gaps of the shift plan.

    The history is this installation's journal, or FILEs that `dozvon replay --save` has written.
    """
    from acd import rules_file
    from acd.service import roster as rosters
    from acd.staffing import report
    from acd.staffing.plan import Goal
    from dozvon import hotline
    from dozvon import staffing as wiring
    from dozvon import staffing_files as files
    from dozvon.settings import load
    from ivr.hours_file import HoursError

    settings = load()
    if week and days:
        raise click.UsageError("--week and --days exclude each other")
    if assume and file:
        raise click.UsageError("--assume takes the place of a history; give one of the two")
    try:
        schedule = hotline.schedules(settings)[""]
        roster = rosters.load(settings.config / "agents.yaml").agents
        plan = files.load_shifts(shifts or settings.config / "shifts.yaml", schedule, roster)
        loaded = rules_file.load(settings.config / "rules.yaml")
        dates = _dates(schedule, from_, days or 7)
        ahead = [wiring.calendar_day(schedule, date) for date in dates]
        if assume:
            given = files.load_assumptions(assume, loaded[1], hotline.topics(settings))
            expected = wiring.from_assumptions(given, ahead)
        else:
            expected = _from_journal(settings, schedule, loaded[1], file, ahead)
    except (HoursError, rosters.RosterError, rules_file.RulesFileError, files.StaffingFileError) as error:
        _fail(str(error))
    if not any(day.open for day in ahead):
        _fail("the centre is closed on all these days")
    goal = Goal(float(settings.hotline.target_s), share, plan.away_share)
    found = wiring.staffing(schedule, plan, ahead, expected, goal, loaded[0], runs)
    if as_json:
        click.echo(json.dumps(report.data(found), ensure_ascii=False))
    else:
        click.echo(report.text(found))
    if out is not None:
        try:
            out.write_text(report.page(found), "utf-8")
        except OSError as error:
            _fail(f"{out}: {error.strerror}")
        click.echo(f"written: {out}", err=True)


def _dates(schedule: Schedule, from_: str | None, days: int) -> list[dt.date]:
    from zoneinfo import ZoneInfo

    from ivr.schedule import calendar_warning

    today = dt.datetime.now(ZoneInfo(schedule.timezone)).date()
    first = today + dt.timedelta(days=7 - today.weekday())
    if from_ is not None:
        try:
            first = dt.date.fromisoformat(from_)
        except ValueError:
            _fail(f"'{from_}' is no date; write 2027-05-10")
    if not dt.date(2000, 1, 1) <= first <= dt.date(2200, 1, 1):
        _fail(f"{first} is too far away")
    if warning := calendar_warning(schedule, first):
        click.echo(f"dozvon: {warning}", err=True)
    return [first + dt.timedelta(days=ahead) for ahead in range(days)]


def _from_journal(
    settings: Settings, schedule: Schedule, rules: Rules, files: tuple[Path, ...], ahead: list[Day]
) -> Expected:
    from zoneinfo import ZoneInfo

    from acd.staffing import past
    from acd.staffing.forecast import TooLittle
    from dozvon import staffing as wiring

    recording, seen = past.read(_entries(settings, files), ZoneInfo(schedule.timezone))
    try:
        return wiring.from_history(recording, seen, schedule, past.handling(recording, rules), ahead)
    except TooLittle as error:
        _fail(f"{error}. Until then give assumptions: dozvon staffing --assume FILE, see docs/staffing.md")


def _entries(settings: Settings, files: tuple[Path, ...]) -> Iterator[Entry]:
    """Of files all, of the installation the last half year."""
    from acd.journal.archive import read
    from dozvon import archive
    from dozvon.commands.replay import warn

    if files:
        for file in files:
            yield from read(file)
        return
    now = dt.datetime.now(dt.UTC)
    start = now - dt.timedelta(weeks=LOOK_BACK_WEEKS)
    yield from archive.entries(
        settings, int(start.timestamp() * 1000), int(now.timestamp() * 1000), warn, with_past=False
    )


def _fail(text: str) -> NoReturn:
    click.echo(f"dozvon: {text}", err=True)
    sys.exit(1)
