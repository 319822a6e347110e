"""``dozvon up``: everything on this machine."""

from __future__ import annotations

import asyncio
import sys

import click


@click.command()
@click.option("--once", is_flag=True, help="Start, say where everything is, and leave it running.")
@click.option("--down", is_flag=True, help="Stop what runs.")
def cli(once: bool, down: bool) -> None:
    """Start Redis, Asterisk and the daemon, and keep them running until Ctrl-C."""
    from dozvon import settings as settings_module
    from dozvon.addresses import addresses
    from dozvon.logs import configure
    from dozvon.machine.asterisk_root import AsteriskMissing
    from dozvon.machine.children import ChildFailed
    from dozvon.supervisor import AlreadyUp, Supervisor, alone, end_other, parts_of

    settings = settings_module.load()
    configure(settings, "supervisor")

    async def run() -> None:
        supervisor = Supervisor(parts_of(settings), click.echo)
        if down:
            await end_other(settings)
            await supervisor.stop()
            return
        with alone(settings):
            await supervisor.start()
            click.echo(addresses(settings))
            if not once:
                await supervisor.watch()
                click.echo("stopping")
                await supervisor.stop()

    try:
        asyncio.run(run())
    except (AlreadyUp, ChildFailed, AsteriskMissing) as error:
        click.echo(f"dozvon up: {error}", err=True)
        sys.exit(1)
