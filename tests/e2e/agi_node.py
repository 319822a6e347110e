"""A node for tests: real server, runner, distributor and desk; a small dialogue that speaks in tones.

``NodeProcess`` starts it as a process of its own:

    python agi_node.py '{"redis": …, "agi_port": …, "token": …, "home": …, "agents": ["2001"], …}'

Every prompt is a tone of its own, so what a telephone heard tells which prompts were said. Prints ``ready``.
The dialogue: ``menu`` takes 1 (queue), 2 (record a request), 9 (the menu again, other tone), else goodbye.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from acd.contract import AgentStatusDeclared, RulesLoaded, WrapUpFinished
from acd.service import DistributorService
from acd.service.roster import parse
from acd.switch.switch import Switch
from desk.store import SqlDesk
from desk.vault import Vault
from dozvon.machine.asterisk import CONFIG
from dozvon.phones import sound
from ivr.agi.holding import tracks
from ivr.agi.listening import make_silence
from ivr.agi.live import LiveCalls
from ivr.agi.ports import CallSettings, House
from ivr.agi.ringing import ManagedPhones
from ivr.agi.runner import CallRunner
from ivr.agi.server import AgiServer
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
    LeaveQueue,
    NoInput,
    OpenTicket,
    Play,
    Prompt,
    QueueReleased,
    Record,
    Recorded,
    SaveMark,
    TicketFailed,
    TicketOpened,
    Waited,
)
from ivr.speech import models
from ivr.speech.server import SpeechServer

# prompt -> tone in Hz and length in ms
TONES = {
    "hello": (500, 300),
    "menu": (700, 4000),
    "again": (900, 4000),
    "place": (1100, 400),
    "back": (1300, 600),
    "speak": (1500, 300),
    "ticket": (1700, 600),
    "mark": (1900, 2500),
    "thanks": (2100, 400),
    "sorry": (2300, 600),
    "whisper": (2500, 1200),
    "bye": (2700, 300),
    "error.sorry": (2900, 500),
}


class Tones:
    """A voice that whistles."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for name, (hz, ms) in TONES.items():
            sound.write_wav(folder / f"{name}.wav", sound.tone(hz, ms / 1000))

    def text(self, prompts: tuple[Prompt, ...], language: str) -> str:
        return " ".join(prompt.prompt_id for prompt in prompts)

    def sound(self, prompts: tuple[Prompt, ...], language: str) -> str:
        (prompt,) = prompts
        return str(self._folder / prompt.prompt_id)

    async def prepare(self, prompts: tuple[Prompt, ...], language: str) -> None:
        """Everything is ready."""

    def duration_ms(self, prompts: tuple[Prompt, ...], language: str) -> int:
        return sum(TONES[prompt.prompt_id][1] for prompt in prompts)


@dataclass(frozen=True)
class Talk:
    """The small dialogue's session."""

    step: str = "menu"
    language: str = "ru"
    topic: str = ""
    path: tuple[str, ...] = ()
    notes: Any = None
    flow_version: str = "tones"
    ended: bool = False


