"""What the engine remembers: calls, agents, offers, and the two indexes that let them find each other.

Rules of this module
  * A ``Pool`` is everybody who could serve one skill in one language (and channel), by level.
  * A ``Line`` is everybody who waits for the same: same queue, topic, language, least level, priority.
    Within a line the order is fixed, (first_queued_ms, call_id), so only its head is ever compared.
  * A line knows the pools that may serve it and from which wait on (requirements relax); a pool knows
    the lines that wait for it. Nothing here needs to look at all calls or all agents.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import NamedTuple

from acd.contract import AgentStatus, CallState, Channel, Outcome

VOICE: Channel = "voice"
CHAT: Channel = "chat"

NO_GAP_MS = 1e12  # nobody is there

PoolKey = tuple[str, str, str]  # channel, skill, language
LineKey = tuple[str, str, str, str, int, int]  # channel, queue, topic, language, least level, priority
Entry = tuple[int, str, "Call"]


class Call:
    """One caller. ``place_ms`` is the time by which he is ranked: his first queued time."""

    __slots__ = (
        "agent_id",
        "answered_ms",
        "attempts",
        "call_id",
        "callback",
        "caller_ref",
        "channel",
        "flow_version",
        "language",
        "line",
        "min_level",
        "node",
        "not_after_ms",
        "offer_id",
        "parked",
        "place_ms",
        "priority",
        "queue",
        "reasons",
        "released",
        "returned",
        "said",
        "state",
        "topic",
        "tries",
        "wanted",
    )

    def __init__(
        self,
        call_id: str,
        node: str,
        queue: str,
        topic: str,
        language: str,
        priority: int,
        place_ms: int,
        caller_ref: str,
        min_level: int,
        flow_version: str,
        channel: Channel = VOICE,
    ) -> None:
        self.call_id = call_id
        self.node = node
        self.queue = queue
        self.topic = topic
        self.language = language
        self.priority = priority
        self.place_ms = place_ms
        self.caller_ref = caller_ref
        self.min_level = min_level
        self.flow_version = flow_version
        self.channel = channel
        self.state: CallState = "queued"
        self.line: Line | None = None
        self.offer_id = ""
        self.agent_id = ""
        self.answered_ms = 0
        self.attempts = 0
        self.reasons: tuple[str, ...] = ()
        self.released = ""  # why he was told that nobody will come, "" while he may hope
        self.wanted = ""  # the agent who spoke to him last, "" when too long ago
        self.callback = False  # he is to be called; he does not hold the line
        self.parked = False  # a callback whose time has not come stands in no line
        self.tries = 0  # calls to the customer
        self.returned = False  # answered once already: a chat whose agent went, a call whose node was lost
        self.not_after_ms = 0
        self.said: tuple[int, float, int, int] | None = (
            None  # when, raw estimate, low and high: to learn from
        )

    def __lt__(self, other: Call) -> bool:  # never decides an order: call ids differ
        return self.call_id < other.call_id


class Line:
    """Waiting calls that need the same; two heaps, for those who can still be in time and the late ones.

    An entry is live while its call stands in this line with that very place; a call may own two equal
    entries after it came back from an offer, which does no harm.
    """

    __slots__ = ("count", "fresh", "key", "late", "priority", "sorted", "sorted_at", "spots", "times")

    def __init__(self, key: LineKey, spots: tuple[Spot, ...]) -> None:
        self.key = key
        self.priority = key[5]
        self.spots = spots
        # waits at which a rule relaxes here, ascending
        self.times = tuple(sorted({each for spot in spots for each in (spot.opens_ms, *spot.after_ms[1:])}))
        self.fresh: list[Entry] = []
        self.late: list[Entry] = []
        self.count = 0
        self.sorted: list[tuple[int, int, str]] = []  # for queries, as of the engine's version ``sorted_at``
        self.sorted_at = -1

    def push(self, call: Call) -> None:
        heappush(self.fresh, (call.place_ms, call.call_id, call))
        call.line = self
        self.count += 1

    def forget(self, call: Call) -> None:
        """Removal is lazy: the entry stays until it reaches the top or until most entries are stale."""
        call.line = None
        self.count -= 1
        if len(self.fresh) + len(self.late) > 2 * self.count + 32:
            self.fresh = [
                entry for entry in self.fresh if entry[2].line is self and entry[2].place_ms == entry[0]
            ]
            self.late = [
                entry for entry in self.late if entry[2].line is self and entry[2].place_ms == entry[0]
            ]
            heapify(self.fresh)
            heapify(self.late)

    def head(self, late_before_ms: int) -> Call | None:
        """The oldest of those whose place is later than ``late_before_ms``."""
        fresh = self.fresh
        while fresh:
            place_ms, _, call = fresh[0]
            if call.line is not self or call.place_ms != place_ms:
                heappop(fresh)
            elif place_ms < late_before_ms:
                heappush(self.late, heappop(fresh))
            else:
                return call
        return None

    def late_head(self) -> Call | None:
        """The oldest of those already set aside as late; ask ``head`` first."""
        late = self.late
        while late:
            place_ms, _, call = late[0]
            if call.line is self and call.place_ms == place_ms:
                return call
            heappop(late)
        return None

    def waiting(self) -> list[Call]:
        """All of the line in order; for queries, not for matching."""
        calls = {e[1]: e[2] for e in self.fresh + self.late if e[2].line is self}
        return sorted(calls.values(), key=lambda call: (call.place_ms, call.call_id))


class Spot(NamedTuple):
    """A pool that may serve a line, from ``opens_ms`` of waiting on, and from which wait each of its levels
    may without being spared (index 1..3)."""

    pool: Pool
    opens_ms: int
    after_ms: tuple[int, int, int, int]


class Pool:
    """Who could serve a skill in a language: counts of those on duty, the ready ones by level."""

    __slots__ = (
        "best",
        "gap_ms",
        "handicap",
        "key",
        "lines",
        "members",
        "on_duty",
        "ready",
        "ready_count",
        "resting",
        "row",
        "row_version",
        "seats",
        "staffed",
    )

    def __init__(self, key: PoolKey) -> None:
        self.key = key
        self.ready: tuple[dict[str, Agent], ...] = ({}, {}, {}, {})  # by level; longest idle first
        self.ready_count = 0
        self.resting = 0  # in wrap-up and available: free soon
        self.staffed = [0, 0, 0, 0]  # on duty (not logged out), by level
        self.lines: dict[LineKey, tuple[Line, Spot]] = {}  # lines in which somebody waits
        self.best = 0  # the highest level on duty: nobody is held back for a better one who is not there
        self.on_duty = 0
        self.seats = 0  # contacts that those on no break can have at once: one each, or their chats
        self.members: dict[str, Agent] = {}  # on duty
        self.row: list[tuple[Pool, float]] = []  # of estimates: see ``acd.core.estimate.shares``
        self.row_version = -1
        self.gap_ms = NO_GAP_MS  # mean time between two of them becoming free
        self.handicap = 0  # mean level handicap of those on duty: what this pool is used to


class Agent:
    """One agent; free when available, reachable, not removed and doing nothing.

    ``state`` and ``call_id`` are of what has his whole attention: an offer, a call and its wrap-up. Chats run
    beside it in ``chats``; who has some takes no call.
    """

    __slots__ = (
        "agent_id",
        "busy_since_ms",
        "call_id",
        "chat_capacity",
        "chat_pools",
        "chats",
        "draining",
        "endpoint",
        "idle_since_ms",
        "languages",
        "name",
        "on_duty",
        "on_since_ms",
        "open",
        "own_chats",
        "pools",
        "reachable",
        "ready",
        "reason",
        "removed",
        "resting",
        "seats",
        "since_ms",
        "skills",
        "state",
        "status",
        "timer",
        "worked_ms",
    )

    def __init__(self, agent_id: str) -> None:
        self.agent_id = agent_id
        self.name = ""
        self.endpoint = ""
        self.skills: dict[str, int] = {}
        self.languages: tuple[str, ...] = ()
        self.pools: tuple[tuple[Pool, int], ...] = ()
        self.chat_pools: tuple[tuple[Pool, int], ...] = ()  # empty: he takes no chats
        self.own_chats = -1  # how many he takes at once; -1: as the rules say
        self.chat_capacity = 0  # what follows from that
        self.chats: dict[str, int] = {}  # 0 while it runs, then the serial of the deadline of its wrap-up
        self.draining = False  # takes no further chat until these are over, because a call waits for him
        self.status: AgentStatus = "logged_out"
        self.reason = ""
        self.state = "ready"  # ready, offered, talking, wrap_up, paused, chatting
        self.reachable = True  # until Asterisk says otherwise; an unreachable phone costs one short offer
        self.removed = False
        self.on_duty = False  # counted in the pools
        self.ready = False  # in the ready index
        self.open = False  # in the index of those who may be offered a chat
        self.resting = False  # counted as such in the pools
        self.seats = (0, 0)  # calls and chats for which he is counted there
        self.since_ms = 0
        self.idle_since_ms = 0
        self.busy_since_ms = 0  # of the present offer, conversation or wrap-up; of the first of his chats
        self.on_since_ms = 0
        self.worked_ms = 0  # conversation and wrap-up since he came on duty
        self.call_id = ""
        self.timer = 0  # serial of the deadline that ends wrap-up or pause

    @property
    def takes_chats(self) -> bool:
        """He may be offered one (more) now. For that he needs no telephone."""
        return (
            len(self.chats) < self.chat_capacity
            and not self.draining
            and (self.state == "ready" or self.state == "chatting")
            and self.status == "available"
            and not self.removed
        )


class Offer(NamedTuple):
    offer_id: str
    call_id: str
    agent_id: str
    made_ms: int


class Ended(NamedTuple):
    """What is kept of a call that is over."""

    outcome: Outcome
    reason: str
    ended_ms: int
    node: str
    topic: str
    agent_id: str
    reasons: tuple[str, ...]
    waited_ms: int
    channel: Channel = VOICE
    place_ms: int = 0
    callback: bool = False  # in no figure of those who called
