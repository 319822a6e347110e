"""Fits the classifiers' confidence: prints the constants for `Calibration`, and how true they are.

    python bench/understanding/calibrate.py ru            # subjects and commands
    python bench/understanding/calibrate.py ru answers

Evidence comes from examples held out in turn, half of it one by one (by lot, in five parts), half of it by
families of paraphrases: examples that mean alike go together, so that what is tried resembles nothing that
was taught. A caller's own words lie between the two. The test sentences are not looked at.
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.linear_model import LogisticRegression

from ivr.dialog.understanding import examples
from ivr.dialog.understanding.classifier import Classifier, Guess
from ivr.dialog.understanding.examples import NONE, Examples
from ivr.prompts import answers

ROOT = Path(__file__).resolve().parents[2]
PARTS = 5
FAMILY = 12  # examples, about
BORDERS = (0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 1.01)


def _row(guess: Guess) -> list[float]:
    return [guess.margin, guess.best, guess.known]


def _asked(known: Examples) -> Examples:
    """The questions of the answers, and what no answer is for."""
    questions = [
        (text, answer.answer_id)
        for answer in answers.load(ROOT / "config/answers").values()
        for text in answer.questions[known.language]
    ]
    nothing = [(text, label) for text, label in known.labelled if label == NONE]
    nothing += [(text, NONE) for text in known.unanswered]
    return dataclasses.replace(known, labelled=tuple(dict([*nothing, *questions]).items()))


def _by_lot(known: Examples) -> npt.NDArray[np.int64]:
    return np.random.default_rng(0).integers(0, PARTS, len(known.labelled))


def _by_families(known: Examples) -> npt.NDArray[np.int64]:
    """Parts that no family of paraphrases is spread over."""
    texts = [text for text, _ in known.labelled]
    seen = TruncatedSVD(100, random_state=0).fit_transform(Classifier(known).features(texts))
    seen /= np.linalg.norm(seen, axis=1, keepdims=True) + 1e-9
    family = KMeans(len(texts) // FAMILY, n_init=1, random_state=0).fit_predict(seen)
    part_of = np.random.default_rng(0).integers(0, PARTS, family.max() + 1)
    return np.asarray(part_of[family], np.int64)


def main(language: str, what: str = "subjects") -> None:
    known = examples.load(ROOT / f"config/understanding/{language}.yaml", language)
    if what == "answers":
        known = _asked(known)
    rows: list[list[float]] = []
    right: list[bool] = []
    for name, parts in (("by lot", _by_lot(known)), ("by families", _by_families(known))):
        begun = len(right)
        for part in range(PARTS):
            both = list(zip(known.labelled, parts, strict=True))
            kept = tuple(pair for pair, where in both if where != part)
            tried = [pair for pair, where in both if where == part]
            guesses = Classifier(dataclasses.replace(known, labelled=kept)).guess_many(t for t, _ in tried)
            rows += [_row(guess) for guess in guesses]
            right += [guess.label == label for guess, (_, label) in zip(guesses, tried, strict=True)]
        print(f"# held out {name}: {np.mean(right[begun:]):.1%} right")
    x, y = np.array(rows), np.array(right)
    model = LogisticRegression(C=10).fit(x, y)
    bias, (margin, best, share) = model.intercept_[0], model.coef_[0]
    print(f'"{language}": Calibration({bias:.2f}, {margin:.2f}, {best:.2f}, {share:.2f}),')
    sure = model.predict_proba(x)[:, 1]
    for low, high in itertools.pairwise(BORDERS):
        inside = (sure >= low) & (sure < high)
        if inside.any():
            print(f"said {low:.2f} to {min(high, 1):.2f}: right {y[inside].mean():.2f}, {inside.sum()} times")


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["ru"]))
