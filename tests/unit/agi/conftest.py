"""A node in memory, and Asterisk's end of FastAGI: commands go as Asterisk 22 was seen to do.

A test drives the caller with ``key`` and ``hang_up`` and reads what was done in ``said`` and ``variables``.
"""

from __future__ import annotations

import asyncio
import shlex
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest

from acd.contract import Command, Event, WaitView
from desk.contract import DeskUnavailable, Interaction, TicketDraft
from ivr.agi.live import LiveCalls
from ivr.agi.ports import CallSettings, House
from ivr.agi.runner import CallRunner
from ivr.agi.server import AgiServer, Limits
from ivr.agi.session import Session
from ivr.dialog.contract import Action, CallStarted, Input, Prompt
from ivr.prompts.contract import PromptMissing

TOKEN = "0123456789abcdef-token"


class End:
    """One end of a wire made of two inboxes."""

    def __init__(self, incoming: asyncio.Queue[bytes], outgoing: asyncio.Queue[bytes]) -> None:
        self.incoming = incoming
        self.outgoing = outgoing
        self.closed = False

    async def read(self) -> bytes:
        return await self.incoming.get()

    async def write(self, data: bytes) -> None:
        if self.closed:
            raise ConnectionResetError("closed")
        self.outgoing.put_nowait(data)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.outgoing.put_nowait(b"")


def wire() -> tuple[End, End]:
    one: asyncio.Queue[bytes] = asyncio.Queue()
    other: asyncio.Queue[bytes] = asyncio.Queue()
    return End(one, other), End(other, one)


Dial = Callable[["FakeAsterisk", str], Awaitable[tuple[str, str, str]]]


