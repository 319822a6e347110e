"""RHVoice through its C library (Debian: librhvoice5): one process says thousands of texts.

The command-line program loads its voice anew for every text, which costs more than the speech itself.
Structures and meanings are those of RHVoice.h (Debian: librhvoice-dev).
"""

from __future__ import annotations

import ctypes as c

import numpy as np
import numpy.typing as npt

_SET_RATE = c.CFUNCTYPE(c.c_int, c.c_int, c.c_void_p)
_PLAY = c.CFUNCTYPE(c.c_int, c.POINTER(c.c_int16), c.c_uint, c.c_void_p)


class _Callbacks(c.Structure):
    _fields_ = [("set_sample_rate", _SET_RATE), ("play_speech", _PLAY)] + [
        (name, c.c_void_p)
        for name in (
            "process_mark",
            "word_starts",
            "word_ends",
            "sentence_starts",
            "sentence_ends",
            "play_audio",
            "done",
        )
    ]


class _InitParams(c.Structure):
    _fields_ = [
        ("data_path", c.c_char_p),
        ("config_path", c.c_char_p),
        ("resource_paths", c.c_void_p),
        ("callbacks", _Callbacks),
        ("options", c.c_uint),
    ]


class _SynthParams(c.Structure):
    _fields_ = (
        [("voice_profile", c.c_char_p)]
        + [(f"absolute_{what}", c.c_double) for what in ("rate", "pitch", "volume")]
        + [(f"relative_{what}", c.c_double) for what in ("rate", "pitch", "volume")]
        + [
            ("punctuation_mode", c.c_int),
            ("punctuation_list", c.c_char_p),
            ("capitals_mode", c.c_int),
            ("flags", c.c_int),
        ]
    )


class Rhvoice:
    """One engine; not for threads. ``say`` gives float samples in [-1, 1] and their rate."""

    def __init__(self, data: str = "/usr/share/RHVoice", config: str = "/etc/RHVoice") -> None:
        self._library = c.CDLL("libRHVoice.so.5")
        for name in ("RHVoice_new_tts_engine", "RHVoice_new_message"):
            getattr(self._library, name).restype = c.c_void_p
        self._rate = 0
        self._pieces: list[npt.NDArray[np.int16]] = []
        # The callbacks must outlive the engine, which keeps plain pointers to them.
        self._on_rate = _SET_RATE(self._set_rate)
        self._on_play = _PLAY(self._play)
        init = _InitParams(data.encode(), config.encode(), None)
        init.callbacks.set_sample_rate = self._on_rate
        init.callbacks.play_speech = self._on_play
        self._engine = self._library.RHVoice_new_tts_engine(c.byref(init))
        if not self._engine:
            raise RuntimeError("RHVoice could not be started: is rhvoice-russian installed?")

    def _set_rate(self, rate: int, _user: int | None) -> int:
        self._rate = rate
        return 1

    def _play(self, samples: c._Pointer[c.c_int16], count: int, _user: int | None) -> int:
        self._pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 1

    def say(
        self, voice: str, text: str, rate: float = 1.0, pitch: float = 1.0
    ) -> tuple[npt.NDArray[np.float32], int]:
        """``rate`` and ``pitch`` are factors of the voice's own (0.5 to 2)."""
        self._pieces = []
        params = _SynthParams(voice.encode(), 0.0, 0.0, 0.0, rate, pitch, 1.0, 0, None, 0, 0)
        raw = text.encode()
        message = self._library.RHVoice_new_message(
            c.c_void_p(self._engine), raw, c.c_uint(len(raw)), 0, c.byref(params), None
        )
        if not message:
            raise RuntimeError(f"RHVoice has no voice {voice!r}")
        try:
            self._library.RHVoice_speak(c.c_void_p(message))
        finally:
            self._library.RHVoice_delete_message(c.c_void_p(message))
        if not self._pieces:
            raise RuntimeError(f"RHVoice said nothing for {text!r}")
        return np.concatenate(self._pieces).astype(np.float32) / 32768, self._rate
