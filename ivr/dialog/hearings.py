"""The ways in which a caller's words were heard, from one question to the next: a slot holds text only."""

from __future__ import annotations

from collections.abc import Sequence

from ivr.dialog.contract import Utterance
from ivr.dialog.ports import Hearing

MAX_TEXT = 300  # characters of one way
MAX_HEARINGS = 12


def of(utterance: Utterance) -> tuple[Hearing, ...]:
    """What was heard, the likeliest first; () for nothing."""
    found = (Hearing(utterance.text), *utterance.alternatives)[:MAX_HEARINGS]
    return tuple(Hearing(each.text[:MAX_TEXT], each.cost) for each in found if each.text)


def written(hearings: Sequence[Hearing]) -> str:
    return "\n".join(f"{each.cost:.1f} {' '.join(each.text.split())}" for each in hearings)


def read(text: str) -> tuple[Hearing, ...]:
    """The inverse of `written`."""
    rows = (line.partition(" ") for line in text.splitlines())
    return tuple(Hearing(words, float(cost)) for cost, _, words in rows)
