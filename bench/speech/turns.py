"""What a turn costs: onset and result delays, CPU, memory, with 1 to N callers who speak at the same moment.

    python bench/speech/turns.py [callers ...]

Each caller says a sentence of tests/data/speech in real time; the server is a process of its own. Delays are
counted from the sample (first or last one above 2 % of the sentence's peak) to the result's arrival.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import wave
from array import array
from functools import cache
from pathlib import Path
from statistics import median

import aiohttp

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
TURNS = 4
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
    session: aiohttp.ClientSession, url: str, index: int, expects: str
) -> list[tuple[float, float]]:
    client = Client(session, url)
    await client.create(TOKEN)
    delays = []
    for turn in range(TURNS):
        sound, first, last = _sentence(SENTENCES[(index + turn) % len(SENTENCES)])
        phrases = MENU if expects == "choice" else ()
        await client.begin(turn_settings(turn + 1, expects, phrases))  # type: ignore[arg-type]
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


async def _measure(url: str, pid: int, callers: int, expects: str) -> None:
    cpu, began = _cpu_s(pid), time.monotonic()
    async with aiohttp.ClientSession() as session:
        calls = (_caller(session, url, index, expects) for index in range(callers))
        found = await asyncio.gather(*calls)
    took = time.monotonic() - began
    onset = [1000 * each[0] for delays in found for each in delays]
    result = [1000 * each[1] for delays in found for each in delays]
    share = 100 * (_cpu_s(pid) - cpu) / took / callers
    print(
        f"{expects:9} {callers:3} callers"
        f"  onset p50 {median(onset):4.0f} p95 {_percentile(onset, 0.95):4.0f} ms"
        f"  result p50 {median(result):4.0f} p95 {_percentile(result, 0.95):4.0f} ms"
        f"  CPU a caller {share:4.1f} %  memory {_memory_mb(pid):.0f} MB",
        flush=True,
    )


async def _all(url: str, pid: int, counts: list[int]) -> None:
    for expects in ("choice", "sentence"):
        for count in counts:
            await _measure(url, pid, count, expects)


def main(counts: list[int]) -> None:
    command = [str(Path(sys.executable).with_name("dozvon")), "speech", "--listen", "127.0.0.1:0"]
    environment = {**os.environ, "DOZVON_SPEECH_TOKEN": TOKEN}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as server:
        assert server.stderr is not None
        try:
            line = next(line for line in server.stderr if line.startswith("speech on "))
            asyncio.run(_all("ws://" + line.split()[-1], server.pid, counts))
        finally:
            server.terminate()


if __name__ == "__main__":
    main([int(count) for count in sys.argv[1:]] or [1, 10, 20])
