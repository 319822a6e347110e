"""What the rest of the house may know of the distributor.

Everything that happens to a call or an agent is an *event*, a fact in the past tense, appended to the
journal. The engine answers with *commands* for the node that holds the call. Both are plain frozen
dataclasses with JSON-able fields; a journal entry is ``{"type": class name, "v": 1, **fields}``.

Rules
  * No personal data here: a caller is ``caller_ref``, a keyed hash of his number made by the desk.
  * Times are Unix milliseconds and end in ``_ms``. ``first_queued_ms`` never changes over a call's life.
  * Every command carries an id; performing it twice does nothing the second time.
  * ``call_id`` is made by the node that answers the call; ``offer_id`` by the engine.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

Outcome = Literal["answered", "abandoned", "overflowed", "called_back", "transferred", "failed"]
AgentStatus = Literal["logged_out", "available", "on_break"]
Channel = Literal["voice", "chat"]  # an agent takes one call or several chats
# chatting: with chats, and nothing is being offered; paused: after an unanswered offer
AgentState = Literal["ready", "offered", "talking", "wrap_up", "paused", "chatting"]
CallState = Literal["queued", "offered", "connected", "ended"]


# ----------------------------------------------------------------------------------------------- events
@dataclass(frozen=True, slots=True)
class Event:
    """Base of all facts."""


@dataclass(frozen=True, slots=True)
class CallQueued(Event):
    """A caller waits for an agent; also sent again by a node to re-assert a live call (same ids)."""

    call_id: str
    node: str
    queue: str
    topic: str
    language: str = "ru"
    priority: int = 0  # 0 normal, 1 urgent, 2 returns from a transfer
    first_queued_ms: int = 0  # 0: the entry's own time; otherwise the place that the caller keeps
    caller_ref: str = ""
    min_level: int = 1
    flow_version: str = ""
    channel: Channel = "voice"


@dataclass(frozen=True, slots=True)
class CallLeft(Event):
    """The caller is no longer waiting and was not connected (hung up, was helped, left a request …)."""

    call_id: str
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CallbackRequested(Event):
    """A caller wants to be called instead of waiting; he keeps his place.

    ``call_id``: the waiting call that this ends (outcome ``called_back``), "" when asked for otherwise.
    The times bound when he may be called: opening hours and his own waking hours are the asker's to know.
    ``first_queued_ms`` is his place as the asker knows it, for an engine that no longer knows the call.
    A CallLeft with the ``callback_id`` cancels it.
    """

    callback_id: str
    call_id: str
    node: str
    queue: str
    topic: str
    language: str = "ru"
    caller_ref: str = ""
    not_before_ms: int = 0  # 0: as soon as it is his turn
    not_after_ms: int = 0  # 0: no limit
    min_level: int = 1
    first_queued_ms: int = 0  # 0: the place of ``call_id``; without one, the entry's own time
    due_ms: int = 0  # the time that he chose, which is then his place; 0: at his turn


@dataclass(frozen=True, slots=True)
class CallbackFailed(Event):
    """An agent was reserved, the customer was not reached (``no_answer``, ``busy``, ``refused`` …)."""

    offer_id: str
    call_id: str  # the callback's id
    agent_id: str
    reason: str = "no_answer"


@dataclass(frozen=True, slots=True)
class OfferAccepted(Event):
    """Caller and agent talk. ``channel`` serves an engine that no longer knows the call."""

    offer_id: str
    call_id: str
    agent_id: str
    channel: Channel = "voice"


@dataclass(frozen=True, slots=True)
class OfferDeclined(Event):
    """The agent's phone said busy or rejected the call (486, 603)."""

    offer_id: str
    call_id: str
    agent_id: str


@dataclass(frozen=True, slots=True)
class OfferTimedOut(Event):
    """The agent's phone rang the whole time."""

    offer_id: str
    call_id: str
    agent_id: str


@dataclass(frozen=True, slots=True)
class AgentUnreachable(Event):
    """The agent's phone could not be reached (not registered, no SIP answer)."""

    offer_id: str
    call_id: str
    agent_id: str


@dataclass(frozen=True, slots=True)
class CallEnded(Event):
    """The conversation of a connected call is over; the agent wraps up."""

    call_id: str
    agent_id: str
    outcome: Outcome = "answered"


@dataclass(frozen=True, slots=True)
class MarkGiven(Event):
    """The caller's mark for the conversation, 1 to 5."""

    call_id: str
    agent_id: str
    mark: int


