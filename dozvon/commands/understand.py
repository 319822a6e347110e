"""``dozvon understand``: what a sentence means, one JSON a line."""

from __future__ import annotations

import click

MAX_LINE = 2000  # characters; what is longer is cut


@click.command()
@click.option(
    "--lang", "language", default="", help="Language of the sentences; the hotline's own when left out."
)
@click.option("--answers", is_flag=True, help="Say also which answer of config/answers is asked for.")
def cli(language: str, answers: bool) -> None:
    """Read a sentence a line, write what it means.

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
        known = understanding.load(settings, [language])
    except (ExamplesFaulty, FilesFaulty) as error:
        raise click.ClickException(str(error)) from None
    for raw in sys.stdin.buffer:
        text = raw.decode("utf-8", "replace").strip()[:MAX_LINE]
        if not text:
            continue
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
