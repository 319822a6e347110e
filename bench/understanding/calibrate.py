"""Fits the classifiers' confidence: prints the constants for `Calibration`, and how true they are.

    python bench/understanding/calibrate.py ru            # subjects and commands
    python bench/understanding/calibrate.py ru answers

Evidence comes from examples held out in turn (five parts) and, for subjects, from the development sentences
(tests/data/topics_LANG_dev.tsv, five times the weight: callers do not talk like example lists). The test
sentences are not looked at.
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from ivr.dialog.understanding import examples
from ivr.dialog.understanding.classifier import Classifier, Guess
from ivr.dialog.understanding.examples import NONE, Examples
from ivr.prompts import answers

ROOT = Path(__file__).resolve().parents[2]
PARTS = 5
DEVELOPMENT_WEIGHT = 5
BORDERS = (0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 1.01)


def _row(guess: Guess) -> list[float]:
    return [guess.margin, guess.best, guess.known]


def _asked(known: Examples) -> Examples:
    """The questions of the answers, and the examples of ``none``."""
    questions = [
        (text, answer.answer_id)
        for answer in answers.load(ROOT / "config/answers").values()
        for text in answer.questions[known.language]
    ]
    nothing = [(text, label) for text, label in known.labelled if label == NONE]
    return dataclasses.replace(known, labelled=tuple(dict([*nothing, *questions]).items()))


def main(language: str, what: str = "subjects") -> None:
    known = examples.load(ROOT / f"config/understanding/{language}.yaml", language)
    if what == "answers":
        known = _asked(known)
    rows, right, weight = [], [], []
    order = np.random.default_rng(0).permutation(len(known.labelled))
    for part in range(PARTS):
        held = {int(index) for index in order[part::PARTS]}
        kept = tuple(pair for index, pair in enumerate(known.labelled) if index not in held)
        classifier = Classifier(dataclasses.replace(known, labelled=kept))
        tried = [known.labelled[index] for index in sorted(held)]
        for (_, label), guess in zip(tried, classifier.guess_many(text for text, _ in tried), strict=True):
            rows.append(_row(guess))
            right.append(guess.label == label)
            weight.append(1)
    development = ROOT / f"tests/data/topics_{language}_dev.tsv"
    if what == "subjects" and development.exists():
        pairs = [line.split("\t") for line in development.read_text("utf-8").splitlines()]
        guesses = Classifier(known).guess_many(text for text, _ in pairs)
        for (_, label), guess in zip(pairs, guesses, strict=True):
            rows.append(_row(guess))
            right.append(guess.label == label)
            weight.append(DEVELOPMENT_WEIGHT)
    x, y, w = np.array(rows), np.array(right), np.array(weight)
    model = LogisticRegression(C=10).fit(x, y, sample_weight=w)
    bias, (margin, best, share) = model.intercept_[0], model.coef_[0]
    print(f'"{language}": Calibration({bias:.2f}, {margin:.2f}, {best:.2f}, {share:.2f}),')
    sure = model.predict_proba(x)[:, 1]
    for low, high in itertools.pairwise(BORDERS):
        inside = (sure >= low) & (sure < high)
        if inside.any():
            share_right = np.average(y[inside], weights=w[inside])
            print(f"said {low:.2f} to {min(high, 1):.2f}: right {share_right:.2f}, {inside.sum()} times")


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["ru"]))
