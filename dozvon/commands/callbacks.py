"""``dozvon callbacks``: customers who are to be called, through the API of the running daemon."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import click


@click.group(invoke_without_command=True)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Customers who are to be called; without a word after it, the list."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_callbacks, as_json=False)


@cli.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_callbacks(as_json: bool) -> None:
    """Callbacks that are to be made, the newest first; at most 200."""
    import json

    from dozvon.client import ask
    from dozvon.settings import load

    settings = load()
    for callback in ask(settings, "/callbacks?limit=200")["items"]:
        if as_json:
            click.echo(json.dumps(callback, ensure_ascii=False))
        else:
            click.echo(line_of(callback, settings.hotline.timezone))


@cli.command()
@click.argument("number")
@click.option("--topic", required=True, help="One of config/topics.yaml.")
@click.option("--language", default="ru", show_default=True)
@click.option("--at", "moment", default="", help="Not before, like 2027-05-10T16:00; else at his turn.")
@click.option("--text", default="", help="The matter, for the agent.")
@click.option("--request-id", default="", help="The same a second time asks for nothing new.")
def add(number: str, topic: str, language: str, moment: str, text: str, request_id: str) -> None:
    """Have NUMBER called."""
    from dozvon.client import ask
    from dozvon.settings import load

    settings = load()
    at_ms = 0
    if moment:
        try:
            local = dt.datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(settings.hotline.timezone))
        except ValueError:
            raise click.ClickException(f"'{moment}' is no moment; write 2027-05-10T16:00") from None
        at_ms = int(local.timestamp() * 1000)
    body = {
        "request_id": request_id or secrets.token_hex(16),
        "number": number,
        "topic": topic,
        "language": language,
        "at_ms": at_ms,
        "text": text,
    }
    click.echo(line_of(ask(settings, "/callbacks", "POST", body), settings.hotline.timezone))


@cli.command()
@click.argument("callback_id")
def cancel(callback_id: str) -> None:
    """Do not call any more."""
    from dozvon.client import ask
    from dozvon.settings import load

    settings = load()
    answer = ask(settings, f"/callbacks/{quote(callback_id, safe='')}", "DELETE")
    click.echo(line_of(answer, settings.hotline.timezone))


def line_of(callback: dict[str, Any], timezone: str) -> str:
    """One callback for a person, times at the centre's clock."""
    when = "at his turn"
    if callback["due_ms"]:
        when = f"{dt.datetime.fromtimestamp(callback['due_ms'] / 1000, ZoneInfo(timezone)):%Y-%m-%d %H:%M}"
    moved = f"  moved {callback['moves']} times" if callback["moves"] else ""
    return (
        f"{callback['callback_id']:26} {callback['status']:8} {when:16} {callback['number_masked']:16} "
        f"{callback['topic']}  ticket {callback['ticket']}{moved}"
    )
