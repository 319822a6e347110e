"""Which library understands best: accuracy on the test sentences, time to start, memory, time a sentence.

    python bench/understanding/compare.py        (each candidate in a process of its own)

Candidates see the same examples. "Right" takes the best label, without a confidence: only the ranking counts.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
Pairs = Sequence[tuple[str, str]]
Guess = Callable[[str], str]


def _examples() -> Pairs:
    from ivr.dialog.understanding import examples

    return examples.load(ROOT / "config/understanding/ru.yaml", "ru").labelled


def fuzzy(lemmatised: bool) -> Guess:
    """rapidfuzz: the nearest example, by words in any order."""
    from rapidfuzz import fuzz, process

    from ivr.dialog.understanding.text import read

    def form(text: str) -> str:
        said = read(text, "ru")
        return " ".join(said.lemmas if lemmatised else said.words)

    known = {form(text): label for text, label in _examples()}
    choices = list(known)

    def guess(text: str) -> str:
        found = process.extractOne(form(text), choices, scorer=fuzz.token_sort_ratio)
        return known[found[0]] if found else "none"

    return guess


def linear(machine: str, letters: bool, lemma_words: bool) -> Guess:
    """scikit-learn: a linear model over words, lemmas or letter groups."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import FeatureUnion, make_pipeline
    from sklearn.svm import LinearSVC

    from ivr.dialog.understanding.text import read

    def terms(text: str) -> list[str]:
        said = read(text, "ru")
        return said.lemmas if lemma_words else said.words

    parts = [("words", TfidfVectorizer(analyzer=terms, sublinear_tf=True))]
    if letters:
        parts.append(("letters", TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)))
    model = LogisticRegression(C=10, max_iter=300) if machine == "logistic" else LinearSVC()
    pipeline = make_pipeline(FeatureUnion(parts), model)
    known = _examples()
    pipeline.fit([text for text, _ in known], [label for _, label in known])
    return lambda text: str(pipeline.predict([text])[0])


def ours() -> Guess:
    from ivr.dialog.understanding import examples
    from ivr.dialog.understanding.classifier import Classifier

    classifier = Classifier(examples.load(ROOT / "config/understanding/ru.yaml", "ru"))
    return lambda text: classifier.classify(text)[0]


CANDIDATES: dict[str, Callable[[], Guess]] = {
    "rapidfuzz, words": lambda: fuzzy(False),
    "rapidfuzz, lemmas (pymorphy3)": lambda: fuzzy(True),
    "scikit-learn SVM, words": lambda: linear("svm", False, False),
    "scikit-learn SVM, lemmas": lambda: linear("svm", False, True),
    "scikit-learn SVM, lemmas and letters": lambda: linear("svm", True, True),
    "scikit-learn logistic, lemmas and letters": lambda: linear("logistic", True, True),
    "ours: SVM, lemmas, letters, synonyms, meanings": ours,
}


def measure(name: str) -> None:
    began = time.perf_counter()
    guess = CANDIDATES[name]()
    started_s = time.perf_counter() - began
    lines = (ROOT / "tests/data/topics_ru.tsv").read_text("utf-8").splitlines()
    pairs = [line.split("\t") for line in lines]
    began = time.perf_counter()
    right = sum(guess(text) == label for text, label in pairs)
    each_ms = 1000 * (time.perf_counter() - began) / len(pairs)
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:48} right {right / len(pairs):6.1%}  start {started_s:5.2f} s"
        f"  memory {memory_mb:4.0f} MB  a sentence {each_ms:5.2f} ms",
        flush=True,
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1])
    else:
        for candidate in CANDIDATES:
            subprocess.run([sys.executable, __file__, candidate], check=True, timeout=300)
