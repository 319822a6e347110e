"""Telephones: baresip as a child process, controlled over its TCP port."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from array import array
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dozvon.machine.children import free_port
from dozvon.phones import sound
from dozvon.phones.control import Control, ControlError
from dozvon.phones.programs import baresip

# A sound file that ends makes baresip hang up; nobody talks to a test for longer than this.
MIC_SECONDS = 900
_KEY_MS = 120
_KEY_GAP_MS = 80
_EVENTS_MAX = 10_000


class PhoneError(Exception):
    """A telephone did not start, did not register or did not do what it was told."""


@dataclass(frozen=True, slots=True)
class PhoneEvent:
    """``CALL_INCOMING``, ``CALL_RINGING``, ``CALL_ESTABLISHED``, ``CALL_CLOSED``, ``REGISTER_OK`` …"""

    at_s: float  # time.monotonic()
    wall_s: float  # time.time(): the clock of captured packets
    type: str
    param: str
    call_id: str
    peer: str


class Phone:
    """One telephone. Use it with ``async with``; everything it wrote lies in ``folder`` afterwards."""

    def __init__(
        self,
        user: str,
        server: str,
        *,
        password: str = "",
        address: str = "127.0.0.1",
        display_name: str = "",
        register: bool = False,
        auto_answer: bool = False,
        folder: Path | None = None,
        port: int = 0,
    ) -> None:
        """``server`` is Asterisk's ``host:port``, ``address`` where this phone sends from, ``port`` where it
        listens for calls that come without a registration (0: any)."""
        self.user = user
        self.server = server
        self.address = address
        self.events: list[PhoneEvent] = []
        self._password = password
        self._display_name = display_name
        self._register = register
        self._auto_answer = auto_answer
        self._port = port
        self._own_folder = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="dozvon-phone-"))
        self._news = asyncio.Condition()
        self._control = Control(self._on_event)
        self._process: subprocess.Popen[bytes] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._calls = 0
        self._busy = False

    # ------------------------------------------------------------------------------------------ life
    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self, timeout_s: float = 10.0) -> None:
        """Raises PhoneMissing, PhoneError."""
        port = free_port()
        self._write_files(port)
        with (self.folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - forking takes a millisecond
                [*baresip().command, "-4", "-f", str(self.folder)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            await self._control.connect(port, timeout_s)
        except ControlError as error:
            raise PhoneError(f"phone {self.user}: {error}; {self._last_words()}") from None
        if self._register:
            await self._await_registration(timeout_s)

    async def _await_registration(self, timeout_s: float) -> None:
        """It may have happened before we were connected to hear of it, so ask as well."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            said = await self._command("reginfo")
            if "OK" in said:
                return
            if any(event.type == "REGISTER_FAIL" for event in self.events) or "ERR" in said:
                raise PhoneError(f"phone {self.user} may not register: {self._last_words()}")
            await asyncio.sleep(0.03)
        raise PhoneError(f"phone {self.user} is not registered after {timeout_s:g} s: {self._last_words()}")

    async def stop(self) -> None:
        """Hang up, unregister, end."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGCONT)
            with contextlib.suppress(ControlError):
                await self._control.command("quit", timeout_s=1.0)
            await self._control.close()
            await asyncio.to_thread(_end, process)
        for task in list(self._tasks):
            task.cancel()
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def crash(self) -> None:
        """Die as by a power cut: nothing is said to anybody."""
        if self._process is not None:
            self._process.kill()

    def freeze(self) -> None:
        """Stop answering at all, as behind a cut cable; ``thaw`` ends it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    # ----------------------------------------------------------------------------------------- calls
    async def dial(self, number: str) -> None:
        """Start a call; watch ``wait_for`` for what becomes of it."""
        await self._command("dial", f"sip:{number}@{self.server}")

    async def answer(self) -> None:
        await self._command("accept")

    async def hang_up(self) -> None:
        """End the call; a call that still rings is rejected."""
        await self._command("hangup")

    async def press(self, keys: str) -> None:
        """Keys as RFC 4733 events, one after the other."""
        for key in keys:
            await self._command("sndcode", key)
            await asyncio.sleep((_KEY_MS + _KEY_GAP_MS) / 1000)

    async def say(self, samples: Sequence[int] | Path) -> None:
        """Into the microphone, from now on; silence follows."""
        heard = sound.read_sound(samples) if isinstance(samples, Path) else samples
        self._calls += 1
        path = self.folder / f"say-{self._calls}.wav"
        await asyncio.to_thread(sound.write_wav, path, heard, MIC_SECONDS)
        await self._command("ausrc", f"aufile,{path}")

    async def set_microphone(self, samples: Sequence[int] | Path) -> None:
        """What this phone says from the beginning of its next calls."""
        heard = sound.read_sound(samples) if isinstance(samples, Path) else samples
        await asyncio.to_thread(sound.write_wav, self.folder / "microphone.wav", heard, MIC_SECONDS)

    def heard(self) -> array[int]:
        """Everything heard in the present or last call, until now."""
        return sound.read_growing(self.folder / "heard.wav")

    async def wait_for(self, *types: str, timeout_s: float = 10.0, after: int = 0) -> PhoneEvent:
        """The first event of these types, counted from ``events[after]``; raises PhoneError."""
        try:
            async with asyncio.timeout(timeout_s), self._news:
                while True:
                    for event in self.events[after:]:
                        if event.type in types:
                            return event
                    await self._news.wait()
        except TimeoutError:
            seen = ", ".join(event.type for event in self.events[after:]) or "nothing"
            raise PhoneError(
                f"phone {self.user}: no {' or '.join(types)} within {timeout_s:g} s; saw {seen}"
            ) from None

    @property
    def in_call(self) -> bool:
        """Connected, as far as this phone knows."""
        for event in reversed(self.events):
            if event.type in ("CALL_ESTABLISHED", "CALL_CLOSED"):
                return event.type == "CALL_ESTABLISHED"
        return False

    # ---------------------------------------------------------------------------------------- inside
    async def _command(self, name: str, params: str = "") -> str:
        try:
            return await self._control.command(name, params)
        except ControlError as error:
            raise PhoneError(f"phone {self.user}: {error}") from None

    def _on_event(self, message: dict[str, Any]) -> None:
        if len(self.events) >= _EVENTS_MAX:
            del self.events[: _EVENTS_MAX // 2]
        self.events.append(
            PhoneEvent(
                time.monotonic(),
                time.time(),
                str(message.get("type", "")),
                str(message.get("param", "")),
                str(message.get("id", "")),
                str(message.get("peeruri", "")),
            )
        )
        self._later(self._tell())
        if self._busy and message.get("type") == "CALL_INCOMING":
            self._later(self.hang_up())

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    def _write_files(self, port: int) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        sound.write_wav(self.folder / "microphone.wav", (), MIC_SECONDS)
        name = self._display_name.replace('"', "").replace("\n", " ")
        account = f"{chr(34) + name + chr(34) + ' ' if name else ''}<sip:{self.user}@{self.server}>"
        account += f";regint={60 if self._register else 0};audio_codecs=PCMA"
        account += f";answermode={'auto' if self._auto_answer else 'manual'}"
        if self._password:
            account += f";auth_user={self.user};auth_pass={self._password}"
        _private(self.folder / "accounts", account + "\n")
        _private(self.folder / "contacts", "")
        lines = [
            "poll_method epoll",
            f"net_interface {self.address}",
            f"sip_listen {self.address}:{self._port}",
            "call_local_timeout 120",
            "call_max_calls 4",
            f"audio_source aufile,{self.folder / 'microphone.wav'}",
            f"audio_player aufile,{self.folder / 'heard.wav'}",
            f"audio_path {self.folder}",  # no ringing tones there: nobody would hear them
            "ausrc_srate 8000",
            "auplay_srate 8000",
            "ausrc_channels 1",
            "auplay_channels 1",
            "rtp_ports 20000-32000",
            "jitter_buffer_type off",
            f"module_path {baresip().modules}",
            "module g711.so",
            "module aufile.so",
            "module_tmp account.so",
            "module_app menu.so",
            "module_app ctrl_tcp.so",
            f"ctrl_tcp_listen 127.0.0.1:{port}",
        ]
        _private(self.folder / "config", "\n".join(lines) + "\n")

    def _last_words(self) -> str:
        try:
            text = (self.folder / "log.txt").read_text("utf-8", "replace")
        except OSError:
            return "(no log)"
        return " / ".join(line for line in text.splitlines()[-5:] if line)


class AgentPhone(Phone):
    """An agent's telephone: registers with its password; rings, or answers by itself."""

    def __init__(
        self,
        user: str,
        password: str,
        server: str,
        *,
        auto_answer: bool = False,
        address: str = "127.0.0.1",
        folder: Path | None = None,
    ) -> None:
        super().__init__(
            user,
            server,
            password=password,
            address=address,
            register=True,
            auto_answer=auto_answer,
            folder=folder,
        )

    async def reject(self) -> None:
        """Turn away the call that rings: 486, the only code that baresip has for it."""
        await self.hang_up()

    def be_busy(self, busy: bool = True) -> None:
        """Answer every call with 486 at once, until told otherwise."""
        self._busy = busy

    async def do_not_disturb(self, on: bool = True) -> None:
        """The phone's own switch: every call is answered with 480."""
        await self._command("dnd", "true" if on else "false")

    async def transfer(self, number: str) -> None:
        """Blind transfer (REFER)."""
        await self._command("transfer", f"sip:{number}@{self.server}")


class CallerPhone(Phone):
    """Somebody who calls the hotline: sends from the carrier's address, does not register."""

    def __init__(
        self,
        server: str,
        *,
        number: str = "79161234567",
        address: str = "127.0.0.2",
        display_name: str = "",
        folder: Path | None = None,
        auto_answer: bool = False,
        port: int = 0,
    ) -> None:
        super().__init__(
            number,
            server,
            address=address,
            display_name=display_name,
            folder=folder,
            auto_answer=auto_answer,
            port=port,
        )

    async def call(self, number: str, timeout_s: float = 10.0) -> PhoneEvent:
        """Dial and wait until the call is answered; raises PhoneError when it is not."""
        seen = len(self.events)
        await self.dial(number)
        event = await self.wait_for("CALL_ESTABLISHED", "CALL_CLOSED", timeout_s=timeout_s, after=seen)
        if event.type == "CALL_CLOSED":
            raise PhoneError(f"the call to {number} was not answered: {event.param}")
        return event


def _private(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.write(text)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
