"""``dozvon asterisk``: secrets, installation and check of Asterisk's files."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.group()
def cli() -> None:
    """Asterisk's files: secrets, check, installation."""


@cli.command()
@click.option("--show", metavar="NAME", help="Print one secret: ami, agi, speech, trunk, 2001 …")
def secrets(show: str | None) -> None:
    """Make the secrets that are missing; existing ones stay."""
    from dozvon.machine import secrets as kept
    from dozvon.machine.asterisk import CONFIG
    from dozvon.settings import load

    settings = load()
    kept.ensure(settings.secrets, CONFIG)
    file = settings.secrets / kept.FILE_NAME
    known = kept.read(file)
    if show is None:
        click.echo(f"{file}: {', '.join(sorted(known))}")
    elif show in known:
        click.echo(known[show])
    else:
        raise click.BadParameter(f"there is no secret {show!r}; there are {', '.join(sorted(known))}")


@cli.command()
@click.option(
    "--in",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Another folder than asterisk-config, /etc/asterisk for one.",
)
def check(folder: Path | None) -> None:
    """Every fault with file and line; exit code 1 if there is one."""
    from dozvon.machine.asterisk import CONFIG
    from dozvon.machine.check import check_folder
    from dozvon.settings import load

    faults = check_folder(folder or CONFIG, load())
    for fault in faults:
        click.echo(str(fault))
    sys.exit(1 if faults else 0)


@cli.command()
def where() -> None:
    """Which Asterisk is used, where its files are, and whether it runs."""
    from dozvon.machine.asterisk import AsteriskChild
    from dozvon.machine.asterisk_root import AsteriskMissing
    from dozvon.settings import load

    settings = load()
    child = AsteriskChild(settings)
    try:
        box = child.toolbox
    except AsteriskMissing as error:
        raise click.ClickException(str(error)) from None
    rows = {
        "Asterisk": f"{box.version} {'private copy in ' + str(box.root) if box.private else box.asterisk}",
        "files": child.config.parent,
        "logs": child.folder / "log",
        "SIP": f"{settings.asterisk.sip_bind}:{settings.asterisk.sip_port}",
        "manager": f"{settings.asterisk.ami_host}:{settings.asterisk.ami_port}",
        "running": f"process {child.child.pid}" if child.running else "no",
    }
    for name, value in rows.items():
        click.echo(f"{name:9} {value}")


@cli.command()
@click.option(
    "--to", type=click.Path(path_type=Path, file_okay=False), default=Path("/etc/asterisk"), show_default=True
)
@click.option("--group", default="asterisk", show_default=True, help="Who may read the secrets beside root.")
@click.option("--dry-run", is_flag=True, help="Only say what would be written.")
def install(to: Path, group: str, dry_run: bool) -> None:
    """Copy asterisk-config over a stock Asterisk 20 or 22; what was there is kept as *.before-dozvon."""
    from dozvon.machine.install import InstallFailed, install_files
    from dozvon.settings import load

    try:
        for line in install_files(load(), to, group, dry_run=dry_run):
            click.echo(line)
    except InstallFailed as error:
        raise click.ClickException(str(error)) from None


@cli.command()
@click.argument("command", nargs=-1, required=True)
def console(command: tuple[str, ...]) -> None:
    """Run a console command in the Asterisk that `dozvon up` started."""
    import asyncio

    from dozvon.machine.asterisk import AsteriskChild
    from dozvon.settings import load

    child = AsteriskChild(load())
    if not child.running:
        raise click.ClickException("Asterisk is not running")
    click.echo(asyncio.run(child.console(" ".join(command))).rstrip())
