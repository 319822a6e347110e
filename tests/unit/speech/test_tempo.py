"""Sound made slower: longer by the factor, the same pitch, the same however it is cut into pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.speech.tempo import HOP, Slower


def tone(hz: float, samples: int) -> np.ndarray:
    return (8000 * np.sin(2 * np.pi * hz * np.arange(samples) / 8000)).astype(np.int16)


def slowed(sound: np.ndarray, factor: float, piece: int) -> np.ndarray:
    slower = Slower(factor)
    pieces = [slower.feed(sound[start : start + piece]) for start in range(0, len(sound), piece)]
    return np.concatenate([*pieces, slower.finish()])


@pytest.mark.parametrize("factor", [1.0, 1.3, 1.7])
def test_longer_and_of_the_same_pitch(factor: float) -> None:
    heard = slowed(tone(500, 8000), factor, 128)
    assert abs(len(heard) - 8000 * factor) <= HOP
    middle = heard[1000:-1000].astype(float)
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * 8000 / len(middle) == pytest.approx(500, abs=2)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(8000 / np.sqrt(2), rel=0.05)


@settings(max_examples=30)
@given(st.integers(1, 3000), st.integers(0, 4000), st.integers(0, 99))
def test_pieces_make_no_difference(piece: int, samples: int, seed: int) -> None:
    sound = np.random.default_rng(seed).integers(-32768, 32768, samples).astype(np.int16)
    if samples // piece <= 500:
        assert np.array_equal(slowed(sound, 1.3, piece), slowed(sound, 1.3, max(1, samples)))


def test_silence_stays_silence_and_what_would_be_quicker_is_refused() -> None:
    assert not slowed(np.zeros(4000, np.int16), 1.3, 128).any()
    with pytest.raises(ValueError, match="slower"):
        Slower(0.9)
