"""How well written sentences are understood, as totals, with the hotline as shipped.

    python bench/understanding/score.py topics ru tests/data/topics_ru_second.tsv
    python bench/understanding/score.py answers ru tests/data/questions_ru_second.tsv

A file has a sentence and what it means, parted by a tab, on each line; lines with ``#`` are remarks. Only
totals are printed: whoever sees the sentences that went wrong has begun to tune on them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from dozvon import settings
from dozvon.understanding import load
from ivr.dialog.understanding.examples import COMMANDS, NONE

ROOT = Path(__file__).resolve().parents[2]
# From here the dialogue acts on a subject without asking; an answer is offered from a lower one.
ACT, OFFER = 0.7, 0.6
Pairs = Sequence[tuple[str, str]]
Guess = Callable[[str], tuple[str, float]]


def pairs(file: Path) -> Pairs:
    """Sentences and meanings. Raises ValueError for a line that is neither a remark nor parted by one tab."""
    found = []
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        if line.startswith("#") or not line.strip():
            continue
        text, tab, label = line.partition("\t")
        if not tab or "\t" in label:
            raise ValueError(f"{file}:{number}: a sentence, a tab and its meaning are expected")
        found.append((text, label))
    return found


def _share(part: int, of: int) -> str:
    return f"{part / of:6.1%} ({part} of {of})" if of else "none asked"


def topics(guess: Guess, asked: Pairs) -> None:
    found = [(*guess(text), meant) for text, meant in asked]
    nothing = [label for label, _, meant in found if meant == NONE]
    matters = [(label, meant) for label, _, meant in found if meant != NONE and meant not in COMMANDS]
    commands = [(label, meant) for label, _, meant in found if meant in COMMANDS]
    wrong = sum(label not in (meant, NONE) and sure >= ACT for label, sure, meant in found)
    print("right", _share(sum(label == meant for label, _, meant in found), len(found)))
    print("  subjects", _share(sum(label == meant for label, meant in matters), len(matters)))
    print("  commands", _share(sum(label == meant for label, meant in commands), len(commands)))
    print(f"wrong and sure (from {ACT})", _share(wrong, len(found)))
    print("about nothing, yet accepted", _share(sum(label != NONE for label in nothing), len(nothing)))
    print(
        f"about nothing, accepted and sure (from {ACT})",
        _share(
            sum(label != NONE and sure >= ACT for label, sure, meant in found if meant == NONE), len(nothing)
        ),
    )


def answers(guess: Guess, asked: Pairs) -> None:
    for least in (OFFER, ACT):
        found = [(*guess(text), meant) for text, meant in asked]
        given = [(label if label and sure >= least else NONE, meant) for label, sure, meant in found]
        wanted = [(label, meant) for label, meant in given if meant != NONE]
        nothing = [label for label, meant in given if meant == NONE]
        print(f"from a confidence of {least}:")
        print("  found", _share(sum(label == meant for label, meant in wanted), len(wanted)))
        print(
            "  wrong answer given",
            _share(sum(label not in (meant, NONE) for label, meant in given), len(given)),
        )
        print(
            "  no answer fits, yet one given", _share(sum(label != NONE for label in nothing), len(nothing))
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("topics", "answers"))
    parser.add_argument("language")
    parser.add_argument("file", type=Path)
    given = parser.parse_args()
    known = load(settings.load(ROOT / "config"), [given.language])
    if given.what == "topics":
        topics(lambda text: known.intent(text, given.language), pairs(given.file))
    else:
        answers(lambda text: known.find_answer(text, given.language), pairs(given.file))


if __name__ == "__main__":
    main()
