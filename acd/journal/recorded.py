"""What a journal tells of the callers: when they came, how long they waited, talked, were ready to wait.

Pure. The journal is fed once to an engine, so that orders (which are not in it) are known as well: how long
an agent's phone rang before he answered is the time between the offer and its acceptance. And what came of a
call, after which wait, is what the engine made of it: figures agree with those that were shown.
"""

from __future__ import annotations

import functools
import hashlib
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from acd.contract import (
    AgentDefined,
    AgentReachabilityChanged,
    AgentRemoved,
    AgentStatusDeclared,
    CallbackRequested,
    CallEnded,
    CallLeft,
    CallQueued,
    Event,
    NodeLost,
    OfferAccepted,
    OfferCall,
    RulesLoaded,
    WrapUpFinished,
)
from acd.core.engine import Engine
from acd.journal.codec import Undecodable, decode_event
from acd.journal.stream import Entry

DEFAULT_RING_MS = 3_000
DEFAULT_TALK_MS = 240_000

# Of these an agent's day is made; they are played back as they were.
AGENT_FACTS = (AgentDefined, AgentRemoved, AgentStatusDeclared, AgentReachabilityChanged)
# Said once, perhaps long ago, and holding until something else is said.
STANDING = tuple(kind.__name__ for kind in (*AGENT_FACTS, RulesLoaded))


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One caller. Times in ms; -1: not known from the record."""

    queued: CallQueued
    at_ms: int
    place_ms: int  # since when he waits: earlier than ``at_ms`` when his place was kept
    waited_ms: int = -1  # from his place until he was connected or left
    answered: bool = False
    left: CallLeft | None = None
    ring_ms: int = -1
    talk_ms: int = -1
    wrap_up_ms: int = -1  # when the agent said himself that he was ready
    topic: str = ""
    agent_id: str = ""


@dataclass
class Recording:
    """A period of a journal."""

    calls: list[RecordedCall] = field(default_factory=list)
    agent_facts: list[tuple[int, Event]] = field(default_factory=list)
    rules: list[tuple[int, RulesLoaded]] = field(default_factory=list)
    entries: int = 0
    unreadable: int = 0
    first_ms: int = 0
    last_ms: int = 0
    targets_ms: list[int] = field(default_factory=list)  # of the rules in force in the period, in order

    def usual_talk_ms(self, topic: str) -> int:
        """Median of the topic's conversations, for callers whose own is not known."""
        same = [call.talk_ms for call in self.calls if call.talk_ms >= 0 and call.queued.topic == topic]
        every = same or [call.talk_ms for call in self.calls if call.talk_ms >= 0]
        return int(statistics.median(every)) if every else DEFAULT_TALK_MS

    def more_patience_ms(self, call_id: str) -> int | None:
        """How much longer than recorded a caller would have waited who did not hang up; None: without end.

        Exponential, with the rate at which the recorded callers hung up: abandoned / all waiting time, the
        usual estimate of impatience in Erlang-A. Always the same for the same caller, so that variants are
        compared caller by caller.
        """
        if self._mean_patience_ms is None:
            return None
        share = (int.from_bytes(hashlib.sha256(call_id.encode()).digest()[:6], "big") + 1) / (1 << 48)
        return int(-math.log(share) * self._mean_patience_ms)

    @functools.cached_property
    def _mean_patience_ms(self) -> float | None:
        abandoned = sum(call.left is not None and call.left.outcome == "abandoned" for call in self.calls)
        waited_ms = sum(max(call.waited_ms, 0) for call in self.calls)
        return waited_ms / abandoned if abandoned and waited_ms else None

    def usual_ring_ms(self) -> int:
        rings = [call.ring_ms for call in self.calls if call.ring_ms >= 0]
        return int(statistics.median(rings)) if rings else DEFAULT_RING_MS