class SmallDialogue:
    def __init__(self, announce_ms: int, listening: bool = False) -> None:
        self._announce_ms = announce_ms
        self._listening = listening

    def new_session(self, started: CallStarted) -> Talk:
        return Talk(notes={})

    def advance(self, talk: Talk, event: Input, now_ms: int) -> tuple[Talk, tuple[Action, ...]]:
        step, actions = self._next(talk.step, event)
        return replace(talk, step=step, path=(*talk.path, step)), actions

    def _next(self, step: str, event: Input) -> tuple[str, tuple[Action, ...]]:
        bye = (Play((Prompt("bye"),)), Disconnect())
        match step, event:
            case _, HungUp():
                return step, (LeaveQueue("hung_up", "abandoned"),)
            case "menu", CallStarted(first_queued_ms=since) if since:
                wait = (Play((Prompt("back"),)), self._enqueue(since))
                listened = (*wait, Hold(self._announce_ms, speech=True))
                return "queue", listened if self._listening else wait
            case "menu", CallStarted():
                return "menu", (Play((Prompt("hello"),)), Ask((Prompt("menu"),), timeout_ms=2_000))
            case "menu", Digits("1"):
                return "queue", (self._enqueue(0),)
            case "menu", Digits("2"):
                return "record", (Record((Prompt("speak"),), max_ms=4_000, silence_ms=2_000),)
            case "menu", Digits("9"):
                return "menu", (Ask((Prompt("again"),), timeout_ms=2_000),)
            case "menu", Digits("8"):
                raise ZeroDivisionError("a fault of ours")
            case "queue", Waited() | Digits():
                return "queue", (Play((Prompt("place"),)), Hold(self._announce_ms))
            case "queue", ConversationEnded():
                return "mark", (Ask((Prompt("mark"),), timeout_ms=2_000),)
            case "queue", QueueReleased():
                return "record", (Play((Prompt("sorry"),)), Record((Prompt("speak"),), max_ms=4_000))
            case "record", Recorded(path=path) if path:
                return "ticket", (OpenTicket("access", "ru", recording=path),)
            case "ticket", TicketOpened() | TicketFailed():
                return "ticket", (Play((Prompt("ticket"),)), *bye)
            case "mark", Digits(mark):
                return "bye", (SaveMark(int(mark)), Play((Prompt("thanks"),)), *bye)
            case _, NoInput():
                return "bye", bye
        return "bye", bye

    def _enqueue(self, since: int) -> Enqueue:
        whisper = (Prompt("whisper"),)
        every_ms = self._announce_ms
        return Enqueue(
            "main", "access", "ru", announce_every_ms=every_ms, whisper=whisper, first_queued_ms=since
        )


def roster_text(agents: list[str]) -> str:
    lines = [
        f'- {{id: "{agent}", name: A{agent}, skills: {{access: 3, consultation: 2}}, status: available}}'
        for agent in agents
    ]
    return "agents:\n" + "\n".join(lines) + "\n"


async def speech_server(config: dict[str, Any]) -> SpeechServer:
    """With the shipped model and the real voice detector."""
    model = models.load("ru", Path("nowhere"), "")
    assert model is not None
    server = SpeechServer({"ru": model}, token=config["token"])
    await server.start(config["host"], config["port"])
    return server


async def main(config: dict[str, Any]) -> None:
    home = Path(config["home"])
    desk = SqlDesk(
        f"sqlite+aiosqlite:///{home}/agi-desk.sqlite3", Vault.open(home / "agi-keys.json"), home / "agi-kept"
    )
    await desk.start()
    rules = RulesLoaded("test", config["rules"])
    distributor = DistributorService(
        config["redis"],
        node=config["node"],
        leads=True,
        roster=parse(roster_text(config["agents"])),
        rules=rules,
        prefix=config["prefix"],
    )
    await distributor.start()
    manager = config["manager"]
    switch = Switch(
        manager["host"],
        manager["port"],
        manager["user"],
        manager["secret"],
    )
    await switch.start()
    listeners = config.get("listeners", 0)
    speech = await speech_server(config["speech"]) if listeners else None

    async def end_turn(call_id: str) -> bool:
        return speech is not None and await speech.end_turn(call_id)

    house = House(
        settings=CallSettings(
            node=config["node"],
            address=f"127.0.0.1:{config['agi_port']}",
            recordings=home / "agi-recordings",
            spool=home / "agi-spool",
            record_conversations=True,
            queue_down_ms=config.get("queue_down_ms", 4_000),
            silence=make_silence(home / "agi-tones") if speech else "",
            music=tracks(CONFIG / "sounds" / "moh") if speech else (),
        ),
        hotline=SmallDialogue(config.get("announce_ms", 30_000), bool(listeners)),
        voice=Tones(home / "agi-tones"),
        distributor=distributor,
        desk=desk,
        clock_ms=lambda: time.time_ns() // 1_000_000,
        phones=ManagedPhones(switch),
        end_turn=end_turn,
    )
    calls = LiveCalls(distributor, config["node"], hold_listeners=listeners)
    following = asyncio.create_task(calls.follow())
    runner = CallRunner(house, calls)
    server = AgiServer({"call": runner.serve, "connected": calls.on_connected}, config["token"])
    await server.start("127.0.0.1", config["agi_port"])
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    await stop.wait()
    await server.stop(drain_s=0.5)
    following.cancel()
    if speech is not None:
        await speech.stop()
    await switch.stop()
    await distributor.stop()
    await desk.stop()