@dataclass(frozen=True, slots=True)
class AgentDefined(Event):
    """An agent's skills (topic -> level 1..3), languages and dial string, from config or API.

    ``chats``: how many chats he takes at once; -1: as many as the rules say.
    """

    agent_id: str
    name: str
    endpoint: str
    skills: Mapping[str, int] = field(default_factory=dict)
    languages: tuple[str, ...] = ("ru",)
    chats: int = -1


@dataclass(frozen=True, slots=True)
class AgentRemoved(Event):
    agent_id: str


@dataclass(frozen=True, slots=True)
class AgentStatusDeclared(Event):
    """What the agent says of himself; ``reason`` of a break is free text.

    Who logs out gives his chats back: they wait for another agent, with their places.
    """

    agent_id: str
    status: AgentStatus
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AgentReachabilityChanged(Event):
    """What Asterisk says of the agent's phone."""

    agent_id: str
    reachable: bool


@dataclass(frozen=True, slots=True)
class WrapUpFinished(Event):
    """The agent is ready before the wrap-up time ran out."""

    agent_id: str


@dataclass(frozen=True, slots=True)
class RulesLoaded(Event):
    """Routing rules as a validated mapping (``acd.core.rules`` knows the keys)."""

    version: str
    rules: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeLost(Event):
    """A node and its Asterisk are gone: its calls ended."""

    node: str


@dataclass(frozen=True, slots=True)
class LeaderElected(Event):
    """A new engine leads with this fencing token; commands with an older token are void."""

    engine: str
    token: int


@dataclass(frozen=True, slots=True)
class Tick(Event):
    """Nothing happened but time: the leader appends it when a deadline in the state is due."""


# --------------------------------------------------------------------------------------------- commands
@dataclass(frozen=True, slots=True)
class Command:
    """Base of all orders to a node."""


@dataclass(frozen=True, slots=True)
class OfferCall(Command):
    """Ring this agent for this call, at most ``ring_ms``; report what came of it.

    A chat rings nowhere: the agent's own client shows what it finds in ``Distributor.chats_of``.
    """

    offer_id: str
    call_id: str
    node: str
    agent_id: str
    endpoint: str
    ring_ms: int
    reasons: tuple[str, ...] = ()
    token: int = 0
    channel: Channel = "voice"


@dataclass(frozen=True, slots=True)
class PlaceCallback(Command):
    """An agent is reserved: call this customer, then connect the two; report as for OfferCall.

    Nobody answers at the customer's: CallbackFailed. ``ring_ms`` is for the agent's phone.
    """

    offer_id: str
    call_id: str
    node: str
    agent_id: str
    endpoint: str
    ring_ms: int
    attempt: int = 1
    reasons: tuple[str, ...] = ()
    token: int = 0
    customer_ring_ms: int = 0  # for the customer's phone; 0: as for the agent's


@dataclass(frozen=True, slots=True)
class CallbackGivenUp(Command):
    """The customer was not reached (``unanswered``, ``too_late``): keep it as a ticket."""

    call_id: str
    node: str
    reason: str
    token: int = 0


@dataclass(frozen=True, slots=True)
class WithdrawOffer(Command):
    """Stop ringing: the reservation ended."""

    offer_id: str
    call_id: str
    node: str
    token: int = 0


@dataclass(frozen=True, slots=True)
class ReleaseCall(Command):
    """Nobody will serve this call (``nobody_can_serve``, ``waited_too_long``): say so, offer a request."""

    call_id: str
    node: str
    reason: str
    token: int = 0
    channel: Channel = "voice"


# ------------------------------------------------------------------------------------------------ views
@dataclass(frozen=True, slots=True)
class WaitView:
    """A caller's place (1 is next) and his remaining wait as a range."""

    place: int
    low_ms: int
    high_ms: int
    servable: bool  # False: nobody logged in today could serve him as things stand
    likely_ms: int = 0  # half of the actual waits are shorter


@dataclass(frozen=True, slots=True)
class KeptPlace:
    """What is kept for a caller who is on no line: a callback, or the place of a call that dropped."""

    first_queued_ms: int
    callback_id: str = ""  # "": his call dropped
    topic: str = ""  # of the callback
    place: int = 0  # of the callback, 1 is next; 0: it stands in no line just now
    due_ms: int = 0  # of the callback, when its time is yet to come
    queue: str = ""  # of the callback


