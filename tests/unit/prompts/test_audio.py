"""From a recording to the telephone: level, band, silence, A-law."""

from __future__ import annotations

import io
import math
import wave

import numpy as np
import pytest

from ivr.prompts import audio
from tests.unit.prompts.conftest import wav


def sine(hertz: float, seconds: float, rate: int, loudness: float = 0.1) -> list[float]:
    return [loudness * math.sin(2 * math.pi * hertz * n / rate) for n in range(int(seconds * rate))]


def test_alaw_has_the_values_of_the_standard() -> None:
    # ITU-T G.711, table 1a: decoder output of the first steps, the segment borders and the last step.
    values = audio.decode_alaw(bytes([0xD5, 0x55, 0xC5, 0xF5, 0xAA, 0x2A])) * 32768
    assert values.tolist() == [8, -8, 264, 528, 32256, -32256]


def test_alaw_survives_being_decoded_and_encoded() -> None:
    codes = bytes(range(256))
    assert audio.encode_alaw(audio.decode_alaw(codes)) == codes


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 44100, 48000])
@pytest.mark.parametrize("loudness", [0.003, 0.9])
def test_every_recording_gets_the_same_level_and_no_silence(rate: int, loudness: float) -> None:
    samples = [0.0] * rate + sine(1000, 0.5, rate, loudness) + [0.0] * (rate // 2)
    heard = audio.decode_alaw(audio.prompt_from_wav(wav(samples, rate)))
    assert abs(audio.speech_level_dbfs(heard) - audio.LEVEL_DBFS) < 0.7
    expected_ms = 500 + audio.LEAD_MS + audio.TAIL_MS
    assert abs(len(heard) / 8 - expected_ms) <= audio.FRAME_MS * 2
    assert np.abs(heard).max() < 10 ** (-2.5 / 20)


@pytest.mark.parametrize(("hertz", "passes"), [(100, False), (500, True), (3000, True), (3900, False)])
def test_only_the_telephone_band_passes(hertz: float, passes: bool) -> None:
    mixed = np.array(sine(hertz, 1, 24000))
    level = 10 * np.log10((audio.telephone_band(mixed, 24000) ** 2).mean() / (mixed**2).mean() + 1e-12)
    assert level > -0.5 if passes else level < -40


def test_peaks_are_rounded_off() -> None:
    quiet, loud = sine(700, 1, 8000, 0.02), sine(700, 0.02, 8000, 0.9)
    heard = audio.decode_alaw(audio.prompt_from_wav(wav(quiet + loud + quiet, 8000)))
    assert np.abs(heard).max() <= audio.PEAK * 1.03  # and A-law's own steps


def test_stereo_of_eight_bits_is_read() -> None:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(bytes(128 + int(60 * math.sin(n / 3)) for n in range(8000) for _ in (0, 1)))
    samples, rate = audio.read_wav(out.getvalue())
    assert (len(samples), rate) == (8000, 8000)
    assert 0.4 < samples.max() < 0.5


@pytest.mark.parametrize(
    "data", [b"", b"RIFF", b"\0" * 1000, wav([0.0] * 8000, 8000), wav([], 8000), wav([0.1] * 800, 2000)]
)
def test_what_is_no_speech_is_refused(data: bytes) -> None:
    with pytest.raises(audio.NotSound):
        audio.prompt_from_wav(data)


def test_tone_and_silence() -> None:
    tone = audio.tone(660, 300)
    assert audio.duration_ms(len(tone)) == 300
    spectrum = np.abs(np.fft.rfft(audio.decode_alaw(tone)))
    assert abs(int(spectrum.argmax()) / 0.3 - 660) < 5
    assert np.abs(audio.decode_alaw(audio.silence(20))).max() < 0.0005


def test_a_wav_for_listening_holds_the_same_sound() -> None:
    tone = audio.tone(660, 300)
    samples, rate = audio.read_wav(audio.wav(tone))
    assert rate == 8000
    assert np.abs(samples - audio.decode_alaw(tone)).max() < 0.001
