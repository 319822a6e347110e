"""The state and the few operations on it from which all handlers are built.

Rules of this module
  * Every change of a call's or an agent's standing goes through an operation here, so that the indexes
    (lines, pools, deadlines) never disagree with the records.
  * Everything is bounded; what is forgotten when a bound is met is the oldest.
  * Nothing here decides who serves whom; that is ``acd.core.matching``.
"""

from __future__ import annotations

from collections import OrderedDict
from heapq import heapify, heappop, heappush

from acd.contract import Command, OfferCall, Outcome, PlaceCallback, ReleaseCall, WithdrawOffer
from acd.core.calibration import Calibration
from acd.core.model import Agent, Call, Ended, Line, LineKey, Offer, Pool, PoolKey, Spot
from acd.core.rules import NEVER, Rules
from acd.core.today import Today

MAX_CALLS = 100_000
MAX_AGENTS = 50_000
MAX_ENDED = 2_000
MAX_REMEMBERED = 20_000  # callers whose place or last agent is kept
MAX_LINES = 20_000
SPARE_DEADLINES = 10_000
CALLBACK_HELLO_MS = 10_000  # a customer who answered is told who calls, then his agent's phone rings

FIRST_SERVICE_MS = 330_000.0  # from offer to ready again, until measured
FIRST_REST_MS = 20_000.0  # wrap-up, until measured
Deadline = tuple[int, int, str, str]  # due_ms, serial, kind, id
Ask = tuple[int, int]


