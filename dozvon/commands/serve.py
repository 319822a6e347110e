"""``dozvon serve``: the daemon alone."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys

import click
import structlog

log = structlog.get_logger()
GC_THRESHOLDS = (50_000, 20, 100)


@click.command()
@click.option("--home", default="", help="Data folder, instead of the setting.")
@click.option("--standby", is_flag=True, help="Never lead: only follow, answer calls and show.")
@click.option("--console", is_flag=True, help="Log to standard error as well.")
def cli(home: str, standby: bool, console: bool) -> None:
    """The daemon in the foreground: for systemd, containers and `dozvon up`.

    SIGHUP takes every changed file at once; without it they are looked at each second.
    """
    import os

    if home:
        os.environ["DOZVON_HOME"] = home
    from desk.contract import DeskUnavailable
    from dozvon.app import Daemon
    from dozvon.check import ConfigurationFaulty, guarded
    from dozvon.logs import configure
    from dozvon.settings import load

    settings = load()
    configure(settings, "dozvon", console)

    async def run() -> bool:
        """False: it ended by itself, and whoever supervises starts a new one."""
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        daemon = guarded(lambda: Daemon(settings, leads=not standby))
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, daemon.reload)
        await daemon.start()
        # What is loaded now stays: the collector need not walk over modules, roster and calls each time, nor
        # look for circles after each 700 objects. Its pauses were the longest in the life of an event.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        ends = [asyncio.create_task(event.wait()) for event in (stopping, daemon.distributor.broken)]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
        if not stopping.is_set():
            log.error("the distributor fails again and again", action="daemon_broken")
        await daemon.stop()
        return stopping.is_set()

    try:
        told = asyncio.run(run())
    except (ConfigurationFaulty, DeskUnavailable, OSError) as error:
        click.echo(f"dozvon serve: {error}", err=True)
        sys.exit(1)
    sys.exit(0 if told else 1)
