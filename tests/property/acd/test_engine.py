"""What must hold for the engine whatever happens, in whatever order, however often it is told."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from acd.contract import (
    AgentDefined,
    AgentReachabilityChanged,
    AgentRemoved,
    AgentStatusDeclared,
    AgentUnreachable,
    CallbackFailed,
    CallbackGivenUp,
    CallbackRequested,
    CallEnded,
    CallLeft,
    CallQueued,
    Command,
    Event,
    LeaderElected,
    NodeLost,
    OfferAccepted,
    OfferCall,
    OfferDeclined,
    OfferTimedOut,
    PlaceCallback,
    RulesLoaded,
    Tick,
    WrapUpFinished,
)
from acd.core.engine import Engine
from acd.core.rules import NEVER

START = 1_790_000_000_000
TOPICS = ("documents", "access")
LANGUAGES = ("ru", "tt")
AGENTS = ("2001", "2002", "2003", "2004")
CALLS = tuple(f"c{number}" for number in range(12))
CHATS = tuple(f"t{number}" for number in range(8))
NODES = ("north", "south")
RULES = (
    {},
    {"relax": [{"after_s": 0, "level": 3}, {"after_s": 20, "level": 1}], "spare": {"1": 0}},
    {"languages": {"tt": [{"after_s": 15, "also": "ru"}]}, "relax": [{"after_s": 0, "level": 1}]},
    {
        "queues": {
            "regional": {"skills": "regional", "overflow": {"to": "hotline", "after_s": 10}},
            "hotline": {},
        },
        "wrap_up_s": 5,
    },
    {"chat_capacity": 3, "call_before_chat_s": 5},
    {"chat_capacity": 1, "wrap_up_s": 0, "call_before_chat_s": 600},
    {"relax": "nonsense"},
)

agents = st.sampled_from(AGENTS)
calls = st.sampled_from(CALLS)
chats = st.sampled_from(CHATS)
contacts = st.sampled_from((*CALLS, *CHATS))
topics = st.sampled_from(TOPICS)
callers = st.sampled_from(("", "", "anna", "boris"))


class Machine(RuleBasedStateMachine):
    """Drives one engine; a second one is loaded anew from JSON now and then and must never differ."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.engine = Engine()
        self.twin = Engine()
        self.told: list[tuple[Event, int]] = []
        self.offers: dict[str, OfferCall | PlaceCallback] = {}
        self.outcomes: dict[str, str] = {}

    def tell(self, event: Event) -> list[Command]:
        waiting = {call.call_id: _key(call) for call in self.engine.calls.values() if call.line is not None}
        before = {call_id: call.place_ms for call_id, call in self.engine.calls.items()}
        held = {agent.agent_id: set(agent.chats) for agent in self.engine.agents.values()}
        commands = self.engine.step(event, self.now)
        assert self.twin.step(event, self.now) == commands
        self.told.append((event, self.now))
        for command in commands:
            if isinstance(command, OfferCall | PlaceCallback):
                self.offers[command.offer_id] = command
                self.first_come(command, waiting)
        for call_id, call in self.engine.calls.items():
            assert call.place_ms <= before.get(call_id, call.place_ms), "nobody loses his place"
        for agent in self.engine.agents.values():
            if set(agent.chats) - held.get(agent.agent_id, set()):
                assert len(agent.chats) <= agent.chat_capacity, "never more chats than he takes"
        return commands

    def first_come(self, command: OfferCall | PlaceCallback, waiting: dict[str, object]) -> None:
        """Among equals the first is served, but for one whom the agent served last.

        Who already missed the target is no equal of those who can still be in time: he is set back.
        """
        call = self.engine.calls.get(command.call_id)
        if call is None or "same_agent" in command.reasons or call.state != "offered":
            return
        for other in self.engine.calls.values():
            if other.line is None or other.call_id not in waiting or _key(other) != _key(call):
                continue
            if call.priority > 1 or self.late(other) == self.late(call):
                assert (call.place_ms, call.call_id) <= (other.place_ms, other.call_id)

    def late(self, call) -> bool:
        return call.place_ms < self.engine.now_ms - self.engine.late_after_ms

    # ------------------------------------------------------------------------------------------ events
    @rule(
        call=calls,
        topic=topics,
        language=st.sampled_from(LANGUAGES),
        priority=st.integers(0, 2),
        level=st.integers(1, 3),
        queue=st.sampled_from(("hotline", "regional")),
        caller=callers,
        ago=st.sampled_from((0, 0, 30_000, 130_000)),
        node=st.sampled_from(NODES),
    )
    def queued(self, call, topic, language, priority, level, queue, caller, ago, node):
        first = self.now - ago if ago else 0
        self.tell(CallQueued(call, node, queue, topic, language, priority, first, caller, level))

    @rule(call=calls, topic=topics)
    def plain_call(self, call, topic):
        self.tell(CallQueued(call, "north", "hotline", topic))

    @rule(
        chat=chats,
        topic=topics,
        priority=st.integers(0, 2),
        ago=st.sampled_from((0, 0, 30_000, 130_000)),
        caller=callers,
    )
    def chat(self, chat, topic, priority, ago, caller):
        first = self.now - ago if ago else 0
        self.tell(CallQueued(chat, "north", "hotline", topic, "ru", priority, first, caller, channel="chat"))

    @rule(chat=chats)
    def plain_chat(self, chat):
        self.tell(CallQueued(chat, "south", "hotline", "access", channel="chat"))

    @rule(call=contacts, outcome=st.sampled_from(("abandoned", "overflowed", "called_back")))
    def left(self, call, outcome):
        self.tell(CallLeft(call, outcome))

    @rule(call=calls, caller=callers, later=st.sampled_from((0, 40_000)), until=st.sampled_from((0, 90_000)))
    def callback(self, call, caller, later, until):
        soonest = self.now + later if later else 0
        latest = self.now + until if until else 0
        self.tell(
            CallbackRequested(f"b{call}", call, "south", "hotline", "access", "ru", caller, soonest, latest)
        )

    @rule(
        call=st.one_of(calls, st.just("")),
        number=calls,
        caller=callers,
        later=st.sampled_from((20_000, 60_000)),
    )
    def callback_at_a_time(self, call, number, caller, later):
        """At a time that he chose, by somebody who waits or not."""
        due = self.now + later
        wish = CallbackRequested(
            f"d{number}", call, "south", "hotline", "access", "ru", caller, due, due + 90_000
        )
        self.tell(replace(wish, due_ms=due))

    @rule(data=st.data(), kind=st.sampled_from("aadtuf"), swap=st.booleans())
    def report(self, data, kind, swap):
        """A node's word about an offer, now and then a late, doubled or mistaken one."""
        if not self.offers:
            return
        live = [each for each in self.offers if each in self.engine.offers]
        offer = self.offers[data.draw(st.sampled_from(sorted(live or self.offers)))]
        agent = data.draw(agents) if swap and kind == "a" else offer.agent_id
        report = {
            "a": OfferAccepted,
            "d": OfferDeclined,
            "t": OfferTimedOut,
            "u": AgentUnreachable,
            "f": CallbackFailed,
        }[kind]
        self.tell(report(offer.offer_id, offer.call_id, agent))

    @rule(data=st.data())
    def late_report(self, data):
        if self.offers:
            offer = self.offers[data.draw(st.sampled_from(sorted(self.offers)))]
            self.tell(OfferAccepted(offer.offer_id, offer.call_id, offer.agent_id))

    @rule(call=contacts, agent=agents)
    def ended(self, call, agent):
        known = self.engine.calls.get(call)
        self.tell(CallEnded(call, known.agent_id if known and known.agent_id else agent))

    @rule(
        agent=agents,
        skills=st.dictionaries(st.sampled_from((*TOPICS, "regional/access")), st.integers(1, 3), min_size=1),
        both=st.booleans(),
        several=st.sampled_from((-1, -1, 0, 1, 3)),
    )
    def defined(self, agent, skills, both, several):
        languages = LANGUAGES if both else ("ru",)
        self.tell(AgentDefined(agent, agent, f"PJSIP/{agent}", skills, languages, several))

    @rule(agent=agents, status=st.sampled_from(("available", "available", "on_break", "logged_out")))
    def status(self, agent, status):
        self.tell(AgentStatusDeclared(agent, status))

    @rule(agent=agents)
    def comes(self, agent):
        if agent not in self.engine.agents:
            several = int(agent) % 4  # one of them takes no chats, one one, …
            self.tell(AgentDefined(agent, agent, "", {"documents": 3, "access": 1}, ("ru", "tt"), several))
        self.tell(AgentStatusDeclared(agent, "available"))

    @rule(agent=agents, reachable=st.booleans())
    def reachable(self, agent, reachable):
        self.tell(AgentReachabilityChanged(agent, reachable))

    @rule(agent=agents)
    def removed(self, agent):
        self.tell(AgentRemoved(agent))

    @rule(agent=agents)
    def wrapped_up(self, agent):
        self.tell(WrapUpFinished(agent))

    @rule(number=st.integers(0, len(RULES) - 1))
    def rules(self, number):
        self.tell(RulesLoaded(str(number), RULES[number]))

    @rule(node=st.sampled_from(NODES))
    def node_lost(self, node):
        self.tell(NodeLost(node))

    @rule(token=st.integers(0, 5))
    def leader(self, token):
        self.tell(LeaderElected("engine", token))

    @rule(passes=st.sampled_from((0, 1, 900, 9_000, 16_000, 60_000, -5_000)))
    def time(self, passes):
        self.now += passes
        self.tell(Tick())

    @rule()
    def until_due(self):
        due = self.engine.next_deadline_ms()
        if due is not None:
            self.now = max(self.now, due)
            self.tell(Tick())

    @rule()
    def loaded_anew(self):
        self.twin = Engine.load(json.loads(json.dumps(self.twin.dump())))

    # -------------------------------------------------------------------------------------- invariants
    @invariant()
    def one_call_an_agent(self):
        engine = self.engine
        busy = [call for call in engine.calls.values() if call.state in ("offered", "connected")]
        held = Counter(call.agent_id for call in busy if call.state == "offered")
        assert all(count == 1 for count in held.values())
        for call in busy:
            agent = engine.agents.get(call.agent_id)
            if call.state == "offered":
                offer = engine.offers[call.offer_id]
                assert (offer.call_id, offer.agent_id) == (call.call_id, call.agent_id)
                assert agent is not None and agent.state == "offered" and agent.call_id == call.call_id
        for agent in engine.agents.values():
            assert (agent.state in ("offered", "talking")) == bool(agent.call_id)
            if agent.call_id:
                call = engine.calls[agent.call_id]
                assert call.agent_id == agent.agent_id and call.state in ("offered", "connected")

    @invariant()
    def one_call_or_some_chats(self):
        engine = self.engine
        for agent in engine.agents.values():
            if agent.chats:
                assert agent.state in ("chatting", "offered", "paused")
                if agent.state == "offered":
                    assert engine.calls[agent.call_id].channel == "chat"
            else:
                assert agent.state != "chatting" and not agent.draining
            for chat_id, wrapping in agent.chats.items():
                if wrapping:
                    assert chat_id not in engine.calls
                else:
                    call = engine.calls[chat_id]
                    assert (call.state, call.agent_id, call.channel) == ("connected", agent.agent_id, "chat")
        holders = Counter(chat_id for agent in engine.agents.values() for chat_id in agent.chats)
        assert all(count == 1 for count in holders.values())

    @invariant()
    def one_outcome_a_call(self):
        engine = self.engine
        assert not engine.calls.keys() & engine.ended.keys()
        for call_id, ended in engine.ended.items():
            if self.outcomes.get(call_id, ended.outcome) != ended.outcome:
                raise AssertionError(f"{call_id} ended twice")
        self.outcomes = {
            call_id: ended.outcome for call_id, ended in engine.ended.items() if ended.reason != "node_lost"
        }
        for channel, today in engine.todays.items():
            counts = today.as_counts()
            finished = counts.answered + counts.abandoned + counts.other
            waiting = [
                call
                for call in engine.calls.values()
                if call.channel == channel and call.state != "connected"
                if not call.callback and not call.returned
            ]
            assert counts.offered == finished + len(waiting), channel

    @invariant()
    def nobody_waits_without_an_end(self):
        """Who waits is told when he has waited too long, and when nobody on duty can serve him."""
        engine = self.engine
        due = {(kind, what) for _, _, kind, what in engine.deadlines}
        for call in engine.calls.values():
            if call.line is None or call.callback or call.released:
                continue
            assert ("long", call.call_id) in due
            assert engine.servable(call) or ("nobody", call.call_id) in due

    @invariant()
    def one_callback_a_caller(self):
        """To one queue, besides one that he talks in."""
        owed = [
            call.caller_ref
            for call in self.engine.calls.values()
            if call.callback and call.caller_ref and call.state != "connected"
        ]
        assert len(owed) == len(set(owed))

    @invariant()
    def every_reservation_ends(self):
        engine = self.engine
        for offer in engine.offers.values():
            assert engine.calls[offer.call_id].offer_id == offer.offer_id
            assert any(due[2:] == ("offer", offer.offer_id) for due in engine.deadlines)
        for agent in engine.agents.values():
            if agent.state in ("wrap_up", "paused"):
                assert any(due[1] == agent.timer for due in engine.deadlines)
            for wrapping in filter(None, agent.chats.values()):
                assert any(due[1] == wrapping for due in engine.deadlines)
        assert not engine.deadlines or engine.deadlines[0][0] > engine.now_ms

    @invariant()
    def nobody_waits_whom_somebody_ready_may_serve(self):
        engine = self.engine
        for call in engine.calls.values():
            if call.state != "queued" or call.parked:
                continue
            for agent in engine.agents.values():
                assert not _may(engine, call, agent), (call.call_id, agent.agent_id)

    @invariant()
    def indexes_agree(self):
        engine = self.engine
        ready_for = {
            channel: {agent.agent_id for agent in engine.agents.values() if _ready(agent, channel)}
            for channel in ("voice", "chat")
        }
        assert set(engine.ready) == ready_for["voice"]
        assert set(engine.open) == ready_for["chat"]
        for pool in engine.pools.values():
            channel, skill, language = pool.key
            ready = ready_for[channel]
            able = {
                (agent.agent_id, agent.skills[skill])
                for agent in engine.agents.values()
                if agent.on_duty and skill in agent.skills and language in agent.languages
                if channel == "voice" or agent.chat_capacity
            }
            assert pool.seats == sum(_seats(engine.agents[each], channel) for each, _ in able)
            for those in pool.ready:
                idle = [agent.idle_since_ms for agent in those.values()]
                assert idle == sorted(idle), "longest idle first"
            assert sorted(pool.members) == sorted(agent_id for agent_id, _ in able)
            assert pool.on_duty == len(able) == sum(pool.staffed)
            for level in (1, 2, 3):
                assert pool.staffed[level] == sum(each == level for _, each in able)
                assert set(pool.ready[level]) == {a for a, each in able if each == level} & ready
            assert pool.ready_count == sum(map(len, pool.ready))
            resting = [each for each, _ in able if channel == "voice" and _resting(engine.agents[each])]
            assert pool.resting == len(resting)
        standing = Counter(call.line.key for call in engine.calls.values() if call.line is not None)
        assert standing == Counter({line.key: line.count for line in engine.lines.values() if line.count})

    @invariant()
    def queries_answer(self):
        for call in self.engine.calls.values():
            wait = self.engine.wait_of(call.call_id)
            assert (wait is None) == (call.line is None)
            assert self.engine.why(call.call_id)
            if wait is not None and wait.servable:
                assert wait.place >= 1 and 0 <= wait.low_ms <= wait.likely_ms <= wait.high_ms

    def teardown(self):
        again = Engine()
        for event, now in self.told:
            again.step(event, now)
        assert json.dumps(again.dump()) == json.dumps(self.engine.dump())
        assert _state(self.twin) == _state(self.engine)
        for _ in range(200):  # left alone, everybody who was offered something is free again
            if not self.engine.offers:
                break
            self.now = max(self.now, self.engine.next_deadline_ms() or 0)
            for command in self.engine.step(Tick(), self.now):
                if isinstance(command, OfferCall | PlaceCallback):
                    self.engine.step(AgentStatusDeclared(command.agent_id, "logged_out"), self.now)
        assert not self.engine.offers


