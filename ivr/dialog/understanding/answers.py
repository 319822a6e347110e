"""Which answer of config/answers a question asks for.

The same classifier as for subjects, with answers for labels: trained from the questions of the answer files,
and from the examples that tell what no answer is for: ``none``, and ``unanswered`` for questions that have a
subject but no answer. Such a question may still look like one that has; that is what the confidence is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ivr.dialog.understanding.classifier import Calibration, Classifier, Train
from ivr.dialog.understanding.examples import NONE, Examples
from ivr.dialog.understanding.text import words

CALIBRATION = {
    "ru": Calibration(-1.13, 3.34, -0.10, 1.11),
    "en": Calibration(-0.36, 1.84, 1.43, -0.05),
}


@dataclass(frozen=True, slots=True)
class Question:
    """One way to ask for an answer."""

    answer_id: str
    topic: str
    text: str


class AnswerFinder:
    def __init__(self, questions: Sequence[Question], examples: Examples, train: Train = Classifier) -> None:
        if not questions:
            raise ValueError("no questions")
        self._topics = {question.answer_id: question.topic for question in questions}
        asked = {" ".join(words(question.text)): question.answer_id for question in questions}
        for text in (*(text for text, label in examples.labelled if label == NONE), *examples.unanswered):
            asked.setdefault(" ".join(words(text)), NONE)
        labelled = tuple(asked.items())
        calibration = CALIBRATION.get(examples.language, CALIBRATION["ru"])
        trained = Examples(examples.language, labelled, examples.synonyms)
        self._classifier = train(trained, calibration)

    def topic_of(self, answer_id: str) -> str:
        return self._topics.get(answer_id, "")

    def find(self, question: str) -> tuple[str, float]:
        """The answer's id and the confidence that it is the right one; ("", confidence) when it is none."""
        label, confidence = self._classifier.classify(question)
        return ("", confidence) if label == NONE else (label, confidence)
