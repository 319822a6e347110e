"""What a journal tells of its callers is what the engine made of them: the figures that were shown."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from click.testing import CliRunner

from acd.contract import (
    AgentDefined,
    AgentStatusDeclared,
    CallbackRequested,
    CallEnded,
    CallLeft,
    CallQueued,
    Command,
    Event,
    NodeLost,
    OfferAccepted,
    OfferCall,
    OfferTimedOut,
    PlaceCallback,
    RulesLoaded,
    Tick,
    WrapUpFinished,
)
from acd.core.engine import Engine
from acd.journal import recorded, what_if
from acd.journal.archive import Archive
from acd.journal.codec import encode
from acd.journal.recorded import Figures, Recording
from acd.journal.stream import Entry
from acd.journal.what_if import Variant
from dozvon.commands.replay import cli

START_MS = 1_790_000_000_000
TARGET_MS = 120_000


class Centre:
    """One agent at node n1, on a break; every fact goes to a live engine and into a journal."""

    def __init__(self, agents: int = 1) -> None:
        self.engine = Engine()
        self.now_ms = START_MS
        self.entries: list[Entry] = []
        for number in range(1, agents + 1):
            self.tell(0, AgentDefined(f"a{number}", "A", f"PJSIP/a{number}", {"t": 2}))
            self.tell(0, AgentStatusDeclared(f"a{number}", "on_break"))

    def tell(self, after_s: float, event: Event) -> list[Command]:
        self.now_ms += int(after_s * 1000)
        self.entries.append(Entry(f"{self.now_ms}-{len(self.entries)}", encode(event)))
        return self.engine.step(event, self.now_ms)

    def queue(
        self, after_s: float, call_id: str, node: str = "n1", ref: str = "", place_s: float = 0
    ) -> None:
        """``place_s``: so long ago the caller was queued first."""
        place_ms = self.now_ms + int((after_s - place_s) * 1000)
        self.tell(after_s, CallQueued(call_id, node, "main", "t", caller_ref=ref, first_queued_ms=place_ms))

    def answer(self, after_s: float) -> str:
        """The agent is ready and answers three seconds later."""
        made = self.tell(after_s, AgentStatusDeclared("a1", "available"))
        (offer,) = [each for each in made if isinstance(each, OfferCall)]
        self.tell(3, OfferAccepted(offer.offer_id, offer.call_id, "a1"))
        return offer.call_id

    def recording(self, from_ms: int = 0) -> Recording:
        return recorded.read(self.entries, from_ms)

    def agree(self) -> Figures:
        """The figures of the record, which are those that were shown live."""
        recording = self.recording()
        found = recorded.figures("x", recorded.as_it_was(recording), TARGET_MS, 900_000)
        live = self.engine.today.counts
        assert (found.offered, found.answered, found.in_target, found.abandoned, found.other) == tuple(
            live[name] for name in ("offered", "answered", "answered_in_target", "abandoned", "other")
        ), live
        assert round(found.asa_s * 1000 * found.answered) == live["waited_ms"]
        return found


@pytest.mark.parametrize("before", [True, False])
def test_callers_of_a_lost_node_that_another_took_over(before: bool) -> None:
    centre = Centre()
    for number in range(3):
        centre.queue(1, f"c{number}")
    if not before:
        centre.tell(5, NodeLost("n1"))
        assert centre.agree().other == 3, "so far they are gone"
    for number in range(3):
        centre.queue(1, f"c{number}", "n2", place_s=10)
    if before:
        centre.tell(5, NodeLost("n1"))
    for _ in range(3):
        centre.tell(9, CallEnded(centre.answer(2), "a1"))
        centre.tell(0, AgentStatusDeclared("a1", "on_break"))
        centre.tell(0, WrapUpFinished("a1"))
    found = centre.agree()
    assert (found.offered, found.answered, found.in_target, found.other) == (3, 3, 3, 0)
    assert {call.talk_ms for call in centre.recording().calls} == {9_000}


def test_a_kept_place_counts_from_its_beginning() -> None:
    centre = Centre()
    centre.queue(0, "c1", ref="anna")
    centre.tell(110, CallLeft("c1", "abandoned"))
    centre.queue(20, "c2", ref="anna")
    centre.tell(4, CallEnded(centre.answer(10), "a1"))
    found = centre.agree()
    assert (found.answered, found.in_target, found.asa_s) == (1, 0, 143.0)
    again = recorded.figures("x", what_if.simulate(centre.recording(), Variant("again")), TARGET_MS, 900_000)
    assert (again.answered, again.in_target, again.asa_s) == (1, 0, 143.0)


def test_one_with_a_kept_place_who_hangs_up_does_so_at_his_time_in_a_variant_too() -> None:
    centre = Centre()
    centre.queue(0, "c1", place_s=100)
    centre.tell(30, CallLeft("c1", "abandoned"))
    centre.tell(40, AgentStatusDeclared("a1", "available"))
    (fate,) = what_if.simulate(centre.recording(), Variant("again"))
    assert (fate.outcome, fate.waited_ms) == ("abandoned", 130_000)


def test_a_conversation_in_which_they_never_met_is_no_answer() -> None:
    centre = Centre()
    centre.queue(0, "c1")
    assert centre.answer(2) == "c1"
    centre.tell(0, CallEnded("c1", "a1", "failed"))
    centre.queue(0, "c1~2", place_s=5)
    centre.tell(60, CallLeft("c1~2", "abandoned"))
    first, second = centre.recording().calls
    assert not first.answered and first.left is not None and first.left.outcome == "failed"
    assert first.talk_ms == -1, "nobody talked"
    assert second.waited_ms == 65_000
    found = recorded.figures("x", recorded.as_it_was(centre.recording()), TARGET_MS, 900_000)
    assert (found.offered, found.answered, found.abandoned, found.other) == (2, 0, 1, 1)


def test_who_is_told_again_in_a_period_is_not_of_it_unless_he_came_in_it() -> None:
    centre = Centre()
    centre.queue(0, "early")
    centre.queue(60, "late")
    from_ms = centre.now_ms
    centre.queue(1, "early", "n2", place_s=61)
    centre.queue(1, "late", "n2", place_s=2)
    centre.tell(1, CallLeft("late", "abandoned"))
    centre.queue(1, "late", "n2", place_s=4)  # too late: his end is known
    (call,) = centre.recording(from_ms).calls
    assert (call.queued.call_id, call.waited_ms) == ("late", 3_000)


def test_a_customer_who_is_called_back_is_not_offered_again() -> None:
    centre = Centre()
    centre.queue(0, "c1", ref="anna")
    centre.tell(5, CallbackRequested("b1", "c1", "n1", "main", "t", caller_ref="anna"))
    (order,) = centre.tell(5, AgentStatusDeclared("a1", "available"))
    assert isinstance(order, PlaceCallback)
    centre.queue(5, "b1", ref="anna", place_s=15)
    centre.tell(3, OfferAccepted(order.offer_id, "b1", "a1"))
    centre.tell(9, CallEnded("b1", "a1"))
    found = centre.agree()
    assert (found.offered, found.answered, found.other) == (1, 0, 1)


def test_who_talked_when_the_journal_was_emptied() -> None:
    centre = Centre()
    centre.tell(5, OfferAccepted("o1", "c1", "a1"))
    centre.queue(1, "c1", place_s=60)
    centre.tell(9, CallEnded("c1", "a1"))
    found = centre.agree()
    assert (found.offered, found.answered) == (1, 1)


@pytest.mark.parametrize("seed", range(6))
def test_a_rough_day_is_counted_as_it_was_shown(seed: int) -> None:
    """Nodes are lost and come back, calls drop and are dialled anew, phones ring in vain."""
    chance = random.Random(seed)
    centre = Centre(agents=3)
    engine = centre.engine
    for number in range(1_200):
        live = [call for call in engine.calls.values() if not call.callback]
        waiting = [call for call in live if call.state != "connected"]
        talking = [call for call in live if call.state == "connected"]
        offers = list(engine.offers.values())
        agent = f"a{chance.randint(1, 3)}"
        after_s, node, dice = chance.random() * 20, chance.choice(("n1", "n2")), chance.random()
        if dice < 0.3:
            centre.queue(after_s, f"c{number}", node, f"ref{chance.randint(1, 30)}")
        elif dice < 0.5 and offers:
            offer = chance.choice(offers)
            report = OfferTimedOut if chance.random() < 0.2 else OfferAccepted
            centre.tell(after_s, report(offer.offer_id, offer.call_id, offer.agent_id))
        elif dice < 0.6 and talking:
            call = chance.choice(talking)
            centre.tell(after_s, CallEnded(call.call_id, call.agent_id))
        elif dice < 0.7 and waiting:
            outcome = chance.choice(("abandoned", "abandoned", "overflowed", "transferred"))
            centre.tell(after_s, CallLeft(chance.choice(waiting).call_id, outcome))
        elif dice < 0.8 and waiting:
            call = chance.choice(waiting)
            about = {"first_queued_ms": call.place_ms, "caller_ref": call.caller_ref}
            centre.tell(after_s, CallQueued(call.call_id, node, "main", "t", **about))
        elif dice < 0.83 and waiting:
            call = chance.choice(waiting)
            wish = CallbackRequested(f"b{number}", call.call_id, node, "main", "t", "ru", call.caller_ref)
            centre.tell(after_s, wish)
        elif dice < 0.86:
            lost = [call for call in waiting if call.node == node]
            centre.tell(after_s, NodeLost(node))
            for call in lost:
                if chance.random() < 0.7:
                    told = CallQueued(call.call_id, "n1", "main", "t", first_queued_ms=call.place_ms)
                    centre.tell(chance.random() * 3, told)
        elif dice < 0.95:
            centre.tell(
                after_s, AgentStatusDeclared(agent, chance.choice(("available", "available", "on_break")))
            )
        else:
            centre.tell(after_s, Tick())
        live_now = [call for call in engine.calls.values() if not call.callback]
        recording = recorded.read(centre.entries) if number % 120 == 119 else None
        if recording is not None:
            waits = sum(not call.answered and call.left is None for call in recording.calls)
            assert waits == sum(call.state != "connected" for call in live_now)
    found = recorded.figures("x", recorded.as_it_was(centre.recording()), TARGET_MS, 900_000)
    shown = engine.today.counts
    waits = sum(call.state != "connected" and not call.callback for call in engine.calls.values())
    assert found.answered == shown["answered"] > 20 and found.in_target == shown["answered_in_target"]
    assert found.abandoned == shown["abandoned"] and found.offered == shown["offered"]
    assert found.other - waits == shown["other"] > 20
    assert round(found.asa_s * 1000 * found.answered) == shown["waited_ms"]


def test_the_target_is_that_of_the_recorded_rules(tmp_path: Path) -> None:
    centre = Centre()
    centre.tell(0, RulesLoaded("1", {"target_s": 20}))
    centre.queue(0, "c1")
    centre.answer(30)
    assert centre.recording().targets_ms == [120_000, 20_000]
    archive = Archive(tmp_path / "journal")
    archive.add(centre.entries)
    shown = CliRunner().invoke(cli, [str(file) for file in archive.files()])
    assert shown.exit_code == 0 and "answered in 20 s" in shown.stdout
    assert "target changed in that period (120 s, 20 s)" in shown.stderr