def _state(engine: Engine) -> str:
    """A loaded engine's lines may stand in another order, so sums for its estimates may differ in their last
    digits; nothing that decides does."""

    def rounded(value):
        if isinstance(value, dict):
            return {key: rounded(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [rounded(each) for each in value]
        return float(f"{value:.9g}") if isinstance(value, float) else value

    return json.dumps(rounded(engine.dump()), sort_keys=True)


def _key(call) -> tuple:
    return (call.channel, call.queue, call.topic, call.language, call.min_level, call.priority)


def _seats(agent, channel) -> int:
    there = agent.status == "available" and not agent.removed
    if channel == "chat":
        return agent.chat_capacity if there else 0
    return 1 if there and agent.reachable else 0


def _resting(agent) -> bool:
    return agent.state == "wrap_up" and agent.status == "available" and not agent.removed


def _ready(agent, channel="voice") -> bool:
    usable = agent.status == "available" and not agent.removed and bool(agent.pools)
    if channel == "voice":
        return usable and agent.reachable and agent.state == "ready" and not agent.chats
    room = len(agent.chats) < agent.chat_capacity and not agent.draining
    return usable and agent.state in ("ready", "chatting") and room


def _may(engine: Engine, call, agent) -> bool:
    """By the rules and nothing else: could this ready agent be offered this waiting call now?"""
    if not _ready(agent, call.channel):
        return False
    rules = engine.rules
    waited = engine.now_ms - call.place_ms
    relax = rules.topic(call.topic).relax.after_ms
    queue = rules.queues.get(call.queue)
    prefix = queue.skills if queue else ""
    ways = [(0, f"{prefix}/{call.topic}" if prefix else call.topic)]
    if queue and queue.overflow:
        ways.append((queue.overflow_after_ms, call.topic))
    spoken = [(0, call.language), *rules.languages.get(call.language, ())]
    for opens, skill in ways:
        for later, language in spoken:
            level = agent.skills.get(skill, 0)
            if level < call.min_level or language not in agent.languages or relax[level] >= NEVER:
                continue
            able = [a for a in engine.agents.values() if skill in a.skills and language in a.languages]
            able = [a for a in able if call.channel == "voice" or a.chat_capacity]
            better = any(a.skills[skill] > level for a in able if a.status != "logged_out" and not a.removed)
            equal = sum(a.skills[skill] == level for a in able if _ready(a, call.channel))
            hold = relax[level] if better and equal <= rules.spare[level] and not call.priority else 0
            if waited >= max(opens, later) + hold:
                return True
    return False


TestEngine = Machine.TestCase
TestEngine.settings = settings(
    max_examples=30,
    stateful_step_count=35,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)


@given(order=st.permutations([f"c{number}" for number in range(5)]), agents=st.permutations(AGENTS))
@settings(max_examples=30)
def test_order_within_a_millisecond_does_not_matter(order, agents):
    """Callers of one moment while nobody is free; agents of one moment while nobody waits."""

    def play(calls, available):
        engine = Engine()
        for agent in AGENTS:
            engine.step(AgentDefined(agent, agent, "", {"access": 2}), START)
        for agent in available[:2]:
            engine.step(AgentStatusDeclared(agent, "available"), START)
        offers = []
        for call in calls:
            offers += engine.step(CallQueued(call, "north", "hotline", "access"), START + 5)
        return engine, offers

    engine, offers = play(order, sorted(agents[:2]))
    other, again = play(order, sorted(agents[:2], reverse=True))
    assert [(o.call_id, o.agent_id) for o in offers] == [(o.call_id, o.agent_id) for o in again]
    waiting = sorted(call.call_id for call in engine.calls.values() if call.state == "queued")
    served = engine.step(AgentStatusDeclared(agents[2], "available"), START + 9)
    other.step(AgentStatusDeclared(agents[2], "available"), START + 9)
    assert [offer.call_id for offer in served] == waiting[:1]
    assert engine.offers.keys() == other.offers.keys()


def test_given_up_callback_is_told_once():
    engine = Engine()
    engine.step(CallbackRequested("b1", "", "north", "hotline", "access", not_after_ms=START + 10), START)
    told = [
        c for at in (10, 20, 30) for c in engine.step(Tick(), START + at) if isinstance(c, CallbackGivenUp)
    ]
    assert [(c.call_id, c.reason) for c in told] == [("b1", "too_late")]