def read(entries: Iterable[Entry], from_ms: int = 0, to_ms: int = 1 << 62) -> Recording:
    """Calls that were queued in the period; facts about agents and rules from before it as well."""
    reader = _Reader(from_ms, to_ms)
    for entry in entries:
        reader.take(entry)
    recording = reader.recording
    recording.calls = sorted(reader.calls.values(), key=lambda call: (call.at_ms, call.queued.call_id))
    return recording


class _Reader:
    def __init__(self, from_ms: int, to_ms: int) -> None:
        self.from_ms, self.to_ms = from_ms, to_ms
        self.recording = Recording()
        self.calls: dict[str, RecordedCall] = {}
        self._engine = Engine()
        self._offered_ms: dict[str, int] = {}
        self._wrapping: dict[str, tuple[str, int]] = {}  # agent -> his last call and its end

    def take(self, entry: Entry) -> None:
        recording, engine = self.recording, self._engine
        now_ms = entry.time_ms
        recording.entries += 1
        try:
            event = decode_event(entry.data)
        except Undecodable:
            recording.unreadable += 1
            return
        new = isinstance(event, CallQueued) and not (
            event.call_id in engine.calls or event.call_id in engine.ended
        )
        for order in engine.step(event, now_ms):
            if isinstance(order, OfferCall):
                self._offered_ms[order.offer_id] = now_ms
        if isinstance(event, AGENT_FACTS) and now_ms <= self.to_ms:
            recording.agent_facts.append((now_ms, event))
        elif isinstance(event, RulesLoaded) and now_ms <= self.to_ms:
            recording.rules.append((now_ms, event))
        else:
            self._of_call(event, now_ms, new)
        if self.from_ms <= now_ms <= self.to_ms:
            recording.first_ms = recording.first_ms or now_ms
            recording.last_ms = now_ms
            if recording.targets_ms[-1:] != [engine.rules.target_ms]:
                recording.targets_ms.append(engine.rules.target_ms)

    def _of_call(self, event: Event, now_ms: int, new: bool) -> None:
        match event:
            case CallQueued() if event.channel == "voice":  # what-if, forecasts and plans are about calls
                if event.call_id not in self.calls and self.from_ms <= now_ms <= self.to_ms:
                    self._begin(event, now_ms, new)
                self._settle(event.call_id)
            case CallLeft() | CallbackRequested():
                self._settle(event.call_id)
            case NodeLost():
                waiting = [key for key, call in self.calls.items() if not call.answered and call.left is None]
                for call_id in waiting:
                    self._settle(call_id)
            case OfferAccepted():
                offered = self._offered_ms.pop(event.offer_id, None)
                self._settle(event.call_id, -1 if offered is None else now_ms - offered)
            case CallEnded():
                self._end_talk(event.call_id)
                self._wrapping[event.agent_id] = (event.call_id, now_ms)
            case WrapUpFinished():
                last = self._wrapping.pop(event.agent_id, None)
                if last is not None and last[0] in self.calls:
                    call = self.calls[last[0]]
                    self.calls[last[0]] = replace(call, wrap_up_ms=now_ms - last[1])
            case _:
                pass

    def _begin(self, event: CallQueued, now_ms: int, new: bool) -> None:
        """Whom the engine takes for a caller: no repeat after his end, no customer who was called back."""
        known = self._engine.calls.get(event.call_id)
        if known is None or known.callback:
            return
        if new:
            self.calls[event.call_id] = RecordedCall(event, now_ms, known.place_ms)
        elif known.place_ms >= self.from_ms:  # his conversation was told first: the journal had been emptied
            self.calls[event.call_id] = RecordedCall(event, known.place_ms, known.place_ms)

    def _settle(self, call_id: str, ring_ms: int = -1) -> None:
        """Takes over how the call stands. Who was answered once stays answered, unless the two never met."""
        call = self.calls.get(call_id)
        if call is None:
            return
        known, ended = self._engine.calls.get(call_id), self._engine.ended.get(call_id)
        if known is not None and not call.answered:  # maybe taken back, after the node was lost
            call = replace(call, place_ms=known.place_ms, waited_ms=-1, left=None)
            if known.state == "connected":
                waited = known.answered_ms - known.place_ms
                call = replace(
                    call, answered=True, waited_ms=waited, ring_ms=ring_ms, agent_id=known.agent_id
                )
        elif ended is not None and ended.agent_id and ended.outcome != "failed":
            if not call.answered:
                waited, agent_id = ended.waited_ms, ended.agent_id
                call = replace(call, answered=True, waited_ms=waited, left=None, agent_id=agent_id)
        elif ended is not None and (ended.agent_id or not call.answered):
            left = CallLeft(call_id, ended.outcome, ended.reason)
            call = replace(call, answered=False, waited_ms=ended.waited_ms, left=left)
        self.calls[call_id] = call

    def _end_talk(self, call_id: str) -> None:
        call, ended = self.calls.get(call_id), self._engine.ended.get(call_id)
        met = call is not None and call.answered
        self._settle(call_id)
        if met and ended is not None and ended.outcome != "failed":
            answered_ms = ended.place_ms + ended.waited_ms
            self.calls[call_id] = replace(self.calls[call_id], talk_ms=ended.ended_ms - answered_ms)


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of a period. ``buckets``: offered and answered in target, by start of the interval in ms."""

    name: str
    offered: int
    answered: int
    in_target: int
    abandoned: int
    other: int
    asa_s: float
    p95_wait_s: float
    max_wait_s: float
    buckets: dict[int, tuple[int, int]] = field(default_factory=dict)
    by_topic: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def share(self) -> float | None:
        """Answered within the target / all offered."""
        return self.in_target / self.offered if self.offered else None


@dataclass(frozen=True, slots=True)
class Fate:
    """What came of one caller. ``waited_ms`` of those still waiting at the end: until then."""

    at_ms: int
    topic: str
    waited_ms: int
    outcome: str  # answered, abandoned, or another


def figures(name: str, fates: Sequence[Fate], target_ms: int, bucket_ms: int) -> Figures:
    """Counts of a period; waits of all callers, whatever came of them, in p95 and maximum."""
    waits = sorted(fate.waited_ms for fate in fates)
    answered = [fate.waited_ms for fate in fates if fate.outcome == "answered"]
    buckets: dict[int, tuple[int, int]] = {}
    topics: dict[str, tuple[int, int]] = {}
    for fate in fates:
        good = fate.outcome == "answered" and fate.waited_ms <= target_ms
        start = fate.at_ms - fate.at_ms % bucket_ms
        offered, reached = buckets.get(start, (0, 0))
        buckets[start] = (offered + 1, reached + good)
        offered, reached = topics.get(fate.topic, (0, 0))
        topics[fate.topic] = (offered + 1, reached + good)
    return Figures(
        name,
        offered=len(fates),
        answered=len(answered),
        in_target=sum(wait <= target_ms for wait in answered),
        abandoned=sum(fate.outcome == "abandoned" for fate in fates),
        other=sum(fate.outcome not in ("answered", "abandoned") for fate in fates),
        asa_s=sum(answered) / len(answered) / 1000 if answered else 0.0,
        p95_wait_s=waits[min(len(waits) - 1, int(len(waits) * 0.95))] / 1000 if waits else 0.0,
        max_wait_s=waits[-1] / 1000 if waits else 0.0,
        buckets=dict(sorted(buckets.items())),
        by_topic=dict(sorted(topics.items())),
    )


def as_it_was(recording: Recording) -> list[Fate]:
    """What really came of each caller."""
    fates = []
    for call in recording.calls:
        outcome = "answered" if call.answered else call.left.outcome if call.left else "waiting"
        waited = call.waited_ms if call.waited_ms >= 0 else recording.last_ms - call.place_ms
        fates.append(Fate(call.at_ms, call.queued.topic, waited, outcome))
    return fates
