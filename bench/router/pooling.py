"""How far the engine is from full pooling at the speed of service that it reaches.

``PYTHONPATH=.:PATH_OF_ACDSIM python -m bench.router.pooling [--scenario a,b,...] [--seeds 8]``

The benchmark's own pooling bound makes everybody an expert in everything, and so faster than any router can
make him. Here everybody may serve everybody, but each conversation takes as long as the mean one did under
the engine: its calls' levels, and the second conversation after a transfer, set the pace; callers are served
in order. What is missing then is the price of skills alone.
"""

from __future__ import annotations

import argparse

from sim.engine import Engine as Simulation
from sim.metrics import summarise
from sim.model import LEVEL_FACTOR
from sim.routers import LevelFifo
from sim.scenarios import build

from bench.router.acdsim_adapter import EngineRouter


def levels(scenario: str, seed: int) -> tuple[float, float, float]:
    """Share answered in time: of the engine, of the pool at its pace, and that pace (1: all experts)."""
    built = build(scenario, seed)
    found = Simulation(built, EngineRouter()).run()
    done = plain = 0.0
    for call, level in enumerate(found.level):
        if not level:
            continue
        work = built.work[call]
        plain += work
        if found.transferred[call]:
            done += 0.4 * work * LEVEL_FACTOR[level] + built.work2[call]
        else:
            done += work * LEVEL_FACTOR[level]
    pace = done / plain
    pool = build(scenario, seed, pooled=True)
    pool.work = [work * pace for work in pool.work]
    return summarise(found)["sl"], summarise(Simulation(pool, LevelFifo()).run())["sl"], pace


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", default="a,b,c,d,e,f,g")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--seed0", type=int, default=1)
    options = parser.parse_args()
    means = []
    for scenario in options.scenario.split(","):
        count = max(1, options.seeds // 2) if scenario == "d" else options.seeds
        rows = [levels(scenario, seed) for seed in range(options.seed0, options.seed0 + count)]
        engine, pool, pace = (sum(column) / count for column in zip(*rows, strict=True))
        means.append((engine, pool))
        said = f"{scenario:4} engine {engine:5.1f} %  pool {pool:5.1f} %  gap {pool - engine:+5.1f}"
        print(f"{said}  pace {pace:.3f}")
    engine, pool = (sum(column) / len(means) for column in zip(*means, strict=True))
    print(f"mean engine {engine:5.2f} %  pool {pool:5.2f} %  gap {pool - engine:+5.2f}")


if __name__ == "__main__":
    main()
