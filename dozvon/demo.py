"""The demonstration: one caller, one agent, a real call between two SIP phones, told as it goes.

Each line is something that was seen: what the caller is told stands in the call's log, that it is heard is
measured on the RTP packets, both directions of the conversation are measured by the tones that the two
phones speak. A step that is not seen within its time ends the demonstration.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from dozvon.machine import secrets
from dozvon.machine.asterisk import CONFIG
from dozvon.phones import AgentPhone, CallerPhone, PhoneError, sound
from dozvon.phones.capture import Capture, CaptureFailed
from dozvon.settings import Settings

AGENT = "2001"
AGENT_HZ, CALLER_HZ = 800.0, 1300.0
AGENT_TAKES_UP_AFTER_S = 1.0
TALK_S = 3.0
BLOCK = sound.RATE // 10
TONE_SHARE = 0.25  # of the energy heard; an idle machine gives 0.9, music or speech less than 0.02
PROMPT_HEARD_WITHIN_S = 1.0
STEP_S = 30.0
POLL_S = 0.05


class StepMissing(Exception):
    """A step of the demonstration was not seen."""


class CallLog:
    """The daemon's log from now on: what it says of the calls that come."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._position = file.stat().st_size if file.exists() else 0
        self.lines: list[dict[str, Any]] = []

    def read(self) -> None:
        if not self._file.exists():
            return
        with self._file.open("rb") as handle:
            handle.seek(self._position)
            for raw in handle:
                if not raw.endswith(b"\n"):
                    break
                self._position += len(raw)
                self.lines.append(json.loads(raw))

    def said(self, prompt_prefix: str) -> dict[str, Any] | None:
        for line in self.lines:
            if line.get("action") == "said" and any(p.startswith(prompt_prefix) for p in line["prompts"]):
                return line
        return None

    def of(self, action: str) -> dict[str, Any] | None:
        return next((line for line in self.lines if line.get("action") == action), None)


