"""``dozvon talk``: a telephone in the terminal."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from dozvon.settings import Settings
    from ivr.dialog.contract import Prompt
    from ivr.dialog.ports import Expects, Hearing, Meaning, Understanding
    from ivr.talk import Heard, Telephone

MAX_LINE = 2000
SILENT = ("note", "hold", "brief")  # actions that a caller does not perceive


class Listener:
    """Understanding that remembers the last meaning, to show it; loaded (seconds) when somebody speaks."""

    def __init__(self, load: Callable[[], Understanding] | None) -> None:
        self._load = load
        self._inner: Understanding | None = None
        self.last: Meaning | None = None

    def understand(self, text: str, language: str, expects: Expects) -> Meaning:
        from ivr.dialog.ports import Meaning

        if self._inner is None and self._load is not None:
            self._inner = self._load()
        self.last = Meaning() if self._inner is None else self._inner.understand(text, language, expects)
        return self.last

    def snils(self, heard: Sequence[Sequence[Hearing]], language: str, denied: Collection[str] = ()) -> str:
        return "" if self._inner is None else self._inner.snils(heard, language, denied)


@click.command()
@click.option("--at", "moment", help="when the call comes in, like 2027-05-09T12:30; now when left out")
@click.option("--from", "number", default="79161234567", help="the caller's number, '' for a withheld one")
@click.option("--language", "-l", default="", help="as if remembered for the number")
@click.option("--place", default=3, show_default=True, help="place in the queue when it is entered")
@click.option(
    "--kept", type=click.Choice(["callback", "dropped"]), help="we are to call him, or his call dropped"
)
@click.option("--keys-only", is_flag=True, help="as if speech recognition were switched off")
@click.option(
    "--json", "as_json", is_flag=True, help="one object a line: hears, node, topic, action, confidence"
)
def cli(
    moment: str | None,
    number: str,
    language: str,
    place: int,
    kept: str | None,
    keys_only: bool,
    as_json: bool,
) -> None:
    """Call the hotline here: type keys or words, read what the caller hears.

    Commands, one a line: press 2, say не могу войти, wait, record 5, answered, released REASON,
    fail speech|ticket|disk|transfer|lookup, found NAME=VALUE, hangup.
    """
    from dozvon.check import ConfigurationFaulty, guarded
    from dozvon.commands.hours import fail
    from dozvon.settings import load as load_settings
    from ivr.talk import CommandError

    settings = load_settings()
    listener = Listener(None if keys_only else lambda: _understanding(settings))
    try:
        telephone = guarded(
            lambda: _telephone(
                settings, listener, moment, number, language, place, kept or "", speech=not keys_only
            )
        )
    except ConfigurationFaulty as error:
        fail(str(error).splitlines()[0])
    interactive = sys.stdin.isatty() and not as_json
    _print(telephone.dial(), listener, as_json)
    for line in _lines(interactive, telephone):
        listener.last = None
        try:
            _print(telephone.command(line), listener, as_json)
        except CommandError as error:
            if as_json:
                click.echo(json.dumps({"error": str(error), "command": line}, ensure_ascii=False))
            else:
                click.echo(f"  ({error})")
            if not interactive:
                sys.exit(1)
    if not as_json:
        click.echo(f"way: {' '.join(telephone.session.path)}")


def _understanding(settings: Settings) -> Understanding:
    from dozvon import understanding
    from dozvon.commands.hours import fail
    from ivr.dialog.understanding import ExamplesFaulty
    from ivr.prompts.files import FilesFaulty

    try:
        return understanding.load(settings)
    except (ExamplesFaulty, FilesFaulty) as error:
        fail(str(error).splitlines()[0])


def _lines(interactive: bool, telephone: Telephone) -> Any:
    while not telephone.over:
        if interactive:
            click.echo("> ", nl=False)
        line = sys.stdin.readline(MAX_LINE)
        if not line:
            return
        if line.strip() and not line.lstrip().startswith("//"):
            yield line


def _telephone(
    settings: Settings,
    listener: Listener,
    moment: str | None,
    number: str,
    language: str,
    place: int,
    kept: str,
    *,
    speech: bool,
) -> Telephone:
    from dozvon import hotline as parts
    from dozvon.commands.hours import moment_of
    from ivr.dialog.check import check
    from ivr.dialog.contract import CallStarted, KeptBefore
    from ivr.dialog.identifiers import calling_number
    from ivr.flow_store import FlowStore
    from ivr.hotline import Hotline
    from ivr.hours_file import MAIN
    from ivr.talk import Telephone

    schedules = parts.schedules(settings)
    catalogue = parts.catalogue(settings)
    exists = parts.known(settings, catalogue)
    # No archive: to try a flow out must not make it a version of the hotline.
    store = FlowStore(settings.config / "flows", lambda flow: check(flow, exists))
    when = moment_of(schedules[MAIN], moment)
    waking = parts.waking(settings) if settings.callbacks.enabled else None
    hotline = Hotline(store, schedules, understanding=listener, speech=speech, waking=waking)
    before = KeptBefore(kept, place=place) if kept else None  # type: ignore[arg-type]
    call = CallStarted("talk-1", calling_number(number), settings.hotline.number, language, kept=before)

    def text(prompts: tuple[Prompt, ...], spoken_in: str) -> str:
        return catalogue.text(prompts, spoken_in)

    return Telephone(hotline, text, call, round(when.timestamp() * 1000), place=place)


def _print(heard: list[Heard], listener: Listener, as_json: bool) -> None:
    meaning = listener.last
    if meaning is not None and meaning.intent and not as_json:
        click.echo(f"  [{meaning.intent} {meaning.confidence:.2f}]")
    for item in heard:
        if as_json:
            fields: dict[str, Any] = {
                "hears": item.hears,
                "node": item.node,
                "topic": item.topic,
                "action": item.action,
                "language": item.language,
                "intent": meaning.intent if meaning else "",
                "confidence": meaning.confidence if meaning else None,
                "detail": item.detail,
            }
            click.echo(json.dumps(fields, ensure_ascii=False, default=str))
        elif item.action not in SILENT or item.hears:
            where = f"[{item.node}{' ' + item.topic if item.topic else ''}]"
            said = item.hears or _detail(item)
            click.echo(f"{where} {item.action}: {said}".rstrip(": "))


def _detail(item: Heard) -> str:
    shown = ("topic", "mark", "language", "reason", "number", "destination", "source", "kind")
    return ", ".join(f"{name} {item.detail[name]}" for name in shown if item.detail.get(name))
