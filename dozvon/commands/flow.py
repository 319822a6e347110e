"""``dozvon flow``: check and draw the dialogue, change its version while calls run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dozvon.commands.hours import fail

if TYPE_CHECKING:
    from dozvon.settings import Settings
    from ivr.dialog.flow import Problem


def check(settings: Settings) -> list[Problem]:
    """Every fault of the flow files. Raises FilesFaulty for faulty texts, SettingsError for topics."""
    from dozvon import hotline
    from ivr.dialog import check as checks
    from ivr.dialog.flow import FlowError, load

    try:
        flow = load(settings.config / "flows")
    except FlowError as error:
        return list(error.problems)
    return checks.check(flow, hotline.known(settings, hotline.catalogue(settings)))


@click.group()
def cli() -> None:
    """The dialogue with the caller: check, show, reload, roll back."""


@cli.command("check")
def check_command() -> None:
    """Find every fault of the flow, each with file and line; exit code 1 when there is an error."""
    from dozvon.check import ConfigurationFaulty, guarded
    from dozvon.settings import load as load_settings

    settings = load_settings()
    try:
        problems = guarded(lambda: check(settings))
    except ConfigurationFaulty as error:
        fail(str(error))
    for problem in problems:
        click.echo(f"{settings.config / 'flows'}/{problem}")
    errors = sum(problem.severity == "error" for problem in problems)
    if errors:
        click.echo(f"{errors} faults", err=True)
        sys.exit(1)
    click.echo("the flow is sound")


@cli.command("show")
@click.option("--out", "-o", type=click.Path(dir_okay=False, path_type=Path), help="FILE.svg or FILE.html")
@click.option("--language", "-l", default="ru", show_default=True, help="of the words in the boxes")
@click.option("--path", "way", default="", help="a call's way, as `dozvon talk` prints it, drawn red")
@click.option("--call", "call_id", default="", help="draw the way of this call (asks the daemon)")
def show_command(out: Path | None, language: str, way: str, call_id: str) -> None:
    """Draw the flow as SVG or, with the words of every node, as HTML; without --out on standard output."""
    from dozvon import hotline
    from dozvon.check import ConfigurationFaulty, guarded
    from dozvon.settings import load as load_settings
    from ivr.dialog import drawing
    from ivr.dialog.contract import Prompt
    from ivr.dialog.flow import load
    from ivr.prompts.contract import PromptMissing

    settings = load_settings()
    try:
        flow = guarded(lambda: load(settings.config / "flows"))
        catalogue = guarded(lambda: hotline.catalogue(settings))
    except ConfigurationFaulty as error:
        fail(str(error))

    def text_of(prompt_id: str) -> str:
        try:
            return catalogue.script(Prompt(prompt_id), language)
        except (PromptMissing, KeyError, ValueError):
            return ""

    taken = _way_of(settings, call_id) if call_id else way.split()
    as_page = out is not None and out.suffix == ".html"
    picture = drawing.html(flow, text_of, taken) if as_page else drawing.svg(flow, text_of, taken)
    if out is None:
        click.echo(picture, nl=False)
    else:
        out.write_text(picture, "utf-8")
        click.echo(f"{out}: version {flow.version}, {len(flow.nodes)} nodes")


def _way_of(settings: Settings, call_id: str) -> list[str]:
    from dozvon.client import ask

    found = ask(settings, f"/interactions/{call_id}")
    return list(found.get("path", []))


@cli.command("reload")
def reload_command() -> None:
    """Take the files as they are now for new calls, also after a roll-back; refused when they are faulty.

    A running hotline takes changed files by itself within seconds.
    """
    import os

    from dozvon.check import ConfigurationFaulty, guarded
    from dozvon.settings import load as load_settings

    settings = load_settings()
    try:
        problems = guarded(lambda: check(settings))
    except ConfigurationFaulty as error:
        fail(str(error))
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        fail(f"{settings.config / 'flows'}/{errors[0]} ({len(errors)} faults; nothing was changed)")
    for file in sorted((settings.config / "flows").glob("*.yaml")):
        os.utime(file)  # what the daemon watches
    click.echo("asked for; new calls take it within seconds")


@cli.command("rollback")
@click.argument("version", required=False)
def rollback_command(version: str | None) -> None:
    """Go back to VERSION for new calls, or to the one before; until the next reload, over restarts too."""
    from dozvon.settings import load as load_settings
    from ivr.flow_store import UnknownVersion, archived, pin

    archive = load_settings().home / "flows"
    version = version or next(iter(archived(archive)[-2:-1]), "")
    try:
        pin(archive, version)
    except UnknownVersion as error:
        fail(str(error))
    click.echo(f"{version} from the next call on")


@cli.command("versions")
def versions_command() -> None:
    """Versions that were in force, the last one last."""
    from dozvon.settings import load as load_settings
    from ivr.flow_store import archived

    archive = load_settings().home / "flows"
    names = archived(archive)
    for name in names:
        click.echo(f"{name}{'  in force' if name == names[-1] else ''}")