class Demonstration:
    """One call; ``say`` prints a line."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._say = say
        self._log = CallLog(settings.home / "log" / "dozvon.jsonl")
        self._told = 0
        self._began_s = 0.0

    async def run(self) -> None:
        """Raises StepMissing with the step's name, PhoneError, CaptureFailed."""
        asterisk = self._settings.asterisk
        server = f"{asterisk.sip_bind}:{asterisk.sip_port}"
        password = secrets.ensure(self._settings.secrets, CONFIG).agents[AGENT]
        with tempfile.TemporaryDirectory(prefix="dozvon-demo-") as folder:
            async with (
                Capture(Path(folder) / "wire.pcap", asterisk.sip_port) as wire,
                AgentPhone(AGENT, password, server) as agent,
                CallerPhone(server, address=asterisk.trunk_match[0]) as caller,
            ):
                await agent.set_microphone(sound.tone(AGENT_HZ, 60))
                await self._reachable()
                await self._call(agent, caller, wire)

    async def _reachable(self) -> None:
        """Until the distributor has heard from Asterisk that the agent's phone is there."""
        from dozvon.client import ask

        def there() -> bool:
            agents = ask(self._settings, "/agents")["items"]
            return any(a["agent_id"] == AGENT and a["reachable"] for a in agents)

        await self._until(f"agent {AGENT}'s phone is registered", lambda: there() or None)

    async def _call(self, agent: AgentPhone, caller: CallerPhone, wire: Capture) -> None:
        self._began_s = time.time()
        number = self._settings.hotline.number
        self._tell(f"caller dials {number}")
        await caller.call(number)
        self._tell("the hotline answers")
        await self._until("the menu is heard", lambda: self._log.said("topics.ask"))
        await asyncio.sleep(2.0)  # he listens to the first choices
        await self._press(caller, "1")
        await self._until("the second menu is heard", lambda: self._log.said("access.ask"))
        await asyncio.sleep(2.0)
        pressed_s = time.time()
        await self._press(caller, "1")
        ring = await agent.wait_for("CALL_INCOMING", timeout_s=STEP_S)
        self._tell(f"agent {AGENT}'s phone rings, {ring.wall_s - pressed_s:.1f} s after the key", ring.wall_s)
        await asyncio.sleep(AGENT_TAKES_UP_AFTER_S)
        await agent.answer()
        await agent.wait_for("CALL_ESTABLISHED")
        await caller.say(sound.tone(CALLER_HZ, 60))
        self._tell("connected")
        await asyncio.sleep(TALK_S)
        self._both_heard(wire)
        await caller.say(())
        await agent.hang_up()
        self._tell("the agent hangs up")
        await self._until("the caller is asked for a mark", lambda: self._log.said("survey.ask"))
        await asyncio.sleep(2.0)
        await self._press(caller, "5")
        await caller.wait_for("CALL_CLOSED", timeout_s=STEP_S)
        self._tell("the call ends")
        ended = await self._until("the call is written down", lambda: self._log.of("call_ended"))
        self._check_summary(ended)
        self._prompts_heard(wire)

    async def _press(self, caller: CallerPhone, key: str) -> None:
        self._tell(f"caller presses {key}")
        await caller.press(key)  # the house answers while the key is still down

    def _both_heard(self, wire: Capture) -> None:
        """The tones of both phones, on the packets that reached the other one."""
        now_s = time.time()
        for who, port, hz in (
            ("caller", _audio_port(wire, "INVITE", first=True), AGENT_HZ),
            ("agent", _audio_port(wire, "200", first=False), CALLER_HZ),
        ):
            share = _tone_share(wire.heard_at(port, now_s - TALK_S / 2, now_s), hz)
            if share < TONE_SHARE:
                raise StepMissing(f"the {who} hears the other side (tone's share of the energy {share:.2f})")
            self._tell(f"the {who} hears the other side ({share:.0%} of the energy is its tone)")

    def _check_summary(self, ended: dict[str, Any]) -> None:
        for name, wanted in (("outcome", "answered"), ("agent_id", AGENT), ("mark", 5)):
            if ended.get(name) != wanted:
                raise StepMissing(f"the call's summary says {name} {wanted} (it says {ended.get(name)})")
        self._tell(f"mark {ended['mark']}, outcome {ended['outcome']}")

    def _prompts_heard(self, wire: Capture) -> None:
        """Every prompt of the log was followed by sound on the caller's line."""
        port = _audio_port(wire, "INVITE", first=True)
        for line in self._log.lines:
            if line.get("action") != "said":
                continue
            at_s = datetime.fromisoformat(line["timestamp"]).timestamp()
            heard_s = wire.first_sound_after(at_s, port)
            if not heard_s or heard_s - at_s > PROMPT_HEARD_WITHIN_S:
                raise StepMissing(f"{' '.join(line['prompts'])} is heard on the line")

    # ---------------------------------------------------------------------------------------- inside
    async def _until(self, step: str, seen: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + STEP_S
        while time.monotonic() < deadline:
            self._listen()
            if (found := seen()) is not None:
                return found
            await asyncio.sleep(POLL_S)
        raise StepMissing(step)

    def _listen(self) -> None:
        """Tells what the caller has heard meanwhile."""
        self._log.read()
        new, self._told = self._log.lines[self._told :], len(self._log.lines)
        for line in new:
            if line.get("action") == "said":
                at_s = datetime.fromisoformat(line["timestamp"]).timestamp()
                self._tell(f"caller hears «{line.get('text', '(a number of his own)')}»", at_s)

    def _tell(self, text: str, at_s: float = 0.0) -> None:
        if at_s == 0.0:
            self._listen()
        self._say(f"  {max(0.0, (at_s or time.time()) - self._began_s):5.1f} s  {text}")


def _tone_share(samples: Sequence[int], hz: float) -> float:
    """The tone's part of the energy, block by block: on a busy machine a phone's tone has gaps, and a whole
    that jumps in phase would look like another sound."""
    blocks = [samples[at : at + BLOCK] for at in range(0, len(samples) - BLOCK, BLOCK)]
    return sum(sound.share_of_tone(block, hz) for block in blocks) / len(blocks) if blocks else 0.0


def _audio_port(wire: Capture, kind: str, *, first: bool) -> int:
    """Where a phone hears: the caller says so in his INVITE, the agent in his answer (the last one)."""
    found = wire.messages(method="INVITE") if kind == "INVITE" else wire.messages(status=200, of="INVITE")
    sip = wire.sip_port
    for message in found if first else reversed(found):
        to_asterisk = message.destination.endswith(f":{sip}")
        if to_asterisk and message.audio_port:
            return message.audio_port
    raise StepMissing("the phones' audio ports in SIP messages")


__all__ = ["CaptureFailed", "Demonstration", "PhoneError", "StepMissing"]
