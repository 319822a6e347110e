"""CTC training on one CPU core, with a learning rate that falls to zero when the given time is over."""

from __future__ import annotations

import math
import pickle
import random
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from tools.speech_model.dataset import Inventory
from tools.speech_model.network import CONTEXT, SUBSAMPLING, Network, padded

Piece = tuple[npt.NDArray[np.int16], npt.NDArray[np.float16]]
_FRAMES_PER_BATCH = 8000
_LONGEST = 1200  # frames
_WARM_UP = 100  # steps


def _batches(work: Path) -> tuple[list[Piece], list[list[Piece]]]:
    pieces: list[Piece] = []
    for file in sorted(work.glob("features-*.pkl")):
        with file.open("rb") as source:
            pieces += pickle.load(source)

    def fits(piece: Piece) -> bool:
        """CTC needs at least one output for every phone."""
        return 20 < len(piece[1]) < _LONGEST and len(piece[1]) / SUBSAMPLING > 1.1 * len(piece[0]) + 1

    pieces = sorted(filter(fits, pieces), key=lambda piece: len(piece[1]))
    batches: list[list[Piece]] = []
    batch: list[Piece] = []
    for piece in pieces:
        batch.append(piece)
        if len(piece[1]) * len(batch) > _FRAMES_PER_BATCH:
            batches.append(batch)
            batch = []
    return pieces, [*batches, batch] if batch else batches


def _loss(network: Network, batch: list[Piece]) -> torch.Tensor:
    longest = max(len(rows) for _, rows in batch)
    mean = network.mean.numpy()
    x = np.zeros((len(batch), longest + 2 * CONTEXT + SUBSAMPLING, mean.shape[0]), np.float32)
    for index, (_, rows) in enumerate(batch):
        edge = padded(rows.astype(np.float32))
        x[index, : len(edge)] = edge
        x[index, len(edge) :] = edge[-1]
        for _ in range(2):  # hide short stretches, so that no sound hangs on one frame
            width = random.randrange(12)
            start = random.randrange(max(1, len(edge) - width))
            x[index, start : start + width] = mean
    wanted = torch.from_numpy(np.concatenate([ids for ids, _ in batch]).astype(np.int64))
    sizes = torch.tensor([len(ids) for ids, _ in batch])
    given = torch.tensor([math.ceil(len(rows) / SUBSAMPLING) for _, rows in batch])
    found = network(torch.from_numpy(x))
    given = given.clamp(max=found.shape[1])
    loss = functional.ctc_loss(
        found.transpose(0, 1), wanted, given, sizes, zero_infinity=True, reduction="sum"
    )
    return loss / sizes.sum().clamp(min=1)


def _save(network: Network, pieces: list[Piece], work: Path) -> None:
    """weights.npz: plain layers, and how often each output is seen (the decoder divides by it)."""
    torch.save(network.state_dict(), work / "network.pt")
    layers, seen, count = network.affine_layers(), np.zeros(network.output.out_channels), 0
    with torch.no_grad():
        for _, rows in random.sample(pieces, min(1500, len(pieces))):
            p = network(torch.from_numpy(padded(rows.astype(np.float32))[None])).exp()[0]
            seen += p.sum(0).numpy()
            count += len(p)
    np.savez(work / "weights.npz", prior=(seen / count).astype(np.float32), **layers)
    print("saved; prior of the blank", round(float(seen[0] / count), 3), flush=True)


def train(work: Path, minutes: float, rate: float, resume: bool) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    random.seed(0)
    pieces, batches = _batches(work)
    network = Network(len(Inventory.load(work).phones) + 1)
    sample = np.concatenate([rows.astype(np.float32) for _, rows in pieces[::10]])
    network.mean.copy_(torch.tensor(sample.mean(0)))
    network.std.copy_(torch.tensor(sample.std(0)))
    if resume:
        network.load_state_dict(torch.load(work / "network.pt"))
    hours = sum(len(rows) for _, rows in pieces) / 360_000
    print(len(pieces), "pieces", round(hours, 1), "hours", len(batches), "batches", flush=True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-3, betas=(0.9, 0.98))
    started, step, recent = time.monotonic(), 0, []
    while True:
        random.shuffle(batches)
        for batch in batches:
            done = (time.monotonic() - started) / (60 * minutes)
            if done >= 1:
                _save(network, pieces, work)
                return
            now = rate * min(1.0, (step + 1) / _WARM_UP) * (0.49 * (1 + math.cos(math.pi * done)) + 0.02)
            for group in optimizer.param_groups:
                group["lr"] = now
            network.train()
            loss = _loss(network, batch)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            step += 1
            recent = [*recent[-99:], loss.item()]
            if step % 100 == 0:
                torch.save(network.state_dict(), work / "network.pt")
                print(f"{done:5.1%} step {step} loss a phone {np.mean(recent):.3f}", flush=True)
