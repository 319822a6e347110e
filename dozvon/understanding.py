"""Wiring: the understanding of this installation, its examples and the questions of its answers."""

from __future__ import annotations

from collections.abc import Sequence

from dozvon.settings import Settings
from ivr.dialog.understanding import Question, Understander
from ivr.dialog.understanding import load as load_understander
from ivr.prompts import answers


def load(settings: Settings, languages: Sequence[str] = ()) -> Understander:
    """Raises ExamplesFaulty or ivr.prompts.files.FilesFaulty; takes a second or two."""
    languages = languages or settings.hotline.languages
    folder = settings.config / "answers"
    known = answers.load(folder, settings.hotline.languages) if folder.is_dir() else {}
    questions = {
        language: [
            Question(answer.answer_id, answer.topic, text)
            for answer in known.values()
            for text in answer.questions.get(language, ())
        ]
        for language in languages
    }
    return load_understander(settings.config, languages, questions)
