"""What a turn costs: onset and result delays, CPU, memory, with 1 to N callers who speak at the same moment.

    python -m bench.speech.turns [--model FOLDER] [--phrases 'A|B'] [--turns N] [callers ...]

Another model than the shipped one serves for load: it may hear what it likes, in any language.
Each caller says a sentence of tests/data/speech in real time; the server is a process of its own. Delays are
counted from the sample (first or last one above 2 % of the sentence's peak) to the result's arrival.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
import wave
from array import array
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from statistics import median

import aiohttp
import numpy as np
import yaml

from ivr.speech.client import Client
from ivr.speech.contract import ONSET, turn_settings

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "bench"
SENTENCES = ("operator", "status", "cannot_sign_in")
MENU = (
    "соедините с оператором",
    "хочу узнать статус заявления",
    "не могу войти в личный кабинет",
    "да",
    "нет",
)
LEAD_MS, TAIL_MS = 400, 1600
QUIET_S = 8
_TICKS = os.sysconf("SC_CLK_TCK")


@cache
def _sentence(name: str) -> tuple[bytes, float, float]:
    """Sound with silence around it, and where in it (seconds) somebody begins and ends to speak."""
    with wave.open(str(ROOT / f"tests/data/speech/{name}.wav")) as source:
        raw = source.readframes(source.getnframes())
    samples = array("h", raw)
    least = 0.02 * max(samples)
    loud = [index for index, sample in enumerate(samples) if abs(sample) > least]
    first, last = LEAD_MS / 1000 + loud[0] / 8000, LEAD_MS / 1000 + loud[-1] / 8000
    return bytes(16 * LEAD_MS) + raw + bytes(16 * TAIL_MS), first, last


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _memory_mb(pid: int) -> float:
    line = next(x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


async def _caller(
    session: aiohttp.ClientSession, url: str, index: int, phrases: Sequence[str], turns: int
) -> list[tuple[float, float]]:
    client = Client(session, url)
    await client.create(TOKEN)
    await asyncio.sleep(index * 0.137 % 2)  # callers do not begin to speak all at once
    delays = []
    for turn in range(turns):
        sound, first, last = _sentence(SENTENCES[(index + turn) % len(SENTENCES)])
        await client.begin(turn_settings(turn + 1, "choice" if phrases else "sentence", phrases))
        began = time.monotonic()
        speaking = asyncio.create_task(client.say(sound))
        onset = await client.result()
        assert onset.text == ONSET, onset
        result = await client.result()
        delays.append((onset.at - began - first, result.at - began - last))
        await speaking
    await client.close()
    return delays


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def _measure(url: str, pid: int, callers: int, phrases: Sequence[str], turns: int) -> None:
    cpu, began = _cpu_s(pid), time.monotonic()
    async with aiohttp.ClientSession() as session:
        calls = (_caller(session, url, index, phrases, turns) for index in range(callers))
        found = await asyncio.gather(*calls)
        took = time.monotonic() - began
        async with session.get(url.replace("ws:", "http:") + "/health") as answer:
            most = (await answer.json())["turns_most"]
    onset = [1000 * each[0] for delays in found for each in delays]
    result = [1000 * each[1] for delays in found for each in delays]
    share = 100 * (_cpu_s(pid) - cpu) / took / callers
    print(
        f"{'grammar' if phrases else 'free speech':11} {callers:3} callers (at most {most} spoke at once)"
        f"  onset p50 {median(onset):4.0f} p95 {_percentile(onset, 0.95):4.0f} ms"
        f"  result p50 {median(result):4.0f} p95 {_percentile(result, 0.95):4.0f} ms"
        f"  CPU a caller {share:4.1f} %  memory {_memory_mb(pid):.0f} MB",
        flush=True,
    )


async def _quiet(url: str, pid: int, calls: int, what: str, sound: bytes, listening: bool) -> None:
    """What calls cost in which nobody speaks."""
    async with aiohttp.ClientSession() as session:
        clients = [Client(session, url) for _ in range(calls)]
        for client in clients:
            await client.create(TOKEN)
            if listening:
                await client.begin(turn_settings(1, "choice", MENU))
        cpu, began = _cpu_s(pid), time.monotonic()
        await asyncio.gather(*(client.say(sound) for client in clients))
        share = 100 * (_cpu_s(pid) - cpu) / (time.monotonic() - began) / calls
        print(f"{what:32} {calls:3} calls  CPU a call {share:5.2f} %", flush=True)
        for client in clients:
            await client.close()


async def _all(url: str, pid: int, options: argparse.Namespace) -> None:
    hiss = np.random.default_rng(1).normal(0, 300, 8000 * QUIET_S).astype("<i2").tobytes()
    await _quiet(url, pid, 20, "nobody listens", bytes(len(hiss)), listening=False)
    await _quiet(url, pid, 20, "listened to, silent", bytes(len(hiss)), listening=True)
    await _quiet(url, pid, 20, "listened to, noise at -41 dB", hiss, listening=True)
    for phrases in (options.phrases.split("|"), ()):
        for count in options.callers:
            await _measure(url, pid, count, phrases, options.turns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("callers", nargs="*", type=int, default=[1, 10, 20])
    parser.add_argument("--model", default="", help="folder of a Vosk model")
    parser.add_argument("--phrases", default="|".join(MENU), help="the grammar; then free speech")
    parser.add_argument("--turns", type=int, default=4, help="of each caller")
    options = parser.parse_args()
    command = [str(Path(sys.executable).with_name("dozvon")), "speech", "--listen", "127.0.0.1:0"]
    with tempfile.TemporaryDirectory(prefix="dozvon-bench-") as folder:
        speech = {"max_turns": 200, "model": options.model}
        Path(folder, "dozvon.yaml").write_text(yaml.safe_dump({"home": folder, "speech": speech}))
        environment = {**os.environ, "DOZVON_SPEECH_TOKEN": TOKEN, "DOZVON_CONFIG": folder}
        with subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=ROOT,
        ) as server:
            assert server.stderr is not None
            try:
                line = next(line for line in server.stderr if line.startswith("speech on "))
                asyncio.run(_all("ws://" + line.split()[-1], server.pid, options))
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
