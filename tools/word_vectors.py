"""Makes models/words-ru: what Russian words mean, for understanding callers who use words of their own.

    pip install natasha==1.6.0 pymorphy3        (in an environment of its own)
    python tools/word_vectors.py models/words-ru

From the "navec" news vectors (300 numbers a word, product quantised, MIT licence, part of the natasha
package): the most frequent lemmas are kept. Frequency is that of navec's corpus.
"""

from __future__ import annotations

import sys
from pathlib import Path

import natasha
import numpy as np
from navec import Navec

from ivr.dialog.understanding.text import lemma

KEPT = 40_000


def main(folder: Path) -> None:
    source = next((Path(natasha.__file__).parent / "data/emb").glob("*.tar"))
    navec = Navec.load(str(source))
    counts = dict(zip(navec.vocab.words, navec.vocab.counts, strict=True))
    ordered = sorted(navec.vocab.words, key=lambda word: -counts[word])
    kept: dict[str, int] = {}
    for word in ordered:
        plain = word.replace("ё", "е")
        if len(kept) < KEPT and plain.isalpha() and plain not in kept and lemma(plain, "ru") == plain:
            kept[plain] = navec.vocab.word_ids[word]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "words.txt").write_text("\n".join(kept) + "\n", "utf-8")
    codes = navec.pq.indexes[list(kept.values())].astype(np.uint8)
    np.savez_compressed(folder / "vectors.npz", codes=codes, parts=navec.pq.codes.astype(np.float32))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
