"""``dozvon closures``: closing or opening the hotline out of turn, taken by a running daemon in seconds."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

if TYPE_CHECKING:
    from dozvon.settings import Settings


@click.group()
def cli() -> None:
    """Close or open the hotline out of turn."""


@cli.command("list")
def list_() -> None:
    """What was declared while running; hours.yaml holds the planned ones."""
    from dozvon.settings import load

    for number, entry in enumerate(_read(load()), 1):
        click.echo(f"{number}  {_line(entry)}")


@cli.command()
@click.argument("what", type=click.Choice(["open", "close"]))
@click.option(
    "--from", "start", default="", help="A time of the centre like 2026-12-01T12:00; now when left out."
)
@click.option(
    "--to", "end", required=True, help="A time like 2026-12-01T15:00, or minutes from the start: 90"
)
@click.option("--say-ru", default="", help="The announcement's own words.")
@click.option("--say-en", default="")
def add(what: str, start: str, end: str, say_ru: str, say_en: str) -> None:
    """Declare a closure or an opening."""
    from dozvon.settings import load

    entry = declare(load(), what == "open", start, end, {"ru": say_ru, "en": say_en})
    click.echo(_line(entry))


@cli.command()
@click.argument("number", type=int)
def remove(number: int) -> None:
    """Take back number NUMBER of the list."""
    from dozvon.settings import load

    settings = load()
    entries = _read(settings)
    if not 1 <= number <= len(entries):
        raise click.ClickException(f"there is no number {number}")
    del entries[number - 1]
    _write(settings, entries)


def declare(
    settings: Settings, open_: bool, start: str, end: str, announce: dict[str, str]
) -> dict[str, Any]:
    """Write it down, past entries dropped; the entry as written. Raises click.ClickException for times that
    cannot be read."""
    zone = ZoneInfo(settings.hotline.timezone)
    now = dt.datetime.now(zone).replace(tzinfo=None, microsecond=0)
    begin = _moment(start) if start else now
    until = begin + dt.timedelta(minutes=int(end)) if end.isdecimal() else _moment(end)
    if until <= begin:
        raise click.ClickException("it ends before it begins")
    entry: dict[str, Any] = {"from": begin.isoformat(), "to": until.isoformat(), "open": open_}
    if words := {language: text for language, text in announce.items() if text}:
        entry["announce"] = words
    _write(settings, [old for old in _read(settings) if _moment(old["to"]) > now] + [entry])
    return entry


def _line(entry: dict[str, Any]) -> str:
    words = (entry.get("announce") or {}).get("ru", "")
    return f"{'open  ' if entry['open'] else 'closed'}  {entry['from']} – {entry['to']}  {words}".rstrip()


def _moment(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise click.ClickException(f"'{text}' is no moment; write 2026-12-01T12:00") from None
    if moment.tzinfo is not None:
        raise click.ClickException("times are the centre's wall-clock time, without a zone")
    return moment


def _read(settings: Settings) -> list[dict[str, Any]]:
    import yaml

    from dozvon.hotline import hours_extra

    file = hours_extra(settings)
    if not file.exists():
        return []
    raw = yaml.load(file.read_text("utf-8"), Loader=yaml.BaseLoader) or {}
    return [{**entry, "open": entry.get("open") == "true"} for entry in raw.get("exceptions", [])]


def _write(settings: Settings, entries: list[dict[str, Any]]) -> None:
    import yaml

    from dozvon.hotline import hours_extra

    file: Path = hours_extra(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(yaml.safe_dump({"exceptions": entries}, allow_unicode=True, sort_keys=False), "utf-8")
    part.replace(file)
