"""One call's way through the whole hotline, told from the log; and what of a sound a phone really heard."""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from hotline import NUMBER, Hotline

from dozvon.phones import CallerPhone, sound

STEP_S = 30.0  # a busy machine may take this long for a step
PIECE = 160  # samples: 20 ms, a packet
LOUD = 300.0  # RMS of a piece that holds speech


def at_ms(line: dict[str, Any]) -> int:
    """When a line of the log was written."""
    return round(datetime.fromisoformat(line["timestamp"]).timestamp() * 1000)


def heard_share(heard: array[int], file: Path, from_s: float = 0.0, to_s: float = 1e9) -> float:
    """Of the speech in a stretch of ``file``, the part that arrived bit by bit, packet by packet.

    A-law goes through Asterisk as it is, so what is heard is the file, less the packets for which a phone on
    a busy machine came too late. Of another sound next to nothing is found.
    """
    samples = sound.read_sound(file)[round(from_s * sound.RATE) : round(min(to_s, 3600) * sound.RATE)]
    pieces = [samples[at : at + PIECE] for at in range(0, len(samples) - PIECE + 1, PIECE)]
    spoken = [piece for piece in pieces if sound.rms(piece) > LOUD]
    line = heard.tobytes()
    return sum(piece.tobytes() in line for piece in spoken) / len(spoken)


class Way:
    """``way = await Way.begin(hotline, caller)``: the call that this phone has just placed."""

    def __init__(self, hotline: Hotline, caller: CallerPhone, call_id: str) -> None:
        self._hotline = hotline
        self.caller = caller
        self.call_id = call_id

    @classmethod
    async def begin(cls, hotline: Hotline, caller: CallerPhone) -> Way:
        """Dial; one after the other and not while others call, for the log does not name callers."""
        before = {line.get("call_id") for line in hotline.lines}
        await caller.call(NUMBER, timeout_s=STEP_S)

        def new() -> str:
            return next(
                (
                    line["call_id"]
                    for line in hotline.lines
                    if line.get("action") == "said" and line.get("call_id") not in before
                ),
                "",
            )

        return cls(hotline, caller, await polled(new, "a new call in the log"))

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [line for line in self._hotline.lines if line.get("call_id") == self.call_id]

    def said(self, prompt: str, times: int = 1) -> dict[str, Any] | None:
        """The line where a prompt with this beginning was said for the ``times``-th time."""
        found = [
            line
            for line in self.lines
            if line.get("action") == "said" and any(p.startswith(prompt) for p in line["prompts"])
        ]
        return found[times - 1] if len(found) >= times else None

    async def hears(self, prompt: str, times: int = 1) -> dict[str, Any]:
        """Waits until this is being said to the caller."""
        return dict(await polled(lambda: self.said(prompt, times), f"{prompt} is said", self.last))

    async def hears_sound(self, file: Path, to_s: float, share: float = 0.5) -> None:
        """Waits until the caller's phone has received the beginning of this file."""
        await polled(
            lambda: heard_share(self.caller.heard(), file, 0.0, to_s) >= share, f"{file.stem} is heard"
        )

    async def presses(self, key: str, after: str) -> dict[str, Any]:
        """A key, when half a second of the prompt has been heard: nobody is quicker."""
        line = await self.hears(after)
        heard = len(self.caller.heard())
        await polled(lambda: len(self.caller.heard()) - heard > sound.RATE / 2, f"{after} is heard")
        await self.caller.press(key)
        return line

    async def ended(self) -> dict[str, Any]:
        return dict(
            await polled(
                lambda: next((line for line in self.lines if line.get("action") == "call_ended"), None),
                "the call ended",
                self.last,
            )
        )

    def last(self) -> str:
        return " | ".join(" ".join(line.get("prompts", [line.get("action", "")])) for line in self.lines[-8:])


async def polled(condition: Callable[[], Any], what: str, state: Callable[[], str] = str) -> Any:
    deadline = time.monotonic() + STEP_S
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {STEP_S:g} s: {what}; {state()}"
        await asyncio.sleep(0.05)
    return found
