"""``dozvon check``: finds faults before a caller does."""

from __future__ import annotations

import sys

import click


@click.command()
def cli() -> None:
    """Configuration, flows, prompts and Asterisk's files: every fault with file and line; exit 1 if any."""
    from dozvon.check import faults
    from dozvon.settings import load

    errors = 0
    for severity, text in faults(load()):
        errors += severity == "error"
        click.echo(f"{severity}: {text}")
    click.echo(f"{errors} fault{'s' * (errors != 1)}" if errors else "no faults")
    sys.exit(1 if errors else 0)
