"""What really went over the wire: SIP messages and audio, with times, from tcpdump on the loopback.

    async with Capture(path, sip_port) as wire:
        …  # calls
        wire.messages()                     # SIP, in order
        wire.streams()                      # RTP by destination, in order of their first packet
        wire.first_sound_after(at_s, port)  # when audio that is not silence arrived there

Times are Unix seconds, as in ``PhoneEvent.wall_s``.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import re
import shutil
import socket
import subprocess
import time
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import dpkt  # type: ignore[import-untyped]

from dozvon.phones import sound

PCMA = 8
TELEPHONE_EVENT = 101
_SNAP_BYTES = 4000
_READY_TIMEOUT_S = 10.0
# Louder than this is speech or a tone; comfort noise and A-law's digital silence (8) are not.
SOUND_RMS = 150.0


class CaptureFailed(Exception):
    """tcpdump could not be started: it needs root rights or the capability cap_net_raw."""


@dataclass(frozen=True, slots=True)
class SipMessage:
    at_s: float
    source: str  # host:port
    destination: str
    first_line: str
    text: str = field(repr=False)

    def header(self, name: str) -> str:
        found = re.search(rf"^{re.escape(name)}\s*:\s*(.*?)\s*$", self.text, re.MULTILINE | re.IGNORECASE)
        return found.group(1) if found else ""

    @property
    def call_id(self) -> str:
        return self.header("Call-ID")

    @property
    def method(self) -> str:
        """Of a request; "" for a reply."""
        return "" if self.first_line.startswith("SIP/2.0") else self.first_line.split(" ", 1)[0]

    @property
    def status(self) -> int:
        """Of a reply; 0 for a request."""
        return int(self.first_line.split()[1]) if self.first_line.startswith("SIP/2.0") else 0

    @property
    def of(self) -> str:
        """The method that a reply answers (CSeq)."""
        return self.header("CSeq").rpartition(" ")[2]

    @property
    def audio_port(self) -> int:
        """Where the sender of this message wants to hear; 0 without SDP."""
        found = re.search(r"^m=audio (\d+) ", self.text, re.MULTILINE)
        return int(found.group(1)) if found else 0


@dataclass(frozen=True, slots=True)
class RtpPacket:
    at_s: float
    payload_type: int
    sequence: int
    timestamp: int
    payload: bytes = field(repr=False)


@dataclass(slots=True)
class RtpStream:
    """Packets of one SSRC from one sender to one destination.

    Asterisk changes its SSRC in the middle of a call when it begins to pass on the other phone's packets.
    """

    source: str
    destination: str
    ssrc: int
    packets: list[RtpPacket] = field(default_factory=list, repr=False)

    @property
    def audio(self) -> list[RtpPacket]:
        return [p for p in self.packets if p.payload_type == PCMA]

    def samples(self, from_s: float = 0.0, to_s: float = float("inf")) -> array[int]:
        """What was sent in that time, decoded."""
        data = b"".join(p.payload for p in self.audio if from_s <= p.at_s < to_s)
        return sound.from_alaw(data)

    def first_sound_after(self, at_s: float, rms: float = SOUND_RMS) -> float:
        """When the first packet that is not silence came, 0.0 when none did."""
        for packet in self.audio:
            if packet.at_s >= at_s and sound.rms(sound.from_alaw(packet.payload)) > rms:
                return packet.at_s
        return 0.0

    def pressed(self) -> list[tuple[float, str]]:
        """Keys pressed in this stream (RFC 4733) with the time of their first packet."""
        seen: dict[int, tuple[float, str]] = {}
        for packet in self.packets:
            if packet.payload_type == TELEPHONE_EVENT and packet.payload and packet.payload[0] < 16:
                seen.setdefault(packet.timestamp, (packet.at_s, "0123456789*#ABCD"[packet.payload[0]]))
        return [seen[stamp] for stamp in sorted(seen, key=lambda s: seen[s][0])]

    def largest_gap_ms(self) -> float:
        """The longest time without a packet."""
        times = [p.at_s for p in self.packets]
        return max((b - a for a, b in itertools.pairwise(times)), default=0.0) * 1000


class Capture:
    """tcpdump of UDP on the loopback, from entering to leaving ``async with``; readable in between too."""

    def __init__(self, path: Path, sip_port: int) -> None:
        self.path = path
        self.sip_port = sip_port
        self._process: subprocess.Popen[bytes] | None = None
        self._sudo: list[str] = []

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Returns when packets are really being taken down; raises CaptureFailed."""
        program = shutil.which("tcpdump", path="/usr/sbin:/usr/bin:/sbin:/bin")
        if program is None:
            raise CaptureFailed("tcpdump is not installed (Debian package tcpdump)")
        # Raw packets are root's. Written to our own open file, whoever tcpdump runs as.
        self._sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        if self._sudo and shutil.which("sudo") is None:
            raise CaptureFailed("capturing packets needs root rights or sudo")
        command = [*self._sudo, program, "-i", "lo", "-s", str(_SNAP_BYTES), "-U", "-B", "8192", "-w", "-"]
        log = self.path.with_suffix(".log")
        with self.path.open("wb") as packets, log.open("wb") as words:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - forking takes a millisecond
                [*command, "--immediate-mode", "udp"],
                stdin=subprocess.DEVNULL,
                stdout=packets,
                stderr=words,
            )
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while not await self._sees_a_probe():
            if self._process.poll() is not None or time.monotonic() > deadline:
                await self.stop()
                raise CaptureFailed(f"tcpdump: {log.read_text('utf-8', 'replace').strip()}")

    async def _sees_a_probe(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.sendto(b"probe", ("127.0.0.1", 9))
        await asyncio.sleep(0.02)
        return any(True for _ in self._packets())

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(self._end, process)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        for word in ("-TERM", "-KILL"):
            if process.poll() is None:
                subprocess.run(
                    [*self._sudo, "sh", "-c", f"kill {word} {process.pid}"], check=False, timeout=5
                )
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
                return

    # ---------------------------------------------------------------------------------------- reading
    def messages(
        self, method: str = "", status: int = 0, of: str = "", call_id: str = ""
    ) -> list[SipMessage]:
        """SIP messages in order, all or those that fit. Repetitions are retransmissions."""
        found = []
        for at_s, source, destination, data in self._packets():
            if self.sip_port not in (_port(source), _port(destination)):
                continue
            text = data.decode("utf-8", "replace").replace("\r\n", "\n")
            message = SipMessage(at_s, source, destination, text.split("\n", 1)[0], text)
            if not text.strip() or (method and message.method != method):
                continue
            with contextlib.suppress(ValueError, IndexError):
                if status and (message.status != status or (of and message.of != of)):
                    continue
                if call_id and message.call_id != call_id:
                    continue
                found.append(message)
        return found

    def streams(self) -> list[RtpStream]:
        """RTP streams in the order of their first packets: those whose ports our SIP messages speak of."""
        streams: dict[tuple[str, str, int], RtpStream] = {}
        ours = {message.audio_port for message in self.messages()} - {0}
        for at_s, source, destination, data in self._packets():
            if len(data) < 12 or data[0] >> 6 != 2 or 200 <= data[1] <= 207:
                continue
            if _port(source) not in ours and _port(destination) not in ours:
                continue
            packet = dpkt.rtp.RTP(data)
            key = (source, destination, packet.ssrc)
            stream = streams.setdefault(key, RtpStream(source, destination, packet.ssrc))
            stream.packets.append(RtpPacket(at_s, packet.pt, packet.seq, packet.ts, bytes(packet.data)))
        return list(streams.values())

    def streams_to(self, port: int) -> list[RtpStream]:
        return [stream for stream in self.streams() if _port(stream.destination) == port]

    def first_sound_after(self, at_s: float, port: int) -> float:
        """When audio that is not silence first arrived at ``port`` after ``at_s``; 0.0 when it never did."""
        times = [stream.first_sound_after(at_s) for stream in self.streams_to(port)]
        return min((t for t in times if t), default=0.0)

    def heard_at(self, port: int, from_s: float = 0.0, to_s: float = float("inf")) -> Sequence[int]:
        """Samples that arrived at ``port`` in that time."""
        out: array[int] = array("h")
        for stream in self.streams_to(port):
            out.extend(stream.samples(from_s, to_s))
        return out

    def _packets(self) -> Iterator[tuple[float, str, str, bytes]]:
        """Whole UDP packets written so far."""
        try:
            data = self.path.open("rb")
        except FileNotFoundError:
            return
        with data:
            try:
                for at_s, frame in dpkt.pcap.Reader(data):
                    packet = dpkt.ethernet.Ethernet(frame).data
                    if isinstance(packet, dpkt.ip.IP) and isinstance(packet.data, dpkt.udp.UDP):
                        source = f"{socket.inet_ntoa(packet.src)}:{packet.data.sport}"
                        destination = f"{socket.inet_ntoa(packet.dst)}:{packet.data.dport}"
                        yield float(at_s), source, destination, bytes(packet.data.data)
            except (ValueError, dpkt.dpkt.Error):
                return  # the last packet is still being written


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])
