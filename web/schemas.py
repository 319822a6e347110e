"""Shapes of the API. The same models check what comes in and make the OpenAPI document.

Times are Unix milliseconds and end in ``_ms``; 0 means "not yet". Unknown fields are refused.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from acd.contract import AgentState, AgentStatus, CallState, Channel
from desk.contract import TicketKind, TicketStatus
from desk.office import MAX_PAGE

Milliseconds = Annotated[int, Field(ge=0, le=10**14)]
KnownUntil = Annotated[
    int, Field(description="now_ms while connected, then the last time that the journal was; 0: it never was")
]
TopicId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
AgentId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$")]
Telephone = Annotated[str, Field(max_length=40, pattern=r"^[+\d\s().-]*$")]


class In(BaseModel):
    """Base of what comes in."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """Base of what goes out."""

    model_config = ConfigDict(from_attributes=True)


# ---------------------------------------------------------------------------------------------- tickets
class TicketIn(In):
    topic: TopicId
    language: Language = "ru"
    kind: TicketKind = "request"
    caller_number: Telephone = ""
    text: str = Field("", max_length=8_000)
    fields: dict[str, JsonValue] = Field(default={}, max_length=50)
    source_id: str = Field(
        "",
        max_length=100,
        description="the same id under the same token's name never opens a second ticket; empty: a new one",
    )


class TicketPatch(In):
    """Only what is given is changed. ``fields`` are merged; null removes one."""

    version: int = Field(ge=1, description="the version that you saw; another one is refused with 409")
    status: TicketStatus | None = None
    topic: TopicId | None = None
    assignee: str | None = Field(None, max_length=64)
    text: str | None = Field(None, max_length=8_000)
    fields: dict[str, JsonValue] | None = Field(None, max_length=50)

    @model_validator(mode="after")
    def _changes_something(self) -> TicketPatch:
        if self.model_fields_set == {"version"}:
            raise ValueError("nothing to change was given")
        return self


class PageQuery(In):
    limit: int = Field(50, ge=1, le=MAX_PAGE)
    cursor: str = Field("", max_length=160, description="next_cursor of the page before")


class TicketQuery(PageQuery):
    status: TicketStatus | None = None
    kind: TicketKind | None = None
    topic: TopicId | None = None
    assignee: str | None = Field(None, max_length=64)
    created_from_ms: Milliseconds | None = None
    created_to_ms: Milliseconds | None = Field(None, description="exclusive")


class TicketSearch(TicketQuery):
    """In a body, not in the address: addresses are written to logs."""

    caller_number: Telephone


class TicketBrief(Out):
    """A ticket in a list, without what its caller said; the number is masked."""

    number: str
    topic: str
    language: str
    kind: TicketKind
    status: TicketStatus
    caller_masked: str
    has_recording: bool
    assignee: str
    created_ms: int
    updated_ms: int
    closed_ms: int
    version: int


class TicketFull(Out):
    number: str
    source_id: str
    topic: str
    language: str
    kind: TicketKind
    status: TicketStatus
    caller_number: str
    text: str
    has_recording: bool
    assignee: str
    fields: dict[str, JsonValue]
    created_ms: int
    updated_ms: int
    closed_ms: int
    version: int


class TicketPage(Out):
    items: list[TicketBrief]
    next_cursor: str


# -------------------------------------------------------------------------------------------- callbacks
class CallbackIn(In):
    """The same rules as for callers: inside opening hours, while the customer is awake, one a customer."""

    request_id: str = Field(
        pattern=r"^[A-Za-z0-9._:-]{1,64}$", description="yours; the same a second time asks for nothing new"
    )
    number: Telephone
    topic: TopicId
    language: Language = "ru"
    at_ms: Milliseconds = Field(0, description="not before; 0: at his turn from now on")
    text: str = Field("", max_length=2_000, description="the matter, for the agent")


class Callback(Out):
    callback_id: str
    ticket: str
    number_masked: str
    topic: str
    language: str
    status: TicketStatus
    due_ms: int = Field(description="the time promised, the next that is allowed; 0: at his turn")
    moves: int = Field(description="so often another time had to be found")
    created_ms: int


class CallbackPage(Out):
    items: list[Callback]
    next_cursor: str


# ------------------------------------------------------------------------------------------ calls, agents
class Wait(Out):
    place: int = Field(description="1 is next")
    low_ms: int
    high_ms: int
    servable: bool


class Call(Out):
    call_id: str
    queue: str
    topic: str
    language: str
    state: CallState
    first_queued_ms: int
    agent_id: str = ""
    wait: Wait | None = None
    callback: bool = Field(False, description="nobody is on the line: he is to be called")
    channel: Channel = Field("voice", description="chat: see /chats")


class Calls(Out):
    items: list[Call]
    connected: bool = Field(description="false: the journal cannot be reached, this is old")
    now_ms: int
    known_ms: KnownUntil


class Why(Out):
    call_id: str
    sentences: list[str]


class AgentIn(In):
    """Skills: topic to level, 1 can, 2 good, 3 expert."""

    agent_id: AgentId
    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")
    endpoint: str = Field(
        pattern=r"^PJSIP/[A-Za-z0-9_-]{1,64}$", description="what Asterisk dials: PJSIP/ and an endpoint"
    )
    skills: dict[TopicId, Annotated[int, Field(ge=1, le=3)]] = Field(default={}, max_length=200)
    languages: list[Language] = Field(default=["ru"], min_length=1, max_length=10)
    chats: int = Field(-1, ge=-1, le=20, description="how many he takes at once; -1: as the rules say")


class AgentPatch(In):
    status: AgentStatus
    reason: str = Field("", max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")


class Agent(Out):
    agent_id: str
    name: str
    status: AgentStatus
    reason: str
    state: AgentState
    reachable: bool
    since_ms: int
    call_id: str
    skills: dict[str, int]
    languages: list[str]
    chats: int = Field(0, description="running, or being wrapped up")
    chat_capacity: int = Field(0, description="so many at once; 0: calls only")


class Agents(Out):
    items: list[Agent]
    connected: bool
    now_ms: int
    known_ms: KnownUntil


class Accepted(Out):
    """The fact was noted; the distributor acts on it within moments."""

    connected: bool = Field(description="false: it waits until the journal can be reached again")


class Today(Out):
    offered: int
    answered: int
    answered_in_target: int
    abandoned: int
    short_abandons: int
    waiting: int = Field(description="callers on the line")
    longest_wait_ms: int
    asa_ms: int = Field(description="average speed of answer")
    service_level: float | None = Field(description="0 to 1; null while nothing counts")
    formula: str
    numerator: int = Field(description="of the service level, as its formula counts")
    denominator: int
    callbacks: int = Field(0, description="to be called, now or at their time")
    connected: bool = True


class Level(Out):
    name: str
    version: int
    text: str = Field(description="the formula in words; a changed formula has a new version")
    numerator: int
    denominator: int
    level: float | None = Field(description="0 to 1; null while nothing counts")


class Estimates(Out):
    """Since the journal began: callers who were told a wait and were answered."""

    checked: int
    inside: int = Field(description="who waited as long as the announced range said")
    share: float | None = Field(description="inside / checked; null while nothing was checked")


class Quality(Out):
    """Service level by all usual formulas since midnight, and how true announced waits were."""

    formula: str = Field(description="name/version of the one that the wallboard shows")
    target_s: int
    levels: list[Level]
    estimates: Estimates
    connected: bool


class Beat(Out):
    """Nothing but time has changed since the last state."""

    now_ms: int
    known_ms: KnownUntil


class Live(Beat):
    """One state of the floor. Lists are cut at a bound; the totals are not."""

    connected: bool
    calls: list[Call]
    calls_total: int
    agents: list[Agent]
    agents_total: int
    today: Today


# ------------------------------------------------------------------------------------ interactions, audit
class InteractionQuery(PageQuery):
    outcome: str | None = Field(None, max_length=32)
    topic: TopicId | None = None
    agent_id: AgentId | None = None
    started_from_ms: Milliseconds | None = None
    started_to_ms: Milliseconds | None = Field(None, description="exclusive")


class InteractionSearch(InteractionQuery):
    caller_number: Telephone


class InteractionBrief(Out):
    call_id: str
    node: str
    caller_masked: str
    dialled: str
    topic: str
    language: str
    outcome: str
    agent_id: str
    mark: int
    started_ms: int
    queued_ms: int
    answered_ms: int
    ended_ms: int


class InteractionFull(InteractionBrief):
    caller_number: str
    path: list[str]
    notes: dict[str, JsonValue]
    flow_version: str


class InteractionPage(Out):
    items: list[InteractionBrief]
    next_cursor: str


class AuditQuery(PageQuery):
    subject: str = Field("", max_length=160, examples=["ticket:1234567"])


class AuditLine(Out):
    id: int
    at_ms: int
    actor: str
    role: str
    action: str
    subject: str
    details: dict[str, JsonValue]


class AuditPage(Out):
    items: list[AuditLine]
    next_cursor: str


# --------------------------------------------------------------------------- flow, incidents, answers
class FlowVersion(Out):
    version: str
    current: bool = Field(description="new calls take this one")
    calls: int = Field(description="calls that run on it now, on this node")


class Flow(Out):
    items: list[FlowVersion] = Field(description="versions in memory, the oldest first")
    archived: list[str] = Field(description="versions to roll back to, the last one in force last")


class FlowRollback(In):
    version: str = Field("", pattern=r"^[A-Za-z0-9]{0,64}$", description="empty: the one before")


Words = Annotated[str, Field(min_length=1, max_length=600)]


class IncidentIn(In):
    """The same number a second time replaces the first."""

    number: str = Field(pattern=r"^[0-9]{1,12}$", description="told to callers")
    topics: list[TopicId] = Field(default=[], max_length=50, description="whom it concerns; none: everybody")
    text: dict[Language, Words] = Field(min_length=1, description="what is said, by language")
    expected_ms: Milliseconds = Field(0, description="when the repair is expected, told to callers")
    until_ms: Milliseconds = Field(0, description="when it ends by itself")


class Incident(Out):
    number: str
    topics: list[str]
    text: dict[str, str]
    expected_ms: int
    until_ms: int


class Incidents(Out):
    items: list[Incident]


class AnswersQuery(In):
    started_from_ms: Milliseconds | None = Field(
        None, description="of the calls; the last 7 days if left out"
    )
    started_to_ms: Milliseconds | None = Field(None, description="exclusive")


class AnswerHelped(Out):
    answer_id: str
    given: int = Field(description="calls that heard it")
    helped: int
    not_helped: int
    share: float | None = Field(description="helped, of those who said: 0 to 1; null while nobody did")


class AnswersHelped(Out):
    items: list[AnswerHelped] = Field(description="most heard first")
    calls: int = Field(description="calls looked through; notes are kept as long as numbers are")
    complete: bool = Field(description="false: more calls than are looked through; the newest were")


# ------------------------------------------------------------------------------------------------- about
class Me(Out):
    name: str
    role: Literal["agent", "supervisor", "admin", "front"]
    agent_id: str


class About(Out):
    """What a page has to know of this hotline."""

    name: str
    number: str
    timezone: str
    target_s: int
    topics: dict[str, dict[str, str]] = Field(description="topic to its title by language")


class Ready(Out):
    ready: bool
    checks: dict[str, str] = Field(description='"ok", or what is wrong')
