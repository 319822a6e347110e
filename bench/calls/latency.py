"""How long a caller waits for a sound, and an agent's phone for its ring, measured on the wire.

    python -m bench.calls.latency [--calls 20] [--offers 40]

Starts a private Asterisk, Redis and one node (the small dialogue of tests/e2e/agi_node.py: the real server,
runner, distributor and desk), places real calls with baresip and reads times off the packets:

  invite_to_prompt_ms   caller's INVITE -> first packet of the first prompt
  answer_to_prompt_ms   200 OK to the caller -> the same; in between Asterisk waits for the caller's own audio
  key_to_prompt_ms      first packet of the key -> first packet of the next prompt, while the menu speaks
  key_end_to_prompt_ms  the key's release -> the same (that is when Asterisk acts)
  ready_to_invite_ms    "agent is available" reported by another process -> INVITE to the agent's phone:
                        journal, engine, order, FastAGI, Dial
Every prompt is a tone of its own, so its first packet is known exactly. One JSON object on standard output.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import platform
import random
import shutil
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from acd.contract import AgentStatusDeclared, CallQueued
from dozvon.machine import secrets
from dozvon.machine.asterisk import CONFIG, AsteriskChild
from dozvon.machine.children import free_port
from dozvon.machine.redis import RedisChild
from dozvon.phones import AgentPhone, CallerPhone, sound
from dozvon.phones.capture import TELEPHONE_EVENT, Capture, RtpStream
from dozvon.settings import ROOT, Agi, Asterisk, Redis, Settings, Speech

NODE = ROOT / "tests" / "e2e" / "agi_node.py"


def load_node() -> Any:
    spec = importlib.util.spec_from_file_location("agi_node", NODE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["agi_node"] = module
    spec.loader.exec_module(module)
    return module


def make_settings(home: Path) -> Settings:
    rtp = random.randrange(12_000, 19_000, 2)
    return Settings(
        home=home,
        redis=Redis(port=free_port()),
        agi=Agi(port=free_port()),
        speech=Speech(port=free_port()),
        asterisk=Asterisk(
            ami_port=free_port(),
            sip_port=free_port(kind=socket.SOCK_DGRAM),
            rtp_start=rtp,
            rtp_end=rtp + 400,
        ),
    )


async def until(condition: Callable[[], Any], timeout_s: float = 10.0) -> Any:
    async with asyncio.timeout(timeout_s):
        while not (value := condition()):  # noqa: ASYNC110 - any condition
            await asyncio.sleep(0.01)
    return value


def tone_begins(streams: list[RtpStream], hz: float, after_s: float) -> float:
    """When the first packet that is this tone came; 0.0 when none did."""
    for stream in streams:
        for packet in stream.audio:
            if packet.at_s > after_s and sound.share_of_tone(sound.from_alaw(packet.payload), hz) > 0.7:
                return packet.at_s
    return 0.0


def key_packets(stream: RtpStream) -> tuple[float, float]:
    """When the key in a stream was pressed and released (RFC 4733: the first packet with the end bit)."""
    events = [packet for packet in stream.packets if packet.payload_type == TELEPHONE_EVENT]
    ends = [packet.at_s for packet in events if packet.payload[1] & 0x80]
    return (events[0].at_s, ends[0]) if ends else (0.0, 0.0)


def spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    if not ordered:
        return {"n": 0}
    p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    return {
        "n": len(ordered),
        "p50": round(statistics.median(ordered), 1),
        "p95": round(p95, 1),
        "max": round(ordered[-1], 1),
    }


class Bench:
    def __init__(self, settings: Settings, node: Any) -> None:
        self.settings = settings
        self.tones = {name: hz for name, (hz, _) in node.TONES.items()}
        self.known = secrets.ensure(settings.secrets, CONFIG)
        self.process = node.NodeProcess(
            settings,
            self.known,
            ["2001"],
            rules={**node.RULES, "ring_s": 10, "nobody_can_serve_after_s": 600},
        )
        self.server = f"{settings.asterisk.sip_bind}:{settings.asterisk.sip_port}"

    async def first_words(self, number: int) -> tuple[float, float, float, float] | None:
        """One call: INVITE to prompt, answer to prompt, key to prompt, key's end to prompt, in ms."""
        wire = Capture(self.settings.home / f"call-{number}.pcap", self.settings.asterisk.sip_port)
        async with wire, CallerPhone(self.server) as phone:
            await phone.call(self.settings.hotline.number)
            await until(lambda: sound.tone_seconds(phone.heard(), self.tones["menu"]) > 0.3)
            await asyncio.sleep(random.uniform(0, 0.3))
            await phone.press("9")
            await until(lambda: sound.tone_seconds(phone.heard(), self.tones["again"]) > 0.2)
            await phone.hang_up()
            await asyncio.sleep(0.1)
        invite = wire.messages(method="INVITE")[0]
        answer = wire.messages(status=200, of="INVITE")[0]
        to_caller = wire.streams_to(invite.audio_port)
        hello = tone_begins(to_caller, self.tones["hello"], invite.at_s)
        pressed = [key_packets(stream) for stream in wire.streams()]
        key, key_end = next(each for each in pressed if each[0])
        again = tone_begins(to_caller, self.tones["again"], key)
        if not hello or not again:
            return None
        spans = (hello - invite.at_s, hello - answer.at_s, again - key, again - key_end)
        return spans[0] * 1000, spans[1] * 1000, spans[2] * 1000, spans[3] * 1000

    async def rings(self, offers: int) -> list[float]:
        """Agent available -> INVITE at his phone, ms, over and over for one waiting caller."""
        times = []
        say = self.process.observer.report
        await say(AgentStatusDeclared("2001", "logged_out"))
        wire = Capture(self.settings.home / "offers.pcap", self.settings.asterisk.sip_port)
        async with (
            wire,
            CallerPhone(self.server) as phone,
            AgentPhone("2001", self.known.agents["2001"], self.server) as agent,
        ):
            await phone.call(self.settings.hotline.number)
            await until(lambda: sound.tone_seconds(phone.heard(), self.tones["menu"]) > 0.2)
            await phone.press("1")
            await until(lambda: self.process.all(CallQueued))
            for _ in range(offers):
                seen = len(agent.events)
                await asyncio.sleep(random.uniform(0.3, 0.5))
                began = time.time()
                await say(AgentStatusDeclared("2001", "available"))
                await agent.wait_for("CALL_INCOMING", after=seen)
                invites = [each for each in wire.messages(method="INVITE") if each.at_s > began]
                times.append((invites[0].at_s - began) * 1000)
                await say(AgentStatusDeclared("2001", "logged_out"))
                await agent.wait_for("CALL_CLOSED", after=seen)
            await phone.hang_up()
        return times


