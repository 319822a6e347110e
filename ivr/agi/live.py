"""The calls that this node holds, and how orders and agents' answers find them.

Rules
  * A call is here from its first prompt to its last; its orders wait in a bounded inbox, in order.
  * An offer that rings is known by its id: the agent's channel reports ``connected`` with it at answer.
  * An order for a call that is not here (it ended while nobody listened) is answered with CallLeft, after
    a grace time in which a call whose daemon was restarted may come back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from acd.contract import (
    CallLeft,
    CallQueued,
    Command,
    Distributor,
    KeptPlace,
    OfferCall,
    ReleaseCall,
    WithdrawOffer,
)
from ivr.agi import commands
from ivr.agi.codec import Environment
from ivr.agi.holding import Ears
from ivr.agi.session import Session
from ivr.dialog.contract import Value

INBOX_SIZE = 16
GRACE_S = 5.0
MAX_STRAYS = 1_000
ANSWER_TIMEOUT_S = 2.0

log = structlog.get_logger(__name__)


class Inbox:
    """Orders for one call. Over its bound the oldest goes: it is the stalest."""

    def __init__(self) -> None:
        self._orders: deque[Command] = deque(maxlen=INBOX_SIZE)
        self._filled = asyncio.Event()

    def put(self, order: Command) -> None:
        if len(self._orders) == INBOX_SIZE:
            log.warning("a call does not read its orders", action="inbox_overflow")
        self._orders.append(order)
        self._filled.set()

    async def get(self) -> Command:
        """The next order; being cancelled loses none."""
        while not self._orders:
            self._filled.clear()
            await self._filled.wait()
        return self._orders.popleft()

    def put_back(self, order: Command) -> None:
        self._orders.appendleft(order)
        self._filled.set()

    def take_withdrawal(self, offer_id: str) -> bool:
        """Was this offer withdrawn before anybody looked? The withdrawal is taken out."""
        for order in self._orders:
            if isinstance(order, WithdrawOffer) and order.offer_id == offer_id:
                self._orders.remove(order)
                return True
        return False

    def clear(self) -> None:
        self._orders.clear()


@dataclass(slots=True)
class LiveCall:
    """What is known of one call while it lasts. Times are Unix ms, 0: has not happened."""

    call_id: str
    channel_name: str  # Asterisk's, of the caller's channel
    unique_id: str
    caller_number: str
    dialled: str
    started_ms: int
    inbox: Inbox = field(default_factory=Inbox)
    waiting: CallQueued | None = None  # as reported, while he holds a place
    language: str = ""
    topic: str = ""
    queued_ms: int = 0
    answered_ms: int = 0
    agent_id: str = ""
    mark: int = 0
    outcome: str = ""
    recording: str = ""  # of the conversation, absolute path
    take: str = ""  # what he said last for a request, absolute path, until it belongs to a ticket
    tickets: int = 0
    matter: Mapping[str, Value] = field(default_factory=dict)  # laid out for the agent
    kept: KeptPlace | None = None  # his callback, which he is not to get as he calls himself
    took_place: bool = False  # and has its place in the queue
    resumed: bool = False
    lapsed: bool = False  # resumed without a place: the engine may know its id as ended


@dataclass(slots=True)
class Ring:
    """An agent's phone rings, or he talks: one performed offer."""

    offer: OfferCall
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    withdrawn: bool = False


class CallbackOrders(Protocol):
    """``ivr.agi.callbacks.Callbacks``, as far as live calls know it."""

    def take(self, order: Command, call: LiveCall | None) -> Command | None: ...

    def expects(self, call_id: str) -> bool: ...

    def arrived(self, call: LiveCall) -> None: ...

    def matter_of(self, call_id: str) -> Mapping[str, Value]: ...


