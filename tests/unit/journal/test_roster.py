"""The roster's faults, each with file and line; and the roster that ships."""

from __future__ import annotations

from pathlib import Path

import pytest

from acd.service import roster
from acd.service.roster import RosterError

CONFIG = Path(__file__).parents[3] / "config"


def test_the_shipped_roster() -> None:
    found = roster.load(CONFIG / "agents.yaml")
    assert sorted(found.agents) == ["2001", "2002", "2003", "2004", "2005", "2006"]
    topics = {topic for agent in found.agents.values() for topic in agent.skills}
    for language in ("ru", "en"):
        served = {t for a in found.agents.values() if language in a.languages for t in a.skills}
        assert served == topics, f"somebody speaks {language} on every topic"


def test_what_is_left_out_takes_its_default() -> None:
    entry = roster.parse("agents:\n- {id: 2009, skills: {access: 1}}\n").entries[0]
    assert (entry.agent.name, entry.agent.endpoint) == ("2009", "PJSIP/2009")
    assert entry.agent.languages == ("ru",) and entry.status == "logged_out"
    assert entry.agent.chats == -1, "as many as the rules say"
    assert roster.parse("agents:\n- {id: a, skills: {t: 1}, chats: 0}\n").entries[0].agent.chats == 0
    assert roster.parse("").entries == ()


@pytest.mark.parametrize(
    ("text", "line", "fault"),
    [
        ("agents: [", 1, "expected"),
        ("- 1\n", 1, "mapping"),
        ("people: []\n", 1, "unknown field 'people'"),
        ("agents: 3\n", 1, "list"),
        ("agents:\n- name: A\n", 2, "without 'id'"),
        ("agents:\n- id: 'a b'\n  skills: {t: 1}\n", 2, "'id' cannot be"),
        ("agents:\n- id: a\n", 2, "without 'skills'"),
        ("agents:\n- id: a\n  skills:\n    t: 4\n", 4, "is 1, 2 or 3"),
        ("agents:\n- id: a\n  skills:\n    t: true\n", 4, "is 1, 2 or 3"),
        ("agents:\n- id: a\n  skills:\n    tt: 1\n", 4, "unknown topic 'tt'"),
        ("agents:\n- id: a\n  skills:\n    t: 1\n    t: 2\n", 5, "stands twice"),
        ("agents:\n- id: a\n  skills: {t: 1}\n  status: asleep\n", 4, "'status' is one of"),
        ("agents:\n- id: a\n  skills: {t: 1}\n  languages: ru\n", 4, "list"),
        ("agents:\n- id: a\n  skills: {t: 1}\n  chats: 21\n", 4, "0 to 20, not 21"),
        ("agents:\n- id: a\n  skills: {t: 1}\n  chats: -1\n", 4, "'chats' is how many"),
        ("agents:\n- id: a\n  skills: {t: 1}\n  chats: true\n", 4, "'chats' is how many"),
        ("agents:\n- id: a\n  skills: {t: 1}\n  chats: [2]\n", 4, "'chats' is how many"),
        ("agents:\n- id: a\n  skills: {t: 1}\n  endpoint: 'PJSIP/2001,30'\n", 4, "'endpoint' cannot be"),
        ("agents:\n- id: a\n  skills: {t: 1}\n- id: a\n  skills: {t: 1}\n", 4, "stands in line 2"),
        ("agents:\n- id: a\n  skills:\n    t: 2026-13-45\n", 4, "is 1, 2 or 3, not '2026-13-45'"),
        ("agents:\n- id: a\n  skills:\n    t: !!int xx\n", 4, "tags"),
        ("agents:\n- id: a\n  skills:\n    t: !!foo 3\n", 4, "tags"),
        ("agents:\n- id: a\n  skills: {t: 1}\n  chats: " + "1" * 5_000, 4, "'chats' is how many"),
        ("agents:\n- id: a\n  skills: {t: 1}\n  status: 2026-02-30\n", 4, "'status' is one of"),
        ('agents:\n- id: a\n  skills: {t: 1}\n  name: "\\ud800"\n', 4, "'name' cannot be"),
        ("agents:\n- " + "[" * 3_000 + "]" * 3_000, 2, "nested too deeply"),
        ("agents: &a\n- *a\n", 1, "an agent is to be a mapping"),
        ("agents:\n- &x {id: a, skills: *x}\n", 2, "unknown topic 'id'"),
        ("agents: []\n\x00", 2, "a character that no text has: 0x00"),
    ],
)
def test_a_fault_is_named_with_its_line(text: str, line: int, fault: str) -> None:
    with pytest.raises(RosterError) as caught:
        roster.parse(text, "agents.yaml", {"t"})
    first = str(caught.value).splitlines()[0]
    assert first.startswith(f"agents.yaml:{line}: ") and fault in first


def test_colleagues_may_share_their_skills() -> None:
    found = roster.parse("agents:\n- {id: a, skills: &all {t: 1, u: 3}}\n- {id: b, skills: *all}\n")
    assert found.agents["a"].skills == found.agents["b"].skills == {"t": 1, "u": 3}


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "agents.yaml"
    file.write_text("agents:\n- id: a\n- {id: b, skills: {t: 9}}\n", "utf-8")
    with pytest.raises(RosterError) as caught:
        roster.load(file)
    assert len(str(caught.value).splitlines()) == 2
    with pytest.raises(RosterError, match="No such file"):
        roster.load(tmp_path / "absent.yaml")
