"""The same rules where chats are many: a centre at work, whose agents take calls and chats."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from acd.contract import (
    AgentDefined,
    AgentStatusDeclared,
    CallEnded,
    CallLeft,
    CallQueued,
    OfferAccepted,
    OfferCall,
    OfferDeclined,
    RulesLoaded,
    Tick,
    WrapUpFinished,
)
from acd.core.engine import Engine

from .test_engine import AGENTS, NODES, START, TOPICS, Machine, calls, chats, topics

RULES = {"chat_capacity": 3, "call_before_chat_s": 5, "relax": [{"after_s": 0, "level": 1}]}


class ChatMachine(Machine):
    @initialize()
    def at_work(self):
        self.tell(RulesLoaded("chats", RULES))
        for number, agent in enumerate(AGENTS):
            skills = {"documents": 3, "access": 1} if number % 2 else {"documents": 2}
            self.tell(AgentDefined(agent, agent, f"PJSIP/{agent}", skills, ("ru",), -1 if number else 1))
            self.tell(AgentStatusDeclared(agent, "available"))

    @rule(chat=chats, topic=topics, several=st.integers(1, 3))
    def chats_come(self, chat, topic, several):
        for number in range(several):
            self.tell(CallQueued(f"{chat}-{number}", "north", "hotline", topic, channel="chat"))

    @rule(call=calls, topic=topics)
    def a_call_comes(self, call, topic):
        self.tell(CallQueued(call, "north", "hotline", topic))

    @rule(data=st.data())
    def taken_up(self, data):
        live = sorted(self.engine.offers)
        if live:
            offer = self.offers[data.draw(st.sampled_from(live))]
            self.tell(OfferAccepted(offer.offer_id, offer.call_id, offer.agent_id))

    @rule()
    def all_taken_up(self):
        for offer_id in sorted(self.engine.offers):
            offer = self.offers[offer_id]
            self.tell(OfferAccepted(offer.offer_id, offer.call_id, offer.agent_id))

    @rule(data=st.data())
    def one_ends(self, data):
        running = sorted(key for key, call in self.engine.calls.items() if call.state == "connected")
        if running:
            call = self.engine.calls[data.draw(st.sampled_from(running))]
            self.tell(CallEnded(call.call_id, call.agent_id))

    @invariant()
    def who_drains_is_needed(self):
        """Only who has chats drains, and nobody begins to without a call that waits."""
        draining = {key for key, agent in self.engine.agents.items() if agent.draining}
        begun = draining - getattr(self, "drained", set())
        before = self.engine.now_ms - self.engine.rules.call_before_chat_ms
        for agent_id in begun:
            agent = self.engine.agents[agent_id]
            assert agent.chats
            assert any(
                call.state != "connected" and call.channel == "voice" and call.place_ms <= before
                for call in self.engine.calls.values()
            )
        self.drained = draining


TestChats = ChatMachine.TestCase
TestChats.settings = settings(
    max_examples=30,
    stateful_step_count=40,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)


@given(order=st.permutations([f"t{number}" for number in range(7)]), agents=st.permutations(AGENTS[:2]))
@settings(max_examples=30)
def test_order_within_a_millisecond_does_not_matter(order, agents):
    """Chats of one moment while no place is free; wrap-ups that end in one moment while nobody waits."""

    def play(chats, freed):
        engine = Engine()
        engine.step(RulesLoaded("", {"chat_capacity": 2}), START)
        for number, agent in enumerate(AGENTS[:2]):
            engine.step(AgentDefined(agent, agent, "", {"access": 2}), START)
            engine.step(AgentStatusDeclared(agent, "available"), START)
            for place in range(2):
                first = CallQueued(f"first{number}{place}", "n", "hotline", "access", channel="chat")
                made = engine.step(first, START)
                (offer,) = [each for each in made if isinstance(each, OfferCall)]
                engine.step(OfferAccepted(offer.offer_id, offer.call_id, offer.agent_id), START)
        for chat in chats:
            assert not engine.step(CallQueued(chat, "n", "hotline", "access", channel="chat"), START + 5)
        told = []
        for agent in freed:
            chat = sorted(engine.agents[agent].chats)[0]
            engine.step(CallEnded(chat, agent), START + 9)
        for agent in sorted(freed):
            told += engine.step(WrapUpFinished(agent), START + 12)
        return [(offer.call_id, offer.agent_id) for offer in told]

    assert play(order, agents) == play(sorted(order), sorted(agents))
    assert [chat for chat, _ in play(order, agents)] == ["t0", "t1"], "first come, first served"


def test_draining_ends_with_the_chats():
    """Chat upon chat would keep the only agent from a call for ever."""
    engine = Engine()
    engine.step(RulesLoaded("", {**RULES, "wrap_up_s": 0}), START)
    engine.step(AgentDefined("2001", "", "", {"access": 2}), START)
    engine.step(AgentStatusDeclared("2001", "available"), START)

    def come(number, second):
        made = engine.step(CallQueued(f"t{number}", "n", "hotline", "access", channel="chat"), START + second)
        for offer in made:
            engine.step(OfferAccepted(offer.offer_id, offer.call_id, offer.agent_id), START + second)
        return len(made)

    assert [come(number, 0) for number in range(2)] == [1, 1]
    assert not engine.step(CallQueued("c1", "n", "hotline", "access"), START + 1_000)
    assert come(2, 2_000) == 1, "a call that has just come does not stop chats"
    engine.step(CallEnded("t0", "2001"), START + 10_000)
    engine.step(Tick(), START + 10_001)
    assert engine.agents["2001"].draining and come(3, 10_002) == 0
    engine.step(CallEnded("t1", "2001"), START + 11_000)
    (offer,) = engine.step(CallEnded("t2", "2001"), START + 12_000)
    assert offer.call_id == "c1" and not engine.agents["2001"].draining


INVARIANTS = (
    "one_call_an_agent",
    "one_call_or_some_chats",
    "one_outcome_a_call",
    "every_reservation_ends",
    "nobody_waits_whom_somebody_ready_may_serve",
    "indexes_agree",
    "queries_answer",
    "who_drains_is_needed",
)


@pytest.mark.parametrize("seed", range(6))
def test_a_busy_day(seed):
    """A long walk in which most offers are taken up, so that agents really have many chats at once."""
    chance = random.Random(seed)
    machine = ChatMachine()
    machine.at_work()
    engine = machine.engine
    most, had = 0, set()

    def report(kind, offer_id):
        offer = machine.offers[offer_id]
        machine.tell(kind(offer.offer_id, offer.call_id, offer.agent_id))

    for number in range(400):
        what = chance.random()
        agent = chance.choice(AGENTS)
        running = sorted(key for key, call in engine.calls.items() if call.state == "connected")
        if what < 0.20:
            ref = chance.choice(("", "", "anna"))
            node, topic = chance.choice(NODES), chance.choice(TOPICS)
            new = CallQueued(f"t{number}", node, "hotline", topic, caller_ref=ref, channel="chat")
            machine.tell(new)
        elif what < 0.26:
            machine.tell(CallQueued(f"c{number}", chance.choice(NODES), "hotline", chance.choice(TOPICS)))
        elif what < 0.58:
            for offer_id in sorted(engine.offers):
                report(OfferAccepted, offer_id)
        elif what < 0.62 and machine.offers:
            report(chance.choice((OfferAccepted, OfferDeclined)), chance.choice(sorted(machine.offers)))
        elif what < 0.75 and running:
            call = engine.calls[chance.choice(running)]
            machine.tell(CallEnded(call.call_id, call.agent_id))
        elif what < 0.79 and engine.calls:
            machine.tell(CallLeft(chance.choice(sorted(engine.calls)), "abandoned"))
        elif what < 0.83:
            machine.tell(WrapUpFinished(agent))
        elif what < 0.86:
            machine.tell(AgentStatusDeclared(agent, chance.choice(("logged_out", "on_break"))))
        elif what < 0.90:
            for each in AGENTS:
                machine.comes(each)
        elif what < 0.91:
            machine.reachable(agent, chance.random() < 0.8)
        elif what < 0.913:
            machine.removed(agent)
        elif what < 0.92:
            machine.defined(agent, {"documents": 2, "access": 3}, False, chance.choice((-1, 0, 2, 3)))
        elif what < 0.93:
            machine.tell(RulesLoaded(str(number), {**RULES, "chat_capacity": chance.choice((2, 3))}))
        elif what < 0.935:
            machine.node_lost(chance.choice(NODES))
        elif what < 0.95:
            machine.loaded_anew()
        else:
            machine.time(chance.choice((1, 900, 9_000, 40_000)))
        for name in INVARIANTS:
            getattr(machine, name)()
        for each in engine.agents.values():
            most = max(most, len(each.chats))
            had.update(each.chats)
    machine.teardown()
    assert most > 1 and len(had) > 10
