"""How true the engine's wait estimates are, on the benchmark's delayed probe callers.

``PYTHONPATH=.:PATH_OF_ACDSIM python -m bench.router.estimates [--scenario a,b,c,e,f,g] [--seeds 4]``

One caller in ten is a probe who never hangs up. When a probe joins, the engine is asked what it would tell
him; the answer is compared with what he then waited. As in ``sim.ewt``, only probes who wait more than 8 s
and come after the first quarter of an hour count.
"""

from __future__ import annotations

import argparse
from typing import Any

from sim.engine import Engine as Simulation
from sim.scenarios import build

from bench.router.acdsim_adapter import QUEUE, EngineRouter

WARM_S = 900
DELAYED_S = 8.0
TARGET_S = 120.0
NOBODY_S = 600.0  # nobody on duty: the caller is told so, and no time; sim.ewt counts it so too


class Asker:
    """A predictor hook of the simulator: asks at the probe's arrival, before he is queued."""

    def __init__(self, router: EngineRouter, probes: list[bool]) -> None:
        self.router = router
        self.probes = probes
        self.said: dict[int, tuple[float, float, float, float]] = {}
        self.waited: dict[int, float] = {}

    def setup(self, _ctx: Any) -> None:
        pass

    def on_arrival(self, now: float, call: Any) -> None:
        if self.probes[call.id] and not call.transfers:
            router = self.router
            topic, language = router.skills[call.skill], router.langs[call.lang]
            view = router.engine.estimate(topic, language, QUEUE, call.priority)
            likely = view.likely_ms / 1000 if view.servable else NOBODY_S
            self.said[call.id] = (now, view.low_ms / 1000, likely, view.high_ms / 1000)

    def on_answer(self, now: float, call: Any, _agent: Any) -> None:
        if not call.transfers and call.id in self.said:
            self.waited[call.id] = now - call.arrival

    def on_abandon(self, now: float, call: Any) -> None:
        pass


def rows(scenario: str, seed: int, quick: bool = False) -> list[tuple[float, float, float, float]]:
    """(waited, low, likely, high) in seconds for each delayed probe."""
    built = build(scenario, seed, quick, probe=0.10)
    router = EngineRouter()
    asker = Asker(router, built.probe)
    Simulation(built, router, predictors=[asker]).run()
    return [
        (asker.waited[call], low, likely, high)
        for call, (when, low, likely, high) in asker.said.items()
        if call in asker.waited and asker.waited[call] > DELAYED_S and when >= built.open + WARM_S
    ]


def report(name: str, found: list[tuple[float, float, float, float]]) -> None:
    count = len(found)
    errors = [likely - waited for waited, _, likely, _ in found]
    rmse = (sum(error * error for error in errors) / count) ** 0.5
    mae = sum(map(abs, errors)) / count
    inside = sum(low <= waited <= high for waited, low, _, high in found) / count
    over = sum((likely > TARGET_S) == (waited > TARGET_S) for waited, _, likely, _ in found) / count
    width = sum(high - low for _, low, _, high in found) / count
    mean = sum(row[0] for row in found) / count
    print(
        f"{name:4} probes {count:5}  mean wait {mean:6.1f} s  RMSE {rmse:5.1f}  MAE {mae:5.1f}  "
        f"bias {sum(errors) / count:+5.1f}  in range {100 * inside:5.1f} %  width {width:5.0f} s  "
        f"over 120 s right {100 * over:5.1f} %"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", default="a,b,c,e,f,g")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--seed0", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    everything: list[tuple[float, float, float, float]] = []
    for scenario in options.scenario.split(","):
        found = []
        for seed in range(options.seed0, options.seed0 + options.seeds):
            found += rows(scenario, seed, options.quick)
        report(scenario, found)
        everything += found
    report("all", everything)


if __name__ == "__main__":
    main()
