"""``dozvon hours``: is the hotline open at a time, and what does a caller hear; a month at a glance."""

from __future__ import annotations

import datetime as dt
import json
import sys
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from ivr.dialog.ports import HoursState
    from ivr.schedule import Schedule


@click.command()
@click.option(
    "--at",
    "moment",
    help="a time like 2027-05-09T12:30, of the centre unless it has a zone; now when left out",
)
@click.option("--month", help="print the calendar of a month, like 2027-05")
@click.option("--centre", default="", help="one of the other centres of hours.yaml")
@click.option("--language", "-l", default="", help="of the announcement; the hotline's own when left out")
@click.option("--json", "as_json", is_flag=True, help="one object (with --month: one a day)")
def cli(moment: str | None, month: str | None, centre: str, language: str, as_json: bool) -> None:
    """Opening hours at a time, or of a whole month."""
    from dozvon import hotline
    from dozvon.settings import load as load_settings
    from ivr import hours_file

    settings = load_settings()
    try:
        schedules = hotline.schedules(settings)
    except hours_file.HoursError as error:
        fail(str(error))
    if centre not in schedules:
        fail(f"there is no centre '{centre}'; known are {', '.join(filter(None, schedules)) or 'none'}")
    schedule = schedules[centre]
    if month:
        _print_month(schedule, month, as_json)
        return
    when = moment_of(schedule, moment)
    _warn(schedule, when.date())
    from ivr.schedule import state_at

    state = state_at(schedule, round(when.timestamp() * 1000))
    heard = _heard(state, language or settings.hotline.language)
    if as_json:
        fields = {
            "open": state.open,
            "reason": state.reason,
            "opens_at": state.opens_at,
            "closes_at": state.closes_at,
            "caller_hears": heard,
        }
        click.echo(json.dumps(fields, ensure_ascii=False))
        return
    click.echo(
        f"{when:%Y-%m-%d %H:%M} {schedule.timezone}: {'open' if state.open else 'closed'} ({state.reason})"
    )
    if state.open:
        click.echo(f"closes at {state.closes_at}")
    elif state.opens_at:
        click.echo(f"opens at {state.opens_at}, closes at {state.closes_at}")
    click.echo(f"a caller hears: {heard}")


def fail(text: str) -> NoReturn:
    """One line and exit code 1: a user's mistake needs no traceback."""
    click.echo(f"dozvon: {text}", err=True)
    sys.exit(1)


def moment_of(schedule: Schedule, text: str | None) -> dt.datetime:
    """A time as the user wrote it, of the centre's zone unless it names one; now for None."""
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(schedule.timezone)
    if text is None:
        return dt.datetime.now(zone)
    try:
        when = dt.datetime.fromisoformat(text)
    except ValueError:
        fail(f"'{text}' is no time; write 2027-05-09T12:30")
    if not dt.MINYEAR + 1 < when.year < dt.MAXYEAR - 2:
        fail(f"the year {when.year} is out of range")
    return when.replace(tzinfo=zone) if when.tzinfo is None else when.astimezone(zone)


def _warn(schedule: Schedule, day: dt.date) -> None:
    from ivr.schedule import calendar_warning

    if warning := calendar_warning(schedule, day):
        click.echo(f"dozvon: warning: {warning}", err=True)


def _heard(state: HoursState, language: str) -> str:
    """The announcement as it is spoken; raises SystemExit when texts are missing or wrong."""
    from dozvon.commands.prompts import load_catalogue
    from dozvon.settings import load as load_settings
    from ivr.dialog.hours_words import spoken_hours
    from ivr.prompts.contract import PromptMissing
    from ivr.prompts.files import FilesFaulty

    settings = load_settings()
    try:
        return load_catalogue(settings.config, settings.voice_prompts).text(
            spoken_hours(state, language), language
        )
    except FilesFaulty as error:
        fail(str(error.faults[0]))
    except PromptMissing as error:
        fail(str(error))


def _print_month(schedule: Schedule, month: str, as_json: bool) -> None:
    from zoneinfo import ZoneInfo

    from ivr.schedule import day_kind, periods_of

    try:
        first = dt.date.fromisoformat(f"{month}-01")
    except ValueError:
        fail(f"'{month}' is no month; write 2027-05")
    _warn(schedule, first)
    zone = ZoneInfo(schedule.timezone)
    day = first
    while day.month == first.month:
        kind, name = day_kind(schedule, day)
        periods = [
            (_clock(p.start_ms, zone), _clock(p.end_ms, zone, end=True), str(p.reason))
            for p in periods_of(schedule, day)
        ]
        if as_json:
            hours = [{"opens": start, "closes": end, "reason": reason} for start, end, reason in periods]
            fields = {"date": day.isoformat(), "kind": kind, "name": name, "hours": hours}
            click.echo(json.dumps(fields, ensure_ascii=False))
        else:
            hours_text = ", ".join(f"{start}-{end}" for start, end, _ in periods) or "closed"
            note = name or {"moved_working_day": "moved working day"}.get(kind, "")
            extra = {reason for _, _, reason in periods} - {"regular", "holiday"}
            note = " ".join(filter(None, [note, *(f"({reason})" for reason in sorted(extra))]))
            click.echo(f"{day} {day:%a}  {hours_text:<26} {note}".rstrip())
        day += dt.timedelta(days=1)


def _clock(when_ms: int, zone: dt.tzinfo, *, end: bool = False) -> str:
    text = f"{dt.datetime.fromtimestamp(when_ms / 1000, zone):%H:%M}"
    return "24:00" if end and text == "00:00" else text
