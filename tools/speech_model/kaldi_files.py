"""Kaldi's binary files, written by hand: transition model and nnet3 network in one ``final.mdl``.

Format: Kaldi's base/io-funcs, hmm/hmm-topology, hmm/transition-model, nnet3/am-nnet-simple. A token is its
letters and a blank; a number is one byte with its size and then the number, little-endian.

CTC in Kaldi's terms: phone 1 is silence (one state, the blank's output). Every other phone has two states:
state 0 gives the phone's output, state 1 the shared blank's. Leaving state 0 either skips state 1 or not.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from tools.speech_model.features import SIZE
from tools.speech_model.network import CONTEXT

POSITIONS = {"B": "begin", "I": "internal", "E": "end", "S": "singleton"}
SILENCE = 1
BLANK = 0
_HALF = math.log(0.5)


class Units:
    """Numbers of phones and transitions for a list of phones; the output of phone i is i + 1."""

    def __init__(self, phones: Sequence[str]) -> None:
        self.phones = tuple(phones)
        self.output = {phone: index + 1 for index, phone in enumerate(phones)}
        self.names = ["SIL"] + [f"{phone}_{position}" for phone in phones for position in POSITIONS]
        self.id = {name: index + 1 for index, name in enumerate(self.names)}
        # (phone, state, output): Kaldi's triples, in the order of their numbers
        self.triples = [(SILENCE, 0, BLANK)]
        # (phone, state, next state) -> transition
        self.transition = {(SILENCE, 0, 0): 1, (SILENCE, 0, 1): 2}
        for phone in phones:
            for position in POSITIONS:
                number = self.id[f"{phone}_{position}"]
                self.triples += [(number, 0, self.output[phone]), (number, 1, BLANK)]
                for state, next_state in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2)):
                    self.transition[number, state, next_state] = len(self.transition) + 1
        self.outputs = len(phones) + 1


class _Writer:
    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def token(self, text: str) -> None:
        self._out.write(text.encode() + b" ")

    def integer(self, value: int) -> None:
        self._out.write(b"\x04" + struct.pack("<i", value))

    def single(self, value: float) -> None:
        self._out.write(b"\x04" + struct.pack("<f", value))

    def double(self, value: float) -> None:
        self._out.write(b"\x08" + struct.pack("<d", value))

    def integers(self, values: Sequence[int]) -> None:
        self._out.write(b"\x04" + struct.pack("<i", len(values)) + np.asarray(values, "<i4").tobytes())

    def vector(self, values: Sequence[float] | npt.NDArray[Any]) -> None:
        self.token("FV")
        self.integer(len(values))
        self._out.write(np.asarray(values, "<f4").tobytes())

    def matrix(self, values: npt.NDArray[Any]) -> None:
        self.token("FM")
        self.integer(values.shape[0])
        self.integer(values.shape[1])
        self._out.write(np.ascontiguousarray(values, "<f4").tobytes())

    def raw(self, data: bytes) -> None:
        self._out.write(data)


def _topology(w: _Writer, units: Units) -> None:
    def state(output_class: int, ways: Sequence[tuple[int, float]]) -> None:
        w.integer(output_class)
        w.integer(len(ways))
        for target, probability in ways:
            w.integer(target)
            w.single(probability)

    w.token("<Topology>")
    count = len(units.names)
    w.integers(range(1, count + 1))
    w.integers([-1, 0] + [1] * (count - 1))  # phone -> which of the two shapes
    w.integer(2)
    w.integer(2)  # silence: one state and the end
    state(0, [(0, 0.5), (1, 0.5)])
    state(-1, [])
    w.integer(3)  # a phone: itself, the blank after it, the end
    state(0, [(0, 0.5), (1, 0.25), (2, 0.25)])
    state(1, [(1, 0.5), (2, 0.5)])
    state(-1, [])
    w.token("</Topology>")


def _transitions(w: _Writer, units: Units) -> None:
    w.token("<TransitionModel>")
    _topology(w, units)
    w.token("<Triples>")
    w.integer(len(units.triples))
    for triple in units.triples:
        for value in triple:
            w.integer(value)
    w.token("</Triples>")
    w.token("<LogProbs>")
    w.vector([0.0] + [_HALF] * len(units.transition))
    w.token("</LogProbs>")
    w.token("</TransitionModel>")


def _layout(layers: Mapping[str, Any]) -> tuple[str, list[str]]:
    """nnet3's text description, and the names of its components in order."""
    lines, names, before = ["", f"input-node name=input dim={SIZE}"], [], "input"
    last = int(layers["n"]) - 1
    for index in range(last + 1):
        offsets = [int(value) for value in layers[f"offsets{index}"]]
        parts = [before if value == 0 else f"Offset({before}, {value})" for value in offsets]
        source = parts[0] if len(parts) == 1 else f"Append({', '.join(parts)})"
        lines.append(f"component-node name=affine{index} component=affine{index} input={source}")
        names.append(f"affine{index}")
        before = f"affine{index}"
        if index < last:
            lines.append(f"component-node name=relu{index} component=relu{index} input={before}")
            names.append(f"relu{index}")
            before = f"relu{index}"
    lines.append(f"component-node name=softmax component=softmax input={before}")
    lines.append("output-node name=output input=softmax objective=linear")
    return "\n".join(lines) + "\n\n", [*names, "softmax"]


def _pointwise(w: _Writer, kind: str, size: int) -> None:
    w.token(f"<{kind}>")
    w.token("<Dim>")
    w.integer(size)
    for statistic in ("<ValueAvg>", "<DerivAvg>"):
        w.token(statistic)
        w.vector([])
    w.token("<Count>")
    w.double(0.0)
    w.token(f"</{kind}>")


def _network(w: _Writer, layers: Mapping[str, Any], priors: npt.NDArray[Any]) -> None:
    text, names = _layout(layers)
    w.token("<Nnet3>")
    w.raw(text.encode())
    w.token("<NumComponents>")
    w.integer(len(names))
    for name in names:
        w.token("<ComponentName>")
        w.token(name)
        index = name.removeprefix("affine").removeprefix("relu")
        if name.startswith("affine"):
            w.token("<FixedAffineComponent>")
            w.token("<LinearParams>")
            w.matrix(layers[f"weight{index}"])
            w.token("<BiasParams>")
            w.vector(layers[f"bias{index}"])
            w.token("</FixedAffineComponent>")
        elif name.startswith("relu"):
            _pointwise(w, "RectifiedLinearComponent", len(layers[f"bias{index}"]))
        else:
            _pointwise(w, "LogSoftmaxComponent", len(priors))
    w.token("</Nnet3>")
    w.token("<LeftContext>")
    w.integer(CONTEXT)
    w.token("<RightContext>")
    w.integer(CONTEXT)
    w.token("<Priors>")
    w.vector(priors)


def write_model(out: BinaryIO, units: Units, layers: Mapping[str, Any], priors: npt.NDArray[Any]) -> None:
    out.write(b"\0B")  # binary
    writer = _Writer(out)
    _transitions(writer, units)
    _network(writer, layers, priors)
