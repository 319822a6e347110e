"""What callers say in the speech benches: text by voices that no model was trained on, on a telephone line.

RHVoice's CC-BY-NC-ND voices serve for measuring only: their sound is made when needed and never kept
(tools/speech_model/README.md). Without them espeak-ng's variants that are not in the training data speak.
"""

from __future__ import annotations

import io
import subprocess
import threading
import wave
from array import array
from functools import cache
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, lfilter, resample_poly  # type: ignore[import-untyped, unused-ignore]

RATE = 8000
LEAD_S, TAIL_S = 0.3, 25.0  # of noise around noisy speech: it goes on while the line listens
VOICES = ("arina", "artemiy", "evgeniy-rus", "mikhail", "pavel", "tatiana", "victoria", "vitaliy", "yuriy")
FALLBACK = ("whisper", "croak", "klatt4", "adam", "linda")
_LOUD = 0.5  # peak, of full scale

Sound = npt.NDArray[np.float32]
_one_at_a_time = threading.Lock()  # RHVoice's engine is not for threads


@cache
def _rhvoice() -> Any:
    """None where it is not installed."""
    from tools.speech_model.rhvoice import Rhvoice

    try:
        return Rhvoice()
    except (OSError, RuntimeError):
        return None


def voices() -> tuple[str, ...]:
    return VOICES if _rhvoice() is not None else FALLBACK


def _espeak(text: str, voice: str) -> tuple[Sound, int]:
    command = ["espeak-ng", "-v", f"ru+{voice}", "--stdout", text]
    raw = subprocess.run(command, check=True, capture_output=True, timeout=30).stdout
    with wave.open(io.BytesIO(raw)) as source:
        samples = np.frombuffer(source.readframes(-1), "<i2")
        return (samples / 32768).astype(np.float32), source.getframerate()


@cache
def clean(text: str, voice: str) -> Sound:
    """300-3400 Hz, the synthesiser's silence taken off both ends. Kept: made before it is needed."""
    with _one_at_a_time:
        engine = _rhvoice()
        sound, rate = engine.say(voice, text) if engine is not None else _espeak(text, voice)
    return _on_band(sound, rate)


@cache
def recorded(file: Path) -> Sound:
    """A recording, mono and 16 bit, made alike."""
    with wave.open(str(file)) as source:
        samples = np.frombuffer(source.readframes(-1), "<i2")
        return _on_band((samples / 32768).astype(np.float32), source.getframerate())


def _on_band(sound: Sound, rate: int) -> Sound:
    shared = gcd(RATE, rate)
    sound = resample_poly(sound, RATE // shared, rate // shared)
    b, a = butter(4, [300 / 4000, 3400 / 4000], "band")
    sound = lfilter(b, a, sound).astype(np.float32)
    sound *= _LOUD / float(np.abs(sound).max())
    loud = np.flatnonzero(np.abs(sound) > 0.01)
    return np.asarray(sound[max(0, loud[0] - 80) : loud[-1] + 80], np.float32)


def groups(texts: list[str], voice: str, pause_s: float) -> Sound:
    """Several pieces with pauses between, as somebody reads from a card."""
    pause = np.zeros(int(pause_s * RATE), np.float32)
    pieces = [piece for text in texts for piece in (clean(text, voice), pause)]
    return np.concatenate(pieces[:-1])


def on_line(speech: Sound, snr_db: float | None, seed: int) -> tuple[array[int], float]:
    """Samples for a microphone, and the noise's mean square root (0: none).

    ``snr_db``: loud parts of the speech against coloured noise, which goes on after the speech.
    """
    if snr_db is None:
        return _samples(speech), 0.0
    random = np.random.default_rng(seed)
    sound = np.pad(speech, (int(LEAD_S * RATE), int(TAIL_S * RATE)))
    hiss = lfilter([1], [1, -0.85], random.standard_normal(len(sound))).astype(np.float32)
    loud = speech[np.abs(speech) > 0.01]
    level = float(np.sqrt(np.mean(loud**2))) * 10 ** (-snr_db / 20)
    return _samples(sound + hiss / np.sqrt(np.mean(hiss**2)) * level), level * 32767


def _samples(sound: Sound) -> array[int]:
    return array("h", np.round(np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