@dataclass(frozen=True, slots=True)
class CallView:
    call_id: str
    queue: str
    topic: str
    language: str
    state: CallState
    first_queued_ms: int
    agent_id: str = ""
    wait: WaitView | None = None
    callback: bool = False  # nobody is on the line: he is to be called
    channel: Channel = "voice"


@dataclass(frozen=True, slots=True)
class ChatView:
    """One chat. While it is offered ``offer_ends_ms`` says until when; when it is over ``outcome`` is set."""

    chat_id: str
    node: str  # which looks after it
    queue: str
    topic: str
    language: str
    state: CallState
    first_queued_ms: int
    agent_id: str = ""
    offer_id: str = ""
    offer_ends_ms: int = 0
    released: str = ""  # why nobody will come (see ReleaseCall); "" while he may hope
    wait: WaitView | None = None
    outcome: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AgentView:
    agent_id: str
    name: str
    status: AgentStatus
    reason: str
    state: AgentState
    reachable: bool
    since_ms: int  # of the state
    call_id: str = ""
    skills: Mapping[str, int] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    chats: int = 0  # running, or being wrapped up
    chat_capacity: int = 0  # so many at once; 0: he takes calls only


@dataclass(frozen=True, slots=True)
class TodayView:
    """Counts since midnight of the centre's zone. ``service_level`` is ``numerator`` / ``denominator``, as
    ``formula`` counts them.

    ``waiting`` and ``longest_wait_ms`` speak of callers on the line; ``callbacks`` wait beside them, for an
    agent or for their time.
    """

    offered: int
    answered: int
    answered_in_target: int
    abandoned: int
    short_abandons: int
    waiting: int
    longest_wait_ms: int
    asa_ms: int
    service_level: float | None  # 0..1, None while nothing was offered
    formula: str = ""
    callbacks: int = 0
    numerator: int = 0
    denominator: int = 0


@dataclass(frozen=True, slots=True)
class LevelView:
    """Today's service level by one formula. A changed formula gets a new version, never another meaning."""

    name: str
    version: int
    text: str  # the formula in words
    numerator: int
    denominator: int

    @property
    def level(self) -> float | None:
        """0..1; None while nothing counts."""
        return self.numerator / self.denominator if self.denominator > 0 else None


@dataclass(frozen=True, slots=True)
class EstimatesView:
    """How true the announced waits were, since the journal began: of callers who were told a range when they
    queued and were answered, how many waited as long as the range said."""

    checked: int = 0
    inside: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state at ``now_ms``; while the journal cannot be reached, that of ``known_ms``."""

    now_ms: int
    calls: tuple[CallView, ...]
    agents: tuple[AgentView, ...]
    today: TodayView
    connected: bool = True  # False: the journal cannot be reached, what you see is old
    levels: tuple[LevelView, ...] = ()
    estimates: EstimatesView = EstimatesView()
    chats_today: TodayView | None = None  # counts of chats; ``today`` has the calls
    known_ms: int = 0  # now_ms while connected, then the last time that the journal was; 0: it never was


class Distributor(Protocol):
    """The distributor as a node, the web and the command line see it.

    ``report`` never raises for an unreachable journal: facts wait in a bounded outbox and are sent on
    reconnection. Queries are answered from a local replica of the state and cost no I/O.
    """

    @property
    def connected(self) -> bool: ...

    async def report(self, event: Event) -> None: ...

    def commands(self, node: str) -> AsyncIterator[Command]:
        """Orders for this node, each once, in order; the stream of a node lives on over reconnections.

        None of chats: whoever looks after them sees in ``chat`` how they stand.
        """
        ...

    def wait_of(self, call_id: str) -> WaitView | None: ...

    def estimate(self, topic: str, language: str, queue: str) -> WaitView:
        """What a caller who asked for this queue now would be told."""
        ...

    def kept_place(self, caller_ref: str) -> KeptPlace | None:
        """What is kept for this caller, who is calling again; None for nobody and nothing."""
        ...

    def promised(self) -> Mapping[int, int]:
        """How many callbacks are promised for which time to come (Unix ms)."""
        ...

    def chat(self, chat_id: str) -> ChatView | None:
        """One chat, also for a while after its end; None: unknown, or not a chat."""
        ...

    def chats_of(self, agent_id: str) -> tuple[ChatView, ...]:
        """What this agent is offered and which chats he has, the oldest first."""
        ...

    def snapshot(self) -> Snapshot: ...

    def why(self, call_id: str) -> tuple[str, ...]:
        """Sentences: why this agent, or why still waiting and what would release him. Empty: unknown call."""
        ...
