"""``dozvon understand``: what a sentence means, one JSON a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import click

MAX_LINE = 2000  # characters; what is longer is cut
_MAX_BYTES = 4 * MAX_LINE


@click.command()
@click.option(
    "--lang", "language", default="", help="Language of the sentences; the hotline's own when left out."
)
@click.option("--answers", is_flag=True, help="Say also which answer of config/answers is asked for.")
def cli(language: str, answers: bool) -> None:
    """Read a sentence a line, write what it means, a line for each, an empty one too.

    Each line out is {"text", "intent", "confidence", "slots"}: intent is a topic, a command (operator,
    repeat, back, callback, leave-request) or none; slots hold numbers and dates that were said.
    """
    import json
    import sys

    from dozvon import understanding
    from dozvon.settings import load
    from ivr.dialog.understanding import ExamplesFaulty
    from ivr.prompts.files import FilesFaulty

    settings = load()
    language = language or settings.hotline.language
    if not (settings.config / "understanding" / f"{language}.yaml").exists():
        raise click.ClickException(f"no examples for {language}: config/understanding/{language}.yaml")
    try:
        known = understanding.load(settings, [language], answers=answers)
    except (ExamplesFaulty, FilesFaulty) as error:
        raise click.ClickException(str(error)) from None
    for text in sentences(sys.stdin.buffer):
        intent, confidence = known.intent(text, language)
        line = {
            "text": text,
            "intent": intent,
            "confidence": round(confidence, 3),
            "slots": known.slots(text, language),
        }
        if answers:
            answer, sure = known.find_answer(text, language)
            line |= {"answer": answer, "answer_confidence": round(sure, 3)}
        click.echo(json.dumps(line, ensure_ascii=False))


def sentences(stream: BinaryIO) -> Iterator[str]:
    """Lines as text, cut to MAX_LINE however long they come; bytes that are no UTF-8 become U+FFFD."""
    while raw := stream.readline(_MAX_BYTES):
        begun = raw
        while begun and not begun.endswith(b"\n"):  # the rest of a line without end is passed over
            begun = stream.readline(_MAX_BYTES)
        yield raw.decode("utf-8", "replace").removeprefix("\ufeff").strip()[:MAX_LINE]
