"""sipp: many calls at once, and callers that send what no decent telephone sends."""

from __future__ import annotations

import asyncio
import csv
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dozvon.machine.children import free_port
from dozvon.phones.programs import sipp

SCENARIOS = Path(__file__).parent / "scenarios"
_ALL_ENDED_S = 30.0


class SippFailed(Exception):
    """sipp could not be run, or did not end; the text is its own."""


@dataclass(frozen=True, slots=True)
class SippResult:
    successful: int
    failed: int
    answer_ms: tuple[float, float]  # mean and standard deviation of INVITE -> 200
    errors: str  # what sipp wrote of unexpected messages


async def place_calls(
    server: str,
    number: str,
    sound: Path,
    *,
    calls: int = 1,
    per_second: float = 1.0,
    at_once: int = 0,
    talk_s: float = 1.0,
    caller: str = "79161234567",
    display: str | bytes = "",
    address: str = "127.0.0.2",
    scenario: Path = SCENARIOS / "call.xml",
    keys: Mapping[str, str] | None = None,
) -> SippResult:
    """Place ``calls`` calls through the trunk. ``display`` is sent as it is, quotes and all.

    Raises SippFailed when the calls have not ended long after they should have.
    """
    words: dict[str, str | bytes] = {
        "number": number,
        "caller": caller,
        "display": display,
        "talk_ms": str(round(talk_s * 1000)),
        "sound": str(sound),
        **(keys or {}),
    }
    expected_s = calls / per_second + talk_s + _ALL_ENDED_S
    with tempfile.TemporaryDirectory(prefix="dozvon-sipp-") as folder:
        _fill_in(scenario, Path(folder) / "scenario.xml", words)
        command: list[str | bytes] = [*sipp(), server, "-sf", "scenario.xml", "-i", address, "-mi", address]
        command += ["-p", str(free_port(address, socket.SOCK_DGRAM))]
        command += ["-m", str(calls), "-r", str(per_second), "-l", str(at_once or calls), "-nostdin"]
        command += ["-trace_err", "-error_file", "errors.txt", "-trace_stat", "-stf", "stat.csv", "-fd", "1"]
        command += ["-timeout", f"{expected_s:.0f}", "-min_rtp_port", "32200", "-max_rtp_port", "32760"]
        for name, value in words.items():
            command += ["-key", name, value]
        code = await _run(command, folder, expected_s + 10)
        return _result(Path(folder), code)


def _fill_in(scenario: Path, target: Path, words: Mapping[str, str | bytes]) -> None:
    """sipp replaces keywords in messages, but not in attributes: those are put in here."""
    text = scenario.read_text("utf-8")
    for name in ("talk_ms", "sound"):
        text = text.replace(f"[{name}]", str(words[name]))
    target.write_text(text, "utf-8")


async def _run(command: list[str | bytes], folder: str, timeout_s: float) -> int:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(timeout_s):
            return await process.wait()
    except TimeoutError:
        raise SippFailed(f"sipp did not end within {timeout_s:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _result(folder: Path, code: int) -> SippResult:
    errors_file = folder / "errors.txt"
    errors = errors_file.read_text("utf-8", "replace") if errors_file.exists() else ""
    try:
        with (folder / "stat.csv").open(encoding="utf-8", newline="") as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
    except (OSError, IndexError):
        raise SippFailed(f"sipp ended with {code}: {errors[-500:]}") from None
    return SippResult(
        successful=int(last["SuccessfulCall(C)"]),
        failed=int(last["FailedCall(C)"]),
        answer_ms=(_milliseconds(last["ResponseTime1(C)"]), _milliseconds(last["ResponseTime1StDev(C)"])),
        errors=errors,
    )


def _milliseconds(text: str) -> float:
    """sipp writes hours:minutes:seconds:microseconds."""
    hours, minutes, seconds, micro = (int(part) for part in text.split(":"))
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + micro / 1000
