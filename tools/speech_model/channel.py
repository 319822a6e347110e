"""A telephone line around clean speech: speed, room, tone, noise, band, level, codec, lost packets.

All functions take and give float samples in [-1, 1] at 8 kHz unless said otherwise.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import soundfile
from scipy.signal import butter, fftconvolve, lfilter, resample_poly

Sound = npt.NDArray[np.float32]
RATE = 8000
_FRAME = 160  # 20 ms, an RTP packet
_SPEEDS = (0.84, 0.88, 0.92, 0.96, 1.0, 1.0, 1.0, 1.04, 1.08, 1.13, 1.19)


def to_8k(sound: Sound, speed: float = 1.0) -> Sound:
    """16 kHz -> 8 kHz, played ``speed`` times as fast (pitch goes along)."""
    return resample_poly(sound, 50, round(100 * speed)).astype(np.float32)


def alaw(sound: Sound) -> Sound:
    """There and back through ITU-T G.711 A-law."""
    a = 87.6
    scale = 1 + np.log(a)
    size = np.abs(sound)
    bent = np.where(size < 1 / a, a * size, 1 + np.log(np.maximum(a * size, 1e-9))) / scale
    step = (np.floor(np.clip(bent, 0, 0.99999) * 128) + 0.5) / 128
    back = np.where(step < 1 / scale, step * scale / a, np.exp(step * scale - 1) / a)
    return (np.sign(sound) * back).astype(np.float32)


def gsm(sound: Sound) -> Sound:
    """There and back through GSM 06.10, the codec of old mobiles."""
    file = io.BytesIO()
    soundfile.write(file, sound, RATE, format="WAV", subtype="GSM610")
    file.seek(0)
    back, _ = soundfile.read(file, dtype="float32")
    return (
        np.resize(back, len(sound)) if len(back) >= len(sound) else np.pad(back, (0, len(sound) - len(back)))
    )


def band(sound: Sound, low_hz: float, high_hz: float, order: int = 4) -> Sound:
    b, a = butter(order, [low_hz / 4000, high_hz / 4000], "band")
    return lfilter(b, a, sound).astype(np.float32)


def at_snr(sound: Sound, disturbance: Sound, snr_db: float) -> Sound:
    """Speech with a disturbance, as loud as ``snr_db`` says (powers over the whole length)."""
    power = np.mean(sound**2) + 1e-12
    gain = np.sqrt(power / (np.mean(disturbance**2) + 1e-12)) * 10 ** (-snr_db / 20)
    return (sound + gain * disturbance).astype(np.float32)


def noise(r: np.random.Generator, length: int, voices: Sequence[Sound]) -> Sound:
    """White, coloured, mains hum, street rumble or people talking behind."""
    kind = r.random()
    white = r.standard_normal(length).astype(np.float32)
    if kind < 0.2:
        return white
    if kind < 0.5:
        return lfilter([1], [1, -r.uniform(0.7, 0.98)], white).astype(np.float32)
    if kind < 0.6:
        t = np.arange(length) / RATE
        hum = sum(np.sin(2 * np.pi * 50 * h * t + r.uniform(0, 6)) / h for h in (1, 2, 3, 5, 7))
        return (hum + 0.2 * white).astype(np.float32)
    if kind < 0.7:  # gusts: coloured noise that swells
        swell = np.interp(np.arange(length), np.linspace(0, length, 6), r.uniform(0.05, 1, 6))
        return (swell * lfilter([1], [1, -0.95], white)).astype(np.float32)
    babble = np.zeros(length, np.float32)
    for _ in range(int(r.integers(1, 7))):
        voice = voices[int(r.integers(len(voices)))]
        babble += np.resize(np.roll(voice, int(r.integers(len(voice)))), length) * r.uniform(0.3, 1)
    return babble


def _room(sound: Sound, r: np.random.Generator) -> Sound:
    length = int(r.uniform(0.08, 0.5) * RATE)
    echo = r.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length) * r.uniform(0.05, 0.35)
    echo[0] = 1
    echo[1 : int(r.uniform(2, 60))] = 0
    return fftconvolve(sound, echo)[: len(sound)].astype(np.float32)


def _colour(sound: Sound, r: np.random.Generator) -> Sound:
    if r.random() < 0.5:
        sound = lfilter([1, -r.uniform(-0.7, 0.7)], [1], sound).astype(np.float32)
    if r.random() < 0.4:
        centre = r.uniform(300, 3200)
        sound = sound + r.uniform(-0.7, 2) * band(sound, max(80, centre - 480), min(3900, centre + 480), 1)
    return sound


def _trimmed(sound: Sound, r: np.random.Generator) -> Sound:
    """Silence of the synthesiser off, other silence on."""
    loud = np.flatnonzero(np.abs(sound) > 0.01 * (np.abs(sound).max() + 1e-6))
    if len(loud):
        sound = sound[max(0, loud[0] - 400) : loud[-1] + 800]
    return np.pad(sound, (int(r.uniform(0.05, 0.8) * RATE), int(r.uniform(0.25, 0.9) * RATE)))


def _lost_packets(sound: Sound, r: np.random.Generator) -> Sound:
    sound = sound.copy()
    for _ in range(int(r.integers(1, 4))):
        at = int(r.integers(0, max(1, len(sound) - _FRAME)))
        sound[at : at + _FRAME] = 0
    return sound


def telephone(sound_16k: Sound, r: np.random.Generator, voices: Sequence[Sound]) -> Sound:
    """One utterance over a random line, on the scale of int16."""
    sound = _trimmed(to_8k(sound_16k, float(r.choice(_SPEEDS))), r)
    sound = sound / (4 * np.sqrt(np.mean(sound**2)) + 1e-6)
    if r.random() < 0.35:
        sound = _room(sound, r)
    sound = _colour(sound, r)
    if r.random() < 0.8:
        sound = at_snr(sound, noise(r, len(sound), voices), r.uniform(3, 35))
    if r.random() < 0.65:
        sound = band(sound, r.uniform(150, 380), r.uniform(3000, 3700), int(r.integers(2, 5)))
    peak = 10 ** (r.uniform(-28, 3) / 20)  # above 0 dB: a caller too near his microphone
    sound = np.clip(sound / (np.abs(sound).max() + 1e-6) * peak, -1, 1).astype(np.float32)
    if r.random() < 0.08:
        sound = _lost_packets(sound, r)
    codec = r.random()
    sound = alaw(sound) if codec < 0.65 else gsm(sound) if codec < 0.82 else sound
    return np.round(sound * 32767).astype(np.float32)


def plain_line(sound_16k: Sound, snr_db: float | None = None, seed: int = 0) -> npt.NDArray[np.int16]:
    """The line of the measurements: 300-3400 Hz, A-law, -6 dB peak, 0.2 s before and 0.6 s after."""
    r = np.random.default_rng(seed)
    sound = band(to_8k(sound_16k), 300, 3400)
    sound = 0.5 * sound / (np.abs(sound).max() + 1e-6)
    loud = sound[np.abs(sound) > 0.01]
    sound = np.pad(sound, (1600, 4800))
    hiss = lfilter([1], [1, -0.85], r.standard_normal(len(sound))).astype(np.float32)
    level = np.sqrt(np.mean(loud**2)) * 10 ** (-snr_db / 20) if snr_db is not None and len(loud) else 1e-4
    sound = sound + hiss / np.sqrt(np.mean(hiss**2)) * level
    return np.round(np.clip(alaw(sound.astype(np.float32)), -1, 1) * 32767).astype(np.int16)
