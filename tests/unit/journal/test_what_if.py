"""A made-up day, recorded and played once more: nobody is lost, and other agents make a difference."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from heapq import heappop, heappush
from pathlib import Path

import pytest
from click.testing import CliRunner

from acd.contract import (
    AgentDefined,
    AgentStatusDeclared,
    CallEnded,
    CallLeft,
    CallQueued,
    Event,
    OfferAccepted,
    OfferCall,
    RulesLoaded,
    Tick,
)
from acd.core.engine import Engine
from acd.journal import comparison, recorded, what_if
from acd.journal.archive import Archive
from acd.journal.codec import encode
from acd.journal.recorded import Recording
from acd.journal.stream import Entry
from acd.journal.what_if import Variant
from dozvon.commands.replay import cli

START_MS = 1_800_000_000_000
TARGET_MS = 120_000
AGENTS = {f"a{n}": AgentDefined(f"a{n}", f"A{n}", f"PJSIP/a{n}", {"t": 2, "u": 2}) for n in range(4)}


def day(calls: int = 150, every_s: float = 55, agents: int = 4, patience_s: float = 400) -> list[Entry]:
    """Entries of a journal: callers at random moments, agents who answer after 2 to 6 s."""
    chance = random.Random(7)
    heap: list[tuple[int, int, Event]] = []
    entries: list[Entry] = []
    connected: set[str] = set()
    engine = Engine()

    def at(when_ms: int, event: Event) -> None:
        heappush(heap, (when_ms, len(heap) + 1000 * len(entries), event))

    for agent in list(AGENTS.values())[:agents]:
        at(START_MS, agent)
        at(START_MS, AgentStatusDeclared(agent.agent_id, "available"))
    now_ms = START_MS + 1
    for number in range(calls):
        now_ms += int(chance.expovariate(1 / every_s) * 1000)
        call_id = f"c{number}"
        at(now_ms, CallQueued(call_id, "n1", "hotline", chance.choice("tu")))
        at(now_ms + int(chance.expovariate(1 / patience_s) * 1000), CallLeft(call_id, "abandoned"))
    while heap:
        deadline_ms = engine.next_deadline_ms()
        if deadline_ms is not None and deadline_ms < heap[0][0]:
            when_ms, event = max(deadline_ms, engine.now_ms), Tick()
        else:
            when_ms, _, event = heappop(heap)
        if isinstance(event, CallLeft) and event.call_id in connected:
            continue
        if isinstance(event, OfferAccepted):
            if event.offer_id not in engine.offers:
                continue
            connected.add(event.call_id)
            at(when_ms + chance.randint(60_000, 300_000), CallEnded(event.call_id, event.agent_id))
        entries.append(Entry(f"{when_ms}-{len(entries)}", encode(event)))
        for order in engine.step(event, when_ms):
            if isinstance(order, OfferCall):
                ringing_ms = chance.randint(2_000, 6_000)
                at(when_ms + ringing_ms, OfferAccepted(order.offer_id, order.call_id, order.agent_id))
    return entries


@pytest.fixture(scope="module")
def recording() -> Recording:
    return recorded.read(day())


def share(recording: Recording, variant: Variant) -> float:
    found = recorded.figures("x", what_if.simulate(recording, variant), TARGET_MS, 900_000)
    assert found.offered == len(recording.calls) == found.answered + found.abandoned + found.other
    assert found.share is not None
    return found.share


def test_the_record_says_what_was(recording: Recording) -> None:
    entries = day()
    fates = recorded.as_it_was(recording)
    assert len(fates) == 150
    accepted = sum(b'"OfferAccepted"' in entry.data for entry in entries)
    assert sum(fate.outcome == "answered" for fate in fates) == accepted
    assert sum(fate.outcome == "abandoned" for fate in fates) == 150 - accepted > 0
    assert all(2_000 <= call.ring_ms <= 6_000 for call in recording.calls if call.answered)
    assert all(60_000 <= call.talk_ms <= 300_000 for call in recording.calls if call.answered)


def test_the_same_again_is_nearly_the_same(recording: Recording) -> None:
    was = recorded.figures("was", recorded.as_it_was(recording), TARGET_MS, 900_000)
    assert was.share is not None
    assert abs(share(recording, Variant("same")) - was.share) < 0.03
    again = what_if.simulate(recording, Variant("same"))
    assert again == what_if.simulate(recording, Variant("same"))


def test_more_agents_help_and_fewer_do_harm(recording: Recording) -> None:
    same = share(recording, Variant("same"))
    fifth = AgentDefined("a9", "A9", "PJSIP/a9", {"t": 2, "u": 2})
    assert share(recording, Variant("more", agents={**AGENTS, "a9": fifth})) > same
    fewer = {key: AGENTS[key] for key in ("a0", "a1", "a2")}
    assert share(recording, Variant("fewer", agents=fewer)) < same


def test_skills_and_rules_make_a_difference(recording: Recording) -> None:
    same = share(recording, Variant("same"))
    narrow = {
        key: AgentDefined(key, "", agent.endpoint, {"t": 2} if key < "a2" else {"u": 2})
        for key, agent in AGENTS.items()
    }
    assert share(recording, Variant("narrow", skills=narrow)) < same
    slow = RulesLoaded("slow", {"wrap_up_s": 300})
    assert share(recording, Variant("slow", rules=slow)) < same


def test_a_period_and_strange_entries() -> None:
    entries = day()
    middle_ms = entries[len(entries) // 2].time_ms
    part = recorded.read([*entries, Entry("9999999999999-0", b"?")], from_ms=middle_ms)
    assert 0 < len(part.calls) < 150 and part.unreadable == 1
    assert all(call.at_ms >= middle_ms for call in part.calls)
    assert 0 <= share(part, Variant("same")) <= 1


def test_the_page_needs_nothing_else_and_harms_nobody(recording: Recording) -> None:
    from zoneinfo import ZoneInfo

    found = recorded.figures("<script>x", recorded.as_it_was(recording), TARGET_MS, 900_000)
    page = comparison.page([found], 120, ZoneInfo("Europe/Moscow"), ["a & b"])
    assert "<polyline" in page and "<script" not in page and "a &amp; b" in page and "http" not in page
    empty = recorded.figures("none", [], TARGET_MS, 900_000)
    assert empty.share is None and "No callers" in comparison.drawing([empty], ZoneInfo("UTC"))


@pytest.fixture
def run() -> Callable[..., tuple[int, str, str]]:
    def invoke(*arguments: object) -> tuple[int, str, str]:
        result = CliRunner().invoke(cli, [str(each) for each in arguments])
        return result.exit_code, result.stdout, result.stderr

    return invoke


def test_the_command(tmp_path: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    archive = Archive(tmp_path / "journal")
    archive.add(day(calls=40))
    roster = tmp_path / "agents.yaml"
    roster.write_text("agents:\n- {id: a0, skills: {t: 3, u: 3}}\n", "utf-8")
    page = tmp_path / "page.html"
    code, said, _ = run(*archive.files(), "--roster", roster, "--html", page)
    assert code == 0 and "with agents.yaml" in said and "Assumed" in said
    assert "<svg" in page.read_text("utf-8")
    code, said, _ = run(*archive.files(), "--json")
    variants = json.loads(said)["variants"]
    assert code == 0 and [each["name"] for each in variants] == ["as recorded", "same again"]


def test_a_users_mistakes_are_one_line(tmp_path: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    archive = Archive(tmp_path / "journal")
    archive.add(day(calls=3))
    bad = tmp_path / "bad.yaml"
    bad.write_text("agents: 1\n", "utf-8")
    for arguments, text in (
        (["--from", "yesterday"], "is no time"),
        (["--from", "2027-01-02", "--to", "2027-01-01"], "not later"),
        ([*archive.files(), "--roster", bad], "bad.yaml:1:"),
        ([*archive.files(), "--rules", bad], "bad.yaml:1:"),
        ([bad], "nothing is recorded"),
    ):
        code, _, error = run(*arguments)
        assert code == 1 and text in error and len(error.strip().splitlines()) == 1
