"""An agent becomes free -> his phone's INVITE: app_queue and Dozvon on one Asterisk in one run.

    nice python -m bench.calls.app_queue [--callers 50] [--rounds 25]

Starts a private Asterisk, Redis and one node (tests/e2e/agi_node.py: the real server, runner, distributor).
Both parts have the same callers (sipp, sending audio, hearing the same music on hold), the same phone
(baresip, one agent) and the same order of things: nobody is free; at a moment drawn by lot the agent is;
his phone rings; he is taken away again, so the caller waits on.

  app_queue   AMI action QueuePause (Paused: false) written -> INVITE. The queue has ``retry = 1``, the least
              that app_queue takes, and ``autofill``; its default is 5 s.
  dozvon      "agent is available" reported by another process -> INVITE: journal, engine, order, FastAGI,
              Dial

Times of INVITEs are the kernel's, from tcpdump. One JSON object on standard output.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import random
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from acd.contract import AgentStatusDeclared
from bench.calls.latency import load_node, make_settings, spread, until
from dozvon.machine import secrets
from dozvon.machine.asterisk import CONFIG, AsteriskChild
from dozvon.machine.redis import RedisChild
from dozvon.phones import AgentPhone
from dozvon.phones.capture import Capture
from dozvon.phones.sipp import place_calls
from dozvon.settings import Settings

AGENT = "2001"
QUEUE_NUMBER, DOZVON_NUMBER = "79990000001", "79990000002"
LONGEST_S = 240.0  # callers hang up by themselves after this
DIALPLAN = f"""[from-trunk](+)
exten => {QUEUE_NUMBER},1,Answer()
 same => n,Queue(bench)
 same => n,Hangup()
; The small dialogue takes a caller who has a place already straight back to the queue: no keys to press.
exten => {DOZVON_NUMBER},1,Set(DOZVON_DIALLED=${{EXTEN}})
 same => n,Set(DOZVON_FIRST_QUEUED_MS=${{EPOCH}}000)
 same => n,Set(DOZVON_TOPIC=access)
 same => n,Goto(hotline,start,1)
