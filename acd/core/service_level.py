"""Service level, said honestly: each usual formula by its name and version, from the same counts.

All take calls that ended or were answered in a period. A *short* abandon is one before the threshold.
docs/service-level.md explains when each is used and by whom. A changed formula gets a new version,
never a changed meaning under the old name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from acd.contract import LevelView


@dataclass(frozen=True, slots=True)
class Counts:
    """Of calls offered to agents in a period (callers who asked for a person)."""

    offered: int = 0
    answered: int = 0
    answered_in_target: int = 0
    abandoned: int = 0
    short_abandons: int = 0
    abandoned_in_target: int = 0
    other: int = 0  # left otherwise: overflowed, called back, failed


@dataclass(frozen=True, slots=True)
class Formula:
    name: str
    version: int
    text: str
    of: Callable[[Counts], tuple[int, int]]  # numerator, denominator

    def level(self, counts: Counts) -> float | None:
        """0..1, or None when nothing counts yet."""
        above, below = self.of(counts)
        return above / below if below > 0 else None

    @property
    def label(self) -> str:
        return f"{self.name}/{self.version}"


FORMULAS = {
    formula.name: formula
    for formula in (
        Formula(
            "answered_of_offered",
            1,
            "answered within the target / all offered",
            lambda c: (c.answered_in_target, c.offered),
        ),
        Formula(
            "answered_of_finished",
            1,
            "answered within the target / (answered + abandoned)",
            lambda c: (c.answered_in_target, c.answered + c.abandoned),
        ),
        Formula(
            "without_short_abandons",
            1,
            "answered within the target / (answered + abandoned, short abandons left out)",
            lambda c: (c.answered_in_target, c.answered + c.abandoned - c.short_abandons),
        ),
        Formula(
            "abandoned_in_target_helped",
            1,
            "(answered + abandoned within the target) / offered",
            lambda c: (c.answered_in_target + c.abandoned_in_target, c.offered),
        ),
        Formula(
            "asterisk_servicelevelperf",
            1,
            "Asterisk's ServicelevelPerf: answered within the target / answered",
            lambda c: (c.answered_in_target, c.answered),
        ),
        Formula(
            "asterisk_servicelevelperf2",
            1,
            "Asterisk's ServicelevelPerf2: (answered within the target + abandoned within it) "
            "/ (answered + abandoned)",
            lambda c: (c.answered_in_target + c.abandoned_in_target, c.answered + c.abandoned),
        ),
    )
}


def all_levels(counts: Counts) -> tuple[LevelView, ...]:
    """Every formula with its value, to be shown side by side."""
    return tuple(
        LevelView(formula.name, formula.version, formula.text, *formula.of(counts))
        for formula in FORMULAS.values()
    )
