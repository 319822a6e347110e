"""``dozvon incidents``: faults that callers are told of, within a second, in a running hotline too."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

if TYPE_CHECKING:
    from dozvon.settings import Settings
    from ivr.incidents import Edit, Incident


def file_of(settings: Settings) -> Path:
    return settings.home / "incidents.yaml"


@click.group()
def cli() -> None:
    """Known incidents: told to the callers whom they concern."""


@cli.command("list")
def list_command() -> None:
    """Incidents that callers hear of now."""
    from dozvon.settings import load

    for incident in _read(load()):
        whom = ", ".join(incident.topics) or "everybody"
        until = f"until {incident.until:%Y-%m-%d %H:%M}" if incident.until else "until switched off"
        click.echo(f"{incident.number}  {whom}; {until}  {incident.text.get('ru', '')}")


@cli.command()
@click.argument("number")
@click.option(
    "--topic", "topics", multiple=True, help="Whom it concerns; may be repeated; everybody without."
)
@click.option("--ru", required=True, help="What is said in Russian.")
@click.option("--en", required=True, help="What is said in English.")
@click.option(
    "--until", default="", help="When it ends by itself: 2026-12-01T18:00, or minutes from now: 90."
)
@click.option("--expected", default="", help="When the repair is expected, told to callers: the same forms.")
def on(number: str, topics: tuple[str, ...], ru: str, en: str, until: str, expected: str) -> None:
    """Tell callers of incident NUMBER; a second time with the same number replaces it."""
    from dozvon.hotline import topics as known_topics
    from dozvon.settings import load
    from ivr.incidents import Incident

    settings = load()
    if unknown := set(topics) - set(known_topics(settings)):
        raise click.ClickException(f"there is no topic '{sorted(unknown)[0]}'; see config/topics.yaml")
    new = Incident(
        number, topics, {"ru": ru, "en": en}, _moment(settings, until), _moment(settings, expected)
    )
    _change(settings, lambda found: [*(old for old in found if old.number != number), new])


@cli.command()
@click.argument("number")
def off(number: str) -> None:
    """Say no more of incident NUMBER."""
    from dozvon.settings import load

    def without(found: tuple[Incident, ...]) -> list[Incident]:
        after = [incident for incident in found if incident.number != number]
        if len(after) == len(found):
            raise click.ClickException(f"there is no incident {number}")
        return after

    _change(load(), without)


def _now(settings: Settings) -> dt.datetime:
    return dt.datetime.now(ZoneInfo(settings.hotline.timezone)).replace(tzinfo=None, microsecond=0)


def _moment(settings: Settings, text: str) -> dt.datetime | None:
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) < 7:
        return _now(settings) + dt.timedelta(minutes=int(text))
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise click.ClickException(f"'{text}' is no moment; write 2026-12-01T18:00 or minutes") from None
    if moment.tzinfo is not None:
        raise click.ClickException("times are the centre's wall-clock time, without a zone")
    return moment


def _read(settings: Settings) -> list[Incident]:
    """Those that are not over yet."""
    from ivr.incidents import IncidentsError, load, over

    try:
        found = load(file_of(settings))
    except IncidentsError as error:
        raise click.ClickException(str(error)) from None
    return [incident for incident in found if not over(incident, _now(settings))]


def _change(settings: Settings, edit: Edit) -> None:
    from ivr.incidents import IncidentsError, change

    try:
        change(file_of(settings), _now(settings), edit)
    except IncidentsError as error:
        raise click.ClickException(str(error)) from None
