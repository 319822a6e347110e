"""Chats: an agent takes one call, or several chats at once.

Rules of this module
  * A chat is a call of the channel ``chat``: the same lines, claims and places. Its pools hold those who take
    chats, and of them only those with a free place (``Agent.takes_chats``) can be offered one.
  * One offer at a time, of whatever kind. Who has chats is offered no call until all of them are over, their
    wrap-up included; whoever is offered a call, talks or wraps a call up is offered no chat.
  * Chat upon chat must not keep an agent from calls for ever: when a chat leaves its place while a call that
    he may serve has waited too long, he *drains*: no further chat until these are over.
  * A telephone that cannot be reached keeps nobody from chats.
  * Here no telephone has the last word: an acceptance for which there is no place (any more) is refused.
  * Who logs out or is removed gives his running chats back. They wait with their places and go before others.
"""

from __future__ import annotations

from acd.core.model import CHAT, Agent, Call
from acd.core.rules import NEVER
from acd.core.seeking import EVER, Seeking

RETURNED_PRIORITY = 2  # as a call that comes back from a transfer


class Chats(Seeking):
    def accept_chat(self, call: Call, agent_id: str) -> None:
        """The agent takes it up, if he has a place for it."""
        agent = self.agents.get(agent_id)
        if agent is not None and not self._has_place(agent):
            self.count("chats_refused")
            return
        offer = self.offers.get(call.offer_id) if call.offer_id else None
        if offer is not None and offer.agent_id != agent_id:
            # Late, of an offer that had expired, while another agent is being asked.
            self.count("accepted_late")
            self.unring(offer, call.node)
        elif offer is not None:
            del self.offers[offer.offer_id]
        if agent is not None and agent.state == "offered" and agent.call_id != call.call_id:
            self.take_back(agent)
        self.joined(call, agent_id)
        if agent is None:
            return
        agent.call_id = ""
        agent.chats[call.call_id] = 0
        agent.busy_since_ms = agent.busy_since_ms or self.now_ms
        if self.set_state(agent, "ready"):
            self.seek_call(agent)

    def _has_place(self, agent: Agent) -> bool:
        asked = self.calls.get(agent.call_id) if agent.state == "offered" else None
        rung = asked is not None and asked.channel != CHAT
        there = agent.state not in ("talking", "wrap_up") and agent.status != "logged_out"
        return there and not rung and len(agent.chats) < agent.chat_capacity

    def chat_over(self, call: Call) -> None:
        """Its agent wraps it up; until then it has its place."""
        agent = self.agents.get(call.agent_id)
        if agent is None or call.call_id not in agent.chats:
            return
        wrap_up_ms = self.rules.topic(call.topic).wrap_up_ms
        if not call.returned:
            self.measure_chat(self.now_ms - call.answered_ms + wrap_up_ms)
        agent.chats[call.call_id] = self.remind(self.now_ms + wrap_up_ms, "seat", agent.agent_id)

    def seat_rested(self, agent_id: str, serial: int) -> None:
        """A chat's wrap-up is over by time."""
        agent = self.agents.get(agent_id)
        if agent is not None:
            self.free_places(agent, [chat for chat, due in agent.chats.items() if due == serial])

    def taken_up_again(self, chat_id: str, agent_id: str) -> None:
        """Its node was lost and is back, and so is the customer: there is nothing to wrap up."""
        agent = self.agents.get(agent_id)
        if agent is not None and chat_id in agent.chats:
            self.free_places(agent, [chat_id])

    def free_places(self, agent: Agent, chats: list[str]) -> None:
        for chat in chats:
            del agent.chats[chat]
        if not chats:
            return
        if not agent.chats:
            agent.draining = False
            self.measure_work(agent)
        elif self._call_waits_for(agent):
            agent.draining = True
        over = agent.state == "chatting" and not agent.chats
        if self.set_state(agent, "ready") if over else self.refresh(agent):
            self.seek_call(agent)

    def _call_waits_for(self, agent: Agent) -> bool:
        """Longer than the rules let chats go first, and by his skills he may serve it, now or later."""
        before = self.now_ms - self.rules.call_before_chat_ms
        for pool, level in agent.pools:
            for line, spot in pool.lines.values():
                if spot.after_ms[level] < NEVER:
                    for call in (line.head(EVER), line.late_head()):
                        if call is not None and call.place_ms <= before:
                            return True
        return False

    def give_back(self, agent: Agent) -> None:
        """He is gone: his running chats wait for somebody else, first in time."""
        if not agent.chats:
            return
        running = [self.calls[chat] for chat, due in agent.chats.items() if not due]
        agent.chats.clear()
        agent.draining = False
        self.measure_work(agent)
        if agent.state == "chatting":
            self.set_state(agent, "ready")
        for call in sorted(running, key=lambda call: (call.place_ms, call.call_id)):
            self.count("chats_given_back")
            call.returned = True
            call.priority = max(call.priority, RETURNED_PRIORITY)
            self.requeue(call)

    def move_to_another_node(self, call: Call) -> bool:
        """Nobody holds a line for it, so another node can look after it; False: there is none."""
        node = self.other_node(call.node)
        call.node = node or call.node
        return bool(node)
