"""A queue has one name: a caller is told of the queue in which he would stand, strange names are found."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from acd.contract import AgentDefined, AgentStatusDeclared, CallQueued, OfferAccepted, RulesLoaded
from acd.core.engine import Engine
from dozvon.check import faults
from dozvon.queues import strangers
from dozvon.settings import Settings, load

ROOT = Path(__file__).resolve().parents[3]
START = 1_790_000_000_000


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    monkeypatch.setenv("DOZVON_CONFIG", str(tmp_path / "config"))
    return load()


def of_rules(settings: Settings, old: str, new: str) -> list[str]:
    file = settings.config / "rules.yaml"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")
    found = list(strangers(settings))
    assert all(severity == "warning" for severity, _ in found)
    return [text for _, text in found]


def test_the_shipped_names_agree(settings: Settings) -> None:
    assert list(strangers(settings)) == []


def test_a_rule_for_a_queue_that_no_flow_leads_to(settings: Settings) -> None:
    found = of_rules(settings, "  main: {}\n", "  hotline: {}\n")
    assert len(found) == 2
    assert found[0].startswith("queue.yaml:") and "rules.yaml has no queue 'main', it has hotline" in found[0]
    line = 1 + (settings.config / "rules.yaml").read_text("utf-8").splitlines().index("  hotline: {}")
    assert found[1] == f"{settings.config / 'rules.yaml'}:{line}: no flow leads to queue 'hotline'"
    assert [text for severity, text in faults(settings) if text in found] == found


def test_a_queue_to_overflow_into_needs_no_flow_and_no_rule_is_a_rule_for_all(settings: Settings) -> None:
    spare = "  main: {overflow: {to: spare, after_s: 60}}\n  spare: {skills: regional}\n"
    assert of_rules(settings, "  main: {}\n", spare) == []
    assert of_rules(settings, spare, "  {}\n") == []


def test_an_estimate_is_of_the_queue_asked_for() -> None:
    engine = Engine()
    overflow = {"main": {"overflow": {"to": "spare", "after_s": 60}}, "spare": {"skills": "regional"}}
    engine.step(RulesLoaded("1", {"queues": overflow}), START)
    engine.step(AgentDefined("a", "A", "PJSIP/a", {"regional/access": 3}), START)
    engine.step(AgentStatusDeclared("a", "available"), START)
    assert engine.estimate("access", "ru", "main").servable, "by overflow"
    assert not engine.estimate("access", "ru", "other").servable
    (offer,) = engine.step(CallQueued("c0", "n1", "spare", "access"), START)
    engine.step(OfferAccepted(offer.offer_id, "c0", "a"), START)  # type: ignore[attr-defined]
    for number in range(12):
        engine.step(CallQueued(f"c{number + 1}", "n1", "main", "access"), START)
    before = engine.estimate("access", "ru", "main")
    engine.step(CallQueued("me", "n1", "main", "access"), START)
    assert engine.wait_of("me") == before, "who then joins is told the same"
