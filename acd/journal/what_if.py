"""A recorded period once more, with other rules, skills or agents: the production engine, simulated callers.

What is taken over from the record, call by call
  * when he came, what he wanted, in which language
  * how long his agent's phone rang, how long they talked, when the agent was ready again
  * after which wait he hung up, if he did; or left otherwise
What the record cannot tell, and what is assumed
  * one who was answered might have hung up later: from the recorded wait on he is as impatient as the
    recorded callers were on average (``Recording.more_patience_ms``)
  * one who hung up might have been answered: he talks as long as the median of his topic
  * nobody declines or lets his phone ring; a talk takes the same time with an agent of another level
So compare a variant with the "same again" run, which makes the same assumptions, rather than with the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from heapq import heappop, heappush

from acd.contract import (
    AgentDefined,
    AgentRemoved,
    AgentStatusDeclared,
    CallEnded,
    CallLeft,
    Command,
    Event,
    OfferAccepted,
    OfferCall,
    ReleaseCall,
    RulesLoaded,
    Tick,
    WithdrawOffer,
    WrapUpFinished,
)
from acd.core.engine import Engine
from acd.journal.recorded import Fate, RecordedCall, Recording

AFTER_MS = 4 * 3_600_000  # those who wait at the end of the period are served after it


@dataclass(frozen=True, slots=True)
class Variant:
    """What is other than recorded. ``skills``: new skills and languages of these agents. ``agents``: only
    these exist; who has no recorded day is available throughout. ``rules``: instead of all recorded ones."""

    name: str
    skills: Mapping[str, AgentDefined] | None = None
    agents: Mapping[str, AgentDefined] | None = None
    rules: RulesLoaded | None = None


def simulate(recording: Recording, variant: Variant) -> list[Fate]:
    """What would have come of each caller."""
    return _Simulation(recording, variant).run()


class _Simulation:
    def __init__(self, recording: Recording, variant: Variant) -> None:
        self._recording = recording
        self._engine = Engine()
        self._heap: list[tuple[int, int, Event]] = []
        self._serial = 0
        self._calls: dict[str, RecordedCall] = {call.queued.call_id: call for call in recording.calls}
        self._offers: set[str] = set()  # ringing
        self._fates: dict[str, Fate] = {}
        self._talks_ms = {topic: recording.usual_talk_ms(topic) for topic in _topics(recording)}
        self._ring_ms = recording.usual_ring_ms()
        for at_ms, event in _setting(recording, variant):
            self._at(at_ms, event)
        for call in recording.calls:
            self._at(call.at_ms, call.queued)
            if not call.answered and call.left is not None:
                self._at(call.place_ms + call.waited_ms, call.left)
            elif (more_ms := recording.more_patience_ms(call.queued.call_id)) is not None:
                until_ms = max(call.at_ms, call.place_ms + call.waited_ms)
                self._at(until_ms + more_ms, CallLeft(call.queued.call_id, "abandoned", "what_if"))

    def _at(self, at_ms: int, event: Event) -> None:
        self._serial += 1
        heappush(self._heap, (at_ms, self._serial, event))

    def run(self) -> list[Fate]:
        end_ms = self._recording.last_ms + AFTER_MS
        while len(self._fates) < len(self._calls):
            deadline_ms = self._engine.next_deadline_ms()
            if self._heap and (deadline_ms is None or self._heap[0][0] <= deadline_ms):
                at_ms, _, event = heappop(self._heap)
                if not self._still_happens(event, at_ms):
                    continue
            elif deadline_ms is not None:
                at_ms, event = max(deadline_ms, self._engine.now_ms), Tick()
            else:
                break
            if at_ms > end_ms:
                break
            for order in self._engine.step(event, at_ms):
                self._perform(order, at_ms)
        for call_id, call in self._calls.items():
            if call_id not in self._fates:
                waited = max(0, self._recording.last_ms - call.place_ms)
                self._fates[call_id] = Fate(call.at_ms, call.queued.topic, waited, "waiting")
        return [self._fates[call_id] for call_id in self._calls]

    def _still_happens(self, event: Event, at_ms: int) -> bool:
        """Drops what another turn of events has made void, and notes what becomes of callers."""
        match event:
            case OfferAccepted():
                if event.offer_id not in self._offers:
                    return False
                self._offers.discard(event.offer_id)
                call = self._calls[event.call_id]
                self._note(call, at_ms, "answered")
                talk_ms = call.talk_ms if call.talk_ms >= 0 else self._talks_ms[call.queued.topic]
                self._at(at_ms + talk_ms, CallEnded(event.call_id, event.agent_id))
                if call.wrap_up_ms >= 0:
                    self._at(at_ms + talk_ms + call.wrap_up_ms, WrapUpFinished(event.agent_id))
            case CallLeft():
                if event.call_id in self._fates:
                    return False
                self._note(self._calls[event.call_id], at_ms, event.outcome)
            case _:
                pass
        return True

    def _perform(self, order: Command, at_ms: int) -> None:
        match order:
            case OfferCall() if order.call_id in self._calls:
                ring_ms = self._calls[order.call_id].ring_ms
                ring_ms = min(ring_ms if ring_ms >= 0 else self._ring_ms, order.ring_ms)
                self._offers.add(order.offer_id)
                accepted = OfferAccepted(order.offer_id, order.call_id, order.agent_id)
                self._at(at_ms + ring_ms, accepted)
            case WithdrawOffer():
                self._offers.discard(order.offer_id)
            case ReleaseCall() if order.call_id in self._calls:
                self._at(at_ms, CallLeft(order.call_id, "overflowed", order.reason))
            case _:
                pass

    def _note(self, call: RecordedCall, at_ms: int, outcome: str) -> None:
        known = self._engine.calls.get(call.queued.call_id)
        place_ms = known.place_ms if known is not None else call.place_ms
        self._fates[call.queued.call_id] = Fate(call.at_ms, call.queued.topic, at_ms - place_ms, outcome)
        if known is not None and outcome != "answered":
            # He is not there any more: an agent's phone that rings for him stops.
            self._offers.discard(known.offer_id)


def _topics(recording: Recording) -> set[str]:
    return {call.queued.topic for call in recording.calls}


def _setting(recording: Recording, variant: Variant) -> list[tuple[int, Event]]:
    """Agents and rules, as recorded and as varied, in order of time."""
    facts: list[tuple[int, Event]] = []
    start_ms = min([at_ms for at_ms, _ in (*recording.agent_facts, *recording.rules)], default=0)
    start_ms = min(start_ms or recording.first_ms, recording.first_ms)
    if variant.rules is not None:
        facts.append((start_ms, variant.rules))
    else:
        facts += recording.rules
    with_day: set[str] = set()
    for at_ms, event in recording.agent_facts:
        agent_id = str(getattr(event, "agent_id", ""))
        if variant.agents is not None:
            if agent_id not in variant.agents or isinstance(event, AgentDefined | AgentRemoved):
                continue
        elif isinstance(event, AgentDefined) and variant.skills and agent_id in variant.skills:
            other = variant.skills[agent_id]
            event = replace(event, skills=other.skills, languages=other.languages)
        if isinstance(event, AgentStatusDeclared):
            with_day.add(agent_id)
        facts.append((at_ms, event))
    if variant.agents is not None:
        skills = variant.skills or {}
        defined: list[tuple[int, Event]] = []
        for agent_id, agent in variant.agents.items():
            defined.append((start_ms, skills.get(agent_id, agent)))
            if agent_id not in with_day:
                defined.append((start_ms, AgentStatusDeclared(agent_id, "available")))
        facts = defined + facts
    return sorted(facts, key=lambda item: item[0])