async def measure(calls: int, offers: int) -> dict[str, Any]:
    home = Path(tempfile.mkdtemp(prefix="dozvon-bench-"))
    settings = make_settings(home)
    redis, asterisk = RedisChild(settings), AsteriskChild(settings)
    bench = Bench(settings, load_node())
    try:
        await redis.start()
        await asterisk.start()
        await bench.process.observer.start()
        await bench.process.start()
        words = [await bench.first_words(number) for number in range(calls)]
        heard = [each for each in words if each is not None]
        ready = await bench.rings(offers)
        return {
            "invite_to_prompt_ms": spread([each[0] for each in heard]),
            "answer_to_prompt_ms": spread([each[1] for each in heard]),
            "key_to_prompt_ms": spread([each[2] for each in heard]),
            "key_end_to_prompt_ms": spread([each[3] for each in heard]),
            "ready_to_invite_ms": spread(ready),
            "calls_without_sound": len(words) - len(heard),
            "load_average": os.getloadavg()[0],
            "cores": len(os.sched_getaffinity(0)),
            "python": platform.python_version(),
        }
    finally:
        await bench.process.stop()
        await asterisk.stop()
        await redis.stop()
        shutil.rmtree(home, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--offers", type=int, default=40)
    options = parser.parse_args()
    print(json.dumps(asyncio.run(measure(options.calls, options.offers)), indent=2))


if __name__ == "__main__":
    main()
