"""Which detector tells a caller from everything else on a telephone line?

    python -m bench.speech.voice

Ten seconds each of what is no speech, and five sentences of tests/data/speech with noise at several levels.
The first half of the table is a false alarm where the detector says that somebody began to speak; the second
is how many of the sentences are heard to begin and how soon. `webrtcvad` (not a dependency of Dozvon) is
compared where it is installed, at its strictest setting, three of four frames being wanted. The sounds are
made here from numbers: nothing is recorded.
"""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, lfilter  # type: ignore[import-untyped, unused-ignore]

from ivr.speech.voice import CHUNK_BYTES, CHUNK_MS, Onset, Silero, loudness

ROOT = Path(__file__).resolve().parents[2]
RATE = 8000
SECONDS = 10
SENTENCES = ("operator", "status", "cannot_sign_in", "yes", "snils")
Sound = npt.NDArray[np.float64]
_T = np.arange(SECONDS * RATE) / RATE
_DTMF = ((697, 1209), (770, 1336), (852, 1477), (941, 1336), (697, 1477), (852, 1209))


class Hears(Protocol):
    def begins(self, chunk: bytes) -> bool: ...


class ByNetwork:
    """The one in use."""

    def __init__(self) -> None:
        self._network, self._onset = Silero(), Onset()

    def begins(self, chunk: bytes) -> bool:
        return self._onset.begins(self._network.probability(chunk), loudness(chunk))


class ByLoudness:
    """Twice (6 dB) as loud as the quietest of the recent past, three chunks running."""

    def __init__(self) -> None:
        self._floor, self._run = 60.0, 0

    def begins(self, chunk: bytes) -> bool:
        loudness = float(np.abs(np.frombuffer(chunk, "<i2").astype(np.int32)).mean())
        loud = loudness > 2 * self._floor and loudness > 150
        self._floor = min(self._floor * 1.02, max(loudness, 15.0))
        self._run = self._run + 1 if loud else 0
        return self._run >= 3


class ByWebrtc:
    """Gaussian mixtures on band energies, as in WebRTC; frames of 10 ms."""

    def __init__(self) -> None:
        import webrtcvad  # type: ignore[import-not-found, unused-ignore]

        self._vad, self._rest, self._last = webrtcvad.Vad(3), b"", [False] * 4

    def begins(self, chunk: bytes) -> bool:
        self._rest += chunk
        found = False
        while len(self._rest) >= 160:
            frame, self._rest = self._rest[:160], self._rest[160:]
            self._last = [*self._last[1:], self._vad.is_speech(frame, RATE)]
            found = found or sum(self._last) >= 3
        return found


# --------------------------------------------------------------------------------------------- what sounds
def _level(sound: Sound, dbfs: float) -> npt.NDArray[np.int16]:
    scaled = sound / np.sqrt(np.mean(sound**2)) * 32767 * 10 ** (dbfs / 20)
    return np.asarray(np.clip(np.round(scaled), -32768, 32767), np.int16)


def _white(seed: int = 1) -> Sound:
    return np.random.default_rng(seed).standard_normal(len(_T))


def _coloured() -> Sound:
    return np.asarray(lfilter([1], [1, -0.9], _white(2)))


def _hum() -> Sound:
    return np.asarray(
        sum(np.sin(2 * np.pi * 50 * n * _T + n) / n for n in (1, 2, 3, 5, 7)) + 0.05 * _white(3)
    )


def _street() -> Sound:
    """Rumble that swells and falls, as cars that pass."""
    swell = 0.1 + np.sin(2 * np.pi * _T / 4) ** 4
    return np.asarray(swell * lfilter([1], [1, -0.97], _white(4)))


def _keys() -> Sound:
    """DTMF, 120 ms on, 180 ms off (ITU-T Q.23's pairs)."""
    out = np.zeros(len(_T))
    for index, start in enumerate(range(4000, len(_T) - 4000, 2400)):
        low, high = _DTMF[index % len(_DTMF)]
        t = _T[start : start + 960]
        out[start : start + 960] = np.sin(2 * np.pi * low * t) + np.sin(2 * np.pi * high * t)
    return out


def _ringing() -> Sound:
    """425 Hz, a second on, two off."""
    return np.asarray(np.sin(2 * np.pi * 425 * _T) * (_T % 3 < 1))


def _music() -> Sound:
    """Chords of plucked strings with overtones, two a second."""
    out = np.zeros(len(_T))
    for index, start in enumerate(range(0, len(_T) - 4000, 4000)):
        t = _T[: min(8000, len(_T) - start)]
        root = 220 * 2 ** ([0, 5, 7, 3, 8, 5][index % 6] / 12)
        for step in (0, 4, 7):
            note = root * 2 ** (step / 12)
            for overtone in range(1, 6):
                out[start : start + len(t)] += (
                    np.sin(2 * np.pi * note * overtone * t) * np.exp(-4 * t) / overtone
                )
    return out


