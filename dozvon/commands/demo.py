"""``dozvon demo``: the hotline is started and one call made, step by step."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from dozvon.settings import Settings

READY_S = 90.0


@click.command()
@click.option("--once", is_flag=True, help="Stop everything after the call.")
def cli(once: bool) -> None:
    """Start the hotline, place one real call, say what happens; exit 1 and the step that was missing."""
    from dozvon.addresses import addresses
    from dozvon.demo import CaptureFailed, Demonstration, PhoneError, StepMissing
    from dozvon.settings import load

    settings = load()
    started = _start(settings)
    _open_for_the_call(settings)
    failed = ""
    try:
        asyncio.run(Demonstration(settings, click.echo).run())
    except (StepMissing, PhoneError, CaptureFailed) as error:
        failed = str(error)
    if failed:
        click.echo(f"missing: {failed}\nlook into {settings.home / 'log'}", err=True)
    else:
        click.echo("every step was seen")
    if once and started:
        subprocess.run([sys.executable, "-m", "dozvon", "up", "--down"], timeout=60, check=False)
    else:
        click.echo(f"\nthe hotline is running; stop it with: dozvon up --down\n{addresses(settings)}")
    sys.exit(1 if failed else 0)


def _start(settings: Settings) -> bool:
    """A supervisor of its own, if none is there; False when the hotline was running already."""
    from dozvon.client import answers

    if answers(settings):
        click.echo("the hotline is running")
        return False
    click.echo("starting the hotline")
    log = settings.home / "log" / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        supervisor = subprocess.Popen(
            [sys.executable, "-u", "-m", "dozvon", "up"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + READY_S
    while not answers(settings):
        if supervisor.poll() is not None or time.monotonic() > deadline:
            raise click.ClickException(f"the hotline did not start: {log.read_text('utf-8').strip()}")
        time.sleep(0.1)
    for line in log.read_text("utf-8").splitlines():
        if "started" in line or "running" in line:
            click.echo(line)
    return True


def _open_for_the_call(settings: Settings) -> None:
    """The call shall reach an agent at any hour: out of hours an opening is declared, and said."""
    import datetime as dt

    from dozvon import hotline
    from dozvon.commands.closures import declare
    from ivr.schedule import state_at

    state = state_at(hotline.schedules(settings)[""], int(time.time() * 1000))
    if state.open and state.closes_at_ms - time.time() * 1000 > 15 * 60_000:
        return
    until = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=20)
    click.echo(f"the schedule says closed now; opened out of turn for 20 minutes (until {until:%H:%M} UTC)")
    declare(settings, True, "", "20", {})
    time.sleep(2.5)  # the daemon looks at its files each second
