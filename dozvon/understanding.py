"""Wiring: the understanding of this installation, its examples and the questions of its answers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from dozvon import trained
from dozvon.settings import Settings
from ivr.dialog.understanding import ExamplesFaulty, Question, Understander, examples
from ivr.dialog.understanding import load as load_understander
from ivr.prompts import answers as files


def load(settings: Settings, languages: Sequence[str] = (), *, answers: bool = True) -> Understander:
    """Without ``answers`` no question is recognised. Raises ExamplesFaulty or ivr.prompts.files.FilesFaulty;
    takes about four seconds a language, half without answers, and a moment when nothing has changed since
    the last time (``dozvon.trained``)."""
    languages = languages or settings.hotline.languages
    folder = settings.config / "answers"
    known = files.load(folder, settings.hotline.languages) if answers and folder.is_dir() else {}
    questions = {
        language: [
            Question(answer.answer_id, answer.topic, text)
            for answer in known.values()
            for text in answer.questions.get(language, ())
        ]
        for language in languages
    }
    return load_understander(settings.config, languages, questions, trained.classifier)


def faults(settings: Settings, topics: Collection[str] | None) -> Iterator[str]:
    """What is wrong with the examples, a fault a language, each with file and line; nothing is trained.
    ``topics`` are the subjects there are, None: any."""
    for language in settings.hotline.languages:
        file = settings.config / "understanding" / f"{language}.yaml"
        try:
            if file.exists():
                examples.load(file, language, topics)
        except ExamplesFaulty as error:
            yield str(error)
