"""Callbacks: the customer is called when an agent is reserved for him, and led to that agent.

Rules
  * The journal knows a callback by its id; the number lies encrypted at the desk, in the ticket of that id.
  * Only Russian numbers are called, and no services that cost extra (``callable_number``); the dialplan's
    context ``outgoing`` is a second, wider fence.
  * A customer who has answered is an ordinary call under the callback's id: what is still ordered for the
    callback (another agent, an end) reaches him as it reaches any waiting caller.
  * Every order PlaceCallback has exactly one end: the customer's session begins, or CallbackFailed, or the
    offer was withdrawn.
  * The ticket always tells the truth: ``waiting`` while we are to call, ``closed`` when he was reached,
    ``new`` when a person has to take it up.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from acd.contract import (
    CallbackFailed,
    CallbackGivenUp,
    CallbackRequested,
    CallLeft,
    Command,
    Distributor,
    OfferCall,
    PlaceCallback,
    ReleaseCall,
    WithdrawOffer,
)
from desk.contract import CallbackDesk, Desk, Interaction, KeptCallback, TicketStatus
from ivr.agi.live import LiveCall
from ivr.dialog.contract import RequestCallback

CONTEXT, EXTENSION = "callback", "start"  # where a customer who answered enters the dialplan
MARK = "-cb-"  # in the id of every callback
ARRIVAL_TIMEOUT_S = 5.0  # from the answer to the customer's session
DESK_TIMEOUT_S = 3.0
STOP_TIMEOUT_S = 2.0
REVIEW_S = 20.0
MAX_ATTEMPTS = 200  # customers being rung by this node at once: each has an agent reserved
MAX_NUMBERS = 2_000
# Geographic (3xx, 4xx, 81x to 87x) and mobile (9xx) codes. Not 80x (free and premium services), not 6xx
# and 7xx (Kazakhstan), and with that nothing that begins like the international prefix 8-10.
_CALLABLE = re.compile(r"7(?:[349]\d\d|8[1-7]\d)\d{7}", re.ASCII)

log = structlog.get_logger(__name__)

Window = Callable[[str, int, int], tuple[int, int] | None]
OutcomeOf = Callable[[str], tuple[str, str] | None]


class CalledOut(Protocol):
    @property
    def outcome(self) -> str: ...


class SeenChannel(Protocol):
    @property
    def channel(self) -> str: ...


class Dialler(Protocol):
    """What is needed of ``acd.switch.switch.Switch``; every method may raise."""

    async def originate(
        self,
        destination: str,
        context: str,
        extension: str,
        *,
        ring_s: float,
        caller_number: str,
        variables: Mapping[str, str] | None,
    ) -> CalledOut: ...

    async def channels(self) -> Sequence[SeenChannel]: ...

    async def hang_up(self, channel: str, cause: int = 16) -> None: ...


@dataclass(frozen=True, slots=True)
class CallbackSettings:
    """``address`` is where Asterisk reaches this daemon's FastAGI port, ``shown`` what the customer sees."""

    node: str
    address: str
    shown: str


@dataclass(slots=True, eq=False)
class Attempt:
    """A customer's telephone rings, or has just been answered."""

    order: PlaceCallback
    number: str = ""
    withdrawn: bool = False
    arrived: asyncio.Event = field(default_factory=asyncio.Event)


def callable_number(number: str) -> str:
    """The number as 7XXXXXXXXXX, "" when we do not call it."""
    digits = number.removeprefix("+")
    if len(digits) == 10:
        digits = "7" + digits
    elif len(digits) == 11 and digits[0] == "8":
        digits = "7" + digits[1:]
    return digits if _CALLABLE.fullmatch(digits) else ""


def is_callback(call_id: str) -> bool:
    return MARK in call_id


def as_offer(order: PlaceCallback) -> OfferCall:
    """For a customer who is on the line: his agent is to be rung."""
    return OfferCall(
        order.offer_id,
        order.call_id,
        order.node,
        order.agent_id,
        order.endpoint,
        order.ring_ms,
        order.reasons,
        order.token,
    )


