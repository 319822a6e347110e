"""The shipped topics, flows and rules speak of the same things."""

from __future__ import annotations

from pathlib import Path

import yaml

from acd.rules_file import load
from ivr.dialog import flow
from ivr.dialog.model import Queue

CONFIG = Path(__file__).parents[3] / "config"


def test_topics_and_rules_agree():
    shipped = yaml.safe_load((CONFIG / "topics.yaml").read_text("utf-8"))
    assert len(shipped["topics"]) == 8
    assert all(names["ru"] and names["en"] for names in shipped["topics"].values())
    _, rules = load(CONFIG / "rules.yaml")
    assert set(rules.topics) <= set(shipped["topics"])
    queues = {node.queue for node in flow.load(CONFIG / "flows").nodes.values() if isinstance(node, Queue)}
    assert queues == set(rules.queues), "what an administrator says of a queue applies to its callers"
