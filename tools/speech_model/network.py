"""The acoustic network: a small time-delay network whose layers Kaldi's nnet3 can hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from tools.speech_model.features import SIZE

HIDDEN = 288
# For each layer: offsets in frames of 10 ms, dilation in the layer's own steps, stride.
LAYERS: tuple[tuple[tuple[int, ...], int, int], ...] = (
    ((-2, -1, 0, 1, 2), 1, 1),
    ((-1, 0, 1), 1, 3),  # from here on one step is 30 ms
    ((-3, 0, 3), 1, 1),
    ((-3, 0, 3), 1, 1),
    ((-3, 0, 3), 1, 1),
    ((-6, 0, 6), 2, 1),
    ((-6, 0, 6), 2, 1),
)
CONTEXT = 24  # frames to each side that one output looks at
SUBSAMPLING = 3


class Network(nn.Module):
    mean: Tensor
    std: Tensor

    def __init__(self, outputs: int, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.layers, self.norms = nn.ModuleList(), nn.ModuleList()
        width = SIZE
        for offsets, dilation, stride in LAYERS:
            layer = nn.Conv1d(width, hidden, len(offsets), dilation=dilation, stride=stride, bias=False)
            self.layers.append(layer)
            self.norms.append(nn.BatchNorm1d(hidden))
            width = hidden
        self.output = nn.Conv1d(hidden, outputs, 1)
        self.register_buffer("mean", torch.zeros(SIZE))
        self.register_buffer("std", torch.ones(SIZE))

    def forward(self, rows: Tensor) -> Tensor:
        """[batch, frames + 2 * CONTEXT, 40] -> log probabilities [batch, frames / 3, outputs]."""
        x = ((rows - self.mean) / self.std).transpose(1, 2)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.training):
            for layer, norm in zip(self.layers, self.norms, strict=True):
                x = functional.relu(norm(layer(x)))
            x = self.output(x)
        return functional.log_softmax(x.float().transpose(1, 2), -1)

    @torch.no_grad()
    def affine_layers(self) -> dict[str, Any]:
        """Normalisations folded into plain affine layers, columns in the order of Kaldi's Append()."""
        self.eval()
        out: dict[str, Any] = {"n": len(LAYERS) + 1}
        for index, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            weight: Tensor = layer.weight.double()  # type: ignore[operator]
            scale = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).double()  # type: ignore[operator]
            bias = (norm.bias - norm.running_mean * scale).double()  # type: ignore[operator]
            if index == 0:
                shift = (weight * (self.mean / self.std).double()[None, :, None]).sum((1, 2))
                bias = bias - scale * shift
                weight = weight / self.std.double()[None, :, None]
            weight = weight * scale[:, None, None]
            columns = weight.permute(0, 2, 1).reshape(weight.shape[0], -1)
            out[f"weight{index}"] = columns.float().numpy()
            out[f"bias{index}"] = bias.float().numpy()
            out[f"offsets{index}"] = np.array(LAYERS[index][0])
        last = len(LAYERS)
        out[f"weight{last}"] = self.output.weight[:, :, 0].numpy()
        out[f"bias{last}"] = self.output.bias.numpy()
        out[f"offsets{last}"] = np.array([0])
        return out


def padded(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Edges repeated, as Kaldi's looped decoder does."""
    before, after = np.repeat(rows[:1], CONTEXT, 0), np.repeat(rows[-1:], CONTEXT + SUBSAMPLING, 0)
    return np.concatenate([before, rows, after])
