"""``dozvon flow``: check and draw the dialogue, change its version while calls run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from dozvon.settings import Settings
    from ivr.dialog.check import Known
    from ivr.dialog.flow import Problem
    from ivr.dialog.model import Flow
    from ivr.flow_store import FlowStore

DOT_TIMEOUT_S = 30.0


class FlowFaulty(Exception):
    """The first fault of the flow, with file and line."""


def known(settings: Settings) -> Known:
    """Prompts, topics and answers of this installation. Raises ivr.prompts.files.FilesFaulty."""
    from dozvon.commands.prompts import load_catalogue
    from ivr.dialog.check import Known

    catalogue = load_catalogue(settings.config, settings.voice_prompts)
    return Known(
        {language: set(catalogue.ids(language)) for language in catalogue.languages}, topics(settings)
    )


def topics(settings: Settings) -> tuple[str, ...]:
    """Topics of config/topics.yaml, () when there is no such file."""
    import yaml

    try:
        content = yaml.safe_load((settings.config / "topics.yaml").read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return ()  # the distributor's own check reports it
    named = content.get("topics", content) if isinstance(content, dict) else {}
    if isinstance(named, list):
        return tuple(str(item.get("id", "")) if isinstance(item, dict) else str(item) for item in named)
    return tuple(map(str, named)) if isinstance(named, dict) else ()


def checker(settings: Settings) -> Callable[[Flow], list[Problem]]:
    """For a FlowStore: looks at the prompts as they are at each reload."""

    def check(flow: Flow) -> list[Problem]:
        from ivr.dialog import check as checks
        from ivr.dialog.flow import Problem
        from ivr.prompts.files import FilesFaulty

        try:
            return checks.check(flow, known(settings))
        except FilesFaulty as error:
            return [Problem(str(f.file), f.line, "prompts", f.text) for f in error.faults]

    return check


def make_store(settings: Settings, *, keep: bool = True) -> FlowStore:
    """The flow of this installation; raises FlowFaulty. ``keep``: archive versions for a roll-back."""
    from ivr.dialog.flow import FlowError
    from ivr.flow_store import FlowStore

    archive = settings.home / "flows" if keep else None
    if archive is not None:
        archive.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return FlowStore(settings.config / "flows", checker(settings), archive)
    except FlowError as error:
        raise FlowFaulty(str(error.problems[0])) from None


def check(settings: Settings) -> list[Problem]:
    """Every fault of the flow files; for ``dozvon check`` too."""
    from ivr.dialog.flow import FlowError, load

    try:
        flow = load(settings.config / "flows")
    except FlowError as error:
        return list(error.problems)
    return checker(settings)(flow)


@click.group()
def cli() -> None:
    """The dialogue with the caller: check, show, reload, roll back."""


@cli.command("check")
def check_command() -> None:
    """Find every fault of the flow, each with file and line; exit code 1 when there is an error."""
    from dozvon.settings import load as load_settings

    settings = load_settings()
    problems = check(settings)
    for problem in problems:
        click.echo(problem if problem.code == "prompts" else f"{settings.config / 'flows'}/{problem}")
    errors = sum(problem.severity == "error" for problem in problems)
    if errors:
        click.echo(f"{errors} faults", err=True)
        sys.exit(1)
    click.echo("the flow is sound")


@cli.command("show")
@click.option("--out", "-o", type=click.Path(dir_okay=False, path_type=Path), help="FILE.svg or FILE.html")
@click.option("--language", "-l", default="ru", show_default=True, help="of the words in the boxes")
@click.option("--path", "way", default="", help="a call's way, as `dozvon talk` prints it, drawn thick")
@click.option("--call", "call_id", default="", help="draw the way of this call (asks the daemon)")
@click.option("--plain", is_flag=True, help="our own layout, even when Graphviz is there")
def show_command(out: Path | None, language: str, way: str, call_id: str, plain: bool) -> None:
    """Draw the flow as SVG or, with the words of every node, as HTML; without --out on standard output."""
    from dozvon.commands.prompts import load_catalogue
    from dozvon.settings import load as load_settings
    from ivr.dialog import drawing
    from ivr.dialog.contract import Prompt
    from ivr.dialog.flow import FlowError, load
    from ivr.prompts.contract import PromptMissing
    from ivr.prompts.files import FilesFaulty

    settings = load_settings()
    try:
        flow = load(settings.config / "flows")
        catalogue = load_catalogue(settings.config, settings.voice_prompts)
    except FlowError as error:
        raise click.ClickException(str(error.problems[0])) from None
    except FilesFaulty as error:
        raise click.ClickException(str(error.faults[0])) from None

    def text_of(prompt_id: str) -> str:
        try:
            return catalogue.script(Prompt(prompt_id), language)
        except (PromptMissing, KeyError, ValueError):
            return ""

    taken = _way_of(settings, call_id) if call_id else way.split()
    picture = _dot(drawing.dot(flow, text_of, taken)) if not plain else ""
    picture = picture or drawing.svg(flow, text_of, taken)
    if out is not None and out.suffix == ".html":
        picture = drawing.html(picture, flow, text_of, taken)
    if out is None:
        click.echo(picture, nl=False)
    else:
        out.write_text(picture, "utf-8")
        click.echo(f"{out}: version {flow.version}, {len(flow.nodes)} nodes")


def _dot(source: str) -> str:
    """SVG by Graphviz, "" when it is not there or fails."""
    import shutil
    import subprocess

    program = shutil.which("dot")
    if program is None:
        return ""
    try:
        done = subprocess.run(
            [program, "-Tsvg"], input=source.encode(), capture_output=True, timeout=DOT_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace")


def _way_of(settings: Settings, call_id: str) -> list[str]:
    from dozvon.client import ask

    found = ask(settings, f"/interactions/{call_id}")
    return list(found.get("path", []))


@cli.command("reload")
def reload_command() -> None:
    """Take the files as they are now for new calls; a faulty flow is refused and the old one stays."""
    _print_versions("/flow/reload", "POST")


@cli.command("rollback")
@click.argument("version", required=False)
def rollback_command(version: str | None) -> None:
    """Go back to VERSION for new calls, or to the one before."""
    _print_versions("/flow/rollback", "POST", {"version": version or ""})


@cli.command("versions")
def versions_command() -> None:
    """Versions that calls run on now, and the current one."""
    _print_versions("/flow")


def _print_versions(path: str, method: str = "GET", body: object = None) -> None:
    from dozvon.client import ask
    from dozvon.settings import load as load_settings

    for item in ask(load_settings(), path, method, body)["versions"]:
        mark = "current" if item["current"] else ""
        click.echo(f"{item['version']}  {item['calls']:>4} calls  {mark}".rstrip())
