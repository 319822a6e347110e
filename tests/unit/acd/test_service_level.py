"""Each formula, on one day worked out by hand."""

from __future__ import annotations

import pytest

from acd.core.service_level import FORMULAS, Counts, all_levels

# 100 asked; 80 answered, 70 of them in time; 15 gave up: 6 at once, 11 within the target; 5 left a request.
DAY = Counts(100, 80, 70, 15, 6, 11, 5)


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("answered_of_offered", 70 / 100),
        ("answered_of_finished", 70 / 95),
        ("without_short_abandons", 70 / 89),
        ("abandoned_in_target_helped", 81 / 100),
        ("asterisk_servicelevelperf", 70 / 80),
        ("asterisk_servicelevelperf2", 81 / 95),
    ],
)
def test_formula(name, level):
    assert FORMULAS[name].level(DAY) == pytest.approx(level)
    shown = next(each for each in all_levels(DAY) if each.name == name)
    assert shown.version == 1 and shown.level == pytest.approx(level)


def test_nothing_yet_is_no_number():
    assert {each.level for each in all_levels(Counts())} == {None}
