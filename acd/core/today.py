"""Counts since midnight of the centre's zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from acd.contract import LevelView, Outcome, TodayView
from acd.core.rules import Rules
from acd.core.service_level import FORMULAS, Counts, all_levels

FIELDS = (
    "offered",
    "answered",
    "answered_in_target",
    "abandoned",
    "short_abandons",
    "abandoned_in_target",
    "other",
    "waited_ms",
)


class Today:
    """Running counts; a call counts on the day on which the fact happens."""

    def __init__(self) -> None:
        self.midnight_ms = 0  # when these counts end
        self.counts: dict[str, int] = dict.fromkeys(FIELDS, 0)
        self.use(Rules())

    def use(self, rules: Rules) -> None:
        self.target_ms = rules.target_ms
        self.short_ms = rules.short_abandon_ms
        self.zone = rules.timezone
        self.formula = rules.service_level

    def turn(self, now_ms: int) -> None:
        """A new day begins: forget the old counts."""
        zone = ZoneInfo(self.zone)
        day = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone).date() + timedelta(days=1)
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        self.midnight_ms = int(midnight.timestamp() * 1000)
        self.counts = dict.fromkeys(FIELDS, 0)

    def queued(self, change: int = 1) -> None:
        self.counts["offered"] += change

    def answered(self, waited_ms: int, change: int = 1) -> None:
        counts = self.counts
        counts["answered"] += change
        counts["waited_ms"] += change * waited_ms
        if waited_ms <= self.target_ms:
            counts["answered_in_target"] += change

    def left(self, outcome: Outcome, waited_ms: int, change: int = 1) -> None:
        counts = self.counts
        if outcome != "abandoned":
            counts["other"] += change
            return
        counts["abandoned"] += change
        if waited_ms < self.short_ms:
            counts["short_abandons"] += change
        if waited_ms <= self.target_ms:
            counts["abandoned_in_target"] += change

    def as_counts(self) -> Counts:
        return Counts(**{name: max(0, self.counts[name]) for name in FIELDS if name != "waited_ms"})

    def levels(self) -> tuple[LevelView, ...]:
        """All service level formulas side by side."""
        return all_levels(self.as_counts())

    def view(self, waiting: int, longest_wait_ms: int, callbacks: int = 0) -> TodayView:
        counts = self.as_counts()
        formula = FORMULAS[self.formula]
        numerator, denominator = formula.of(counts)
        return TodayView(
            offered=counts.offered,
            answered=counts.answered,
            answered_in_target=counts.answered_in_target,
            abandoned=counts.abandoned,
            short_abandons=counts.short_abandons,
            waiting=waiting,
            longest_wait_ms=longest_wait_ms,
            asa_ms=self.counts["waited_ms"] // counts.answered if counts.answered else 0,
            service_level=formula.level(counts),
            formula=formula.label,
            callbacks=callbacks,
            numerator=numerator,
            denominator=denominator,
        )
