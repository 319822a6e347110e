"""``dozvon check``: finds faults before a caller does."""

from __future__ import annotations

import sys

import click


@click.command()
def cli() -> None:
    """Configuration, flows, prompts and Asterisk's files: every fault with file and line; exit 1 if any."""
    from dozvon.check import faults
    from dozvon.settings import SettingsError, load

    errors = 0
    try:
        found = faults(load())
    except SettingsError as error:  # without settings nothing else can be looked for
        found = (("error", line) for line in str(error).splitlines())
    for severity, text in found:
        errors += severity == "error"
        click.echo(f"{severity}: {text}")
    click.echo(f"{errors} fault{'s' * (errors != 1)}" if errors else "no faults")
    sys.exit(1 if errors else 0)