# A node that is started again on a busy machine may take longer than five seconds for it.
RULES = {
    "wrap_up_s": 1, "ring_s": 3, "declined_pause_s": 1, "no_answer_pause_s": 1, "unreachable_pause_s": 1,
    "nobody_can_serve_after_s": 30,
}  # fmt: skip
_numbers = itertools.count(1)


class NodeProcess:
    """The daemon as a process of its own, and an observer of its journal."""

    def __init__(self, settings: Any, secrets: Any, agents: list[str], **options: Any) -> None:
        asterisk = settings.asterisk
        self.prefix = f"agi{next(_numbers)}"
        self.config = {
            "redis": settings.redis_url,
            "agi_port": settings.agi.port,
            "token": secrets.agi_token,
            "manager": {
                "host": asterisk.ami_host,
                "port": asterisk.ami_port,
                "user": asterisk.ami_user,
                "secret": secrets.ami_secret,
            },
            "speech": {
                "host": settings.speech.host,
                "port": settings.speech.port,
                "token": secrets.speech_token,
            },
            "home": str(settings.home),
            "node": settings.node,
            "prefix": self.prefix,
            "agents": agents,
            "rules": RULES,
            **options,
        }
        self._redis = settings.redis_url
        self.facts: list[tuple[Any, float]] = []
        self.observer = self._observe()
        self.process: subprocess.Popen[bytes] | None = None
        self.log = settings.home / f"{self.prefix}.log"

    def _observe(self) -> DistributorService:
        observer = DistributorService(self._redis, prefix=self.prefix)
        observer.listeners.append(lambda event, _ms: self.facts.append((event, time.time())))
        return observer

    async def rest(self) -> None:
        """The observer belongs to one test's event loop; the process may serve the next test, too."""
        await self.observer.stop(0.1)
        print(self.log.read_text()[-6_000:], file=sys.stderr)  # shown with a failure
        self.facts.clear()
        self.observer = self._observe()

    async def fresh(self) -> None:
        """Running, nobody in a call, every agent ready, and what was seen before forgotten."""
        if self.process is None or self.process.poll() is not None:
            await self.start()
        await self.observer.start()
        await self.observer.synchronised(10)
        for _ in range(600):
            seen = self.observer.snapshot()
            idle = [agent for agent in seen.agents if agent.status == "available" and agent.state == "ready"]
            if len(idle) == len(self.config["agents"]) and not seen.calls:
                break
            for agent in seen.agents:
                if agent.status != "available" or agent.state == "paused":
                    await self.observer.report(AgentStatusDeclared(agent.agent_id, "available"))
                elif agent.state == "wrap_up":
                    await self.observer.report(WrapUpFinished(agent.agent_id))
            await asyncio.sleep(0.05)
        self.facts.clear()

    async def start(self) -> None:
        with self.log.open("w") as log:
            command = [sys.executable, __file__, json.dumps(self.config)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: ASYNC220
        for _ in range(600):
            if "ready\n" in self.log.read_text():
                return
            assert self.process.poll() is None, self.log.read_text()
            await asyncio.sleep(0.05)
        raise TimeoutError("the node does not start")

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(5)

    async def stop(self) -> None:
        await self.rest()
        await asyncio.to_thread(self.end)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)

    def all(self, kind: type[Any]) -> list[Any]:
        return [fact for fact, _ in self.facts if isinstance(fact, kind)]

    def at(self, kind: type[Any]) -> float:
        return next(at for fact, at in self.facts if isinstance(fact, kind))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
