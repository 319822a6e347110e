"""Erlang A against the production engine: one topic, exponential times, the same centre in both.

    python -m bench.staffing.against_engine --hours 300

"in order" is the engine without early rescue and without the set-back of late callers, which is Erlang A's
centre; "rules" is the engine with its usual weights, which answers more callers in time with the same agents.
"""

from __future__ import annotations

import argparse
import datetime as dt

from acd.contract import AgentDefined, RulesLoaded
from acd.staffing.erlang import waiting
from acd.staffing.past import Handling
from acd.staffing.plan import Duty, Goal, plan
from acd.staffing.trial import trial

HOUR_MS = 3_600_000
START_MS = 1_800_000_000_000 // HOUR_MS * HOUR_MS
CENTRES = ((6, 36), (6, 54), (6, 72), (6, 90), (40, 480), (40, 540))  # agents, callers an hour
TALK_S, PATIENCE_S, TARGET_S = 270, 300.0, 120.0
RULES = {
    "in order": RulesLoaded("1", {"wrap_up_s": 0, "weights": {"late_s": 0, "rescue_s": 0}}),
    "rules": RulesLoaded("1", {"wrap_up_s": 0}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    handling = Handling({"t": (TALK_S * 1000,)}, {"t": 0.0}, 0.0, PATIENCE_S, exponential=True)
    day, end_ms = dt.date(2027, 1, 15), START_MS + chosen.hours * HOUR_MS
    goal = Goal(TARGET_S, 0.9)
    print(f"{chosen.hours} h each; answered in {TARGET_S:g} s / hung up")
    print(f"{'agents':>6}{'callers/h':>10}{'Erlang A':>18}{'in order':>18}{'rules':>18}")
    for agents, an_hour in CENTRES:
        crew = tuple(AgentDefined(f"a{n}", f"A{n}", f"PJSIP/a{n}", {"t": 3}) for n in range(agents))
        duty = Duty(day, "always", START_MS, end_ms, crew)
        expected = {"t": an_hour / 4}
        intervals = plan([(day, START_MS, end_ms)], lambda *_, each=expected: each, [duty], handling, goal)
        said = waiting(an_hour / 3600, TALK_S, agents, PATIENCE_S, TARGET_S)
        cells = [f"{said.in_time:.1%} / {said.abandons:.1%}"]
        for rules in RULES.values():
            done = trial(intervals, [duty], handling, goal, rules, 1, chosen.seed)
            offered, good = done.by_topic["t"]
            cells.append(f"{good / offered:.1%} / {done.abandoned:.1%}")
        print(f"{agents:6}{an_hour:10}" + "".join(f"{cell:>18}" for cell in cells))


if __name__ == "__main__":
    main()
