"""``dozvon call``: a test call from this machine, keys typed in the terminal."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from dozvon.demo import CallLog
    from dozvon.phones import CallerPhone

KEYS = "0123456789*#"


@click.command()
@click.option("--from", "number", default="79161234567", help="The caller's number.")
@click.option("--to", "dialled", default="", help="The number dialled; the hotline's own when left out.")
def cli(number: str, dialled: str) -> None:
    """Call the hotline with a real SIP phone. Type keys and Enter; an empty line hangs up.

    What the caller hears is read from the call's log, so the daemon has to run on this machine.
    """
    from dozvon.demo import CallLog
    from dozvon.phones import CallerPhone, PhoneError
    from dozvon.settings import load

    settings = load()
    asterisk = settings.asterisk
    if not number.isdecimal() or len(number) > 20:
        raise click.BadParameter("digits only", param_hint="--from")
    if not asterisk.trunk_match:
        raise click.ClickException("asterisk.trunk_match names no carrier to call in the place of")
    log = CallLog(settings.home / "log" / "dozvon.jsonl")
    server = f"{asterisk.sip_bind}:{asterisk.sip_port}"

    async def run() -> None:
        async with CallerPhone(server, number=number, address=asterisk.trunk_match[0]) as phone:
            await phone.call(dialled or settings.hotline.number)
            click.echo("answered; keys and Enter, an empty line hangs up")
            await _converse(phone, log)

    try:
        asyncio.run(run())
    except PhoneError as error:
        raise click.ClickException(str(error)) from None


async def _converse(phone: CallerPhone, log: CallLog) -> None:
    loop = asyncio.get_running_loop()
    typed = loop.run_in_executor(None, sys.stdin.readline)
    while phone.in_call:
        log.read()
        for line in log.lines:
            if line.get("action") == "said":
                click.echo(f"  «{line.get('text', '(a number of his own)')}»")
        log.lines.clear()
        if typed.done():
            keys = [key for key in typed.result().strip() if key in KEYS]
            if not keys:
                await phone.hang_up()
                return
            await phone.press("".join(keys))
            typed = loop.run_in_executor(None, sys.stdin.readline)
        await asyncio.sleep(0.1)
    click.echo("the hotline has hung up; Enter ends")