def _coughs() -> Sound:
    """Bursts of noise, shaped by a throat's resonances: sharp onset, a quarter of a second, two at a time."""
    r = np.random.default_rng(5)
    out = np.zeros(len(_T))
    for start in (8000, 10800, 32000, 34400, 60000):
        length = int(0.25 * RATE)
        burst = r.standard_normal(length) * np.exp(-np.arange(length) / (0.07 * RATE))
        for hz, width in ((600, 200), (1500, 350), (2600, 500)):
            b, a = butter(1, [(hz - width) / 4000, (hz + width) / 4000], "band")
            out[start : start + length] += lfilter(b, a, burst)
    return out


def _knocks() -> Sound:
    out = np.zeros(len(_T))
    for start in range(6000, len(_T) - 1000, 5200):
        t = _T[:600]
        out[start : start + 600] += np.sin(2 * np.pi * 180 * t) * np.exp(-90 * t)
    return out


NO_SPEECH: dict[str, tuple[Callable[[], Sound], float]] = {
    "white noise, -50 dB": (_white, -50),
    "white noise, -30 dB": (_white, -30),
    "white noise, -20 dB": (_white, -20),
    "coloured noise, -30 dB": (_coloured, -30),
    "mains hum, -25 dB": (_hum, -25),
    "street, swelling, -25 dB": (_street, -25),
    "keys (DTMF), -15 dB": (_keys, -15),
    "ringing tone, -20 dB": (_ringing, -20),
    "music, -22 dB": (_music, -22),
    "coughs, -25 dB": (_coughs, -25),
    "knocks, -30 dB": (_knocks, -30),
}


def _chunks(samples: npt.NDArray[np.int16]) -> list[bytes]:
    raw = samples.tobytes()
    return [raw[start : start + CHUNK_BYTES] for start in range(0, len(raw) - CHUNK_BYTES + 1, CHUNK_BYTES)]


def alarms(make: Callable[[], Hears], samples: npt.NDArray[np.int16]) -> int:
    """How often a turn would begin in ten seconds; each takes the next half a second with it."""
    detector, count, deaf = make(), 0, 0
    for chunk in _chunks(samples):
        begins = detector.begins(chunk)
        deaf -= 1
        if begins and deaf <= 0:
            count, deaf = count + 1, 500 // CHUNK_MS
    return count


def delay_ms(make: Callable[[], Hears], name: str, snr_db: float | None) -> float | None:
    """From the first sample above 2 % of the peak to the end of the chunk that says "begins"; None: never.

    Beginning before the speech, in the two seconds of noise ahead of it, counts as never: a false alarm.
    """
    with wave.open(str(ROOT / f"tests/data/speech/{name}.wav")) as source:
        speech = np.frombuffer(source.readframes(-1), "<i2").astype(np.float64)
    lead = 2 * RATE
    first = lead + int(np.flatnonzero(np.abs(speech) > 0.02 * np.abs(speech).max())[0])
    sound = np.pad(speech, (lead, 0))
    if snr_db is not None:
        loud = speech[np.abs(speech) > 0.05 * np.abs(speech).max()]
        hiss = np.asarray(lfilter([1], [1, -0.85], np.random.default_rng(6).standard_normal(len(sound))))
        sound += hiss / np.sqrt(np.mean(hiss**2)) * np.sqrt(np.mean(loud**2)) * 10 ** (-snr_db / 20)
    detector = make()
    for index, chunk in enumerate(_chunks(np.clip(np.round(sound), -32768, 32767).astype(np.int16)), 1):
        if detector.begins(chunk):
            at = 1000 * (index * CHUNK_BYTES // 2 - first) / RATE
            return at if at > 0 else None
    return None


def detectors() -> dict[str, Callable[[], Hears]]:
    found: dict[str, Callable[[], Hears]] = {"silero": ByNetwork, "loudness": ByLoudness}
    try:
        ByWebrtc()
    except ImportError:
        return found
    return {**found, "webrtc": ByWebrtc}


def main() -> None:
    known = detectors()
    print(f"{'turns begun in 10 s without speech':36}" + "".join(f"{name:>20}" for name in known))
    for name, (make, dbfs) in NO_SPEECH.items():
        samples = _level(make(), dbfs)
        print(f"{name:36}" + "".join(f"{alarms(detector, samples):20}" for detector in known.values()))
    print(f"{'sentences heard to begin, median ms':36}")
    for snr_db in (None, 20.0, 15.0, 10.0, 5.0):
        row = f"{'clean' if snr_db is None else f'noise at {snr_db:.0f} dB':36}"
        for detector in known.values():
            delays = [delay_ms(detector, sentence, snr_db) for sentence in SENTENCES]
            heard = [delay for delay in delays if delay is not None]
            middle = f"{np.median(heard):.0f} ms" if heard else "-"
            row += f"{f'{len(heard)}/{len(delays)}  {middle}':>20}"
        print(row)


if __name__ == "__main__":
    main()