class LiveCalls:
    """This node's calls; delivers the distributor's orders to them."""

    def __init__(
        self, distributor: Distributor, node: str, grace_s: float = GRACE_S, *, hold_listeners: int = 20
    ) -> None:
        self._distributor = distributor
        self._node = node
        self._grace_s = grace_s
        self._calls: dict[str, LiveCall] = {}
        self._rings: dict[str, Ring] = {}
        self._strays: set[asyncio.Task[None]] = set()
        self.callbacks: CallbackOrders | None = None
        self.ears = Ears(hold_listeners)

    def __len__(self) -> int:
        return len(self._calls)

    def get(self, call_id: str) -> LiveCall | None:
        return self._calls.get(call_id)

    def add(self, call: LiveCall) -> None:
        self._calls[call.call_id] = call
        if self.callbacks is not None:
            self.callbacks.arrived(call)

    def called_back(self, call_id: str) -> bool:
        """Whether this is a customer whom we have just rung."""
        return self.callbacks is not None and self.callbacks.expects(call_id)

    def matter_of(self, call_id: str) -> Mapping[str, Value]:
        """What a customer whom we have just rung told us when he asked for it."""
        return self.callbacks.matter_of(call_id) if self.callbacks is not None else {}

    def remove(self, call: LiveCall) -> None:
        if self._calls.get(call.call_id) is call:
            del self._calls[call.call_id]

    def renew(self, call: LiveCall) -> None:
        """The engine knows its id as ended: it goes on under the next."""
        self.remove(call)
        call.call_id = next_id(call.call_id)
        self.add(call)

    def begin_ring(self, ring: Ring) -> None:
        self._rings[ring.offer.offer_id] = ring

    def end_ring(self, ring: Ring) -> None:
        self._rings.pop(ring.offer.offer_id, None)

    async def follow(self) -> None:
        """Delivers orders until cancelled."""
        async for order in self._distributor.commands(self._node):
            self.deliver(order)

    def deliver(self, order: Command) -> None:
        if self.callbacks is not None:
            found = self._calls.get(getattr(order, "call_id", ""))
            taken = self.callbacks.take(order, found)
            if taken is None:
                return
            order = taken
        if not isinstance(order, OfferCall | WithdrawOffer | ReleaseCall):
            log.warning("an order of an unknown kind", action="unknown_order", kind=type(order).__name__)
            return
        call = self._calls.get(order.call_id)
        if call is not None:
            call.inbox.put(order)
        elif isinstance(order, OfferCall | ReleaseCall) and len(self._strays) < MAX_STRAYS:
            task = asyncio.get_running_loop().create_task(self._stray(order))
            self._strays.add(task)
            task.add_done_callback(self._strays.discard)

    async def _stray(self, order: OfferCall | ReleaseCall) -> None:
        until = asyncio.get_running_loop().time() + self._grace_s
        while asyncio.get_running_loop().time() < until:
            if (call := self._calls.get(order.call_id)) is not None:
                call.inbox.put(order)
                return
            await asyncio.sleep(0.1)
        log.warning("an order for a call that is gone", action="stray_order", call_id=order.call_id)
        await self._distributor.report(CallLeft(order.call_id, "abandoned", "node_lost"))

    async def on_connected(self, session: Session, environment: Environment) -> None:
        """The path ``connected``: the agent's channel asks, at answer, whether the offer still stands.

        Argument 2 is the offer's id. When it does not stand the agent's phone is hung up
        (``GOSUB_RESULT=CONTINUE``); when it does, the caller's channel learns that he was served, so that
        a conversation that outlives this daemon is not followed by the menu.
        """
        offer_id = environment.args[1] if len(environment.args) > 1 else ""
        ring = self._rings.get(offer_id)
        if ring is None or ring.withdrawn:
            log.info("an agent answered an offer that is void", action="answered_void", offer_id=offer_id)
            await session.run(commands.set_variable("GOSUB_RESULT", "CONTINUE"), ANSWER_TIMEOUT_S)
            return
        ring.answered.set()
        await session.run(commands.set_variable("MASTER_CHANNEL(DOZVON_DONE)", "1"), ANSWER_TIMEOUT_S)


def next_id(call_id: str) -> str:
    """The id under which a call queues once more: ``ID``, ``ID~2``, ``ID~3``."""
    base, _, number = call_id.partition("~")
    return f"{base}~{int(number) + 1 if number.isdigit() else 2}"
