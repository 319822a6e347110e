"""Which answer of config/answers a question asks for.

Nearest examples: a question is compared with every question of every answer (lemmas and letter groups,
weighted by how telling they are), the best few of each answer count together. An answer is given as right
only when it is near enough and clearly nearer than the next one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion

from ivr.dialog.understanding.text import lemmas, words


@dataclass(frozen=True, slots=True)
class Question:
    """One way to ask for an answer; ``text`` "" with a question of another answer is not allowed."""

    answer_id: str
    topic: str
    text: str


@dataclass(frozen=True, slots=True)
class Sureness:
    """Confidence = logistic(bias + near x (best similarity) + margin x (best - next answer))."""

    bias: float = -5.0
    near: float = 8.0
    margin: float = 14.0


class AnswerFinder:
    def __init__(
        self, questions: Sequence[Question], language: str, sureness: Sureness | None = None
    ) -> None:
        if not questions:
            raise ValueError("no questions")
        self._language = language
        self._sureness = sureness or Sureness()
        self._ids = sorted({question.answer_id for question in questions})
        self._topics = {question.answer_id: question.topic for question in questions}
        self._owner = np.array([self._ids.index(question.answer_id) for question in questions])
        self._features = FeatureUnion(
            [
                ("lemmas", TfidfVectorizer(analyzer=self._terms, sublinear_tf=True)),
                (
                    "letters",
                    TfidfVectorizer(
                        analyzer="char_wb", ngram_range=(2, 4), preprocessor=_spaced, sublinear_tf=True
                    ),
                ),
            ]
        )
        self._asked = self._features.fit_transform([question.text for question in questions])

    def _terms(self, text: str) -> list[str]:
        own = lemmas(text, self._language)
        return [*own, *(f"{one}_{two}" for one, two in itertools.pairwise(own))]

    def topic_of(self, answer_id: str) -> str:
        return self._topics.get(answer_id, "")

    def ranked(self, question: str) -> list[tuple[str, float]]:
        """Answers with their nearness (0 to 1), the nearest first."""
        near = (self._asked @ self._features.transform([question]).T).toarray().ravel() / 2
        best = []
        for index, answer_id in enumerate(self._ids):
            own = np.sort(near[self._owner == index])[::-1]
            # One lucky example counts less than several that agree.
            best.append((answer_id, float(0.7 * own[0] + 0.3 * own[:3].mean())))
        return sorted(best, key=lambda item: -item[1])

    def find(self, question: str) -> tuple[str, float]:
        """The answer's id and the confidence that it is the right one; ("", 0.0) for an empty question."""
        if not words(question):
            return "", 0.0
        ranked = self.ranked(question)
        answer, near = ranked[0]
        margin = near - ranked[1][1] if len(ranked) > 1 else near
        s = self._sureness
        return answer, 1 / (1 + math.exp(-(s.bias + s.near * near + s.margin * margin)))


def _spaced(text: str) -> str:
    return " ".join(words(text))
