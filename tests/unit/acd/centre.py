"""An engine for tests, with a clock in seconds."""

from __future__ import annotations

from acd.contract import AgentDefined, AgentStatusDeclared, CallQueued, Event, OfferAccepted, OfferCall
from acd.core.engine import Engine

START = 1_790_000_000_000


class Centre:
    """An engine and a clock in seconds."""

    def __init__(self, *agents: tuple[str, dict[str, int]], languages: tuple[str, ...] = ("ru",)) -> None:
        self.engine = Engine()
        for agent_id, skills in agents:
            self.at(0, AgentDefined(agent_id, f"Agent {agent_id}", f"PJSIP/{agent_id}", skills, languages))
            self.at(0, AgentStatusDeclared(agent_id, "available"))

    def at(self, second: float, event: Event) -> list:
        return self.engine.step(event, START + int(second * 1000))

    def call(self, second: float, call_id: str, topic: str = "status", **about) -> list:
        return self.at(second, CallQueued(call_id, about.pop("node", "north"), "hotline", topic, **about))

    def talk(self, second: float, offer: OfferCall) -> list:
        return self.at(second, OfferAccepted(offer.offer_id, offer.call_id, offer.agent_id))

    def state(self, agent_id: str) -> str:
        return self.engine.agents[agent_id].state


def only(commands: list, kind: type):
    assert len(commands) == 1 and isinstance(commands[0], kind), commands
    return commands[0]
