"""What a call needs from the rest of the house, by its shape."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from acd.contract import CallbackRequested, Distributor, KeptPlace
from desk.contract import Desk, Interaction
from ivr.agi.holding import Track
from ivr.dialog.contract import (
    Action,
    CallStarted,
    Input,
    KeptBefore,
    LookUp,
    LookUpDone,
    Prompt,
    RequestCallback,
    Value,
)
from ivr.prompts.contract import Voice
from ivr.speech.contract import ENGINES

if TYPE_CHECKING:
    from ivr.agi.live import LiveCall


class Dialogue(Protocol):
    """What a runner reads of a dialogue's session; ``ivr.dialog.session.Session`` has it."""

    @property
    def language(self) -> str: ...
    @property
    def topic(self) -> str: ...
    @property
    def path(self) -> Sequence[str]: ...
    @property
    def notes(self) -> Mapping[str, Value]: ...
    @property
    def flow_version(self) -> str: ...


class Hotline(Protocol):
    """The flows in force, behind two functions. Sessions are opaque to the runner but for ``Dialogue``."""

    def new_session(self, started: CallStarted) -> Any: ...

    def advance(self, session: Any, event: Input, now_ms: int) -> tuple[Any, tuple[Action, ...]]: ...


class Phones(Protocol):
    """What a session cannot do to channels while it waits for Asterisk; the manager can."""

    async def stop_ringing(self, endpoint: str, caller_unique_id: str) -> int:
        """Hangs up what rings at ``endpoint`` for this caller (Asterisk's id of his channel); how many."""
        ...

    async def press(self, channel: str, key: str) -> None:
        """Gives a key to a channel as if its caller had pressed it."""
        ...


LookUpPort = Callable[[LookUp], Awaitable[LookUpDone]]


async def nobody_listens(_call_id: str) -> bool:
    """Without a speech server of our own."""
    return False


async def nothing_found(_action: LookUp) -> LookUpDone:
    """The look-up of an installation without integrations."""
    return LookUpDone(found=False)


@dataclass(frozen=True, slots=True)
class CallSettings:
    """How calls are run on this node. ``address`` is where Asterisk reaches this daemon's FastAGI port."""

    node: str
    address: str
    recordings: Path
    spool: Path
    languages: tuple[str, ...] = ("ru", "en")
    music_class: str = "default"
    record_conversations: bool = False
    sorry: Prompt = Prompt("error.sorry")  # noqa: RUF009 (frozen)
    connecting: Prompt | None = None  # said before the agent's phone rings; costs its length
    fallback_queue: str = "main"
    fallback_topic: str = "consultation"  # most agents can
    transfer_targets: Mapping[str, str] = field(default_factory=dict)  # destination -> dial string
    transfer_ring_s: int = 30
    queue_down_ms: int = 20_000  # without a journal for so long, a waiting caller is released
    desk_timeout_s: float = 3.0
    look_up_timeout_s: float = 5.0
    music: tuple[Track, ...] = ()  # that waiting callers are listened to over; () only plays music_class
    silence: str = ""  # a moment of silence (``listening.make_silence``); "" takes keys only
    min_free_bytes: int = 64 * 1024 * 1024  # for a recording to begin


class CallbackPort(Protocol):
    """``ivr.agi.callbacks.Callbacks``, as far as a call knows it."""

    def plan(self, call: LiveCall, action: RequestCallback) -> CallbackRequested | None: ...

    async def matter_so_far(self, wish: CallbackRequested) -> dict[str, Value]: ...

    async def agree(
        self, wish: CallbackRequested, number: str, matter: dict[str, Value] | None = None
    ) -> None: ...

    async def remembered(self, caller_number: str) -> tuple[KeptBefore | None, KeptPlace | None]: ...

    def taken(self, kept: KeptPlace | None, queue: str) -> bool: ...

    async def once_more(self, kept: KeptPlace, caller_number: str) -> RequestCallback: ...

    async def cancel(self, callback_id: str) -> bool: ...

    async def finished(self, summary: Interaction) -> None: ...


@dataclass(frozen=True, slots=True)
class House:
    """Everything that a call may turn to."""

    settings: CallSettings
    hotline: Hotline
    voice: Voice
    distributor: Distributor
    desk: Desk
    clock_ms: Callable[[], int]
    phones: Phones | None = None
    look_up: LookUpPort = nothing_found
    # Speech servers to try, in this order; asked before each turn. () while none is there.
    speech_engines: Callable[[], Sequence[str]] = lambda: ENGINES
    # Ends what the speech server listens for in this call; False when it does not know the call.
    end_turn: Callable[[str], Awaitable[bool]] = nobody_listens
    callbacks: CallbackPort | None = None  # None: who wants to be called back becomes a ticket