class Machine:
    def __init__(self) -> None:
        self.now_ms = 0
        self.token = 0
        self.leader = ""
        self.serial = 0
        self.waiting_count = 0
        self.version = 0  # grows with every event: what was computed from the state is old then
        self.rules_version = ""
        self.raw_rules: dict[str, object] = {}
        self.rules = Rules()
        self.calls: dict[str, Call] = {}
        self.agents: dict[str, Agent] = {}
        self.offers: dict[str, Offer] = {}
        self.ready: dict[str, Agent] = {}
        self.pools: dict[PoolKey, Pool] = {}
        self.lines: dict[LineKey, Line] = {}
        self.wanted: dict[str, dict[str, Call]] = {}  # agent -> waiting callers whom he served last
        self.deadlines: list[Deadline] = []
        self.deadlines_bound = SPARE_DEADLINES
        self.last_node = self.other_node = ""
        self.ended: OrderedDict[str, Ended] = OrderedDict()
        self.places: OrderedDict[str, tuple[int, int, str]] = OrderedDict()  # caller -> place, left, queue
        self.callbacks: dict[str, str] = {}  # caller -> the callback that waits for him
        self.last_agent: OrderedDict[str, tuple[str, int]] = OrderedDict()
        self.speakers: dict[str, int] = {}  # agents on duty by language
        self.counters: dict[str, int] = {}
        self.today = Today()
        self.calibration = Calibration()
        self.service_ms = FIRST_SERVICE_MS  # mean from offer to ready again
        self.served = 0
        self.rest_ms = FIRST_REST_MS  # mean wrap-up
        self.on_duty: dict[str, Agent] = {}  # in the order in which they came
        self.duty_version = 0
        self.out: list[Command] = []
        self.use_rules(Rules())

    # ------------------------------------------------------------------------------------------ small
    def count(self, what: str) -> None:
        self.counters[what] = self.counters.get(what, 0) + 1

    def remind(self, due_ms: int, kind: str, what: str) -> int:
        """A deadline; its serial number tells whether it is still meant when it comes due."""
        self.serial = serial = self.serial + 1
        deadlines = self.deadlines
        heappush(deadlines, (due_ms, serial, kind, what))
        if len(deadlines) > self.deadlines_bound:
            self._forget_deadlines()
        return serial

    def _forget_deadlines(self) -> None:
        """Drops those that mean nothing any more; seldom, so that it costs little on the whole."""
        self.deadlines[:] = [each for each in self.deadlines if self._meant(each)]
        heapify(self.deadlines)
        self.deadlines_bound = 4 * len(self.deadlines) + SPARE_DEADLINES

    def _meant(self, deadline: Deadline) -> bool:
        _, serial, kind, what = deadline
        if kind == "offer":
            return what in self.offers
        if kind == "agent":
            agent = self.agents.get(what)
            return agent is not None and agent.timer in (0, serial)
        return what in self.calls

    def see(self, node: str) -> None:
        """A node that spoke last can carry out what a lost one cannot."""
        if node and node != self.last_node:
            self.last_node, self.other_node = node, self.last_node

    def use_rules(self, rules: Rules) -> None:
        self.rules = rules
        self.weights = rules.weights
        self.late_after_ms = rules.target_ms - rules.answer_allowance_ms
        self.rescue_after_ms = self.late_after_ms - rules.weights.rescue_window
        self.today.use(rules)

    # ----------------------------------------------------------------------------------- pools and lines
    def pool(self, key: PoolKey) -> Pool:
        pool = self.pools.get(key)
        if pool is None:
            pool = self.pools[key] = Pool(key)
        return pool

    def line_of(self, call: Call) -> Line:
        key = (call.channel, call.queue, call.topic, call.language, call.min_level, call.priority)
        line = self.lines.get(key)
        if line is None:
            if len(self.lines) >= MAX_LINES:
                self.lines = {k: each for k, each in self.lines.items() if each.count}
            line = self.lines[key] = Line(key, self._spots(key))
        return line

    def _spots(self, key: LineKey) -> tuple[Spot, ...]:
        """Where a line may be served: own queue and language first, then what rules open with waiting."""
        channel, queue, topic, language, min_level, priority = key
        rules = self.rules
        relax = rules.topic(topic).relax.after_ms
        queues: list[tuple[int, str]] = []
        name, wait = queue, 0
        while True:
            rule = rules.queues.get(name)
            prefix = rule.skills if rule else ""
            queues.append((wait, f"{prefix}/{topic}" if prefix else topic))
            if rule is None or not rule.overflow:
                break
            wait += rule.overflow_after_ms
            name = rule.overflow
        spots: dict[PoolKey, Spot] = {}
        for queue_opens, skill in queues:
            for language_opens, each in ((0, language), *rules.languages.get(language, ())):
                pool_key = (channel, skill, each)
                if pool_key in spots:
                    continue
                opens = max(queue_opens, language_opens)
                after = [NEVER] * 4
                for level in range(max(1, min_level), 4):
                    if relax[level] < NEVER:
                        after[level] = opens + (0 if priority > 0 else relax[level])
                spots[pool_key] = Spot(self.pool(pool_key), opens, (after[0], after[1], after[2], after[3]))
        return tuple(spots.values())

    def stand(self, call: Call) -> None:
        """The call waits in its line, with its place."""
        line = self.line_of(call)
        call.state = "queued"
        call.offer_id = call.agent_id = ""
        if not line.count:
            for spot in line.spots:
                spot.pool.lines[line.key] = (line, spot)
        line.push(call)
        self.waiting_count += 1
        if call.wanted:
            self.wanted.setdefault(call.wanted, {})[call.call_id] = call

    def unstand(self, call: Call) -> None:
        line = call.line
        if line is None:
            return
        line.forget(call)
        self.waiting_count -= 1
        if not line.count:
            for spot in line.spots:
                del spot.pool.lines[line.key]
        if call.wanted:
            those = self.wanted.get(call.wanted)
            if those is not None:
                those.pop(call.call_id, None)
                if not those:
                    del self.wanted[call.wanted]

    # ------------------------------------------------------------------------------------------ agents
    def join_pools(self, agent: Agent) -> None:
        agent.pools = tuple(
            (self.pool(("voice", skill, language)), level)
            for skill, level in agent.skills.items()
            for language in agent.languages
        )

    def refresh(self, agent: Agent) -> bool:
        """Brings duty counts and the ready index in line with the agent's record; True: newly ready."""
        on_duty = agent.status != "logged_out" and not agent.removed
        if on_duty != agent.on_duty:
            self._count_duty(agent, on_duty)
        resting = agent.state == "wrap_up" and agent.status == "available" and not agent.removed
        if resting != agent.resting:
            self.count_resting(agent, resting)
        ready = (
            agent.state == "ready"
            and agent.status == "available"
            and agent.reachable
            and not agent.removed
            and bool(agent.pools)
        )
        if ready == agent.ready:
            return False
        agent.ready = ready
        if ready:
            agent.idle_since_ms = self.now_ms
            self.ready[agent.agent_id] = agent
            for pool, level in agent.pools:
                pool.ready[level][agent.agent_id] = agent
                pool.ready_count += 1
        else:
            self.unready(agent)
        return ready

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
        for pool, level in agent.pools:
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
            pool.gap_ms = self.service_ms / total if total else 1e12
            if total:
                weighed = staffed[1] * handicaps[1] + staffed[2] * handicaps[2] + staffed[3] * handicaps[3]
                pool.handicap = weighed // total
            else:
                pool.handicap = 0
        for language in agent.languages:
            self.speakers[language] = self.speakers.get(language, 0) + step

    def _reconsider(self, pool: Pool) -> None:
        """The best on duty have left: others are no longer held back, or nobody can serve these lines."""
        due = self.now_ms + self.rules.nobody_can_serve_after_ms
        waiting = [call for line, _ in pool.lines.values() for call in line.waiting()]
        # The lines' own order is not part of the state; a loaded engine must go on in the same way.
        for call in sorted(waiting, key=lambda call: (call.place_ms, call.call_id)):
            if pool.best:
                self.remind(self.now_ms, "relax", call.call_id)
            elif not call.callback:
                self.remind(due, "nobody", call.call_id)

    def servable(self, call: Call) -> bool:
        """Somebody on duty could serve him, now or after a rule relaxes."""
        line = call.line or self.line_of(call)
        for spot in line.spots:
            staffed, after = spot.pool.staffed, spot.after_ms
            for level in (1, 2, 3):
                if staffed[level] and after[level] < NEVER:
                    return True
        return False

    def set_state(self, agent: Agent, state: str) -> bool:
        """Ready, talking …; True when the agent is newly ready."""
        agent.state = state
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
        self.serial += 1
        offer_id = f"o{now}-{self.serial}"
        call.state = "offered"
        call.offer_id = offer_id
        call.agent_id = agent.agent_id
        call.attempts += 1
        call.reasons = reasons
        agent.state = "offered"
        agent.since_ms = agent.busy_since_ms = now
        agent.call_id = call.call_id
        self.offers[offer_id] = Offer(offer_id, call.call_id, agent.agent_id, now)
        ring_ms = self.rules.ring_ms
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
            self.out.append(OfferCall(offer_id, call_id, node, agent_id, endpoint, ring_ms, reasons, token))

    def withdraw(self, offer: Offer, node: str) -> None:
        self.offers.pop(offer.offer_id, None)
        self.out.append(WithdrawOffer(offer.offer_id, offer.call_id, node, self.token))

    def release(self, call: Call, reason: str) -> None:
        """Tells the caller's node, once, that nobody will come; he stays in line until it reports."""
        if not call.released and not call.callback:
            call.released = reason
            self.out.append(ReleaseCall(call.call_id, call.node, reason, self.token))

    # ------------------------------------------------------------------------------------------ the end
    def end(self, call: Call, outcome: Outcome, reason: str) -> None:
        """The call is over, with its one outcome."""
        self.unstand(call)
        self.calls.pop(call.call_id, None)
        if call.callback and self.callbacks.get(call.caller_ref) == call.call_id:
            del self.callbacks[call.caller_ref]
        waited = (call.answered_ms or self.now_ms) - call.place_ms
        call.state = "ended"
        self.ended[call.call_id] = Ended(
            outcome, reason, self.now_ms, call.node, call.topic, call.agent_id, call.reasons, waited
        )
        if len(self.ended) > MAX_ENDED:
            self.ended.popitem(last=False)

    def measure_service(self, agent: Agent) -> None:
        """From offer to ready again: what an agent's turn takes, smoothed over about 200 turns."""
        took = self.now_ms - agent.busy_since_ms
        if agent.busy_since_ms and agent.status == "available" and 0 < took < 3_600_000:
            self.served += 1
            self.service_ms += (took - self.service_ms) / min(200, self.served + 20)
        agent.worked_ms += min(took, 3_600_000) if agent.busy_since_ms else 0
        agent.busy_since_ms = 0

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

    def due(self) -> Deadline | None:
        """The next deadline that has come, taken off the heap."""
        heap = self.deadlines
        if heap and heap[0][0] <= self.now_ms:
            return heappop(heap)
        return None
