"""A whole node in memory around a dialogue that a test writes, and what such dialogues are made of."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from agi_peer import TOKEN, Dial, FakeAsterisk, wire

from acd.contract import (
    Command,
    Event,
    KeptPlace,
    OfferCall,
    WaitView,
)
from desk.contract import DeskUnavailable, Interaction, TicketDraft
from ivr.agi.live import LiveCalls
from ivr.agi.ports import CallSettings, House
from ivr.agi.runner import CallRunner
from ivr.agi.server import AgiServer, Limits
from ivr.agi.session import Session
from ivr.dialog.contract import (
    Action,
    Ask,
    CallStarted,
    ConversationEnded,
    Digits,
    Disconnect,
    Enqueue,
    Hold,
    HungUp,
    Input,
    Play,
    Prompt,
    QueueReleased,
    RememberLanguage,
    SaveMark,
    Waited,
)
from ivr.prompts.contract import PromptMissing


class SoundNames:
    """A voice whose sound files are named after their prompts; ``missing`` ids have none."""

    def __init__(self) -> None:
        self.missing: set[str] = set()

    def text(self, prompts: tuple[Prompt, ...], language: str) -> str:
        return " ".join(prompt.prompt_id for prompt in prompts)

    def sound(self, prompts: tuple[Prompt, ...], language: str) -> str:
        for prompt in prompts:
            if prompt.prompt_id in self.missing:
                raise PromptMissing(prompt.prompt_id)
        return "/voice/" + language + "/" + "+".join(prompt.prompt_id for prompt in prompts)

    async def prepare(self, prompts: tuple[Prompt, ...], language: str) -> None:
        """Everything is ready."""

    def duration_ms(self, prompts: tuple[Prompt, ...], language: str) -> int:
        return 0


class KeptFacts:
    """A distributor that keeps what is reported and gives the orders a test puts in."""

    def __init__(self) -> None:
        self.connected = True
        self.places: dict[str, KeptPlace] = {}
        self.facts: list[Event] = []
        self.orders: asyncio.Queue[Command] = asyncio.Queue()
        self.wait: WaitView | None = WaitView(2, 60_000, 120_000, True)

    async def report(self, event: Event) -> None:
        self.facts.append(event)

    async def commands(self, node: str) -> AsyncIterator[Command]:
        while True:
            yield await self.orders.get()

    def wait_of(self, call_id: str) -> WaitView | None:
        return self.wait

    def kept_place(self, caller_ref: str) -> KeptPlace | None:
        return self.places.get(caller_ref)

    def names(self) -> list[str]:
        return [type(fact).__name__ for fact in self.facts]


class SmallDesk:
    """Keeps tickets and summaries; ``down`` makes it fail as a locked database does."""

    def __init__(self) -> None:
        self.down = False
        self.tickets: list[TicketDraft] = []
        self.interactions: list[Interaction] = []
        self.languages: dict[str, str] = {}

    async def open_ticket(self, draft: TicketDraft) -> Any:
        if self.down:
            raise DeskUnavailable("locked")
        self.tickets.append(draft)
        return SimpleNamespace(number=str(1000 + len(self.tickets)))

    async def record_interaction(self, interaction: Interaction) -> None:
        if self.down:
            raise DeskUnavailable("locked")
        self.interactions.append(interaction)

    async def remember_language(self, caller_number: str, language: str) -> None:
        self.languages[caller_number] = language

    async def language_of(self, caller_number: str) -> str:
        return self.languages.get(caller_number, "")

    def caller_ref(self, caller_number: str) -> str:
        return f"ref-{caller_number[-2:]}" if caller_number else ""


@dataclass(frozen=True)
class Scripted:
    """A dialogue's session that remembers what it heard."""

    heard: tuple[Input, ...] = ()
    language: str = "ru"
    topic: str = ""
    path: tuple[str, ...] = ()
    notes: dict[str, Any] = field(default_factory=dict)
    flow_version: str = "v1"


Script = Callable[[Input, Scripted], tuple[Action, ...]]


