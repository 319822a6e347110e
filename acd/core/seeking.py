"""From waiting to being offered: looking for a partner, and what is remembered of a wait."""

from __future__ import annotations

from acd.core.estimate import said_at_arrival
from acd.core.machine import Machine
from acd.core.matching import EVER, NEVER_LATE, agent_for, call_for
from acd.core.model import Agent, Call, Line, Offer
from acd.core.rules import NEVER

__all__ = ("EVER", "Seeking")

CROWD = 40
# A caller's place is the moment his node queued him; the entry that says so comes this much later at most.
ON_THE_WAY_MS = 2_000


class Seeking(Machine):
    def seek_agent(self, call: Call) -> bool:
        """An offer for this caller if somebody ready may serve him now."""
        found = agent_for(self, call)
        if found is None:
            return False
        self.offer(call, *found)
        return True

    def seek_agent_in_turn(self, call: Call) -> bool:
        """The same for a caller who stood or stands in line already: those ahead of him there come first.

        What opens the way for him may open it for them too: a Tick that comes late, two rules that relax in
        one millisecond.
        """
        line = call.line
        if line is None:
            return False
        on_time_ms = self.now_ms - self.late_after_ms if line.priority < NEVER_LATE else EVER
        late = call.place_ms < on_time_ms
        while True:
            first = line.head(on_time_ms)
            if late:
                first = line.late_head()
            if first is None or first is call:
                return self.seek_agent(call)
            if not self.seek_agent(first):
                return False  # whoever may serve him may serve the one who has waited longer

    def seek_call(self, agent: Agent) -> bool:
        """An offer to this ready agent if somebody waits whom he may serve."""
        found = call_for(self, agent)
        if found is None:
            return False
        call, reasons = found
        self.offer(call, agent, reasons)
        return True

    def make_ready(self, agent: Agent) -> None:
        """His turn is over. He joins the ready index only if nobody waits for him: mostly somebody does."""
        has_chats = agent.open or (agent.state == "paused" and agent.chats)
        if agent.ready or has_chats or not agent.on_duty or agent.removed or not agent.reachable:
            if self.set_state(agent, "ready"):
                self.seek_call(agent)
            return
        if agent.resting:
            self.count_resting(agent, False)
        agent.state = "ready"
        agent.since_ms = self.now_ms
        agent.timer = 0
        if agent.status == "available" and agent.pools:
            agent.idle_since_ms = self.now_ms
            if not self.seek_call(agent):
                self.refresh(agent)

    # ------------------------------------------------------------------------------ back, or together
    def requeue(self, call: Call) -> None:
        """Back into the line with the first queued time."""
        self.stand(call)
        if call.attempts >= self.rules.max_attempts:
            self.release(call, "waited_too_long")
        if not self.seek_agent_in_turn(call):
            self.wait(call)
        self.remind_of_limit(call)  # who was offered at once has none yet

    def take_back(self, agent: Agent) -> None:
        """The agent's present offer is void; its caller waits on, first in time."""
        other = self.calls.get(agent.call_id)
        agent.call_id = ""
        if other is not None and other.offer_id:
            offer = self.offers.get(other.offer_id)
            if offer is not None:
                self.withdraw(offer, other.node)
            self.requeue(other)

    def unring(self, offer: Offer, node: str) -> None:
        """An offer is void because its caller is served; its agent is ready again."""
        self.withdraw(offer, node)
        agent = self.agents.get(offer.agent_id)
        if agent is not None and agent.state == "offered":
            agent.call_id = ""
            if self.set_state(agent, "ready"):
                self.seek_call(agent)

    def joined(self, call: Call, agent_id: str) -> None:
        """Caller and agent talk, as far as the call is concerned."""
        now = self.now_ms
        self.unstand(call)
        call.state = "connected"
        call.parked = False  # a late word about a callback that was to be tried again
        call.offer_id = ""
        call.agent_id = agent_id
        self.remind(now + self.rules.max_talk_ms, "talk", call.call_id)
        call.answered_ms = call.answered_ms or now
        if call.returned:
            return
        if call.callback:
            self.count("callbacks_answered")
        else:
            self.todays[call.channel].answered(now - call.place_ms)
        self.learn(call)

    # ------------------------------------------------------------------------------------------ waiting
    def wait(self, call: Call) -> bool:
        """He could not be matched at once: remember when a rule relaxes for him, or that he is to be told so
        if nobody on duty can serve him, now or later; False: nobody can."""
        line = call.line
        if line is None:
            return True
        waited = self.now_ms - call.place_ms
        for after in line.times:
            if after > waited:
                if after < NEVER:
                    self.remind(call.place_ms + after, "relax", call.call_id)
                break
        if self.line_servable(line):
            return True
        self.remind(self.now_ms + self.rules.nobody_can_serve_after_ms, "nobody", call.call_id)
        return False

    def remind_of_limit(self, call: Call) -> None:
        """Who has waited as long as the rules let anybody wait is told so."""
        if not call.callback:
            due = max(self.now_ms + 1, call.place_ms + self.rules.max_wait_ms)
            self.remind(due, "long", call.call_id)

    def relaxed(self, call_id: str) -> None:
        call = self.calls.get(call_id)
        if call is not None and call.line is not None and not self.seek_agent_in_turn(call):
            self.wait(call)

    def announce(self, call: Call, line: Line | None) -> None:
        """Remembers what a caller who must wait would be told, to learn from what comes of it.

        In a crowd one caller in four is enough to learn from.
        """
        newcomer = self.now_ms - call.place_ms <= ON_THE_WAY_MS
        if line is None or call.priority or call.min_level > 1 or not newcomer:
            return
        if self.waiting_count > CROWD and self.version & 3:
            return
        said = said_at_arrival(self, line)
        if said is not None:
            call.said = (self.now_ms, *said)

    def learn(self, call: Call) -> None:
        if call.said is not None:
            when, raw, low, high = call.said
            call.said = None
            pool = f"{call.topic}/{call.language}"
            self.calibration_of(call.channel).learn(pool, raw, (low, high), self.now_ms - when)
