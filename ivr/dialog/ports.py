"""What the dialogue machine asks of the outside while it thinks: values and answers, never I/O.

Everything here is called synchronously inside ``advance`` and must return at once (a few milliseconds at
most): hours come from ``ivr.schedule``, the wait from the local replica of the engine, meaning from
``ivr.dialog.understanding``, incidents from a list that somebody else keeps fresh.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Expects = Literal["choice", "yes_no", "digits", "date", "sentence"]
HoursReason = Literal["regular", "holiday", "closure", "opening", "outside_hours"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a caller meant.

    ``intent`` is one of
      ``topic.TOPIC``      a subject of config/topics.yaml;
      ``answer.ID``        a question that config/answers/ID.yaml answers; ``slots["topic"]``: its subject;
      ``yes`` ``no`` ``person`` ``repeat`` ``back`` ``skip`` ``callback`` ``request`` ``hours``
      ``digits``           ``slots["digits"]``; ``date``: ``slots["date"]`` as YYYY-MM-DD;
      ``other_language``   asks for another language; ``slots["language"]`` when he said which;
      ``""``               nothing understood.
    ``confidence`` 0..1 is calibrated: of all meanings with 0.8, eight in ten are right.
    """

    intent: str = ""
    confidence: float = 0.0
    slots: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hearing:
    """One way to hear what a caller said; ``cost``: natural logarithm of how many times less likely it is
    than the likeliest."""

    text: str
    cost: float = 0.0


class Understanding(Protocol):
    def understand(self, text: str, language: str, expects: Expects) -> Meaning:
        """Meaning of one utterance; never raises for what a caller said, however odd."""
        ...

    def snils(self, heard: Sequence[Sequence[Hearing]], language: str, denied: Collection[str] = ()) -> str:
        """The valid SNILS that one reading of it means, or two, the latest first, each heard in one way or
        several; words misheard or lost included; "" when none is likely. ``denied``: what the caller said
        it is not. To be read back."""
        ...


@dataclass(frozen=True, slots=True)
class HoursState:
    """Is the centre open, and what does a caller hear about it. Times are ISO 8601 with zone.

    ``opens_at`` is the next opening when closed, the opening of this period when open; ``closes_at`` is the
    end of this period when open, of the next one when closed. Both "" when nothing is known within a year.
    ``announcement`` is an ad-hoc text by language (a closure's own words), "" for the usual ones.
    """

    open: bool
    reason: HoursReason
    opens_at: str
    closes_at: str
    announcement: Mapping[str, str] = field(default_factory=dict)
    closes_at_ms: int = 0  # Unix ms of closes_at
    opens_at_ms: int = 0
    local_time: str = "12:00"  # HH:MM at the centre, for the greeting
    opens_day: int = 0  # days from the centre's today to the opening: 0 today, 1 tomorrow


@dataclass(frozen=True, slots=True)
class Wait:
    """What a caller who asks now would wait. ``known`` False: the distributor cannot tell."""

    low_ms: int = 0
    high_ms: int = 0
    servable: bool = True
    known: bool = False


@dataclass(frozen=True, slots=True)
class KnownIncident:
    """A fault that is being worked on. No ``topics``: it concerns everybody; ``text`` by language."""

    incident_id: str
    topics: tuple[str, ...]
    text: Mapping[str, str]
    ends_at_ms: int = 0  # 0: until switched off
    expected: str = ""  # HH:MM at the centre, when the repair is expected today


@dataclass(frozen=True, slots=True)
class Appointment:
    """A time at which somebody may be called, as his own clock and calendar show it."""

    at_ms: int
    day: str  # 2026-11-23
    clock: str  # 16:00
    days: int  # from his today: 0 today, 1 tomorrow


class World(Protocol):
    """Everything the machine may ask. ``topic`` is "" while the subject is not known."""

    def hours(self, now_ms: int) -> HoursState: ...

    def wait(self, topic: str, language: str, queue: str) -> Wait: ...

    def incidents(self, topic: str, now_ms: int) -> tuple[KnownIncident, ...]: ...

    def understand(self, text: str, language: str, expects: Expects) -> Meaning: ...

    def snils(
        self, heard: Sequence[Sequence[Hearing]], language: str, denied: Collection[str] = ()
    ) -> str: ...

    def callback_times(self, number: str, now_ms: int) -> tuple[Appointment, ...]:
        """Times at which this number may be called, in order; () when none can be promised."""
        ...
