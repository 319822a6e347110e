"""What facts about agents, rules and leaders do to the state."""

from __future__ import annotations

from acd.contract import (
    AgentDefined,
    AgentReachabilityChanged,
    AgentRemoved,
    AgentStatusDeclared,
    LeaderElected,
    RulesLoaded,
    WrapUpFinished,
)
from acd.core.callback_events import CallbackEvents
from acd.core.machine import MAX_AGENTS
from acd.core.model import CHAT, Agent
from acd.core.rules import MAX_CHATS, RulesError, parse

MAX_SKILLS = 200
MAX_LANGUAGES = 20


class AgentEvents(CallbackEvents):
    def on_defined(self, event: AgentDefined) -> None:
        """A new agent, or new skills of one we know; callers already waiting gain by it at once."""
        agent = self.agents.get(event.agent_id)
        if agent is None:
            if len(self.agents) >= MAX_AGENTS:
                self.count("agents_refused")
                return
            agent = self.agents[event.agent_id] = Agent(event.agent_id)
            agent.since_ms = self.now_ms
        skills = {
            str(skill): level
            for skill, level in list(event.skills.items())[:MAX_SKILLS]
            if isinstance(level, int) and 1 <= level <= 3
        }
        if len(skills) != len(event.skills):
            self.count("skills_refused")
        languages = tuple(dict.fromkeys(event.languages))[:MAX_LANGUAGES]
        own_chats = max(-1, min(MAX_CHATS, event.chats))
        told = (skills, languages, own_chats)
        agent.name, agent.endpoint = event.name, event.endpoint
        if agent.removed:
            agent.removed = False
        elif agent.pools and told == (agent.skills, agent.languages, agent.own_chats):
            return
        self.leave_pools(agent)
        agent.skills, agent.languages, agent.own_chats = told
        self.join_pools(agent)
        newly = self.refresh(agent)
        if self._keep_within_capacity(agent) or newly:
            self.seek_call(agent)

    def _keep_within_capacity(self, agent: Agent) -> bool:
        """He may take fewer chats than before: those he has go on, the one just offered does not."""
        offered = self.calls.get(agent.call_id) if agent.state == "offered" else None
        if offered is not None and offered.channel == CHAT and len(agent.chats) >= agent.chat_capacity:
            self.take_back(agent)
            return self.set_state(agent, "ready")
        return False

    def on_removed(self, event: AgentRemoved) -> None:
        agent = self.agents.get(event.agent_id)
        if agent is None:
            self.count("agent_unknown")
            return
        agent.removed = True
        self.refresh(agent)
        if agent.state == "offered":
            self.take_back(agent)
            self.set_state(agent, "ready")
        self.give_back(agent)
        if agent.state != "talking":
            del self.agents[agent.agent_id]

    def on_status(self, event: AgentStatusDeclared) -> None:
        agent = self.agents.get(event.agent_id)
        if agent is None:
            self.count("agent_unknown")
            return
        agent.reason = event.reason[:200]
        if event.status == "available" and agent.state == "paused":
            agent.state = "chatting" if agent.chats else "ready"  # he says that he is there
            agent.since_ms, agent.timer = self.now_ms, 0
        if agent.status != event.status:
            if agent.status == "logged_out":
                agent.on_since_ms, agent.worked_ms = self.now_ms, 0
            elif agent.status == "on_break" and event.status == "available" and agent.state == "ready":
                self.measure_break(agent)
            agent.status = event.status
            if agent.state == "ready":
                agent.since_ms = self.now_ms
        newly = self.refresh(agent)
        if event.status != "available" and agent.state == "offered":
            self.take_back(agent)
            self.set_state(agent, "ready")
        if event.status == "logged_out":
            self.give_back(agent)
        if newly:
            self.seek_call(agent)

    def on_reachability(self, event: AgentReachabilityChanged) -> None:
        agent = self.agents.get(event.agent_id)
        if agent is None:
            self.count("agent_unknown")
            return
        agent.reachable = event.reachable
        if self.refresh(agent):
            self.seek_call(agent)

    def on_wrapped_up(self, event: WrapUpFinished) -> None:
        agent = self.agents.get(event.agent_id)
        if agent is None:
            self.count("agent_unknown")
        elif agent.state in ("wrap_up", "paused"):
            self._ready_again(agent)
        elif resting := [chat for chat, due in agent.chats.items() if due]:
            self.free_places(agent, resting)
        else:
            self.count("wrap_up_unknown")

    def _ready_again(self, agent: Agent) -> None:
        if agent.removed:
            self.agents.pop(agent.agent_id, None)
        if agent.state == "wrap_up":
            self.measure_service(agent)
            self.measure_rest(agent)
        self.make_ready(agent)

    def rested(self, agent_id: str, serial: int) -> None:
        """Wrap-up or pause is over by time."""
        agent = self.agents.get(agent_id)
        if agent is not None and agent.timer == serial and agent.state in ("wrap_up", "paused"):
            self._ready_again(agent)

    def on_rules(self, event: RulesLoaded) -> None:
        """New rules reach callers already waiting; a bad set changes nothing and is counted."""
        try:
            rules = parse(event.rules)
        except RulesError:
            self.count("rules_refused")
            return
        self.rules_version = event.version
        self.raw_rules = dict(event.rules)
        self.use_rules(rules)
        self.reline()
        for agent in [*self.ready.values(), *self.open.values()]:
            if agent.ready or agent.open:
                self.seek_call(agent)

    def reline(self) -> None:
        """Builds lines and pool figures anew for the present rules; rare, so over everybody."""
        waiting = [call for call in self.calls.values() if call.line is not None]
        waiting.sort(key=lambda call: (call.place_ms, call.call_id))
        for call in waiting:
            self.unstand(call)
        self.lines.clear()
        for agent in self.agents.values():
            if agent.own_chats < 0 and agent.chat_capacity != self.rules.chat_capacity:
                self.leave_pools(agent)
                self.join_pools(agent)
                self.refresh(agent)
            elif agent.on_duty:
                self._count_duty(agent, False)
                self._count_duty(agent, True)
        for call in waiting:
            self.stand(call)
        for agent in list(self.agents.values()):
            self._keep_within_capacity(agent)
        for call in waiting:
            self.wait(call)

    def on_leader(self, event: LeaderElected) -> None:
        if event.token >= self.token:
            self.token, self.leader = event.token, event.engine
        else:
            self.count("stale_leader")
