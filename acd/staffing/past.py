"""What a journal says for staffing: callers per quarter hour and topic, and how long things take."""

from __future__ import annotations

import datetime as dt
import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from acd.core.rules import Rules
from acd.journal import recorded
from acd.journal.recorded import DEFAULT_RING_MS, DEFAULT_TALK_MS, Recording
from acd.journal.stream import Entry
from acd.staffing.forecast import SLOT_MIN, Day, History

ENOUGH_TALKS = 20  # a topic with fewer conversations takes over the lengths of all


@dataclass(frozen=True, slots=True)
class Handling:
    """How long a caller keeps an agent, how patient he is, what he speaks.

    ``talks_ms`` are conversations to draw from; ``exponential``: their mean only is known.
    """

    talks_ms: Mapping[str, tuple[int, ...]]
    wrap_up_s: Mapping[str, float]
    ring_s: float
    patience_s: float | None  # mean wait after which a caller hangs up; None: nobody does
    languages: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # topic -> language -> share
    queues: Mapping[str, str] = field(default_factory=dict)  # topic -> queue
    exponential: bool = False

    def talk_s(self, topic: str) -> float:
        """Mean length of a conversation."""
        return statistics.fmean(self.talks_ms.get(topic) or (DEFAULT_TALK_MS,)) / 1000

    def work_s(self, topic: str) -> float:
        """Mean time that a caller keeps an agent: ringing, talk, wrap-up."""
        return self.ring_s + self.talk_s(topic) + self.wrap_up_s.get(topic, 0.0)


def read(entries: Iterable[Entry], zone: ZoneInfo) -> tuple[Recording, set[dt.date]]:
    """The recording, and the days on which anything at all was recorded: a quiet day is no lost day."""
    seen: set[dt.date] = set()

    def noting() -> Iterator[Entry]:
        end_ms = 0  # of the stretch of time that lies surely within the day noted last
        for entry in entries:
            if entry.time_ms >= end_ms:
                seen.add(dt.datetime.fromtimestamp(entry.time_ms / 1000, zone).date())
                end_ms = entry.time_ms - entry.time_ms % 900_000 + 900_000
            yield entry

    return recorded.read(noting()), seen


def history(
    recording: Recording, seen: set[dt.date], calendar: Callable[[dt.date], Day], zone: ZoneInfo
) -> History:
    """Whole open days: neither the day on which the record begins nor the one on which it ends."""
    whole = sorted(seen)[1:-1]
    days = {date: day for date in whole if (day := calendar(date)).open}
    counts: Counter[tuple[dt.date, int, str]] = Counter()
    for call in recording.calls:
        local = dt.datetime.fromtimestamp(call.at_ms / 1000, zone)
        slot = (local.hour * 60 + local.minute) // SLOT_MIN
        if local.date() in days and slot in days[local.date()].open:
            counts[local.date(), slot, call.queued.topic] += 1
    return History(tuple(days.values()), counts)


def handling(recording: Recording, rules: Rules) -> Handling:
    """Means over all calls of the record; lengths of conversations by topic."""
    every = tuple(call.talk_ms for call in recording.calls if call.talk_ms >= 0)
    topics = {call.queued.topic for call in recording.calls}
    talks: dict[str, tuple[int, ...]] = {}
    wraps: dict[str, float] = {}
    languages: dict[str, dict[str, float]] = {}
    queues: dict[str, str] = {}
    for topic in topics:
        calls = [call for call in recording.calls if call.queued.topic == topic]
        own = tuple(call.talk_ms for call in calls if call.talk_ms >= 0)
        talks[topic] = own if len(own) >= ENOUGH_TALKS else (every or (DEFAULT_TALK_MS,))
        rule_ms = rules.topic(topic).wrap_up_ms
        ended = [call for call in calls if call.talk_ms >= 0]
        took = [min(call.wrap_up_ms, rule_ms) if call.wrap_up_ms >= 0 else rule_ms for call in ended]
        wraps[topic] = (statistics.fmean(took) if took else rule_ms) / 1000
        queues[topic] = Counter(call.queued.queue for call in calls).most_common(1)[0][0]
        spoken = Counter(call.queued.language for call in calls)
        languages[topic] = {language: count / len(calls) for language, count in spoken.items()}
    rings = [call.ring_ms for call in recording.calls if call.ring_ms >= 0]
    gone = sum(call.left is not None and call.left.outcome == "abandoned" for call in recording.calls)
    waited_s = math.fsum(max(call.waited_ms, 0) for call in recording.calls) / 1000
    return Handling(
        talks,
        wraps,
        ring_s=(statistics.fmean(rings) if rings else DEFAULT_RING_MS) / 1000,
        patience_s=waited_s / gone if gone and waited_s > 0 else None,
        languages=languages,
        queues=queues,
    )