"""
QUEUE = f"""
[bench]
strategy = rrmemory
musicclass = default
timeout = 20
retry = 1
wrapuptime = 0
ringinuse = no
autofill = yes
joinempty = yes
leavewhenempty = no
member => PJSIP/{AGENT}
"""
MANAGER = """
[bench]
secret = {secret}
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.1/255.255.255.255
read = agent
write = agent
eventfilter = !Event: .*
"""


class Manager:
    """The few words of AMI that pause an agent of app_queue."""

    async def start(self, settings: Settings, secret: str) -> None:
        asterisk = settings.asterisk
        self._reader, self._writer = await asyncio.open_connection(asterisk.ami_host, asterisk.ami_port)
        await self._reader.readline()
        await self.action("Login", Username="bench", Secret=secret)

    async def action(self, name: str, **fields: str) -> float:
        """Sends and waits for its success; returns the time just before it was sent."""
        text = "".join(f"{key}: {value}\r\n" for key, value in {"Action": name, **fields}.items())
        began = time.time()
        self._writer.write(text.encode() + b"\r\n")
        async with asyncio.timeout(5):
            answer = await self._reader.readuntil(b"\r\n\r\n")
        assert b"Response: Success" in answer, answer
        return began

    async def pause(self, paused: bool) -> float:
        return await self.action("QueuePause", Interface=f"PJSIP/{AGENT}", Paused=str(paused).lower())

    def close(self) -> None:
        self._writer.close()


class Bench:
    def __init__(self, home: Path, callers: int, rounds: int, **node_options: Any) -> None:
        self.home, self.callers, self.rounds = home, callers, rounds
        self.settings = make_settings(home)
        self.redis, self.asterisk = RedisChild(self.settings), AsteriskChild(self.settings)
        known = secrets.ensure(self.settings.secrets, CONFIG)
        node = load_node()
        rules = {**node.RULES, "ring_s": 10, "nobody_can_serve_after_s": 600}
        node_options |= {"rules": rules, "announce_ms": 600_000}
        self.process = node.NodeProcess(self.settings, known, [AGENT], **node_options)
        self.server = f"{self.settings.asterisk.sip_bind}:{self.settings.asterisk.sip_port}"
        self.phone = AgentPhone(AGENT, known.agents[AGENT], self.server)
        self.manager = Manager()
        self.silence = home / "silence.alaw"
        self.silence.write_bytes(b"\xd5" * 8000)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        etc = self.asterisk.folder / "etc"
        etc.mkdir(parents=True)
        (etc / "extensions_local.conf").write_text(DIALPLAN, "utf-8")
        secret = f"{random.SystemRandom().getrandbits(128):032x}"
        try:
            await self.redis.start()
            await self.asterisk.start()
            for name, text in (("queues.conf", QUEUE), ("manager.conf", MANAGER.format(secret=secret))):
                with (etc / name).open("a", encoding="utf-8") as file:
                    file.write(text)
            await self.asterisk.console("manager reload")
            await self.asterisk.console("queue reload all")
            await self.process.observer.start()
            await self.process.start()
            await self.manager.start(self.settings, secret)
            await self.manager.pause(True)
            await self.process.observer.report(AgentStatusDeclared(AGENT, "logged_out"))
            async with self.phone:
                yield
        finally:
            with contextlib.suppress(AttributeError):
                self.manager.close()
            await self.process.stop()
            await self.asterisk.stop()
            await self.redis.stop()

    @contextlib.asynccontextmanager
    async def waiting(self, number: str, count: Callable[[], Awaitable[int]]) -> AsyncIterator[None]:
        """All callers wait, until this ends."""
        placing = asyncio.create_task(
            place_calls(
                self.server, number, self.silence, calls=self.callers, per_second=10, talk_s=LONGEST_S
            )
        )
        try:
            async with asyncio.timeout(40):
                while await count() != self.callers:
                    assert not placing.done(), placing.result()
                    await asyncio.sleep(0.2)
            yield
            assert await count() == self.callers, "callers were lost"
        finally:
            placing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await placing
            await self.asterisk.console("channel request hangup all")

    async def in_app_queue(self) -> int:
        said = await self.asterisk.console("queue show bench")
        return int(said.split(" calls", 1)[0].split()[-1]) if " calls" in said else 0

    async def in_dozvon(self) -> int:
        return sum(call.state == "queued" for call in self.process.observer.snapshot().calls)

    async def frees(self, free: Callable[[], Awaitable[float]], take: Callable[[], Awaitable[Any]]) -> Any:
        """Over and over: free the agent, wait for his ring, take him away. Milliseconds, and CPU seconds."""
        path = self.home / "sip.pcap"
        began = []
        used = asterisk_cpu(self.asterisk)
        started = time.monotonic()
        async with sip_only(path, self.settings.asterisk.sip_port):
            for _ in range(self.rounds):
                await asyncio.sleep(random.uniform(0.5, 1.5))
                seen = len(self.phone.events)
                began.append(await free())
                await self.phone.wait_for("CALL_INCOMING", after=seen, timeout_s=15)
                await take()
                await self.phone.wait_for("CALL_CLOSED", after=seen)
            await asyncio.sleep(0.3)
        invites = [
            message.at_s
            for message in Capture(path, self.settings.asterisk.sip_port).messages(method="INVITE")
            if message.source == self.server
        ]
        spans = [(next(at for at in invites if at > each) - each) * 1000 for each in began]
        share = (asterisk_cpu(self.asterisk) - used) / (time.monotonic() - started)
        return {**spread(spans), "asterisk_cpu_share": round(share, 2)}

    async def app_queue(self) -> Any:
        async def take() -> None:
            await self.manager.pause(True)
            await self.phone.reject()

        async with self.waiting(QUEUE_NUMBER, self.in_app_queue):
            return await self.frees(lambda: self.manager.pause(False), take)

    async def dozvon(self) -> Any:
        report = self.process.observer.report

        async def free() -> float:
            began = time.time()
            await report(AgentStatusDeclared(AGENT, "available"))
            return began

        async with self.waiting(DOZVON_NUMBER, self.in_dozvon):
            return await self.frees(free, lambda: report(AgentStatusDeclared(AGENT, "logged_out")))


def asterisk_cpu(asterisk: AsteriskChild) -> float:
    """Seconds of CPU that Asterisk used so far."""
    pid = int((asterisk.folder / "child.pid").read_text().split()[0])
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.asynccontextmanager
async def sip_only(path: Path, port: int) -> AsyncIterator[None]:
    """Takes down SIP, not the callers' audio: that would be ten thousand packets a second."""
    command = ["tcpdump", "-i", "lo", "-s", "4000", "-U", "--immediate-mode", "-w", str(path), "-Z", "root"]
    process = await asyncio.create_subprocess_exec(
        *command, f"udp port {port}", stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await until(lambda: path.exists() and path.stat().st_size >= 24)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def measure(callers: int, rounds: int) -> dict[str, Any]:
    home = Path(tempfile.mkdtemp(prefix="dozvon-bench-"))
    try:
        bench = Bench(home, callers, rounds)
        async with bench.running():
            return {
                "app_queue_ms": await bench.app_queue(),
                "dozvon_ms": await bench.dozvon(),
                "callers": callers,
                "load_average": os.getloadavg()[0],
                "cores": len(os.sched_getaffinity(0)),
                "python": platform.python_version(),
            }
    finally:
        shutil.rmtree(home, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--callers", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args()
    print(json.dumps(asyncio.run(measure(options.callers, options.rounds)), indent=2))


if __name__ == "__main__":
    main()
