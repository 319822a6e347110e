"""FastAGI's wire protocol as a state machine: bytes in, events out, no I/O, no clock.

Our side is the application, the peer is Asterisk. The peer opens with header lines (``agi_…: value``) up
to an empty line; then every command line of ours has one reply, with these exceptions, all of them seen on
Asterisk 22:

  * ``HANGUP`` may come unasked, between a command and its reply too.
  * A usage error (520) has several lines.
  * A running STREAM FILE or GET DATA is stopped by any further command and then has *no* reply, unless it
    ended by itself a moment earlier; a stopped WAIT FOR DIGIT has one (``result=1``).

The last point makes replies ambiguous, so a command is never stopped by just any other: ``interrupt()``
sends GET FULL VARIABLE with a marker that Asterisk echoes, and everything before the echo belongs to the
stopped command. Asterisk reads with a buffer but waits on the socket: a marker that arrives together with
the command before it lies unseen until more bytes come. So ``interrupt()`` may be sent again when no echo
came; the last marker's echo counts.

Rules
  * ``receive_data(b"")`` means that the peer closed.
  * ``RemoteProtocolError``: the peer broke the protocol (or is no Asterisk); the connection is of no more
    use and every later call raises it again. ``LocalProtocolError``: we did; the connection is unharmed.
  * Everything kept is bounded by the constants below.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_LINE_BYTES = 8_192  # Asterisk's longest lines are variables' values
MAX_HEADER_BYTES = 32_768
MAX_HEADER_LINES = 200  # Asterisk passes at most 128 arguments and some 25 fields
MAX_USAGE_BYTES = 32_768  # one reply of several lines
MAX_UNREAD_BYTES = 1_048_576  # what a careless owner may feed before asking for events
MAX_COMMAND_BYTES = 2_040  # Asterisk reads a line into 2048 bytes and takes the rest for another command
MAX_COMMAND_WORDS = 120  # Asterisk: 128


class AgiError(Exception):
    """Base of the codec's errors."""


class RemoteProtocolError(AgiError):
    """The peer does not speak FastAGI, or broke off in the middle."""


class LocalProtocolError(AgiError):
    """This command cannot be sent: not now, or not at all."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command. ``interruptible``: Asterisk stops it when another one arrives."""

    words: tuple[str, ...]
    interruptible: bool = False
    reads_variable: bool = False  # the reply's parentheses may hold anything, line ends included

    @property
    def name(self) -> str:
        """The command without its arguments' values, fit for a log line."""
        return " ".join(word for word in self.words[:3] if word.isascii() and word.replace("_", "").isupper())

    def encode(self) -> bytes:
        """The line as it goes over the wire; raises LocalProtocolError for what cannot be said."""
        if not 0 < len(self.words) <= MAX_COMMAND_WORDS:
            raise LocalProtocolError(f"a command of {len(self.words)} words")
        line = (" ".join(quote(word) for word in self.words) + "\n").encode("utf-8", "replace")
        if len(line) > MAX_COMMAND_BYTES:
            raise LocalProtocolError(f"{self.name} of {len(line)} bytes, at most {MAX_COMMAND_BYTES}")
        return line


_PLAIN = re.compile(r"[A-Za-z0-9_*#./:=+@-]+")


