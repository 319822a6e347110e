"""Back-test of the forecast on made-up histories whose true rates are known.

    python -m bench.staffing.backtest --weeks 8 --seeds 5 --a-day 300

Each history has topics of unlike size, a rush at opening and after lunch that differ by weekday and topic,
holidays, slow growth, and a random factor a day (some days are simply busier). The forecast is for the week
after it. Printed: WAPE against the true rates (the forecast's own error) and against the callers who came
(which no forecast can bring to zero), per quarter hour and topic, and per quarter hour over all topics;
beside it the mean of the same quarter hour over all weeks and over the last four.
"""

from __future__ import annotations

import argparse
import datetime as dt
import math
import random
import time
from dataclasses import dataclass

from acd.staffing.forecast import Day, Forecast, History, forecast, same_slot_mean, wape

TOPICS = {
    "account": 0.22,
    "access": 0.27,
    "personal-data": 0.1,
    "documents": 0.12,
    "status": 0.14,
    "consultation": 0.08,
    "portal-error": 0.05,
    "mobile-app": 0.02,
}
HOURS = {"sat": (36, 68), "sun": (40, 64), "holiday": (36, 52)}
SIZE = {
    "mon": 1.25,
    "tue": 1.08,
    "wed": 1.0,
    "thu": 0.98,
    "fri": 0.9,
    "sat": 0.4,
    "sun": 0.25,
    "holiday": 0.2,
}
WEEKDAYS = tuple(SIZE)[:7]


@dataclass(frozen=True)
class World:
    """A made-up centre: how busy, how fast it grows, how unlike its days are."""

    a_day: float = 300.0  # callers on a Wednesday
    growth_a_week: float = 0.01
    day_spread: float = 0.08  # standard deviation of the log of a day's factor
    holiday_share: float = 0.04

    def days(self, first: dt.date, count: int, chance: random.Random) -> list[Day]:
        found = []
        for ahead in range(count):
            date = first + dt.timedelta(days=ahead)
            kind = "holiday" if chance.random() < self.holiday_share else WEEKDAYS[date.weekday()]
            low, high = HOURS.get(kind, (32, 80))
            found.append(Day(date, kind, dict.fromkeys(range(low, high), 1.0)))
        return found

    def rate(self, day: Day, slot: int, topic: str, weeks: float) -> float:
        """True expected callers of a quarter hour."""
        late = 0.1 * list(TOPICS).index(topic)
        hour = slot / 4
        morning = math.exp(-((hour - 10.2 - late) ** 2) / 4.5)
        evening = (0.75 if day.kind == "fri" else 1.0) * 0.8 * math.exp(-((hour - 15.5) ** 2) / 5.0)
        opening = 0.8 if slot in (32, 33) and day.kind == "mon" else 0.35 if slot == 32 else 0.0
        shape = (0.15 + morning + evening + opening) / 24
        return self.a_day * SIZE[day.kind] * TOPICS[topic] * shape * math.exp(self.growth_a_week * weeks)


def history(world: World, weeks: int, seed: int, first: dt.date = dt.date(2026, 6, 1)) -> History:
    """A history of so many weeks."""
    chance = random.Random(seed)
    days = world.days(first, 7 * weeks, chance)
    return History(tuple(days), came(world, days, first, chance))


def came(
    world: World, days: list[Day], first: dt.date, chance: random.Random
) -> dict[tuple[dt.date, int, str], int]:
    """Callers of some days, drawn from the true rates and each day's factor."""
    counts = {}
    for day in days:
        factor = math.exp(chance.gauss(0, world.day_spread))
        for slot in day.open:
            for topic in TOPICS:
                rate = world.rate(day, slot, topic, (day.date - first).days / 7) * factor
                if number := poisson(rate, chance):
                    counts[day.date, slot, topic] = number
    return counts


def poisson(mean: float, chance: random.Random) -> int:
    """Knuth's way for small means, the normal one above."""
    if mean > 60:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, chance.random()
    while product > limit:
        count, product = count + 1, product * chance.random()
    return count


def errors(world: World, weeks: int, seed: int) -> dict[str, tuple[float, float, float]]:
    """By method: error per quarter hour and topic against rate, against callers; per quarter hour, rate."""
    first = dt.date(2026, 6, 1)
    past = history(world, weeks, seed, first)
    chance = random.Random(seed + 10_000)
    ahead = world.days(first + dt.timedelta(days=7 * weeks), 7, chance)
    actual = came(world, ahead, first, chance)
    methods = {
        "regression": forecast(past, ahead),
        "same slot, all weeks": same_slot_mean(past, ahead),
        "same slot, 4 weeks": same_slot_mean(past, ahead, weeks=4),
    }
    found = {}
    for name, said in methods.items():
        rates, callers, sums = _pairs(world, said, ahead, actual, first)
        found[name] = (wape(rates), wape(callers), wape(sums))
    return found


def _pairs(
    world: World,
    said: Forecast,
    ahead: list[Day],
    actual: dict[tuple[dt.date, int, str], int],
    first: dt.date,
) -> tuple[list[tuple[float, float]], list[tuple[float, float]], list[tuple[float, float]]]:
    rates: list[tuple[float, float]] = []
    callers: list[tuple[float, float]] = []
    sums: list[tuple[float, float]] = []
    for day in ahead:
        weeks = (day.date - first).days / 7
        for slot in day.open:
            true = [world.rate(day, slot, topic, weeks) for topic in TOPICS]
            told = [said.expected.get((day.date, slot, topic), 0.0) for topic in TOPICS]
            rates += zip(told, true, strict=True)
            callers += zip(told, (actual.get((day.date, slot, t), 0) for t in TOPICS), strict=True)
            sums.append((sum(told), sum(true)))
    return rates, callers, sums


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weeks", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--a-day", type=float, default=300)
    chosen = parser.parse_args()
    world = World(a_day=chosen.a_day)
    started = time.process_time()
    every = [errors(world, chosen.weeks, chosen.first_seed + number) for number in range(chosen.seeds)]
    print(f"{chosen.weeks} weeks, {chosen.a_day:g} callers on a Wednesday, {chosen.seeds} seeds; WAPE")
    print(f"{'':24}{'topic, rate':>14}{'topic, callers':>16}{'all, rate':>12}")
    for name in every[0]:
        rate, callers, whole = (sum(each[name][k] for each in every) / len(every) for k in range(3))
        print(f"{name:24}{rate:14.1%}{callers:16.1%}{whole:12.1%}")
    print(f"CPU {time.process_time() - started:.1f} s")


if __name__ == "__main__":
    main()
