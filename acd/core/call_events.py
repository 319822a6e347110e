"""What facts about calls and offers do to the state.

Every handler tolerates a fact that comes twice, too late, or about somebody unknown: it is counted and
changes nothing that is already settled. Where a report and the state disagree, what really happened on
the telephone wins.
"""

from __future__ import annotations

from acd.contract import (
    AgentUnreachable,
    CallEnded,
    CallLeft,
    CallQueued,
    MarkGiven,
    NodeLost,
    OfferAccepted,
    OfferDeclined,
    OfferTimedOut,
    WithdrawOffer,
)
from acd.core.chats import Chats
from acd.core.machine import MAX_CALLS
from acd.core.matching import agent_for
from acd.core.model import CHAT, VOICE, Agent, Call

MAX_PRIORITY = 9
OLDEST_PLACE_MS = 86_400_000  # a time in the wrong unit must not outrank everybody for ever
Report = OfferAccepted | OfferDeclined | OfferTimedOut | AgentUnreachable


class CallEvents(Chats):
    # ------------------------------------------------------------------------------------------- calls
    def on_queued(self, event: CallQueued) -> None:
        call = self.calls.get(event.call_id)
        if call is not None:
            self._asserted_again(call, event)
            return
        gone = self.ended.get(event.call_id)
        if gone is not None:
            if gone.reason != "node_lost":
                self.count("queued_after_end")
                return
            del self.ended[event.call_id]  # the node is back and so is the caller
            self.taken_up_again(event.call_id, gone.agent_id)
            if gone.outcome != "answered" and not gone.callback:
                today = self.todays[gone.channel]
                today.left(gone.outcome, gone.waited_ms, -1)
                today.queued(-1)
        if len(self.calls) >= MAX_CALLS:
            self.count("calls_refused")
            return
        now = self.now_ms
        self.see(event.node)
        place = event.first_queued_ms or now
        freed: Agent | None = None
        # A node always says a time: of a caller who only just came, its own.
        if event.caller_ref and event.channel == VOICE:
            kept, freed = self.replace_callback(event.caller_ref, event.queue, "called_again")
            place = min(place, kept or self._kept_place(event) or now)
        priority, min_level = event.priority, event.min_level
        call = Call(
            event.call_id,
            event.node,
            event.queue,
            event.topic,
            event.language,
            priority if 0 <= priority <= MAX_PRIORITY else max(0, min(MAX_PRIORITY, priority)),
            now if place == now else max(now - OLDEST_PLACE_MS, min(place, now)),
            event.caller_ref,
            min_level if 1 <= min_level <= 3 else max(1, min(3, min_level)),
            event.flow_version,
            event.channel,
        )
        self.calls[call.call_id] = call
        if gone is not None:
            call.callback, call.returned = gone.callback, gone.outcome == "answered"
        if not call.callback and not call.returned:
            self.todays[event.channel].queued()
        if call.caller_ref:
            self.recall_agent(call)
        line = self.line_of(call)
        call.line = line  # he stands there only if nobody is free: most are served without
        found = agent_for(self, call)
        call.line = None
        if found is not None:
            self.offer(call, *found)
        else:
            self.stand(call)
            if self.wait(call):
                self.announce(call, line)
            self.remind_of_limit(call)
        if freed is not None and freed.ready:
            self.seek_call(freed)

    def _asserted_again(self, call: Call, event: CallQueued) -> None:
        """The same caller, told again: by a repeat, after a restart of his node, or under a new leader; or a
        customer who has answered our call."""
        call.node = event.node
        if call.callback:
            call.not_after_ms = 0  # he is on the line
            if call.parked:  # and was thought not to be: another try was to come later
                call.parked = False
                self.requeue(call)
        if call.state != "queued":
            self.count("queued_again")
            return
        place = min(event.first_queued_ms or call.place_ms, call.place_ms)
        same = (call.topic, call.language, call.queue, call.min_level, call.priority, call.place_ms)
        told = (event.topic, event.language, event.queue, event.min_level, event.priority, place)
        if same == told:
            self.count("queued_again")
            return
        self.unstand(call)
        call.topic, call.language, call.queue = event.topic, event.language, event.queue
        call.min_level = max(1, min(3, event.min_level))
        call.priority = max(0, min(MAX_PRIORITY, event.priority))
        call.place_ms = place
        self.stand(call)
        if not self.seek_agent(call):
            self.wait(call)

    def replace_callback(self, caller_ref: str, queue: str, why: str) -> tuple[int, Agent | None]:
        """Ends what he waits for to be called: his place, 0 for none, and the agent who was reserved, ready.

        His telephone may ring just then. A callback to another queue is left alone, as another answer is owed
        there, and so is one that he talks in.
        """
        callback = self.calls.get(self.callback_of(caller_ref, queue))
        if callback is None or callback.state == "connected":
            return 0, None
        agent: Agent | None = None
        offer = self.offers.get(callback.offer_id)
        if offer is not None:
            self.withdraw(offer, callback.node)
            agent = self.agents.get(offer.agent_id)
        self.end(callback, "transferred", why)
        self.count("callbacks_replaced")
        if agent is not None and agent.state == "offered":
            agent.call_id = ""
            self.set_state(agent, "ready")
        return callback.place_ms, agent

    def _kept_place(self, event: CallQueued) -> int:
        """The place of a caller whose call dropped and who dialled again within the rule's time."""
        kept = self.places.pop(event.caller_ref, None)
        if kept is None:
            return 0
        place_ms, left_ms, queue = kept
        if queue != event.queue or self.now_ms - left_ms > self.rules.keep_place_ms:
            return 0
        self.count("places_kept")
        return place_ms

    def recall_agent(self, call: Call) -> None:
        last = self.last_agent.get(call.caller_ref)
        if last is not None and self.now_ms - last[1] <= self.rules.affinity_ms:
            call.wanted = last[0]

    def on_left(self, event: CallLeft) -> None:
        call = self.calls.get(event.call_id)
        if call is None:
            self.count("left_unknown")
            return
        if call.state == "connected":
            # Said to be waiting but known to talk: the conversation is over all the same.
            self.count("left_connected")
            self._hang_up(call, "answered", event.reason)
            return
        if call.callback and call.offer_id in self.offers:
            # Cancelled where it was asked for, maybe at another node than the one that rings the customer.
            self.out.append(WithdrawOffer(call.offer_id, call.call_id, call.node, self.token))
        agent = self.free_from_offer(call)
        self.end(call, event.outcome, event.reason)
        if call.callback:
            self.count("callbacks_cancelled")
        elif not call.returned:
            self.todays[call.channel].left(event.outcome, self.now_ms - call.place_ms)
        # With its node's session a call may have been dropped, too: then he dials again.
        dropped = event.outcome == "abandoned" or event.reason == "node_lost"
        if dropped and not call.callback and call.channel == VOICE:
            self.remember_place(call)
        if agent is not None and self.set_state(agent, "ready"):
            self.seek_call(agent)

    def free_from_offer(self, call: Call) -> Agent | None:
        """Ends the call's offer without a word to the node: it has told us itself."""
        if not call.offer_id:
            return None
        offer = self.offers.pop(call.offer_id, None)
        call.offer_id = call.agent_id = ""
        agent = self.agents.get(offer.agent_id) if offer else None
        if agent is not None:
            agent.call_id = ""
        return agent

    # ------------------------------------------------------------------------------------------ offers
    def on_accepted(self, event: OfferAccepted) -> None:
        call = self.calls.get(event.call_id)
        if call is None:
            if event.call_id in self.ended:
                self.count("accepted_after_end")
                return
            call = self._unknown_conversation(event)
        if call.state == "connected":
            self.count("accepted_again" if call.agent_id == event.agent_id else "conflicts")
            return
        if call.channel == CHAT:
            self.accept_chat(call, event.agent_id)
            return
        offer = self.offers.get(call.offer_id) if call.offer_id else None
        if offer is not None and offer.agent_id != event.agent_id:
            # A late report of an offer that had expired, while another agent was being rung for him.
            self.count("accepted_late")
            self.unring(offer, call.node)
        elif offer is not None:
            del self.offers[offer.offer_id]
        self._connect(call, event.agent_id)

    def _connect(self, call: Call, agent_id: str) -> None:
        agent = self.agents.get(agent_id)
        if agent is not None and (agent.state == "talking" or agent.chats):
            self.count("conflicts")  # he cannot be in two places: the state keeps what it knew first
            agent = None
        elif agent is not None and agent.state == "offered" and agent.call_id != call.call_id:
            self.take_back(agent)
        self.joined(call, agent_id)
        if agent is not None:
            agent.call_id = call.call_id
            self.set_state(agent, "talking")

    def _unknown_conversation(self, event: OfferAccepted) -> Call:
        """The journal was emptied while these two talked: keep the agent busy."""
        self.count("accepted_unknown")
        call = Call(event.call_id, "", "", "", "", 0, self.now_ms, "", 1, "", event.channel)
        self.calls[call.call_id] = call
        self.todays[call.channel].queued()
        return call

    def on_declined(self, event: OfferDeclined) -> None:
        self._failed(event, self.rules.declined_pause_ms)

    def on_timed_out(self, event: OfferTimedOut) -> None:
        self._failed(event, self.rules.no_answer_pause_ms)

    def on_unreachable(self, event: AgentUnreachable) -> None:
        self._failed(event, self.rules.unreachable_pause_ms)

    def _failed(self, event: Report, pause_ms: int) -> None:
        offer = self.offers.pop(event.offer_id, None)
        if offer is None:
            self.count("offer_unknown")
            return
        agent = self.agents.get(offer.agent_id)
        if agent is not None and agent.state == "offered":
            agent.call_id = ""
            self.pause(agent, pause_ms)
        call = self.calls.get(offer.call_id)
        if call is not None and call.offer_id == offer.offer_id:
            self.requeue(call)

    def pause(self, agent: Agent, pause_ms: int) -> None:
        """Not offered anything for a while; then available again, by itself."""
        self.set_state(agent, "paused")
        agent.timer = self.remind(self.now_ms + pause_ms, "agent", agent.agent_id)

    def expired(self, offer_id: str) -> None:
        """No report came in time: the node may be gone. The reservation ends all the same."""
        offer = self.offers.get(offer_id)
        if offer is None:
            return
        self.count("offers_expired")
        call = self.calls.get(offer.call_id)
        self.withdraw(offer, call.node if call else "")
        agent = self.agents.get(offer.agent_id)
        if agent is not None and agent.state == "offered":
            agent.call_id = ""
            self.pause(agent, self.rules.no_answer_pause_ms)
        if call is not None and call.offer_id == offer_id:
            self.requeue(call)

    # ------------------------------------------------------------------------------------------ the end
    def on_ended(self, event: CallEnded) -> None:
        call = self.calls.get(event.call_id)
        if call is None:
            self.count("ended_unknown")
            return
        if call.state != "connected":
            # Its OfferAccepted was lost or comes later: it was answered, whatever we knew.
            self.count("ended_before_accepted")
            offered = self.free_from_offer(call)
            if call.channel == CHAT:
                self.joined(call, event.agent_id)
                if offered is not None and self.set_state(offered, "ready"):
                    self.seek_call(offered)
                self._hang_up(call, event.outcome, "")
                return
            self._connect(call, event.agent_id)
            if (
                offered is not None
                and offered.agent_id != event.agent_id
                and self.set_state(offered, "ready")
            ):
                self.seek_call(offered)
        self._hang_up(call, event.outcome, "")

    def _hang_up(self, call: Call, outcome: str, reason: str) -> None:
        agent = self.agents.get(call.agent_id)
        if outcome == "failed" and call.channel == VOICE and not call.callback and not call.returned:
            waited = call.answered_ms - call.place_ms  # the two never met: it was no answer
            self.todays[VOICE].answered(waited, -1)
            self.todays[VOICE].left("failed", waited)
        self.remember_agent(call)
        self.end(call, outcome, reason)  # type: ignore[arg-type]
        if call.channel == CHAT:
            self.chat_over(call)
            return
        if agent is None or agent.call_id != call.call_id:
            return
        agent.call_id = ""
        wrap_up = self.rules.topic(call.topic).wrap_up_ms
        self.set_state(agent, "wrap_up")
        agent.timer = self.remind(self.now_ms + wrap_up, "agent", agent.agent_id)

    def on_mark(self, event: MarkGiven) -> None:
        if 1 <= event.mark <= 5:
            self.count(f"mark_{event.mark}")
        else:
            self.count("mark_refused")

    def on_node_lost(self, event: NodeLost) -> None:
        """Its calls ended with it. Rare, so a look at all calls is in order."""
        freed: list[Agent] = []
        moved: list[Call] = []
        for call in [each for each in self.calls.values() if each.node == event.node]:
            if call.channel == CHAT and self.move_to_another_node(call):
                continue
            if call.state == "connected":
                self._hang_up(call, "answered", "node_lost")
                continue
            agent = self.free_from_offer(call)
            if agent is not None:
                freed.append(agent)
            if call.callback:
                self._move_callback(call)
                moved.append(call)
                continue
            self.end(call, "failed", "node_lost")
            if call.channel == VOICE:
                self.remember_place(call)
            if not call.returned:
                self.todays[call.channel].left("failed", self.now_ms - call.place_ms)
        for agent in freed:
            if self.set_state(agent, "ready"):
                self.seek_call(agent)
        for call in moved:  # who was his agent may have to leave him to a better one now
            if call.state == "queued" and call.line is not None:
                self.seek_agent_in_turn(call)

    def _move_callback(self, call: Call) -> None:
        """Nobody holds the line for a callback, so another node can make it."""
        self.move_to_another_node(call)
        if call.state == "offered":
            self.stand(call)
            self.wait(call)

    # --------------------------------------------------------------------------------------- deadlines
    def nobody(self, call_id: str) -> None:
        call = self.calls.get(call_id)
        if call is not None and call.state == "queued" and not self.servable(call):
            self.release(call, "nobody_can_serve")

    def talked_too_long(self, call_id: str) -> None:
        call = self.calls.get(call_id)
        if call is not None and call.state == "connected":
            self.count("ends_never_reported")
            self._hang_up(call, "answered", "end_not_reported")

    def too_long(self, call_id: str) -> None:
        call = self.calls.get(call_id)
        if call is not None and call.state == "queued":
            self.release(call, "waited_too_long")