def quote(word: str) -> str:
    """One word as Asterisk's parser reads it back; raises LocalProtocolError for line ends and NUL."""
    if any(char in word for char in "\n\r\0"):
        raise LocalProtocolError("a command's word with a line end or NUL")
    if _PLAIN.fullmatch(word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass(frozen=True, slots=True)
class Environment:
    """The header. ``fields`` without the prefix ``agi_``; ``args`` are the AGI application's arguments."""

    fields: Mapping[str, str]
    args: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a command came to.

    ``result`` is the word after ``result=`` ("" for errors), ``note`` what stands in parentheses
    (``timeout``, ``speech``, a variable's value), ``fields`` the rest (``endpos``, ``digit``, ``text0`` …).
    """

    command: Command
    code: int
    result: str = ""
    note: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    text: str = ""

    @property
    def ok(self) -> bool:
        return self.code == 200

    @property
    def number(self) -> int:
        """``result`` as a number, -1 when it is none."""
        return int(self.result) if re.fullmatch(r"-?\d{1,9}", self.result) else -1


@dataclass(frozen=True, slots=True)
class Interrupted:
    """``interrupt()`` took effect. ``reply`` is the stopped command's own, when it had one."""

    command: Command
    reply: Reply | None


@dataclass(frozen=True, slots=True)
class HangupSeen:
    """The channel was hung up; commands about variables still work."""


@dataclass(frozen=True, slots=True)
class ConnectionClosed:
    """The peer closed, and nothing was cut off. ``began``: at least one byte had come."""

    began: bool


class NeedData(enum.Enum):
    """Asks for more bytes."""

    NEED_DATA = enum.auto()


NEED_DATA = NeedData.NEED_DATA
AgiEvent = Environment | Reply | Interrupted | HangupSeen | ConnectionClosed

_MARKER = "dozvon-sync-"
_HEADER = re.compile(r"agi_([a-z_0-9]+): ?(.*)", re.DOTALL)
_ARG = re.compile(r"arg_(\d{1,3})")
_REPLY = re.compile(r"(\d{3})(?:([ -])(.*))?", re.DOTALL)
_RESULT = re.compile(r"result=(\S*)(.*)", re.DOTALL)
_NOTE = re.compile(r"\s*\(([^)]*)\)(.*)", re.DOTALL)
# Asterisk does not escape quotes inside recognised text: it ends where the next field begins.
_FIELD = re.compile(r'(\w+)=(?:"(.*?)"(?=\s+\w+=|\s*$)|(\S*))')


class Connection:
    """One FastAGI connection, seen from the application."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0  # of the buffer, no line end before
        self._eof = False
        self._began = False
        self._failure: RemoteProtocolError | None = None
        self._in_header = True
        self._header: list[tuple[str, str]] = []
        self._header_bytes = 0
        self._held: list[str] = []  # lines of a reply that goes on
        self._held_bytes = 0
        self._running: Command | None = None
        self._marker: str | None = None  # the last one of the interruption that is under way
        self._first_marker = 0
        self._natural: Reply | None = None  # the interrupted command's own reply
        self._markers = 0
        self._hung_up = False

    @property
    def running(self) -> Command | None:
        """The command whose reply has not come."""
        return self._running

    @property
    def interrupting(self) -> bool:
        """An interruption was sent and its echo has not come."""
        return self._marker is not None

    @property
    def hung_up(self) -> bool:
        return self._hung_up

    @property
    def kept_bytes(self) -> int:
        """Bytes of the peer's that are kept now."""
        return len(self._buffer) + (self._header_bytes if self._in_header else 0) + self._held_bytes

    def send(self, command: Command) -> bytes:
        """Bytes for the wire. One command at a time: raises LocalProtocolError while another runs."""
        self._check_usable()
        if self._running is not None:
            raise LocalProtocolError(f"{command.name} while {self._running.name} runs")
        line = command.encode()
        self._running = command
        return line

    def interrupt(self) -> bytes:
        """Bytes that stop the running command; ``Interrupted`` follows, whatever was being said."""
        self._check_usable()
        if self._running is None or not self._running.interruptible:
            raise LocalProtocolError("nothing runs that can be interrupted")
        self._markers += 1
        if self._marker is None:
            self._first_marker = self._markers
        self._marker = f"{_MARKER}{self._markers}"
        return Command(("GET", "FULL", "VARIABLE", self._marker)).encode()

    def receive_data(self, data: bytes) -> None:
        """Bytes from the wire, ``b""`` at its end."""
        if self._failure is not None:
            return
        if not data:
            self._eof = True
            return
        self._began = True
        if len(self._buffer) + len(data) > MAX_UNREAD_BYTES:
            self._buffer.clear()
            self._failure = RemoteProtocolError(f"more than {MAX_UNREAD_BYTES} bytes unread")
            return
        self._buffer += data

    def next_event(self) -> AgiEvent | NeedData:
        """The next thing that happened; raises RemoteProtocolError, then always again."""
        if self._failure is not None:
            raise self._failure
        try:
            while (line := self._take_line()) is not None:
                event = self._on_header(line) if self._in_header else self._on_line(line)
                if event is not None:
                    return event
            return self._at_end() if self._eof else NEED_DATA
        except RemoteProtocolError as error:
            self._failure = error
            self._buffer.clear()
            self._header.clear()
            self._held.clear()
            self._header_bytes = self._held_bytes = 0
            raise

    # ------------------------------------------------------------------------------------------- lines
    def _take_line(self) -> str | None:
        end = self._buffer.find(b"\n", self._scanned)
        if (end if end >= 0 else len(self._buffer)) > MAX_LINE_BYTES:
            raise RemoteProtocolError(f"a line of more than {MAX_LINE_BYTES} bytes")
        if end < 0:
            self._scanned = len(self._buffer)
            return None
        raw = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._scanned = 0
        return raw.decode("utf-8", "replace").removesuffix("\r")

    def _at_end(self) -> ConnectionClosed:
        if self._buffer or self._held:
            raise RemoteProtocolError("closed in the middle of a line")
        if self._in_header and self._began:
            raise RemoteProtocolError("closed in the middle of the header")
        if self._running is not None:
            raise RemoteProtocolError(f"closed while {self._running.name} ran")
        return ConnectionClosed(began=self._began)

    def _on_header(self, line: str) -> Environment | None:
        if line == "" and self._header:
            self._in_header = False
            return _environment(self._header)
        match = _HEADER.fullmatch(line)
        if match is None and not self._header:
            raise RemoteProtocolError("does not begin like FastAGI")
        self._header_bytes += len(line) + 1
        if self._header_bytes > MAX_HEADER_BYTES or len(self._header) >= MAX_HEADER_LINES:
            raise RemoteProtocolError("header too large")
        if match is not None:  # a line of another form can only come out of a hostile value: not ours to read
            self._header.append((match[1], match[2]))
        return None

    def _on_line(self, line: str) -> Reply | Interrupted | HangupSeen | None:
        if self._held:
            return self._on_held_line(line)
        if line == "HANGUP":
            return self._on_hangup()
        match = _REPLY.fullmatch(line)
        if match is None:
            raise RemoteProtocolError("a line that is no reply")
        if self._running is None:
            raise RemoteProtocolError("a reply to nothing")
        goes_on = match[2] == "-" or (
            self._running.reads_variable and " (" in line and not line.endswith(")")
        )
        if goes_on:
            self._hold(line)
            return None
        return self._on_reply(line)

    def _on_held_line(self, line: str) -> Reply | Interrupted | None:
        first = self._held[0]
        self._hold(line)
        last = line.startswith(first[:3] + " ") if first[3:4] == "-" else line.endswith(")")
        if not last:
            return None
        whole = "\n".join(self._held)
        self._held.clear()
        self._held_bytes = 0
        return self._on_reply(whole)

    def _hold(self, line: str) -> None:
        self._held.append(line)
        self._held_bytes += len(line) + 1
        if self._held_bytes > MAX_USAGE_BYTES:
            raise RemoteProtocolError("a reply without end")

    def _on_hangup(self) -> HangupSeen | None:
        if self._hung_up:
            return None
        self._hung_up = True
        return HangupSeen()

    def _on_reply(self, text: str) -> Reply | Interrupted | None:
        command = self._running
        assert command is not None
        reply = parse_reply(command, text)
        if self._marker is None:
            self._running = None
            return reply
        if not (reply.ok and reply.note == self._marker):
            if not self._is_earlier_marker(reply):
                if self._natural is not None:
                    raise RemoteProtocolError("two replies to one command")
                self._natural = reply
            return None
        natural, self._natural = self._natural, None
        self._running = self._marker = None
        return Interrupted(command, natural)

    def _is_earlier_marker(self, reply: Reply) -> bool:
        number = (reply.note or "").removeprefix(_MARKER)
        return reply.ok and number.isdecimal() and self._first_marker <= int(number) < self._markers

    def _check_usable(self) -> None:
        if self._failure is not None:
            raise LocalProtocolError("the connection has failed")
        if self._in_header:
            raise LocalProtocolError("the header has not come")
        if self._eof:
            raise LocalProtocolError("the connection is closed")


def _environment(lines: list[tuple[str, str]]) -> Environment:
    """Asterisk sends the arguments last: a forged one (in a display name) is overwritten."""
    fields: dict[str, str] = {}
    args: dict[int, str] = {}
    for name, value in lines:
        if arg := _ARG.fullmatch(name):
            args[int(arg[1])] = value
        else:
            fields.setdefault(name, value)
    return Environment(fields, tuple(args.get(n, "") for n in range(1, max(args, default=0) + 1)))


def parse_reply(command: Command, text: str) -> Reply:
    """One whole reply, its first three characters being the code; never raises for odd contents."""
    code, rest = int(text[:3]), text[4:]
    result = _RESULT.match(rest)
    if result is None:
        return Reply(command, code, text=rest)
    tail: str = result[2]
    note: str | None = None
    if command.reads_variable:
        stripped = tail.strip(" ")
        if stripped.startswith("("):
            note = stripped[1:].removesuffix(")")
        return Reply(command, code, result[1], note, {}, rest)
    if noted := _NOTE.match(tail):
        note, tail = noted[1], noted[2]
    fields = {m[1]: m[3] if m[2] is None else m[2] for m in _FIELD.finditer(tail)}
    return Reply(command, code, result[1], note, fields, rest)