class Callbacks:
    """This node's callbacks.

    window      number, wanted time (0: any), now -> from when until when he may be called, in Unix ms; None:
                there is no such time
    outcome_of  how the distributor says that a call ended: outcome and reason; None: not known
    """

    def __init__(
        self,
        settings: CallbackSettings,
        distributor: Distributor,
        desk: Desk,
        tickets: CallbackDesk,
        dialler: Dialler,
        window: Window,
        outcome_of: OutcomeOf,
        clock_ms: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._distributor = distributor
        self._desk = desk
        self._tickets = tickets
        self._dialler = dialler
        self._window = window
        self._outcome_of = outcome_of
        self._clock_ms = clock_ms
        self._attempts: dict[str, Attempt] = {}  # by callback
        self._numbers: OrderedDict[str, KeptCallback] = OrderedDict()  # for a desk that is away just then
        self._missing: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    # -------------------------------------------------------------------------------------- the wish
    def plan(self, call: LiveCall, action: RequestCallback) -> CallbackRequested | None:
        """What to report when this waiting caller wants to be called; None: no number or time for it."""
        waiting = call.waiting
        number = callable_number(action.number)
        now_ms = self._clock_ms()
        if waiting is None or not number:
            return None
        window = self._window(number, action.at_ms, now_ms)
        if window is None:
            return None
        begin_ms, end_ms = window
        return CallbackRequested(
            callback_id=f"{self._settings.node}{MARK}{secrets.token_hex(8)}",
            call_id=call.call_id,
            node=self._settings.node,
            queue=waiting.queue,
            topic=waiting.topic,
            language=waiting.language,
            # By the number that he calls from: it is he who may call again.
            caller_ref=waiting.caller_ref or self._desk.caller_ref(number),
            not_before_ms=begin_ms if begin_ms > now_ms else 0,
            not_after_ms=end_ms,
            min_level=waiting.min_level,
            first_queued_ms=waiting.first_queued_ms,
        )

    async def agree(self, wish: CallbackRequested, number: str) -> None:
        """The ticket of this callback is written: we shall call."""
        kept = KeptCallback(
            wish.callback_id, callable_number(number), wish.topic, wish.language, wish.first_queued_ms
        )
        self._numbers[wish.callback_id] = kept
        if len(self._numbers) > MAX_NUMBERS:
            self._numbers.popitem(last=False)
        await self._distributor.report(wish)
        log.info("a caller will be called back", action="callback_planned", call_id=wish.callback_id)
        await self._settle(wish.callback_id, "waiting", "planned")

    # ------------------------------------------------------------------------------------ orders
    def take(self, order: Command, call: LiveCall | None) -> Command | None:
        """An order from the distributor: what of it is for ``call``, the live call of that id; or nothing."""
        if isinstance(order, PlaceCallback):
            if call is not None:
                return as_offer(order)
            self._place(order)
            return None
        if isinstance(order, CallbackGivenUp):
            if call is not None:
                return ReleaseCall(order.call_id, order.node, "waited_too_long", order.token)
            self._spawn(self._settle(order.call_id, "new", order.reason))
            return None
        attempt = self._attempts.get(order.call_id) if isinstance(order, WithdrawOffer) else None
        if attempt is not None and call is None:
            if isinstance(order, WithdrawOffer) and attempt.order.offer_id == order.offer_id:
                attempt.withdrawn = True
                self._spawn(self._stop(attempt))
            return None
        return order

    def _place(self, order: PlaceCallback) -> None:
        attempt = self._attempts.get(order.call_id)
        if attempt is not None:  # the telephone that rings was for an agent who is no longer reserved
            attempt.order, attempt.withdrawn = order, False
        elif len(self._attempts) >= MAX_ATTEMPTS:
            self._spawn(self._failed(order, "too_many"))
        else:
            attempt = self._attempts[order.call_id] = Attempt(order)
            self._spawn(self._perform(attempt))

    def expects(self, call_id: str) -> bool:
        """Whether a customer of this id has just been rung."""
        return call_id in self._attempts

    def arrived(self, call: LiveCall) -> None:
        """The customer has answered, his session begins: his agent is rung after the first words."""
        attempt = self._attempts.get(call.call_id)
        if attempt is None:
            return
        attempt.arrived.set()
        if not attempt.withdrawn:
            call.inbox.put(as_offer(attempt.order))

    async def finished(self, summary: Interaction) -> None:
        """A call is over: a callback's ticket learns how."""
        if not is_callback(summary.call_id):
            return
        if not summary.queued_ms:  # gone at the first words: his agent must not wait for him
            await self._distributor.report(CallLeft(summary.call_id, "abandoned", "hung_up"))
        reached = summary.answered_ms > 0 or summary.outcome in ("called_back", "transferred")
        await self._settle(summary.call_id, "closed" if reached else "new", summary.outcome)

    # ------------------------------------------------------------------------------------ calling out
    async def _perform(self, attempt: Attempt) -> None:
        call_id = attempt.order.call_id
        try:
            while True:
                order = attempt.order
                reason = await self._reach(attempt)
                if not reason:
                    return
                if attempt.order is order:
                    break
            if not attempt.withdrawn:
                await self._failed(order, reason)
        finally:
            self._attempts.pop(call_id, None)

    async def _reach(self, attempt: Attempt) -> str:
        """Rings the customer; "" when he is on the line, otherwise why not."""
        order = attempt.order
        kept = await self._kept(order.call_id)
        number = callable_number(kept.number) if kept is not None else ""
        if kept is None or not number:
            return "no_number"
        if not kept.wanted:
            attempt.withdrawn = True  # a person has taken it up
            await self._distributor.report(CallLeft(order.call_id, "called_back", "taken_up"))
            return "taken_up"
        now_ms = self._clock_ms()
        window = self._window(number, 0, now_ms)
        if window is None or window[0] > now_ms:  # closed meanwhile, without notice
            return "closed"
        attempt.number = number
        if attempt.withdrawn:
            return "withdrawn"
        try:
            out = await self._dialler.originate(
                f"Local/{number}@outgoing/n",
                CONTEXT,
                EXTENSION,
                ring_s=(order.customer_ring_ms or order.ring_ms) / 1000,
                caller_number=self._settings.shown,
                variables={
                    "DOZVON_NODE_1": self._settings.address,
                    "DOZVON_DIALLED": self._settings.shown,
                    "DOZVON_CUSTOMER": number,
                    "DOZVON_LANGUAGE": kept.language or "ru",
                    "DOZVON_CALL_ID": order.call_id,
                    "DOZVON_FIRST_QUEUED_MS": str(kept.first_queued_ms or now_ms),
                    "DOZVON_TOPIC": kept.topic,
                },
            )
        except Exception as error:
            log.warning("a call out failed", action="callback_failed", call_id=order.call_id, why=repr(error))
            return "failed"
        if out.outcome != "answered":
            return out.outcome
        try:
            async with asyncio.timeout(ARRIVAL_TIMEOUT_S):
                await attempt.arrived.wait()
        except TimeoutError:
            return "hung_up"
        return ""

    async def _failed(self, order: PlaceCallback, reason: str) -> None:
        log.info(
            "a customer was not reached",
            action="callback_missed",
            call_id=order.call_id,
            attempt=order.attempt,
            reason=reason,
        )
        await self._distributor.report(CallbackFailed(order.offer_id, order.call_id, order.agent_id, reason))

    async def _stop(self, attempt: Attempt) -> None:
        """The agent is no longer reserved: the customer's telephone must not ring on for nobody."""
        if not attempt.number or attempt.arrived.is_set():
            return
        beginning = f"Local/{attempt.number}@outgoing-"
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                for seen in await self._dialler.channels():
                    if seen.channel.startswith(beginning) and seen.channel.endswith(";1"):
                        await self._dialler.hang_up(seen.channel)
        except Exception as error:
            log.warning("a telephone rings on", action="callback_rings_on", why=repr(error))

    # ------------------------------------------------------------------------------------ tickets
    async def _kept(self, callback_id: str) -> KeptCallback | None:
        found = await self._ask("found", self._tickets.find(callback_id))
        return found or self._numbers.get(callback_id)

    async def _settle(self, callback_id: str, status: TicketStatus, result: str) -> None:
        if status != "waiting":
            self._numbers.pop(callback_id, None)
        await self._ask("settled", self._tickets.settle(callback_id, status, result))

    async def _ask(self, what: str, work: Awaitable[Any]) -> Any:
        """The desk's answer; None when it has none now."""
        try:
            async with asyncio.timeout(DESK_TIMEOUT_S):
                return await work
        except Exception as error:
            log.warning("a callback was not " + what, action="callback_desk_failed", why=repr(error))
            return None

    async def review(self) -> None:
        """Until cancelled: tickets of callbacks that the distributor no longer has learn what became of them.

        Such are those whose customer called himself, and those that were lost with journal and daemon.
        """
        while True:
            await asyncio.sleep(REVIEW_S)
            await self.review_once()

    async def review_once(self) -> None:
        """A callback is looked at the second time that it is missing: the journal may be on its way."""
        if not self._distributor.connected:
            return
        pending = await self._ask("listed", self._tickets.pending()) or ()
        held = {call.call_id for call in self._distributor.snapshot().calls}
        missing = {each for each in pending if each not in held and each not in self._attempts}
        for callback_id in missing & self._missing:
            outcome, reason = self._outcome_of(callback_id) or ("", "lost")
            reached = outcome in ("answered", "transferred", "called_back")
            await self._settle(callback_id, "closed" if reached else "new", reason or outcome)
        self._missing = missing

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