class FakeAsterisk:
    """``sounds`` gives a prompt's length in seconds (default 0); ``dial`` performs EXEC Dial."""

    def __init__(self, end: End) -> None:
        self.end = end
        self.sounds: dict[str, float] = {}
        self.missing: set[str] = set()
        self.said: list[str] = []  # sounds begun, in order
        self.commands: list[str] = []
        self.variables: dict[str, str] = {}
        self.dial: Dial | None = None
        self.speech: list[tuple[float, str]] | None = (
            None  # results: seconds until it comes, rest of the reply
        )
        self.speech_settings: list[tuple[str, str]] = []
        self.meets = True  # an agent who answers hears all of the whisper
        self.recorded: Callable[[Path], str] | None = None
        self.music = ""
        self.applications: list[str] = []
        self._lines: deque[str] = deque()
        self._keys: deque[str] = deque()
        self._changed = asyncio.Event()
        self._gone = asyncio.Event()
        self._hangup_said = False
        self.closed = asyncio.Event()
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._serve())]

    async def open(self, *args: str, script: str = "call", **fields: str) -> None:
        lines = ["agi_network: yes", f"agi_network_script: {script}"]
        known = {
            "channel": "PJSIP/trunk-1",
            "callerid": "79161234567",
            "uniqueid": "1.1",
            "extension": "start",
        }
        lines += [f"agi_{name}: {value}" for name, value in {**known, **fields}.items()]
        lines += [f"agi_arg_{n}: {value}" for n, value in enumerate(args, 1)]
        await self.end.write(("\n".join(lines) + "\n\n").encode())

    def key(self, keys: str) -> None:
        self._keys.extend(keys)
        self._changed.set()

    async def hang_up(self) -> None:
        self._gone.set()
        self._changed.set()
        await asyncio.sleep(0)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.end.close()

    # ------------------------------------------------------------------------------------------ inside
    async def _read(self) -> None:
        buffer = b""
        while data := await self.end.read():
            buffer += data
            while b"\n" in buffer:
                line, _, buffer = buffer.partition(b"\n")
                self._lines.append(line.decode())
                self._changed.set()
        self.closed.set()

    async def _reply(self, text: str) -> None:
        if not self.end.closed:
            await self.end.write((text + "\n").encode())

    async def _take_line(self) -> str:
        """The next command; a hang-up meanwhile is said unasked."""
        while True:
            if self._gone.is_set() and not self._hangup_said:
                self._hangup_said = True
                await self._reply("HANGUP")
            if self._lines:
                return self._lines.popleft()
            await self._change()

    async def _serve(self) -> None:
        while True:
            line = await self._take_line()
            self.commands.append(line)
            words = shlex.split(line)
            await self._do(words)

    async def _do(self, words: list[str]) -> None:
        match words:
            case ["STREAM", "FILE", sound, keys]:
                await self._stream(sound, keys)
            case ["WAIT", "FOR", "DIGIT", timeout]:
                await self._wait_for_digit(int(timeout) / 1000)
            case ["GET", "FULL", "VARIABLE", text]:
                await self._reply(f"200 result=1 ({text})")
            case ["GET", "VARIABLE", name]:
                value = self.variables.get(name)
                await self._reply("200 result=0" if value is None else f"200 result=1 ({value})")
            case ["SET", "VARIABLE", name, value]:
                self.variables[name] = value
                await self._reply("200 result=1")
            case ["SET", "MUSIC", *rest]:
                self.music = rest[1] if rest[0] == "ON" else ""
                await self._alive("200 result=0")
            case ["RECORD", "FILE", path, suffix, *_]:
                note = (
                    self.recorded(Path(f"{path}.{suffix}"))
                    if self.recorded
                    else "result=0 (timeout) endpos=0"
                )
                await self._reply("200 " + note)
            case ["EXEC", "Dial", arguments]:
                await self._exec_dial(arguments)
            case ["EXEC", name, *arguments]:
                self.applications.append(f"{name}({','.join(arguments)})")
                await self._alive("200 result=0")
            case ["SPEECH", "CREATE", _]:
                await self._reply("200 result=1" if self.speech is not None else "200 result=0")
            case ["SPEECH", "SET", name, value]:
                self.speech_settings.append((name, value))
                await self._reply("200 result=1")
            case ["SPEECH", "RECOGNIZE", sound, timeout, _]:
                await self._recognise(sound, float(timeout))
            case ["NOOP"] | ["ANSWER"] | ["HANGUP"]:
                await self._reply("200 result=0")
            case _:
                await self._reply("510 Invalid or unknown command")

    async def _alive(self, reply: str) -> None:
        dead = "511 Command Not Permitted on a dead channel or intercept routine"
        await self._reply(dead if self._hangup_said else reply)

    async def _stream(self, sound: str, keys: str) -> None:
        if self._hangup_said:
            await self._alive("")
            return
        if sound in self.missing:
            await self._reply("200 result=-1 endpos=0")
            return
        self.said.append(sound)
        self.music = ""
        key, why = await self._pause(self.sounds.get(sound, 0.0), keys)
        if why != "command":  # a command stops it without a word
            await self._reply(f"200 result={-1 if why == 'gone' else ord(key) if key else 0} endpos=800")

    async def _wait_for_digit(self, timeout_s: float) -> None:
        if self._hangup_said:
            await self._alive("")
            return
        key, why = await self._pause(timeout_s, "0123456789*#")
        result = {"gone": -1, "command": 1}.get(why, ord(key) if key else 0)
        await self._reply(f"200 result={result}")

    async def _recognise(self, sound: str, timeout_s: float) -> None:
        """Takes no command meanwhile; ends with the next result, a key, silence or a hang-up."""
        assert self.speech is not None
        self.said.append(sound)
        self.music = ""
        seconds, result = self.speech.pop(0) if self.speech else (9e9, "")
        limit_s = self.sounds.get(sound, 0.0) + timeout_s / 100  # a hundredth: tests are impatient
        until = asyncio.get_running_loop().time() + min(seconds, limit_s)
        while True:
            if self._gone.is_set():
                await self._reply("200 result=1 (hangup) endpos=0")
                return
            if self._keys:
                await self._reply(f"200 result=1 (digit) digit={self._keys.popleft()} endpos=0")
                return
            if not await self._change(until):
                break
        await self._reply(
            "200 result=1 (timeout) endpos=0" if seconds > limit_s else f"200 result=1 {result}"
        )

    async def _pause(self, seconds: float, keys: str) -> tuple[str, str]:
        """Time passes: ("5", "key"), ("", "end"), ("", "command") or ("", "gone")."""
        until = asyncio.get_running_loop().time() + seconds
        while True:
            if self._gone.is_set():
                return "", "gone"
            if self._lines:
                return "", "command"
            while self._keys:
                if (key := self._keys.popleft()) in keys:
                    return key, "key"
            if not await self._change(until):
                return "", "end"

    async def _change(self, until: float | None = None) -> bool:
        """Waits for the caller or the application to do something; False at ``until``."""
        self._changed.clear()
        try:
            async with asyncio.timeout_at(until):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def _exec_dial(self, arguments: str) -> None:
        if self._hangup_said:
            await self._alive("")
            return
        assert self.dial is not None, "no dial was expected"
        dialling = asyncio.create_task(self.dial(self, arguments))  # type: ignore[arg-type]
        gone = asyncio.create_task(self._gone.wait())
        await asyncio.wait({dialling, gone}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if dialling.done():
            status, cause, seconds = dialling.result()
        else:
            dialling.cancel()
            talked = self.variables.get("TALKING", "")
            status, cause, seconds = ("ANSWER", "16", talked) if talked else ("CANCEL", "0", "")
        if status == "ANSWER" and self.meets:  # as the dialplan does after the whisper
            self.variables["DOZVON_MET"] = "1"
        self.variables.update(DIALSTATUS=status, HANGUPCAUSE=cause, ANSWEREDTIME=seconds)
        await self._reply(f"200 result={-1 if self._gone.is_set() else 0}")


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
        return replace(session, heard=(*session.heard, event)), actions


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


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Callable[..., Hall]]:
    """Builds a node in memory around a script; closed at the end."""
    made: list[Hall] = []

    def build(script: Script, **settings: Any) -> Hall:
        made.append(Hall(script, tmp_path, **settings))
        return made[-1]

    yield build
    for each in made:
        await each.close()


@pytest.fixture
def soon() -> Callable[..., Awaitable[None]]:
    """``await soon(condition)``: polls until it is true, or fails."""
    return until


@pytest.fixture
async def peer() -> AsyncIterator[tuple[FakeAsterisk, Session]]:
    """A fake Asterisk and a session that has its header."""
    ours, theirs = wire()
    asterisk, session = FakeAsterisk(theirs), Session(ours)
    await asterisk.open(TOKEN)
    await session.open(1.0)
    yield asterisk, session
    await asterisk.stop()
    await session.close()
