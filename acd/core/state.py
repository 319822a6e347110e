"""What the engine remembers, and how calls stand in their lines.

Rules of this module
  * Every change of a call's or an agent's standing goes through an operation here or in
    ``acd.core.machine``, so that the indexes (lines, pools, deadlines) never disagree with the records.
  * Everything is bounded; what is forgotten when a bound is met is the oldest.
"""

from __future__ import annotations

from collections import OrderedDict
from heapq import heapify, heappush

from acd.contract import Command
from acd.core.calibration import Calibration
from acd.core.model import CHAT, VOICE, Agent, Call, Ended, Line, LineKey, Offer, Pool, PoolKey, Spot
from acd.core.rules import NEVER, Rules
from acd.core.today import Today

MAX_LINES = 20_000
MAX_NODES = 16
SPARE_DEADLINES = 10_000

FIRST_SERVICE_MS = 330_000.0  # from offer to ready again, until measured
FIRST_REST_MS = 20_000.0  # wrap-up, until measured
FIRST_BREAK_MS = 900_000.0  # until measured
FIRST_CHAT_MS = 600_000.0  # from being taken up to its place being free again, until measured
Deadline = tuple[int, int, str, str]  # due_ms, serial, kind, id


class State:
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
        self.open: dict[str, Agent] = {}  # who may be offered a chat, longest idle first
        self.pools: dict[PoolKey, Pool] = {}
        self.lines: dict[LineKey, Line] = {}
        self.wanted: dict[str, dict[str, Call]] = {}  # agent -> waiting callers whom he served last
        self.deadlines: list[Deadline] = []
        self.deadlines_bound = SPARE_DEADLINES
        self.nodes: list[str] = []  # who spoke last is the first, who was lost is the last
        self.ended: OrderedDict[str, Ended] = OrderedDict()
        self.places: OrderedDict[str, tuple[int, int, str]] = OrderedDict()  # caller -> place, left, queue
        self.callbacks: dict[str, dict[str, str]] = {}  # caller -> queue -> the callback that waits for him
        self.last_agent: OrderedDict[str, tuple[str, int]] = OrderedDict()
        self.speakers: dict[str, int] = {}  # agents on duty by language
        self.counters: dict[str, int] = {}
        self.today = Today()
        self.todays = {VOICE: self.today, CHAT: Today()}
        self.calibration = Calibration()
        self.chat_calibration = Calibration()
        self.service_ms = FIRST_SERVICE_MS  # mean from offer to ready again
        self.served = 0
        self.rest_ms = FIRST_REST_MS  # mean wrap-up
        self.break_ms = FIRST_BREAK_MS  # mean break
        self.chat_ms = FIRST_CHAT_MS  # mean time that a chat has its place, wrap-up included
        self.chats_served = 0
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
        if kind == "seat":
            agent = self.agents.get(what)
            # 0: of a chat that runs on, or that ends in this moment.
            return agent is not None and any(due in (0, serial) for due in agent.chats.values())
        return what in self.calls

    def callback_of(self, caller_ref: str, queue: str) -> str:
        """The callback that waits for this caller in a queue, "" for none."""
        return self.callbacks.get(caller_ref, {}).get(queue, "")

    def index_callback(self, call: Call) -> None:
        here = self.callbacks.setdefault(call.caller_ref, {})
        here.pop(call.queue, None)  # the newest is the last
        here[call.queue] = call.call_id

    def forget_callback(self, call: Call) -> None:
        if self.callback_of(call.caller_ref, call.queue) == call.call_id:
            here = self.callbacks[call.caller_ref]
            del here[call.queue]
            if not here:
                del self.callbacks[call.caller_ref]

    def see(self, node: str) -> None:
        """A node that spoke last can carry out what a lost one cannot."""
        nodes = self.nodes
        if node and (not nodes or nodes[0] != node):
            if node in nodes:
                nodes.remove(node)
            nodes.insert(0, node)
            del nodes[MAX_NODES:]

    def other_node(self, lost: str) -> str:
        """Who goes on for a lost node, "" for nobody. Of several lost ones the first may be back by now."""
        if lost in self.nodes:
            self.nodes.remove(lost)
            self.nodes.append(lost)
        return next((node for node in self.nodes if node != lost), "")

    def use_rules(self, rules: Rules) -> None:
        self.rules = rules
        self.weights = rules.weights
        self.late_after_ms = rules.target_ms - rules.answer_allowance_ms
        self.rescue_after_ms = self.late_after_ms - rules.weights.rescue_window
        for today in self.todays.values():
            today.use(rules)

    def turn_ms(self, channel: str) -> float:
        """Mean time that a contact takes its agent, or one of his places for chats."""
        return self.chat_ms if channel == CHAT else self.service_ms

    def calibration_of(self, channel: str) -> Calibration:
        return self.chat_calibration if channel == CHAT else self.calibration

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
