"""Recordings of what a caller says: made by Asterisk beside this daemon, judged here.

A recording is usable when it holds at least ``MIN_LOUD_MS`` of sound; silence and a caller's cough are
``empty``. The disk is looked at first: Asterisk says nothing useful when it is full.
"""

from __future__ import annotations

import asyncio
import os
import wave
from array import array
from contextlib import suppress
from pathlib import Path

from ivr.agi.channel import Channel, RawRecording
from ivr.dialog.contract import Record, Recorded

SOUND_FORMAT = "wav"  # 16 bit, 8 kHz: every player knows it
FRAME_MS = 20
LOUD = 200  # mean amplitude of a frame that is more than line noise (of 32767: -44 dB)
MIN_LOUD_MS = 300
NEARLY_MS = 250  # Asterisk stops that close to the limit


def free_bytes(folder: Path) -> int:
    """Room on the folder's disk, 0 when it cannot be told."""
    try:
        status = os.statvfs(folder)
    except OSError:
        return 0
    return status.f_bavail * status.f_frsize


def loud_ms(path: Path) -> int:
    """Milliseconds of sound that is more than noise; 0 for a file that is no 16-bit WAV."""
    try:
        with wave.open(str(path), "rb") as file:
            if file.getsampwidth() != 2 or file.getnchannels() != 1:
                return 0
            per_frame = file.getframerate() * FRAME_MS // 1000
            loud = 0
            while data := file.readframes(per_frame):
                samples = array("h", data[: len(data) // 2 * 2])[::4]  # every fourth is enough to judge by
                if samples and sum(map(abs, samples)) / len(samples) > LOUD:
                    loud += 1
    except (OSError, EOFError, wave.Error):
        return 0
    return loud * FRAME_MS


async def record(channel: Channel, action: Record, path: Path, min_free_bytes: int) -> Recorded:
    """Records to ``path`` without its extension. Never raises for what a disk or caller does."""
    if await asyncio.to_thread(free_bytes, path.parent) < min_free_bytes:
        return Recorded("", 0, "disk_full")
    raw = await channel.record(
        str(path),
        max_ms=action.max_ms,
        silence_ms=action.silence_ms,
        terminator=action.terminator,
        beep=action.beep,
        sound_format=SOUND_FORMAT,
    )
    return await asyncio.to_thread(judge, raw, action, path.with_name(path.name + "." + SOUND_FORMAT))


def discard(path: str) -> None:
    """Removes a recording that its caller has thrown away; "" is none. Never raises."""
    if path:
        with suppress(OSError):
            Path(path).unlink(missing_ok=True)


def judge(raw: RawRecording, action: Record, file: Path) -> Recorded:
    """What a finished recording is worth; an unusable file is removed."""
    heard_ms = loud_ms(file)
    if heard_ms < MIN_LOUD_MS:
        missing = not file.exists()
        file.unlink(missing_ok=True)
        if raw.end == "hung_up":
            return Recorded("", 0, "hung_up")
        return Recorded("", 0, "failed" if raw.end == "failed" or missing else "empty")
    file.chmod(0o600)
    if raw.end == "hung_up":
        return Recorded(str(file), raw.duration_ms, "hung_up")
    if raw.end == "failed":  # written in part: the disk filled up meanwhile
        return Recorded(str(file), raw.duration_ms, "disk_full")
    too_long = raw.end == "timeout" and raw.duration_ms >= action.max_ms - NEARLY_MS
    return Recorded(str(file), raw.duration_ms, "too_long" if too_long else "finished")
