"""Which subject or command an utterance is about: a linear classifier over lemmas and letter groups.

Three views of the words are put together: lemmas (with synonyms made one, and pairs of neighbours), which see
through inflection; groups of 2 to 4 letters, which see through a recogniser's slips; and what the words mean
(`meanings`), which sees that a word like an example's was said. A linear support
vector machine, one against the rest, is trained from the examples in a fraction of a second at start, so
there is no model file that could differ from the examples. ``bench/understanding`` compares it with others.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion
from sklearn.svm import LinearSVC

from ivr.dialog.understanding.examples import NONE, Examples
from ivr.dialog.understanding.meanings import Meanings
from ivr.dialog.understanding.text import Said, lemma, read, words

REGULARISATION = 1.0
TOLERANCE = 1e-2  # finer changes no guess and takes longer
LETTERS = (2, 4)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Confidence = logistic(bias + margin x (best - second) + best x best + known x (share of known words)).

    Fitted by ``bench/understanding/calibrate.py`` on examples held out in turn, never on the test sentences.
    """

    bias: float
    margin: float
    best: float
    known: float

    def confidence(self, margin: float, best: float, known: float) -> float:
        z = self.bias + self.margin * margin + self.best * best + self.known * known
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, z))))


CALIBRATION = {
    "ru": Calibration(-1.43, 2.99, -0.09, 1.41),
    "en": Calibration(-1.51, 2.76, 0.35, 1.43),
}


@dataclass(frozen=True, slots=True)
class Guess:
    """``label`` with its evidence; ``known``: share of words met in an example of a subject or command."""

    label: str
    best: float
    margin: float
    known: float


class Classifier:
    def __init__(self, examples: Examples, calibration: Calibration | None = None) -> None:
        self.language = examples.language
        self._calibration = calibration or CALIBRATION.get(self.language, CALIBRATION["ru"])
        self._same = {
            lemma(word, self.language): f"@{lemma(words(group[0])[0], self.language)}"
            for group in examples.synonyms
            for text in group
            for word in words(text)[:1]
        }
        taught = [(read(text, self.language), label) for text, label in examples.labelled]
        labels = [label for _, label in taught]
        # An utterance that stands among the examples needs no guessing.
        self._given = {_spaced(said): label for said, label in taught}
        self._words = {word for said, label in taught if label != NONE for word in self._meanings(said)}
        self._features = FeatureUnion(
            [
                ("meanings", Meanings(self.language)),
                ("lemmas", TfidfVectorizer(analyzer=self._lemma_features, sublinear_tf=True)),
                (
                    "letters",
                    TfidfVectorizer(
                        analyzer="char_wb", ngram_range=LETTERS, preprocessor=_spaced, sublinear_tf=True
                    ),
                ),
            ]
        )
        self._machine = LinearSVC(C=REGULARISATION, random_state=0, tol=TOLERANCE)
        self._machine.fit(self._features.fit_transform([said for said, _ in taught]), labels)
        self.labels: tuple[str, ...] = tuple(map(str, self._machine.classes_))

    def _meanings(self, said: Said) -> list[str]:
        return [self._same.get(word, word) for word in said.lemmas]

    def _lemma_features(self, said: Said) -> list[str]:
        same = self._meanings(said)
        pairs = [f"{one}_{two}" for one, two in itertools.pairwise(same)]
        return [*same, *pairs, *(f"={word}" for word in said.lemmas)]

    def features(self, texts: Iterable[str]) -> csr_matrix:
        return self._features.transform([read(text, self.language) for text in texts])

    def guess_many(self, texts: Iterable[str]) -> list[Guess]:
        everything = [read(text, self.language) for text in texts]
        scores = np.atleast_2d(self._machine.decision_function(self._features.transform(everything)))
        if scores.shape[1] == 1:  # two labels only
            scores = np.hstack([-scores, scores])
        found = []
        for said, row in zip(everything, scores, strict=True):
            order = np.argsort(row)[::-1]
            meant = self._meanings(said)
            known = sum(word in self._words for word in meant) / len(meant) if meant else 0.0
            best, second = float(row[order[0]]), float(row[order[1]])
            found.append(Guess(self.labels[int(order[0])], best, best - second, known))
        return found

    def classify(self, text: str) -> tuple[str, float]:
        """Label and calibrated confidence; an empty utterance is ``none`` for sure."""
        said = " ".join(words(text))
        if not said:
            return NONE, 1.0
        if said in self._given:
            return self._given[said], 0.99
        guess = self.guess_many([text])[0]
        return guess.label, self._calibration.confidence(guess.margin, guess.best, guess.known)


# How a classifier comes about; the wiring keeps trained ones between starts.
Train = Callable[[Examples, Calibration | None], Classifier]


def _spaced(said: Said) -> str:
    return " ".join(said.words)
