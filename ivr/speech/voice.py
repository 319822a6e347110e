"""Is somebody speaking? Silero's small network on the last 32 ms of sound, every 16 ms, and a few rules.

Chosen by test (bench/speech/voice.py): on noise, telephone tones and music the classic detector of WebRTC
takes everything for speech; Silero stays quiet on all noises and tones and hears speech at 5 dB.
Silero wants 16 kHz: each 8 kHz sample is doubled with a straight line between, the band above 4 kHz that
this leaves is far below the voice. It remembers what it heard and wants windows that follow each other; half
way between two of them it looks once more with the same memory, so that a beginning is seen sooner, and
forgets that look.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

RATE = 8000
CHUNK_MS = 16
CHUNK_BYTES = RATE * CHUNK_MS // 1000 * 2
WINDOW = 256  # samples that the network looks at: two chunks
QUIET = 130.0  # loudness: mean of absolute samples, full scale 32768; about -46 dB


def doubled(samples: Samples, before: int) -> Samples:
    """8 kHz to 16 kHz; ``before`` is the sample that came before these."""
    out = np.empty(2 * len(samples), np.int16)
    out[1::2] = samples
    earlier = np.concatenate((np.array([before], np.int32), samples[:-1].astype(np.int32)))
    out[::2] = (earlier + samples) >> 1
    return out


_TONE_PAIR = ((650, 1000), (1150, 1700))  # Hz, where the two tones of a key lie (ITU-T Q.23)
_PURE = 0.9  # share of the sound's energy
_TAPER = np.hanning(WINDOW)
_HZ = np.fft.rfftfreq(WINDOW, 1 / RATE)


def is_key(window: npt.NDArray[np.float32]) -> bool:
    """Nothing but one tone in each band of DTMF. A voice has its keynote and overtones beside them."""
    power = np.abs(np.fft.rfft(window * _TAPER)) ** 2
    in_tones = 0.0
    for low, high in _TONE_PAIR:
        peak = int(np.argmax(np.where((low <= _HZ) & (high >= _HZ), power, 0)))
        tone = float(power[peak - 2 : peak + 3].sum())
        if tone < 0.1 * power.sum():
            return False
        in_tones += tone
    return in_tones > _PURE * float(power.sum())


class Detector(Protocol):
    def probability(self, chunk: bytes) -> float:
        """Of speech in the sound up to now; takes CHUNK_BYTES of 8 kHz 16-bit sound."""
        ...

    def reset(self) -> None: ...


MODEL = Path(__file__).resolve().parents[2] / "models" / "silero-vad" / "silero_vad_16k.onnx"
_RATE_INPUT = np.array(2 * RATE, np.int64)
_STILL = 8  # what A-law makes of silence; a network that has heard it for a while is slower to hear an «с»
_WORTH_A_LOOK = 0.1  # probability; below it nothing begins anyway
_CONTEXT = 64  # 16 kHz samples before the window that the network wants to see again


@cache
def _network() -> Any:
    """One for the process; it keeps nothing and may be run by several threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(MODEL), options, providers=["CPUExecutionProvider"])


class Silero:
    """One for each connection: it remembers what it heard."""

    def __init__(self) -> None:
        _network()  # loaded now, not when the first caller speaks
        self.reset()

    def reset(self) -> None:
        """Forgets the turn before."""
        self._state = np.zeros((2, 1, 128), np.float32)
        self._before = np.zeros(2 * WINDOW + _CONTEXT - CHUNK_BYTES, np.float32)  # 16 kHz
        self._last = 0  # sample
        self._between = False

    def probability(self, chunk: bytes) -> float:
        samples = np.frombuffer(chunk, "<i2")
        samples = np.where(np.abs(samples) <= _STILL, 0, samples).astype(np.int16)
        fresh = doubled(samples, self._last) / np.float32(32768)
        self._last = int(samples[-1])
        sound = np.concatenate((self._before, fresh), dtype=np.float32)
        self._before = sound[len(fresh) :]
        self._between = not self._between
        if self._between and loudness(chunk) < QUIET:
            return 0.0
        inputs = {"input": sound[np.newaxis], "state": self._state, "sr": _RATE_INPUT}
        found, state = _network().run(None, inputs)
        if not self._between:
            self._state = state
        probability = float(found[0, 0])
        if probability >= _WORTH_A_LOOK and is_key(sound[-2 * WINDOW :: 2]):
            return 0.0
        return probability


def loudness(chunk: bytes) -> float:
    """Mean of absolute samples, 0 to 32768."""
    return float(np.abs(np.frombuffer(chunk, "<i2").astype(np.int32)).mean())


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Probabilities, and for how many chunks running. One sure chunk begins speech (barge-in must be quick),
    or a few that are less sure: words that begin with «с», «ш», «в» are unsure for 100 ms."""

    begins: tuple[tuple[float, int], ...] = ((0.6, 1), (0.4, 2), (0.1, 4))
    # Right after its memory was emptied the network takes the middle of a tone or of music for a voice.
    at_first: float = 0.7
    at_first_chunks: int = 12
    # A caller is louder, the prompt that comes back weakened by 40 dB is not.
    loudness: float = QUIET
    goes_on: float = 0.5  # below this a chunk within speech is silence


class Onset:
    """Pure: from probabilities to "somebody began to speak"."""

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self._thresholds = thresholds or Thresholds()
        self._runs = [0] * len(self._thresholds.begins)
        self._chunks = 0

    def begins(self, probability: float, loudness: float) -> bool:
        known = self._thresholds
        self._chunks += 1
        if loudness < known.loudness:
            probability = 0.0
        begun = False
        for index, (least, chunks) in enumerate(known.begins):
            self._runs[index] = self._runs[index] + 1 if probability >= least else 0
            begun = begun or self._runs[index] >= chunks
        return begun and (self._chunks > known.at_first_chunks or probability >= known.at_first)

    def goes_on(self, probability: float) -> bool:
        return probability >= self._thresholds.goes_on
