"""What listening over the music costs: CPU of each waiting caller, and an offer's way to the phone.

    nice python -m bench.calls.listening [--callers 20] [--rounds 25]

One Asterisk, Redis and node (tests/e2e/agi_node.py with the real speech server in it, its voice detector and
the shipped model) for each of: music on hold only; listened to, the callers sending silence; listened to,
the callers sending noise of -45 dBFS. Callers are sipp's, the phone is baresip. An offer as in
``bench.calls.app_queue``: "agent is available" reported by another process -> INVITE; with listening it has
to end SPEECH RECOGNIZE first. CPU is measured for ten seconds in which nobody is offered anything.
One JSON object on standard output.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bench.calls.app_queue import DOZVON_NUMBER, Bench, asterisk_cpu
from dozvon.phones import sound
from ivr.prompts import audio

QUIET_S = 10.0
NOISE = 10 ** (-45 / 20)  # of full scale
SECONDS_A_TICK = 1 / os.sysconf("SC_CLK_TCK")


def noise(seconds: float) -> bytes:
    """White, A-law, -45 dBFS."""
    source = random.Random(1)
    return audio.encode_alaw(np.array([source.gauss(0, NOISE) for _ in range(round(seconds * sound.RATE))]))


def node_cpu(bench: Bench) -> float:
    """Seconds of CPU that the node used so far."""
    assert bench.process.process is not None
    fields = Path(f"/proc/{bench.process.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * SECONDS_A_TICK


async def one(callers: int, rounds: int, listeners: int, sends: bytes) -> dict[str, Any]:
    home = Path(tempfile.mkdtemp(prefix="dozvon-bench-"))
    try:
        bench = Bench(home, callers, rounds, listeners=listeners)
        bench.silence.write_bytes(sends)
        async with bench.running():
            async with bench.waiting(DOZVON_NUMBER, bench.in_dozvon):
                await asyncio.sleep(3)
                before = asterisk_cpu(bench.asterisk), node_cpu(bench)
                await asyncio.sleep(QUIET_S)
                after = asterisk_cpu(bench.asterisk), node_cpu(bench)
            asterisk, node = (
                100 * (late - early) / QUIET_S / callers for early, late in zip(before, after, strict=True)
            )
            return {
                "asterisk_percent_a_caller": round(asterisk, 2),
                "node_percent_a_caller": round(node, 2),
                "ready_to_invite_ms": await bench.dozvon(),
                "load_average": round(os.getloadavg()[0], 1),
            }
    finally:
        shutil.rmtree(home, ignore_errors=True)


async def measure(callers: int, rounds: int) -> dict[str, Any]:
    silence = b"\xd5" * sound.RATE
    return {
        "callers": callers,
        "music_on_hold": await one(callers, rounds, 0, silence),
        "listened_to_silence": await one(callers, rounds, callers, silence),
        "listened_to_noise": await one(callers, rounds, callers, noise(5)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--callers", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args()
    print(json.dumps(asyncio.run(measure(options.callers, options.rounds)), indent=2))


if __name__ == "__main__":
    main()
