"""The command ``dozvon``: one word for everything an administrator does.

Each command lives in ``dozvon/commands/NAME.py`` as ``cli`` and is imported only when it is called, so
that ``dozvon hours`` does not wait for the speech recogniser to load.
"""

from __future__ import annotations

import importlib
import sys

import click

COMMANDS = {
    "up": "start everything on this machine and keep it running",
    "serve": "the daemon alone, in the foreground",
    "check": "find faults in configuration, flows, prompts and Asterisk's files",
    "demo": "one demonstration call, step by step",
    "call": "place a test call and print what is heard",
    "hours": "is the hotline open, and what does a caller hear",
    "closures": "close or open the hotline out of turn",
    "incidents": "known faults that callers are told of",
    "agents": "agents, their skills and states",
    "why": "why this agent, or why a caller still waits",
    "callbacks": "customers who are to be called: list, add, cancel",
    "tickets": "requests that callers left",
    "tokens": "access tokens of the API",
    "prompts": "what callers hear: list, render, check",
    "flow": "check and draw the dialogue",
    "talk": "a telephone in the terminal",
    "asterisk": "secrets, installation and check of Asterisk's files",
    "understand": "what a sentence means, one JSON a line",
    "models": "speech models: list, fetch, use",
    "speech": "the speech server as a process of its own",
    "replay": "what yesterday would have been with other rules",
    "staffing": "callers to come, agents needed, gaps in the shifts",
}


class LazyGroup(click.Group):
    """A group whose members are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"dozvon.commands.{cmd_name}").cli
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # From the table above: help must not import eighteen modules.
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Dozvon: a hotline that is answered."""


def main() -> None:
    """Run; a user's mistake is one line on standard error and exit code 1 or 2, never a traceback."""
    from dozvon.settings import SettingsError

    try:
        cli()
    except SettingsError as error:
        click.echo(f"dozvon: {error}", err=True)
        sys.exit(1)
    except (BrokenPipeError, KeyboardInterrupt):
        sys.exit(130)
