"""Sounds for and from telephones: 8 kHz, 16 bit, one channel; Goertzel's algorithm tells tones apart."""

from __future__ import annotations

import math
import struct
import wave
from array import array
from collections.abc import Sequence
from pathlib import Path

RATE = 8000
FRAME = 160  # samples in 20 ms
_WAV_HEADER = 44


def _alaw_table() -> array[int]:
    """ITU-T G.711: A-law byte -> 16-bit sample."""
    table = array("h")
    for byte in range(256):
        code = byte ^ 0x55
        segment, mantissa = (code >> 4) & 7, code & 0x0F
        size = (mantissa << 4) + 8 if segment == 0 else ((mantissa << 4) + 0x108) << (segment - 1)
        table.append(size if code & 0x80 else -size)
    return table


_ALAW = _alaw_table()


def from_alaw(data: bytes) -> array[int]:
    return array("h", (_ALAW[byte] for byte in data))


def tone(hz: float, seconds: float, level: float = 0.3) -> array[int]:
    """A sine of ``level`` times full scale."""
    top = level * 32767
    step = 2 * math.pi * hz / RATE
    return array("h", (round(top * math.sin(step * n)) for n in range(int(seconds * RATE))))


def write_wav(path: Path, samples: Sequence[int], silence_s: float = 0.0) -> Path:
    """``samples``, then silence: a telephone whose sound file ends hangs up, so files are made long."""
    silent_bytes = int(silence_s * RATE) * 2
    data = array("h", samples).tobytes()
    size = len(data) + silent_bytes
    header = b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt "
    header += struct.pack("<IHHIIHH", 16, 1, 1, RATE, RATE * 2, 2, 16) + b"data" + struct.pack("<I", size)
    with path.open("wb") as out:
        out.write(header + data)
        out.truncate(_WAV_HEADER + size)  # the silence costs no disk
    return path


def read_sound(path: Path) -> array[int]:
    """A WAV file (8 kHz, 16 bit, mono) or raw A-law (``.alaw``). Raises ValueError for any other format."""
    if path.suffix == ".alaw":
        return from_alaw(path.read_bytes())
    with wave.open(str(path), "rb") as wav:
        if (wav.getnchannels(), wav.getsampwidth(), wav.getframerate()) != (1, 2, RATE):
            raise ValueError(f"{path}: 8 kHz, 16 bit, one channel is needed")
        return array("h", wav.readframes(wav.getnframes()))


def read_growing(path: Path) -> array[int]:
    """What a phone has recorded so far, while its header does not tell the length yet."""
    try:
        data = path.read_bytes()[_WAV_HEADER:]
    except FileNotFoundError:
        return array("h")
    return array("h", data[: len(data) // 2 * 2])


def rms(samples: Sequence[int]) -> float:
    """0 … 32767; digital silence in A-law is 8."""
    return math.sqrt(sum(s * s for s in samples) / len(samples)) if samples else 0.0


def share_of_tone(samples: Sequence[int], hz: float) -> float:
    """Which part of the energy is at ``hz``: 1.0 for a pure tone, near 0 for speech, music, silence.

    Goertzel 1958: the power of one DFT bin, here normalised by the energy of the whole.
    """
    energy = float(sum(s * s for s in samples))
    if len(samples) < FRAME or energy / len(samples) < 100 * 100:
        return 0.0
    turn = 2 * math.pi * hz / RATE
    factor = 2 * math.cos(turn)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + factor * last - before
    power = last * last + before * before - factor * last * before
    return min(1.0, 2 * power / (len(samples) * energy))


def tone_seconds(samples: Sequence[int], hz: float, window: int = 800) -> float:
    """How long ``hz`` was heard, counted in windows of 100 ms that are mostly this tone."""
    hits = sum(
        share_of_tone(samples[start : start + window], hz) > 0.5
        for start in range(0, len(samples) - window + 1, window)
    )
    return hits * window / RATE
