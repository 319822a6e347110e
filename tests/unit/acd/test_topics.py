"""The shipped topics and rules speak of the same things."""

from __future__ import annotations

from pathlib import Path

import yaml

from acd.rules_file import load

CONFIG = Path(__file__).parents[3] / "config"


def test_topics_and_rules_agree():
    shipped = yaml.safe_load((CONFIG / "topics.yaml").read_text("utf-8"))
    assert len(shipped["topics"]) == 8
    assert all(names["ru"] and names["en"] for names in shipped["topics"].values())
    _, rules = load(CONFIG / "rules.yaml")
    assert set(rules.topics) <= set(shipped["topics"])
    assert shipped["queue"] in rules.queues
