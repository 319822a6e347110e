"""Sound features exactly as Kaldi (and so Vosk) computes them from conf/mfcc.conf."""

from __future__ import annotations

import kaldi_native_fbank as knf
import numpy as np
import numpy.typing as npt

RATE = 8000
SIZE = 40
# What the model folder's conf/mfcc.conf says; `mfcc` must stay equal to it.
MFCC_CONF = """--use-energy=false
--sample-frequency=8000
--num-mel-bins=40
--num-ceps=40
--low-freq=100
--high-freq=-250
--dither=0
"""


def mfcc(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """8 kHz samples on the scale of int16 -> one row of 40 for each 10 ms."""
    options = knf.MfccOptions()
    options.use_energy = False
    options.num_ceps = SIZE
    options.frame_opts.samp_freq = RATE
    options.frame_opts.dither = 0
    options.mel_opts.num_bins = SIZE
    options.mel_opts.low_freq = 100
    options.mel_opts.high_freq = -250
    computer = knf.OnlineMfcc(options)
    computer.accept_waveform(RATE, samples.astype(np.float32).tolist())
    computer.input_finished()
    rows = [computer.get_frame(index) for index in range(computer.num_frames_ready)]
    return np.stack(rows) if rows else np.zeros((0, SIZE), np.float32)
