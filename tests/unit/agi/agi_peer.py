"""Asterisk's end of FastAGI in memory: commands go as Asterisk 22 was seen to do.

A test drives the caller with ``key`` and ``hang_up`` and reads what was done in ``said`` and ``variables``.
"""

from __future__ import annotations

import asyncio
import shlex
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path

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
        self.deaf_to: set[str] = set()  # languages that the speech server has no model for
        self.engines: tuple[str, ...] = ("dozvon",)  # speech servers that answer
        self.meets = True  # an agent who answers hears all of the whisper
        self.recorded: Callable[[Path], str] | None = None
        self.music = ""
        self.applications: list[str] = []
        self._lines: deque[str] = deque()
        self._keys: deque[str] = deque()
        self._changed = asyncio.Event()
        self._gone = asyncio.Event()
        self._hangup_said = False
        self._turn_ended = False
        self.offsets: list[int] = []  # in samples, of each sound that was listened over
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

    def end_turn(self) -> None:
        """The speech server says that there is nothing more to hear."""
        self._turn_ended = True
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
            case ["STREAM", "FILE", sound, keys, *_]:
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
            case ["SPEECH", "CREATE", engine]:
                there = self.speech is not None and engine in self.engines
                await self._reply(f"200 result={int(there)}")
            case ["SPEECH", "SET", name, value]:
                self.speech_settings.append((name, value))
                await self._reply(f"200 result={int(value not in self.deaf_to)}")
            case ["SPEECH", "RECOGNIZE", sound, timeout, offset]:
                self.offsets.append(int(offset))
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
        self._turn_ended = False
        seconds, result = self.speech.pop(0) if self.speech else (9e9, "")
        limit_s = self.sounds.get(sound, 0.0) + timeout_s / 100  # a hundredth: tests are impatient
        until = asyncio.get_running_loop().time() + min(seconds, limit_s)
        while True:
            if self._gone.is_set():
                await self._reply("200 result=1 (hangup) endpos=0")
                return
            if self._turn_ended:
                await self._reply(
                    '200 result=1 (speech) endpos=0 results=1 score0=0 text0="@nothing" grammar0=mark'
                )
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
