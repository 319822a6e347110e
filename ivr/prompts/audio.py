"""Sound as numbers: from any recording or synthesiser to the telephone's 8 kHz A-law. Pure, with numpy.

What is done to every prompt, in this order: mixed to one channel; band 300-3400 Hz and 8 kHz in one step in
the spectrum (telephone networks pass no more, ITU-T G.712); silence cut at both ends; speech level -20 dBFS
(the mean square over the frames that hold speech, in the spirit of ITU-T P.56); peaks rounded off below
-3 dBFS; edges faded.
"""

from __future__ import annotations

import io
import wave
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]  # -1.0 .. 1.0

RATE = 8000
BYTES_PER_MS = RATE // 1000
LEVEL_DBFS = -20.0
PEAK = 10 ** (-3 / 20)
KNEE = 0.5
LEAD_MS, TAIL_MS = 20, 40  # silence left before and after speech
FRAME_MS = 20
SPEECH_BELOW_LOUDEST_DB = 35.0  # a frame this far below the loudest one holds no speech
MAX_SECONDS = 120
SILENCE_BYTE = 0xD5


class NotSound(ValueError):
    """The bytes are no recording that can be used."""


def read_wav(data: bytes) -> tuple[Samples, int]:
    """Samples (one channel) and sample rate of a PCM WAV file. Raises NotSound."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            rate, width, channels = file.getframerate(), file.getsampwidth(), file.getnchannels()
            # The header's own count is not trusted: espeak-ng writes the greatest there is when it streams.
            if not 4000 <= rate <= 192_000 or len(data) > rate * MAX_SECONDS * width * channels + 10_000:
                raise NotSound(f"4 to 192 kHz and up to {MAX_SECONDS} s are expected")
            raw = file.readframes(min(file.getnframes(), rate * MAX_SECONDS))
    except (wave.Error, EOFError) as error:
        raise NotSound(f"not a WAV file that can be read: {error}") from None
    if width not in (1, 2, 4):
        raise NotSound(f"{width * 8} bits a sample are not supported")
    kind: Any = {1: "u1", 2: "<i2", 4: "<i4"}[width]
    samples = np.frombuffer(raw[: len(raw) // (width * channels) * width * channels], kind).astype(np.float64)
    samples = (samples - 128) / 128 if width == 1 else samples / float(1 << (8 * width - 1))
    return samples.reshape(-1, channels).mean(axis=1), rate


def telephone_band(samples: Samples, rate: int) -> Samples:
    """Band limited to 300-3400 Hz at 8 kHz: the spectrum is cut and transformed back at the new rate."""
    pad = rate // 10  # what would wrap around falls into silence
    padded = np.concatenate([np.zeros(pad), samples, np.zeros(pad)])
    padded = np.concatenate([padded, np.zeros(-len(padded) % rate)])  # whole seconds: exact at both rates
    seconds = len(padded) // rate
    spectrum = np.fft.rfft(padded)
    wanted = seconds * RATE // 2 + 1
    bins = np.zeros(wanted, dtype=np.complex128)
    count = min(wanted, len(spectrum))
    bins[:count] = spectrum[:count]
    bins *= _gains(np.arange(wanted) / seconds)
    heard = np.fft.irfft(bins, seconds * RATE) * (RATE / rate)
    start = pad * RATE // rate
    return heard[start : start + len(samples) * RATE // rate]


def _gains(frequencies: Samples) -> Samples:
    low = np.clip((frequencies - 200) / 100, 0, 1)
    high = np.clip((3700 - frequencies) / 300, 0, 1)
    gains: Samples = np.sin(np.pi / 2 * low) ** 2 * np.sin(np.pi / 2 * high) ** 2
    return gains


def frame_levels(samples: Samples) -> Samples:
    """Mean square of each whole frame of 20 ms."""
    size = RATE * FRAME_MS // 1000
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    levels: Samples = (frames**2).mean(axis=1)
    return levels


def speech_frames(samples: Samples) -> NDArray[np.bool_]:
    """Which frames hold speech."""
    levels = frame_levels(samples)
    if not len(levels) or levels.max() < 1e-7:
        return np.zeros(len(levels), dtype=np.bool_)
    speaking: NDArray[np.bool_] = levels > levels.max() * 10 ** (-SPEECH_BELOW_LOUDEST_DB / 10)
    return speaking


def speech_level_dbfs(samples: Samples) -> float:
    """Level while somebody speaks; -inf for silence."""
    speaking = speech_frames(samples)
    if not speaking.any():
        return float("-inf")
    return float(10 * np.log10(frame_levels(samples)[speaking].mean()))


def trim(samples: Samples) -> Samples:
    """Without the silence at both ends, but for a breath. Raises NotSound when nothing is heard."""
    speaking = np.flatnonzero(speech_frames(samples))
    if not len(speaking):
        raise NotSound("nothing is heard in it")
    size = RATE * FRAME_MS // 1000
    first = max(0, speaking[0] * size - RATE * LEAD_MS // 1000)
    last = (speaking[-1] + 1) * size + RATE * TAIL_MS // 1000
    return samples[first:last]


def normalise(samples: Samples) -> Samples:
    """Speech at the common level, peaks rounded off, edges faded over 5 ms."""
    loud = samples * 10 ** ((LEVEL_DBFS - speech_level_dbfs(samples)) / 20)
    peaks = np.abs(loud)
    over = peaks > KNEE
    rounded = KNEE + (PEAK - KNEE) * np.tanh((peaks[over] - KNEE) / (PEAK - KNEE))
    loud[over] = np.sign(loud[over]) * rounded
    fade = min(len(loud) // 2, RATE * 5 // 1000)
    if fade:
        ramp = np.linspace(0, 1, fade)
        loud[:fade] *= ramp
        loud[-fade:] *= ramp[::-1]
    return loud


def prompt_from_wav(data: bytes) -> bytes:
    """A-law of a recording as it shall be heard. Raises NotSound."""
    samples, rate = read_wav(data)
    return encode_alaw(normalise(trim(telephone_band(samples, rate))))


def encode_alaw(samples: Samples) -> bytes:
    """ITU-T G.711 A-law, even bits inverted."""
    linear = np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int32)
    return bytes(_encode_table()[(linear + 32768) >> 4])


def decode_alaw(data: bytes) -> Samples:
    return _decode_table()[np.frombuffer(data, np.uint8)]


@cache
def _decision_values() -> NDArray[np.int64]:
    """Lower edge of each of the 128 steps of one polarity, on the scale of 16 bits."""
    exponent, mantissa = np.divmod(np.arange(128), 16)
    edges: NDArray[np.int64] = np.where(
        exponent, (mantissa + 16) << np.maximum(exponent + 3, 4), mantissa << 4
    )
    return edges


@cache
def _decode_table() -> Samples:
    edges = _decision_values()
    widths = np.append(np.diff(edges), 1024)
    magnitude = edges + widths // 2
    codes = np.arange(256) ^ 0x55
    table: Samples = np.where(codes & 0x80, 1, -1) * magnitude[codes & 0x7F] / 32768
    return table


@cache
def _encode_table() -> NDArray[np.uint8]:
    """The code for each of the 4096 values of 12 bits."""
    steps = (np.arange(4096) - 2048) * 16
    magnitude = np.where(steps < 0, -steps - 1, steps)
    code = np.searchsorted(_decision_values(), magnitude, side="right") - 1
    return ((code | np.where(steps < 0, 0, 0x80)) ^ 0x55).astype(np.uint8)


def silence(ms: int) -> bytes:
    return bytes([SILENCE_BYTE]) * (ms * BYTES_PER_MS)


def tone(hertz: float, ms: int, level_dbfs: float = -24.0) -> bytes:
    """A soft tone, swelling and fading like a bell: the signal before a recording."""
    time = np.arange(ms * BYTES_PER_MS) / RATE
    envelope = np.sin(np.pi * np.arange(len(time)) / max(1, len(time) - 1)) ** 0.5
    loudness = 10 ** (level_dbfs / 20) * 2**0.5
    return encode_alaw(loudness * envelope * np.sin(2 * np.pi * hertz * time))


def wav(alaw: bytes) -> bytes:
    """A-law as a WAV file of 16 bits that every player knows."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((decode_alaw(alaw) * 32767).astype("<i2").tobytes())
    return out.getvalue()


def duration_ms(alaw_bytes: int) -> int:
    return alaw_bytes // BYTES_PER_MS