class ScriptedHotline:
    """A hotline whose whole flow is one function of the test."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.heard: list[Input] = []

    def new_session(self, started: CallStarted) -> Scripted:
        return Scripted()

    def advance(self, session: Scripted, event: Input, now_ms: int) -> tuple[Scripted, tuple[Action, ...]]:
        self.heard.append(event)
        actions = self.script(event, session)
        chosen = [action.language for action in actions if isinstance(action, RememberLanguage)]
        language = chosen[-1] if chosen else session.language
        notes = session.notes | ({"hung_up_at": "here"} if isinstance(event, HungUp) else {})
        return replace(session, heard=(*session.heard, event), language=language, notes=notes), actions


class Hall:
    """A whole node in memory: server, calls, runner, and a fake Asterisk for each call."""

    def __init__(self, script: Script, folder: Path, **settings: Any) -> None:
        self.distributor = KeptFacts()
        self.desk = SmallDesk()
        self.voice = SoundNames()
        self.hotline = ScriptedHotline(script)
        options = {
            "node": "n1",
            "address": "127.0.0.1:4573",
            "recordings": folder / "rec",
            "spool": folder / "spool",
        }
        self.settings = CallSettings(**{**options, "min_free_bytes": 1, **settings})
        self.house = House(
            settings=self.settings,
            hotline=self.hotline,
            voice=self.voice,
            distributor=self.distributor,  # type: ignore[arg-type]
            desk=self.desk,
            clock_ms=lambda: time.time_ns() // 1_000_000,
        )
        self.calls = LiveCalls(self.distributor, "n1", grace_s=0.2)  # type: ignore[arg-type]
        self.runner = CallRunner(self.house, self.calls)
        self.server = AgiServer(
            {"call": self.runner.serve, "connected": self.calls.on_connected},
            TOKEN,
            Limits(header_timeout_s=0.2),
        )
        self.peers: list[FakeAsterisk] = []
        self.tasks: list[asyncio.Task[None]] = [asyncio.create_task(self.calls.follow())]

    def connect(self) -> FakeAsterisk:
        """A connection whose header has not been sent."""
        ours, theirs = wire()
        peer = FakeAsterisk(theirs)
        self.peers.append(peer)
        self.tasks.append(asyncio.create_task(self.server.serve(Session(ours))))
        return peer

    async def call(self, *args: str, dial: Dial | None = None, **fields: str) -> FakeAsterisk:
        peer = self.connect()
        peer.dial = dial
        await peer.open(TOKEN, "88005553535", *args, **fields)
        return peer

    async def agent_answers(self, offer_id: str) -> FakeAsterisk:
        """The agent's channel, at answer."""
        peer = self.connect()
        await peer.open(TOKEN, offer_id, script="connected")
        await until(lambda: peer.closed.is_set())
        return peer

    async def fact(self, kind: type[F], count: int = 1) -> F:
        """The ``count``-th fact of a kind, waited for."""
        await until(lambda: sum(isinstance(fact, kind) for fact in self.distributor.facts) >= count)
        return [fact for fact in self.distributor.facts if isinstance(fact, kind)][count - 1]

    async def close(self) -> None:
        for peer in self.peers:
            await peer.stop()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


F = TypeVar("F")


async def until(condition: Callable[[], bool], timeout_s: float = 3.0) -> None:
    """Polls; fails when the condition does not come true."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 (any condition, not an event)
            await asyncio.sleep(0.002)


BYE = (Play((Prompt("bye"),)), Disconnect())


def say(*ids: str) -> tuple[Prompt, ...]:
    return tuple(Prompt(each) for each in ids)


def queueing(*, every_ms: int = 5_000, whisper: tuple[Prompt, ...] = ()) -> Any:
    """Straight into the queue; a survey after the conversation; key 1 while waiting hears an answer."""

    def script(event: Input, _session: Any) -> tuple[Action, ...]:
        match event:
            case CallStarted():
                wait = Enqueue(
                    "main",
                    "access",
                    "ru",
                    announce_every_ms=every_ms,
                    whisper=whisper,
                    first_queued_ms=event.first_queued_ms,
                )
                return (Play(say("hello")), wait)
            case Waited():
                return (Play(say("place")), Hold(5_000))
            case Digits("1"):
                return (Play(say("answer")), Hold(5_000))
            case ConversationEnded():
                return (Ask(say("mark"), timeout_ms=40),)
            case Digits(mark):
                return (SaveMark(int(mark)), *BYE)
            case QueueReleased():
                return (Play(say("sorry_" + event.reason)), Disconnect())
            case _:
                return BYE

    return script


def offer(call_id: str, offer_id: str = "o1", ring_ms: int = 15_000) -> OfferCall:
    return OfferCall(offer_id, call_id, "n1", "anna", "PJSIP/2001", ring_ms)


def ringing(*results: tuple[str, str, str], hold_s: float = 0.0) -> Any:
    """EXEC Dial with these results, one after another, each after ``hold_s``."""
    rest = list(results)

    async def dial(peer: Any, arguments: str) -> tuple[str, str, str]:
        peer.applications.append(arguments)
        result = rest.pop(0)
        await asyncio.sleep(hold_s)
        return result

    return dial


async def done(hall: Any, peer: Any, soon: Any) -> None:
    await soon(lambda: peer.closed.is_set() and len(hall.calls) == 0)
