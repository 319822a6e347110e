"""``dozvon speech``: the speech server as a process of its own, on this machine or another."""

from __future__ import annotations

import click


@click.command()
@click.option("--listen", default="", help="HOST:PORT; the settings' own when left out.")
def cli(listen: str) -> None:
    """Listen for Asterisk's speech connections until interrupted.

    The token that Asterisk has to show is DOZVON_SPEECH_TOKEN, or the installation's own secret.
    """
    import asyncio
    import os

    from dozvon.machine import secrets
    from dozvon.settings import load
    from ivr.speech.recogniser import ModelFaulty

    settings = load()
    host, _, port = (
        listen.rpartition(":") if listen else (settings.speech.host, "", str(settings.speech.port))
    )
    if not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise click.BadParameter("HOST:PORT is expected", param_hint="--listen")
    known = secrets.read(settings.secrets / secrets.FILE_NAME)
    token = os.environ.get("DOZVON_SPEECH_TOKEN") or known.get("speech", "")
    if not token:
        raise click.ClickException("no token: set DOZVON_SPEECH_TOKEN to the secret of Asterisk's aeap.conf")
    try:
        asyncio.run(_serve(settings, host.strip("[]"), int(port), token))
    except ModelFaulty as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{listen or host}: {error.strerror or error}") from None


async def _serve(settings: object, host: str, port: int, token: str) -> None:
    import asyncio
    import signal

    from dozvon import speech
    from dozvon.settings import Settings

    assert isinstance(settings, Settings)
    server = speech.server(settings, token)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await server.start(host, port)
    click.echo(f"speech on {host}:{server.port}", err=True)
    try:
        await stop.wait()
    finally:
        await server.stop()
