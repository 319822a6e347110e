"""``dozvon tokens``: who may call the API."""

from __future__ import annotations

import click


@click.group()
def cli() -> None:
    """Access tokens of the API and the wallboard."""


@cli.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["agent", "supervisor", "admin", "front"]),
    default="supervisor",
    show_default=True,
    help="front: a chat front, which may do nothing but queue chats and follow them.",
)
@click.option("--agent", "agent_id", default="", help="The agent whose own token this is.")
@click.option("--days", type=click.IntRange(0, 3650), default=0, help="Expires after so many; 0: never.")
def create(name: str, role: str, agent_id: str, days: int) -> None:
    """Make a token and print it; it is shown this once."""
    from dozvon.parts import make_tokens
    from dozvon.settings import load
    from web.tokens import TokensError, role_of

    try:
        click.echo(make_tokens(load()).create(name, role_of(role), agent_id=agent_id, days=days))
    except TokensError as error:
        raise click.ClickException(str(error)) from None


@cli.command("list")
def list_tokens() -> None:
    """Who holds a token, and since when."""
    from datetime import UTC, datetime

    from dozvon.parts import make_tokens
    from dozvon.settings import load
    from web.tokens import TokensError

    try:
        tokens = make_tokens(load()).all()
    except TokensError as error:
        raise click.ClickException(str(error)) from None
    for token in tokens:
        created = datetime.fromtimestamp(token.created_ms / 1000, UTC).date().isoformat()
        expires = (
            f"until {datetime.fromtimestamp(token.expires_ms / 1000, UTC).date().isoformat()}"
            if token.expires_ms
            else ""
        )
        click.echo(f"{token.id} {token.role:10} {created} {token.name} {token.agent_id} {expires}".rstrip())


@cli.command()
@click.argument("token_id")
def revoke(token_id: str) -> None:
    """Take a token back; a running daemon notices within a second."""
    from dozvon.parts import make_tokens
    from dozvon.settings import load
    from web.tokens import TokensError

    try:
        found = make_tokens(load()).revoke(token_id)
    except TokensError as error:
        raise click.ClickException(str(error)) from None
    if not found:
        raise click.ClickException(f"there is no token {token_id}")
    click.echo(f"{token_id} revoked")
