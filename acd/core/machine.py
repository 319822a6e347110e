"""The few operations on agents, offers and ends of calls from which all handlers are built.

Nothing here decides who serves whom; that is ``acd.core.matching``.
"""

from __future__ import annotations

from acd.contract import OfferCall, Outcome, PlaceCallback, ReleaseCall, WithdrawOffer
from acd.core.model import CHAT, NO_GAP_MS, VOICE, Agent, Call, Ended, Line, Offer, Pool
from acd.core.rules import NEVER
from acd.core.state import State

MAX_CALLS = 100_000
MAX_AGENTS = 50_000
MAX_ENDED = 2_000
MAX_REMEMBERED = 20_000  # callers whose place or last agent is kept
CALLBACK_HELLO_MS = 10_000  # a customer who answered is told who calls, then his agent's phone rings


class Machine(State):
    # ------------------------------------------------------------------------------------------ agents
    def join_pools(self, agent: Agent) -> None:
        own = agent.own_chats
        agent.chat_capacity = own if own >= 0 else self.rules.chat_capacity
        agent.pools = self._pools_of(agent, VOICE)
        agent.chat_pools = self._pools_of(agent, CHAT) if agent.chat_capacity else ()

    def _pools_of(self, agent: Agent, channel: str) -> tuple[tuple[Pool, int], ...]:
        return tuple(
            (self.pool((channel, skill, language)), level)
            for skill, level in agent.skills.items()
            for language in agent.languages
        )

    def leave_pools(self, agent: Agent) -> None:
        if agent.ready:
            self.unready(agent)
        if agent.open:
            self.close(agent)
        if agent.resting:
            self.count_resting(agent, False)
        self._take_seats(agent, (0, 0))
        if agent.on_duty:
            self._count_duty(agent, False)

    def refresh(self, agent: Agent) -> bool:
        """Brings duty counts and both indexes in line with the agent's record; True: newly ready, or newly
        open to a chat."""
        here = not agent.removed
        on_duty = here and agent.status != "logged_out"
        if on_duty != agent.on_duty:
            self._count_duty(agent, on_duty)
        available = here and agent.status == "available"
        calls, chats = agent.seats
        takes_calls = available and agent.reachable
        if takes_calls != calls or chats != (agent.chat_capacity if available else 0):
            self._take_seats(agent, (int(takes_calls), agent.chat_capacity if available else 0))
        resting = available and agent.state == "wrap_up"
        if resting != agent.resting:
            self.count_resting(agent, resting)
        ready = takes_calls and agent.state == "ready" and bool(agent.pools)
        newly_open = self._refresh_open(agent, ready) if agent.chat_pools else False
        if ready == agent.ready:
            return newly_open
        agent.ready = ready
        if ready:
            agent.idle_since_ms = self.now_ms
            self.ready[agent.agent_id] = agent
            for pool, level in agent.pools:
                pool.ready[level][agent.agent_id] = agent
                pool.ready_count += 1
        else:
            self.unready(agent)
        return ready or newly_open

    def _refresh_open(self, agent: Agent, ready: bool) -> bool:
        """The same for chats. Whose last chat is over comes anew: he is idle from now on."""
        opens = agent.takes_chats
        if agent.open and (not opens or (ready and not agent.ready)):
            self.close(agent)
        if not opens or agent.open:
            return False
        agent.open = True
        agent.idle_since_ms = self.now_ms
        self.open[agent.agent_id] = agent
        for pool, level in agent.chat_pools:
            pool.ready[level][agent.agent_id] = agent
            pool.ready_count += 1
        return True

    def close(self, agent: Agent) -> None:
        agent.open = False
        key = agent.agent_id
        del self.open[key]
        for pool, level in agent.chat_pools:
            del pool.ready[level][key]
            pool.ready_count -= 1

    def count_resting(self, agent: Agent, resting: bool) -> None:
        """In wrap-up, so free soon: what an estimate wants to know of a pool."""
        agent.resting = resting
        step = 1 if resting else -1
        for pool, _ in agent.pools:
            pool.resting += step

    def unready(self, agent: Agent) -> None:
        agent.ready = False
        key = agent.agent_id
        self.ready.pop(key, None)
        for pool, level in agent.pools:
            del pool.ready[level][key]
            pool.ready_count -= 1

    def come_on_duty(self, agent: Agent) -> None:
        self._count_duty(agent, True)

    def _count_duty(self, agent: Agent, on_duty: bool) -> None:
        agent.on_duty = on_duty
        self.duty_version += 1
        if on_duty:
            self.on_duty[agent.agent_id] = agent
        else:
            del self.on_duty[agent.agent_id]
        step = 1 if on_duty else -1
        handicaps = self.weights.level
        for pool, level in agent.pools + agent.chat_pools:
            staffed = pool.staffed
            staffed[level] += step
            if on_duty:
                pool.members[agent.agent_id] = agent
            else:
                pool.members.pop(agent.agent_id, None)
            total = staffed[1] + staffed[2] + staffed[3]
            before = pool.best
            pool.best = 3 if staffed[3] else 2 if staffed[2] else 1 if staffed[1] else 0
            if pool.best < before and pool.lines:
                self._reconsider(pool)
            pool.on_duty = total
            self._measure_gap(pool)
            if total:
                weighed = staffed[1] * handicaps[1] + staffed[2] * handicaps[2] + staffed[3] * handicaps[3]
                pool.handicap = weighed // total
            else:
                pool.handicap = 0
        for language in agent.languages:
            self.speakers[language] = self.speakers.get(language, 0) + step

    def _take_seats(self, agent: Agent, seats: tuple[int, int]) -> None:
        """For how many calls and chats he is there: on a break he serves nobody, though he will be back."""
        calls, chats = seats[0] - agent.seats[0], seats[1] - agent.seats[1]
        agent.seats = seats
        for pools, change in ((agent.pools, calls), (agent.chat_pools, chats)):
            if change:
                for pool, _ in pools:
                    pool.seats += change
                    self._measure_gap(pool)

    def _measure_gap(self, pool: Pool) -> None:
        pool.gap_ms = self.turn_ms(pool.key[0]) / pool.seats if pool.seats else NO_GAP_MS

    def _reconsider(self, pool: Pool) -> None:
        """The best on duty have left: others are no longer held back, or nobody can serve these lines."""
        due = self.now_ms + self.rules.nobody_can_serve_after_ms
        waiting: list[tuple[int, str, bool]] = []
        for line, _ in pool.lines.values():
            servable = self.line_servable(line)
            waiting += [(call.place_ms, call.call_id, servable) for call in line.waiting()]
        # The lines' own order is not part of the state; a loaded engine must go on in the same way.
        for _, call_id, servable in sorted(waiting):
            if servable:
                self.remind(self.now_ms, "relax", call_id)
            else:
                self.remind(due, "nobody", call_id)

    def servable(self, call: Call) -> bool:
        """Somebody on duty could serve him, now or after a rule relaxes."""
        return self.line_servable(call.line or self.line_of(call))

    @staticmethod
    def line_servable(line: Line) -> bool:
        for spot in line.spots:
            _, one, two, three = spot.pool.staffed
            _, after_one, after_two, after_three = spot.after_ms
            if (two and after_two < NEVER) or (three and after_three < NEVER) or (one and after_one < NEVER):
                return True
        return False

    def set_state(self, agent: Agent, state: str) -> bool:
        """Ready, talking …; True when the agent is newly ready, or newly open to a chat.

        Who has chats does not become ready but goes back to them.
        """
        agent.state = "chatting" if state == "ready" and agent.chats else state
        agent.since_ms = self.now_ms
        agent.timer = 0
        return self.refresh(agent)

    # ------------------------------------------------------------------------------------------ offers
    def offer(self, call: Call, agent: Agent, reasons: tuple[str, ...]) -> None:
        """Reserves the agent for the call; it ends by a report or by itself."""
        now = self.now_ms
        self.unstand(call)
        if agent.ready:
            self.unready(agent)
        if agent.open:
            self.close(agent)
        self.serial += 1
        offer_id = f"o{now}-{self.serial}"
        call.state = "offered"
        call.offer_id = offer_id
        call.agent_id = agent.agent_id
        call.attempts += 1
        call.reasons = reasons
        if agent.state != "chatting":
            agent.busy_since_ms = now
        agent.state = "offered"
        agent.since_ms = now
        agent.call_id = call.call_id
        self.offers[offer_id] = Offer(offer_id, call.call_id, agent.agent_id, now)
        channel = call.channel
        ring_ms = self.rules.ring_ms if channel == VOICE else self.rules.chat_ring_ms
        due = now + ring_ms + self.rules.offer_grace_ms
        customer_ms = self.rules.callback_ring_ms
        if call.callback:  # first the customer's phone, then he is told who calls
            due += customer_ms + CALLBACK_HELLO_MS
        agent.timer = self.remind(due, "offer", offer_id)
        call_id, node, token = call.call_id, call.node, self.token
        agent_id, endpoint = agent.agent_id, agent.endpoint
        if call.callback:
            attempt = call.tries + 1
            self.out.append(
                PlaceCallback(
                    offer_id, call_id, node, agent_id, endpoint, ring_ms, attempt, reasons, token, customer_ms
                )
            )
        else:
            self.out.append(
                OfferCall(offer_id, call_id, node, agent_id, endpoint, ring_ms, reasons, token, channel)
            )

    def withdraw(self, offer: Offer, node: str) -> None:
        self.offers.pop(offer.offer_id, None)
        self.out.append(WithdrawOffer(offer.offer_id, offer.call_id, node, self.token))

    def release(self, call: Call, reason: str) -> None:
        """Tells the caller's node, once, that nobody will come; he stays in line until it reports."""
        if not call.released and not call.callback:
            call.released = reason
            self.out.append(ReleaseCall(call.call_id, call.node, reason, self.token, call.channel))

    # ------------------------------------------------------------------------------------------ the end
    def end(self, call: Call, outcome: Outcome, reason: str) -> None:
        """The call is over, with its one outcome: a chat that was answered once stays answered."""
        if call.returned:
            outcome, reason = "answered", reason or outcome
        self.unstand(call)
        self.calls.pop(call.call_id, None)
        if call.callback:
            self.forget_callback(call)
        waited = (call.answered_ms or self.now_ms) - call.place_ms
        call.state = "ended"
        self.ended[call.call_id] = Ended(
            outcome,
            reason,
            self.now_ms,
            call.node,
            call.topic,
            call.agent_id,
            call.reasons,
            waited,
            call.channel,
            call.place_ms,
            call.callback,
        )
        if len(self.ended) > MAX_ENDED:
            self.ended.popitem(last=False)

    def measure_service(self, agent: Agent) -> None:
        """From offer to ready again: what an agent's turn takes, smoothed over about 200 turns."""
        took = self.now_ms - agent.busy_since_ms
        if agent.busy_since_ms and agent.status == "available" and 0 < took < 3_600_000:
            self.served += 1
            self.service_ms += (took - self.service_ms) / min(200, self.served + 20)
        self.measure_work(agent)

    def measure_work(self, agent: Agent) -> None:
        took = self.now_ms - agent.busy_since_ms
        agent.worked_ms += min(took, 3_600_000) if agent.busy_since_ms else 0
        agent.busy_since_ms = 0

    def measure_chat(self, took: int) -> None:
        """How long a chat has its place, smoothed over about 200."""
        if 0 < took < 3 * 3_600_000:
            self.chats_served += 1
            self.chat_ms += (took - self.chat_ms) / min(200, self.chats_served + 20)

    def measure_break(self, agent: Agent) -> None:
        """How long a break is, smoothed over about 20 of them."""
        took = min(7_200_000, max(0, self.now_ms - agent.since_ms))
        self.break_ms += 0.05 * (took - self.break_ms)

    def measure_rest(self, agent: Agent) -> None:
        """Wrap-up alone, smoothed over about 100 of them."""
        took = min(600_000, max(0, self.now_ms - agent.since_ms))
        self.rest_ms += 0.01 * (took - self.rest_ms)

    def remember_place(self, call: Call) -> None:
        if call.caller_ref and self.rules.keep_place_ms:
            self.places[call.caller_ref] = (call.place_ms, self.now_ms, call.queue)
            self.places.move_to_end(call.caller_ref)
            if len(self.places) > MAX_REMEMBERED:
                self.places.popitem(last=False)

    def remember_agent(self, call: Call) -> None:
        if call.caller_ref and self.rules.affinity_ms:
            self.last_agent[call.caller_ref] = (call.agent_id, self.now_ms)
            self.last_agent.move_to_end(call.caller_ref)
            if len(self.last_agent) > MAX_REMEMBERED:
                self.last_agent.popitem(last=False)
