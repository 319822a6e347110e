"""Make the sounds that Asterisk itself needs: the beep before a recording and the music while waiting.

The music is composed here, note by note, so it is nobody else's. Run again after a change:
``python tools/make_tones.py``; the result in ``asterisk-config/sounds`` is committed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

RATE = 8000
OUT = Path(__file__).resolve().parent.parent / "asterisk-config" / "sounds"
BEAT_S = 0.6
# Four bars of four chords (semitones above A3): Am9, Fmaj7, Cmaj9, G6, and a calm line above them.
CHORDS = [(0, 3, 7, 11 + 12), (-4, 0, 3, 7), (3, 7, 10, 17), (-2, 2, 5, 9)]
LINE = [12, 15, 19, 15, 17, 15, 12, 10, 15, 19, 22, 19, 14, 17, 14, 10]
FLOOR = 0x55  # A-law's way of inverting even bits


def alaw(samples: np.ndarray) -> bytes:
    """ITU-T G.711 A-law of samples in -1..1."""
    pcm = np.clip(np.round(samples * 32767), -32768, 32767).astype(np.int32) >> 3
    sign = np.where(pcm >= 0, 0x80, 0)
    size = np.where(pcm >= 0, pcm, -pcm - 1)
    segment = np.zeros_like(size)
    for bit in range(5, 12):
        segment = np.where(size >= 1 << bit, bit - 4, segment)
    mantissa = np.where(segment < 2, size >> 1, size >> np.maximum(segment, 1)) & 0x0F
    return bytes(((sign | segment << 4 | mantissa) ^ FLOOR).astype(np.uint8))


def note(semitone: float, length_s: float, attack_s: float, decay_s: float) -> np.ndarray:
    """A soft bell: a few overtones that die sooner than the ground tone."""
    t = np.arange(int(length_s * RATE)) / RATE
    hz = 220.0 * 2 ** (semitone / 12)
    overtones = ((1, 1.0), (2, 0.28), (3, 0.09))
    tone = sum(amp * np.sin(2 * np.pi * hz * k * t) * np.exp(-t * k / decay_s) for k, amp in overtones)
    return np.asarray(tone * np.minimum(1.0, t / attack_s))


def music() -> np.ndarray:
    """About 38 s that join end to start: notes ring over the end into the beginning."""
    beats = 64
    out = np.zeros(int(beats * BEAT_S * RATE))

    def add(at_beat: float, sound: np.ndarray, gain: float) -> None:
        where = (np.arange(len(sound)) + int(at_beat * BEAT_S * RATE)) % len(out)
        np.add.at(out, where, sound * gain)

    for bar in range(beats // 4):
        chord = CHORDS[bar % 4]
        for voice, semitone in enumerate(chord):
            add(bar * 4 + voice * 0.5, note(semitone, 4.0, 0.02, 1.4), 0.30)
        add(bar * 4, note(chord[0] - 12, 3.0, 0.04, 1.6), 0.28)
        if bar >= 4:
            for step in range(2):
                add(bar * 4 + 2 * step + 1, note(LINE[(bar * 2 + step) % len(LINE)], 2.5, 0.01, 0.9), 0.26)
    return out / np.max(np.abs(out)) * 0.30  # about -10 dB: background, not a concert


def beep() -> np.ndarray:
    t = np.arange(int(0.25 * RATE)) / RATE
    fade = np.minimum(1.0, np.minimum(t, 0.25 - t) / 0.01)
    return np.asarray(np.sin(2 * np.pi * 1000 * t) * fade * 0.35)


def main() -> None:
    (OUT / "moh").mkdir(parents=True, exist_ok=True)
    (OUT / "beep.alaw").write_bytes(alaw(beep()))
    (OUT / "moh" / "waiting.alaw").write_bytes(alaw(music()))


if __name__ == "__main__":
    main()
