"""What the distributor asks of Asterisk beside the caller's own session, and what it learns from it.

Learns: whether each agent's phone can be rung (registered, answering its qualify requests, not busy with a
private call). Asks: hang up, redirect, call out.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import structlog

from acd import tasks
from acd.contract import AgentReachabilityChanged, Event
from acd.switch.link import BadValue, Link, Message, SwitchError, SwitchRefused

LIST_TIMEOUT_S: Final = 15.0
LOOK_S: Final = 1.0
PRIVATE_AFTER_S: Final = 1.5
_CHANNEL = re.compile(r"[A-Za-z0-9/_.@;:+*#-]{1,120}")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_EXTENSION = re.compile(r"[A-Za-z0-9_.*#+-]{1,80}")
_KEY = re.compile(r"[0-9A-D*#]")
_VARIABLE = re.compile(r"_{0,2}[A-Za-z][A-Za-z0-9_]{0,60}")
# States of a device without spaces and dashes: "NOT_INUSE", "Not in use" and "notinuse" are one.
_GONE: Final = frozenset({"unavailable", "invalid", "nosuchendpoint"})
_BUSY: Final = frozenset({"inuse", "busy", "ringing", "ringinuse", "onhold"})

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Originated:
    """What became of a call out. ``channel`` "" when it was not answered."""

    outcome: Literal["answered", "busy", "no_answer", "congested", "failed"]
    channel: str = ""
    unique_id: str = ""


@dataclass(frozen=True, slots=True)
class ChannelSeen:
    channel: str
    context: str
    extension: str
    application: str
    duration: str
    unique_id: str = ""
    linked_id: str = ""  # of the call's first channel
    state: str = ""  # Ring, Ringing, Up …


_REASONS: Final = {"4": "answered", "5": "busy", "3": "no_answer", "1": "no_answer", "8": "congested"}


class Switch:
    """Asterisk's manager, watched and asked.

    ``switch = Switch(host, port, user, secret, endpoints=…, report=…)``; ``await switch.start()`` returns at
    once, whether Asterisk is there or not; ``up`` tells.

    endpoints    -> agent id and dial string (``PJSIP/2001``) of all agents, asked whenever it matters
    report       takes AgentReachabilityChanged
    is_working   whether the distributor itself keeps the agent busy (offered, talking); then a busy phone is
                 what is expected. None: busy phones count as reachable.
    """

    def __init__(
        self,
        host: str,
        port: int,
        user: str,
        secret: str,
        *,
        endpoints: Callable[[], Mapping[str, str]] = dict,
        report: Callable[[Event], None] | None = None,
        is_working: Callable[[str], bool] | None = None,
    ) -> None:
        self._endpoints = endpoints
        self._report = report
        self._is_working = is_working
        self._devices: dict[str, str] = {}  # PJSIP/2001 -> not_inuse …
        self._said: dict[str, bool] = {}  # agent -> reachable, as last reported
        self._busy_since_s: dict[str, float] = {}  # phones busy with something that is not ours
        self._listed = False
        self._tasks: list[asyncio.Task[None]] = []
        self.link = Link(host, port, user, secret, on_up=self._list)
        self.link.on_event("DeviceStateChange", self._on_device)

    async def start(self) -> None:
        if self._tasks:
            raise RuntimeError("started already")
        self._tasks = [
            asyncio.create_task(tasks.keep_running(name, work, lambda _: None), name=name)
            for name, work in (("switch", self.link.run), ("switch-look", self._look))
        ]

    async def stop(self) -> None:
        await tasks.end(self._tasks)
        self._tasks = []

    async def _look(self) -> None:
        """Agents come to be known, and busy for us or for others, without a word from Asterisk."""
        while True:
            await asyncio.sleep(LOOK_S)
            if self.up:
                self.agents_changed()

    @property
    def up(self) -> bool:
        return self.link.up

    # --------------------------------------------------------------------------------- reachability
    def reachable(self, agent_id: str) -> bool | None:
        """Whether the agent's phone can be rung; None: not known."""
        endpoint = self._endpoints().get(agent_id)
        state = self._state_of(endpoint) if endpoint else None
        return None if state is None else self._can_ring(agent_id, state)

    def _state_of(self, endpoint: str) -> str | None:
        """What Asterisk said of it last; None before the first list."""
        return self._devices.get(_device(endpoint), "nosuchendpoint" if self._listed else None)

    def agents_changed(self) -> None:
        """The agents or what they do changed: report where that makes a difference."""
        self._review(self._endpoints().items())

    async def _list(self) -> None:
        """All devices, after each login: changes may have been missed."""
        try:
            found = await self.link.action("DeviceStateList", timeout_s=LIST_TIMEOUT_S)
        except SwitchRefused as error:
            log.warning("devices not listed", action="ami_list", error=str(error))
            return
        devices = {}
        for item in found:
            if item.get("Event") == "DeviceStateChange":
                devices[_device(str(item.get("Device", "")))] = _state(str(item.get("State", "")))
        self._devices = devices
        self._listed = True
        self._said.clear()
        self._review(self._endpoints().items())

    def _on_device(self, message: Message) -> None:
        device = _device(str(message["Device"]))
        agents = [each for each in self._endpoints().items() if _device(each[1]) == device]
        if agents or device in self._devices:
            self._devices[device] = _state(str(message["State"]))
            self._review(agents)

    def _review(self, agents: Iterable[tuple[str, str]]) -> None:
        for agent_id, endpoint in agents:
            state = self._state_of(endpoint)
            if state is None:
                continue
            can = self._can_ring(agent_id, state)
            if self._said.get(agent_id) != can:
                self._said[agent_id] = can
                log.info("phone", action="reachability", agent=agent_id, reachable=can, state=state)
                if self._report is not None:
                    self._report(AgentReachabilityChanged(agent_id, can))

    def _can_ring(self, agent_id: str, state: str) -> bool:
        if state not in _BUSY or self._is_working is None or self._is_working(agent_id):
            self._busy_since_s.pop(agent_id, None)
            return state not in _GONE
        # A private call, in the middle of which Dial would ring; unless it is the end of one of ours, whose
        # last SIP messages are still under way.
        now_s = time.monotonic()
        return now_s - self._busy_since_s.setdefault(agent_id, now_s) < PRIVATE_AFTER_S

    # ------------------------------------------------------------------------------------- requests
    async def hang_up(self, channel: str, cause: int = 16) -> None:
        """Raises SwitchError; SwitchRefused also when the channel is gone."""
        await self.link.action("Hangup", {"Channel": _fit(channel, _CHANNEL), "Cause": str(int(cause))})

    async def press(self, channel: str, key: str) -> None:
        """A key as if the channel's own telephone had sent it. Raises SwitchError."""
        fields = {"Channel": _fit(channel, _CHANNEL), "Digit": _fit(key, _KEY), "Receive": "yes"}
        fields["Async"] = "false"  # panoramisk looks for it when the answer says "successfully queued"
        await self.link.action("PlayDTMF", fields)

    async def redirect(self, channel: str, context: str, extension: str, priority: int = 1) -> None:
        """Sends a channel elsewhere in the dialplan. Raises SwitchError."""
        await self.link.action(
            "Redirect",
            {
                "Channel": _fit(channel, _CHANNEL),
                "Context": _fit(context, _NAME),
                "Exten": _fit(extension, _EXTENSION),
                "Priority": str(int(priority)),
            },
        )

    async def originate(
        self,
        destination: str,
        context: str,
        extension: str,
        *,
        ring_s: float = 30,
        caller_number: str = "",
        variables: Mapping[str, str] | None = None,
    ) -> Originated:
        """Calls out and sends who answers into the dialplan; waits for what becomes of it.

        ``destination`` is a dial string (``PJSIP/79161234567@trunk``, ``Local/…``). Raises SwitchError.
        """
        fields: dict[str, str | list[str]] = {
            "Channel": _fit(destination, _CHANNEL),
            "Context": _fit(context, _NAME),
            "Exten": _fit(extension, _EXTENSION),
            "Priority": "1",
            "Timeout": str(int(ring_s * 1000)),
            "Async": "true",  # otherwise the manager answers nobody until somebody answers
        }
        if caller_number:
            fields["CallerID"] = f"<{_fit(caller_number, _EXTENSION)}>"
        if variables:
            fields["Variable"] = [_assignment(name, value) for name, value in variables.items()]
        messages = await self.link.action("Originate", fields, timeout_s=ring_s + 5)
        last = messages[-1]
        outcome: Any = _REASONS.get(str(last.get("Reason", "")), "failed")
        if outcome != "answered" or last.get("Response") != "Success":
            return Originated("failed" if outcome == "answered" else outcome)
        return Originated("answered", str(last.get("Channel", "")), str(last.get("Uniqueid", "")))

    async def channels(self) -> list[ChannelSeen]:
        """All channels. Raises SwitchError."""
        found = await self.link.action("CoreShowChannels", timeout_s=LIST_TIMEOUT_S)
        return [
            ChannelSeen(
                str(item.get("Channel", "")),
                str(item.get("Context", "")),
                str(item.get("Exten", "")),
                str(item.get("Application", "")),
                str(item.get("Duration", "")),
                str(item.get("Uniqueid", "")),
                str(item.get("Linkedid", "")),
                str(item.get("ChannelStateDesc", "")),
            )
            for item in found
            if item.get("Event") == "CoreShowChannel"
        ]

    async def rescue(self, context: str = "hotline", extension: str = "failed") -> int:
        """For a watchdog that found the daemon stuck: callers whose session hangs go on in the dialplan.

        A stopped daemon keeps its callers for ever, since their connection stays open. Asterisk obeys at
        once only where the dialplan has set ``AGIEXITONHANGUP=yes`` before AGI; elsewhere the caller goes on
        when the connection ends, that is, when the daemon is killed. How many were told. Raises SwitchError
        when even the list cannot be had.
        """
        rescued = 0
        for seen in await self.channels():
            if seen.context != context or seen.application.upper() != "AGI":
                continue
            try:
                await self.redirect(seen.channel, context, extension)
                rescued += 1
            except SwitchError as error:
                log.warning(
                    "caller not rescued", action="rescue_failed", channel=seen.channel, error=str(error)
                )
        return rescued


def _device(endpoint: str) -> str:
    """``PJSIP/2001`` of ``PJSIP/2001/sip:…`` or ``pjsip/2001``."""
    technology, _, rest = endpoint.partition("/")
    return f"{technology.upper()}/{rest.partition('/')[0]}"


def _state(text: str) -> str:
    """``NOT_INUSE`` and ``Not in use`` are the same."""
    return re.sub(r"[^a-z]", "", text.lower())


def _fit(value: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(value):
        raise BadValue(f"cannot be sent: {value[:40]!r}")
    return value


def _assignment(name: str, value: str) -> str:
    # A comma would begin the next variable.
    if not _VARIABLE.fullmatch(name) or "," in value:
        raise BadValue(f"cannot be sent: {name[:40]}={value[:40]!r}")
    return f"{name}={value}"
