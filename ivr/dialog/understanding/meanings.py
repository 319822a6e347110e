"""What words mean, as numbers: a sentence is the weighted sum of its words' vectors.

Lets an example with «ребёнок» speak for a caller who says «малыш». The vectors are data in models/words-LANG
(see the README there); a language without them is understood by words and letters alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ivr.dialog.understanding.text import Said

MODELS = Path(__file__).resolve().parents[3] / "models"
Vector = npt.NDArray[np.float32]
AXES = 80  # combinations of the vectors' numbers in which the examples differ most; more of them tell no more
_HEAVIEST = 6.0  # a rare word counts at most this many times a word of every sentence


class WordVectors:
    def __init__(self, words: Sequence[str], codes: npt.NDArray[np.uint8], parts: Vector) -> None:
        self._row = {word: index for index, word in enumerate(words)}
        self._codes, self._parts = codes, parts
        self._places = np.arange(parts.shape[0])
        self.size = parts.shape[0] * parts.shape[2]

    def vector(self, lemma: str) -> Vector | None:
        """Of length one; None for an unknown word."""
        row = self._row.get(lemma)
        if row is None:
            return None
        found: Vector = self._parts[self._places, self._codes[row]].ravel()
        return found / np.float32(np.linalg.norm(found) + 1e-6)


@lru_cache(maxsize=4)
def load(language: str, models: Path = MODELS) -> WordVectors | None:
    """None when the language has no vectors."""
    folder = models / f"words-{language}"
    if not (folder / "vectors.npz").is_file():
        return None
    with np.load(folder / "vectors.npz") as data:
        words = (folder / "words.txt").read_text("utf-8").split()
        return WordVectors(words, data["codes"], data["parts"])


class Meanings:
    """scikit-learn's transformer: utterances to sentence vectors."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._weights: Mapping[str, float] = {}
        self._unseen = 1.0
        self._axes: Vector | None = None

    def fit(self, everything: Sequence[Said], labels: object = None) -> Meanings:
        self.fit_transform(everything, labels)
        return self

    def transform(self, everything: Iterable[Said]) -> csr_matrix:
        assert self._axes is not None
        return csr_matrix(np.stack([self._sentence(said) @ self._axes for said in everything]))

    def fit_transform(self, everything: Sequence[Said], _labels: object = None, **_given: Any) -> csr_matrix:
        self._weigh(everything)
        sentences = np.stack([self._sentence(said) for said in everything])
        with threadpool_limits(1):  # threads make so little work slower, on a busy machine far slower
            _, turned = np.linalg.eigh(sentences.T @ sentences)
            axes: Vector = turned[:, -AXES:].astype(np.float32)  # the last are the longest
            self._axes = axes
            return csr_matrix(sentences @ axes)

    def _weigh(self, everything: Sequence[Said]) -> None:
        seen: dict[str, int] = {}
        for said in everything:
            for word in set(said.lemmas):
                seen[word] = seen.get(word, 0) + 1
        total = len(everything) + 1
        self._weights = {word: float(np.log(total / (count + 1)) + 1) for word, count in seen.items()}
        self._unseen = float(np.log(total) + 1)

    def _sentence(self, said: Said) -> Vector:
        vectors = load(self._language)
        if vectors is None:
            return np.zeros(1, np.float32)
        total = np.zeros(vectors.size, np.float32)
        for word in said.lemmas:
            if (vector := vectors.vector(word)) is not None:
                total += np.float32(min(self._weights.get(word, self._unseen), _HEAVIEST)) * vector
        length = np.float32(np.linalg.norm(total))
        return (total / length if length else total).astype(np.float32)
