"""Tones, A-law and WAV files that the tests and the demonstration measure with."""

from __future__ import annotations

import shutil
import struct
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dozvon.phones import sound


def test_a_tone_is_told_from_others():
    heard = sound.tone(800, 1)
    assert sound.share_of_tone(heard[:800], 800) > 0.95
    assert sound.share_of_tone(heard[:800], 1200) < 0.05
    assert sound.tone_seconds(heard, 800) == pytest.approx(1.0)
    assert sound.tone_seconds(heard, 1200) == 0


def test_two_tones_share_the_energy():
    both = [a + b for a, b in zip(sound.tone(800, 1), sound.tone(1200, 1), strict=True)]
    assert sound.share_of_tone(both[:800], 800) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("samples", [(), [0] * 8000, [8] * 8000, [1]])
def test_silence_has_no_tone(samples):
    assert sound.share_of_tone(samples, 800) == 0
    assert sound.tone_seconds(samples, 800) == 0


@pytest.mark.parametrize(
    ("byte", "sample"), [(0xD5, 8), (0x55, -8), (0xD4, 24), (0x80, 5504), (0xAA, 32256), (0x2A, -32256)]
)
def test_alaw_as_itu_t_g711_has_it(byte, sample):
    assert list(sound.from_alaw(bytes([byte]))) == [sample]


def test_alaw_like_sox_decodes_it(tmp_path):
    sox = shutil.which("sox")
    if sox is None:  # the table above is the standard's; this compares every byte where sox is at hand
        assert len(sound.from_alaw(bytes(range(256)))) == 256
        return
    (tmp_path / "x.al").write_bytes(bytes(range(256)))
    command = [sox, "-t", "al", "-r", "8000", "-c", "1", "x.al", "-t", "s16", "-D", "x.raw"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=20)
    assert list(struct.unpack("<256h", (tmp_path / "x.raw").read_bytes())) == list(
        sound.from_alaw(bytes(range(256)))
    )


@settings(max_examples=30)
@given(st.lists(st.integers(-32768, 32767), max_size=400), st.floats(0, 0.1))
def test_what_is_written_is_read(tmp_path_factory, samples, silence_s):
    path = sound.write_wav(tmp_path_factory.mktemp("wav") / "x.wav", samples, silence_s)
    heard = sound.read_sound(path)
    assert list(heard[: len(samples)]) == samples
    assert set(heard[len(samples) :]) <= {0}
    assert len(heard) == len(samples) + int(silence_s * sound.RATE)
    assert list(sound.read_growing(path)) == list(heard)


def test_another_format_is_refused(tmp_path):
    path = sound.write_wav(tmp_path / "x.wav", [1, 2, 3])
    data = bytearray(path.read_bytes())
    data[24:28] = struct.pack("<I", 16000)
    path.write_bytes(data)
    with pytest.raises(ValueError, match="8 kHz"):
        sound.read_sound(path)


def test_nothing_heard_yet(tmp_path):
    assert len(sound.read_growing(tmp_path / "none.wav")) == 0
