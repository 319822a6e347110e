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

from ivr.dialog.understanding.text import lemmas

MODELS = Path(__file__).resolve().parents[3] / "models"
Vector = npt.NDArray[np.float32]
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
    """scikit-learn's transformer: texts to sentence vectors. ``share``: how much they count beside words."""

    def __init__(self, language: str, share: float = 1.0) -> None:
        self._language, self._share = language, share
        self._weights: Mapping[str, float] = {}
        self._unseen = 1.0

    def fit(self, texts: Sequence[str], _labels: object = None) -> Meanings:
        seen: dict[str, int] = {}
        for text in texts:
            for word in set(lemmas(text, self._language)):
                seen[word] = seen.get(word, 0) + 1
        total = len(texts) + 1
        self._weights = {word: float(np.log(total / (count + 1)) + 1) for word, count in seen.items()}
        self._unseen = float(np.log(total) + 1)
        return self

    def transform(self, texts: Iterable[str]) -> csr_matrix:
        return csr_matrix(np.stack([self._sentence(text) for text in texts]))

    def fit_transform(self, texts: Sequence[str], labels: object = None, **_: Any) -> csr_matrix:
        return self.fit(texts, labels).transform(texts)

    def _sentence(self, text: str) -> Vector:
        vectors = load(self._language)
        if vectors is None:
            return np.zeros(1, np.float32)
        total = np.zeros(vectors.size, np.float32)
        for word in lemmas(text, self._language):
            if (vector := vectors.vector(word)) is not None:
                total += np.float32(min(self._weights.get(word, self._unseen), _HEAVIEST)) * vector
        length = np.float32(np.linalg.norm(total))
        return np.float32(self._share) * total / length if length else total
