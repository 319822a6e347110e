"""``dozvon why CALL``."""

from __future__ import annotations

import click


@click.command()
@click.argument("call_id", required=False)
def cli(call_id: str | None) -> None:
    """Why this agent, or why CALL_ID still waits; without CALL_ID, all calls that are on."""
    from dozvon.client import ask
    from dozvon.settings import load

    settings = load()
    ids = [call_id] if call_id else [call["call_id"] for call in ask(settings, "/calls")["items"]]
    for each in ids:
        click.echo(each)
        for sentence in ask(settings, f"/calls/{each}/why")["sentences"]:
            click.echo(f"  {sentence}")
