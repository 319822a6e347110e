"""``dozvon tickets``: requests that callers left. Works beside a running daemon."""

from __future__ import annotations

import getpass
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

import click

if TYPE_CHECKING:
    from desk.contract import Ticket
    from desk.office import Actor
    from desk.store import SqlDesk
    from dozvon.settings import Settings

Answer = TypeVar("Answer")


@click.group()
def cli() -> None:
    """Requests that callers left."""


@cli.command("list")
@click.option("--status", type=click.Choice(["new", "in_progress", "waiting", "closed"]))
@click.option("--topic")
@click.option("--caller", metavar="NUMBER", help="Only this caller's; the search is audited.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_tickets(
    status: str | None, topic: str | None, caller: str | None, limit: int, as_json: bool
) -> None:
    """Newest first; telephone numbers are masked."""
    from desk.numbers import masked_telephone
    from desk.office import TicketFilter

    async def work(desk: SqlDesk, by: Actor) -> list[Ticket]:
        where = TicketFilter(status=status, topic=topic, caller_number=caller)  # type: ignore[arg-type]
        return list((await desk.tickets(where, by, limit=limit)).items)

    tickets, settings = _with_desk(work)
    for ticket in tickets:
        masked = masked_telephone(ticket.caller_number)
        created = _time(ticket.created_ms, settings)
        if as_json:
            row = {
                "number": ticket.number,
                "created": created,
                "status": ticket.status,
                "kind": ticket.kind,
                "topic": ticket.topic,
                "language": ticket.language,
                "caller": masked,
                "recording": ticket.has_recording,
                "assignee": ticket.assignee,
            }
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            sound = "recording" if ticket.has_recording else ""
            click.echo(
                f"{ticket.number:9} {created:25} {ticket.status:12} {ticket.kind:9} {ticket.topic:20} "
                f"{masked:7} {sound}".rstrip()
            )


@cli.command()
@click.argument("number")
@click.option("--save", type=click.Path(dir_okay=False, path_type=Path), help="Write the recording here.")
def show(number: str, save: Path | None) -> None:
    """One ticket in full. Looking at it, and taking its recording, is audited."""

    async def work(desk: SqlDesk, by: Actor) -> Ticket:
        ticket = await desk.ticket(number, by)
        if save:
            recording = await desk.recording(number, by)
            with save.open("xb") as out:  # never over a file that is there
                async for chunk in recording.chunks:
                    out.write(chunk)
        return ticket

    ticket, settings = _with_desk(work)
    shown = {
        "number": ticket.number,
        "status": ticket.status,
        "kind": ticket.kind,
        "topic": ticket.topic,
        "language": ticket.language,
        "caller": ticket.caller_number,
        "text": ticket.text,
        "recording": ticket.has_recording,
        "assignee": ticket.assignee,
        "fields": dict(ticket.fields),
        "created": _time(ticket.created_ms, settings),
        "closed": _time(ticket.closed_ms, settings),
        "version": ticket.version,
    }
    click.echo(json.dumps(shown, ensure_ascii=False, indent=2))


@cli.command()
@click.argument("numbers", nargs=-1, required=True)
def close(numbers: tuple[str, ...]) -> None:
    """Close tickets; they are forgotten 30 days later."""

    async def work(desk: SqlDesk, by: Actor) -> None:
        for number in numbers:
            await desk.close_ticket(number, by)
            click.echo(f"{number} closed")

    _with_desk(work)


@cli.command()
def purge() -> None:
    """Forget what the retention says; the daemon does so every night by itself."""

    async def work(desk: SqlDesk, by: Actor) -> str:
        report = await desk.purge()
        taken = await desk.take_pending()
        return (
            f"tickets {report.tickets}, recordings {report.recordings}, calls {report.interactions}, "
            f"customers {report.customers}, orphans {report.orphans}; recordings taken late {taken}"
        )

    click.echo(_with_desk(work)[0])


@cli.command("rotate-key")
def rotate_key() -> None:
    """A new encryption key; everything is rewritten under it."""

    async def work(desk: SqlDesk, by: Actor) -> str:
        key_id = desk.vault.rotate()
        total = 0
        while rewritten := await desk.reencrypt():  # until nothing is left: the daemon goes on writing
            total += rewritten
        return f"key {key_id}; records rewritten {total}"

    click.echo(_with_desk(work)[0])


def _with_desk(work: Callable[[SqlDesk, Actor], Awaitable[Answer]]) -> tuple[Answer, Settings]:
    """Open the desk, do the work, close it; what goes wrong is one line for the user."""
    import asyncio

    from desk.contract import DeskUnavailable
    from desk.database import BadUrl
    from desk.office import Actor, NoRecording, TicketNotFound
    from desk.vault import VaultError
    from dozvon import settings as settings_module
    from dozvon.parts import make_desk

    settings = settings_module.load()
    by = Actor(f"{getpass.getuser()} (command line)", "admin")

    async def run() -> Answer:
        desk = make_desk(settings)
        try:
            await desk.start()
            return await work(desk, by)
        finally:
            await desk.stop()

    try:
        return asyncio.run(run()), settings
    except TicketNotFound as error:
        raise click.ClickException(f"there is no ticket {error}") from None
    except NoRecording as error:
        raise click.ClickException(f"ticket {error} has no recording") from None
    except (DeskUnavailable, VaultError, BadUrl) as error:
        raise click.ClickException(f"the desk cannot be used: {error}") from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None


def _time(at_ms: int, settings: Settings) -> str:
    if not at_ms:
        return ""
    zone = ZoneInfo(settings.hotline.timezone)
    return datetime.fromtimestamp(at_ms / 1000, zone).isoformat(timespec="seconds")
