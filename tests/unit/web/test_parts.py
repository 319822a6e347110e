"""Small parts of the web without a socket."""

from __future__ import annotations

import re
from pathlib import Path

from acd.contract import CallView, Snapshot, TodayView
from web.app import DASHBOARD, ENDPOINTS
from web.gate import FailedAttempts
from web.glance import Glance
from web.live import MAX_CALLS, _differs, _Viewer, live_of
from web.openapi import document


def floor(now_ms: int = 1_000, calls: int = 0, longest_ms: int = 0) -> Snapshot:
    return Snapshot(
        now_ms,
        tuple(CallView(f"c{n}", "q", "status", "ru", "queued", 1_000 - n) for n in range(calls)),
        (),
        TodayView(0, 0, 0, 0, 0, calls, longest_ms, 0, None),
    )


# ------------------------------------------------------------------------------------ failed attempts
def test_attempts_are_counted_by_address_and_forgotten_after_a_minute() -> None:
    attempts = FailedAttempts(limit=3, window_s=60)
    assert [attempts.failed("a", now_s) for now_s in (0, 1, 2, 3, 4)] == [False, False, False, True, True]
    assert not attempts.failed("b", 4)
    assert not attempts.failed("a", 60)


def test_a_flood_of_addresses_takes_no_more_memory() -> None:
    attempts = FailedAttempts()
    for n in range(12_000):
        attempts.failed(f"10.0.{n}", 0)
    assert len(attempts._counts) == 10_000


# ---------------------------------------------------------------------------------------- live states
def test_time_alone_is_no_new_state() -> None:
    before, later = live_of(floor(1_000, 2, 500)), live_of(floor(2_000, 2, 1_500))
    assert not _differs(before, later)
    assert _differs(before, live_of(floor(1_000, 3, 500)))


def test_a_crowd_is_cut_to_the_oldest_and_counted() -> None:
    live = live_of(floor(1_000, MAX_CALLS + 50))
    assert (len(live.calls), live.calls_total) == (MAX_CALLS, MAX_CALLS + 50)
    assert live.calls[0].first_queued_ms == min(call.first_queued_ms for call in live.calls)


async def test_a_slow_viewer_skips_states_and_keeps_only_the_last() -> None:
    viewer = _Viewer()
    for n in range(1_000):
        viewer.show(b"%d" % n)
    assert await viewer.next(1) == b"999"
    assert await viewer.next(0.01) == b""
    viewer.leave()
    assert await viewer.next(1) is None


def test_a_glance_serves_all_who_ask_within_a_moment() -> None:
    looks: list[int] = []
    now_s = [0.0]

    def look() -> Snapshot:
        looks.append(1)
        return floor()

    glance = Glance(look, keep_s=0.2, clock_s=lambda: now_s[0])
    glance()
    glance()
    now_s[0] = 0.2
    glance()
    assert len(looks) == 2


# ------------------------------------------------------------------------------------------- OpenAPI
def test_every_reference_in_the_document_leads_somewhere() -> None:
    spec = document(ENDPOINTS, "1")
    references = set(re.findall(r"'\$ref': '([^']+)'", str(spec)))
    assert references
    for reference in references:
        assert reference.removeprefix("#/components/schemas/") in spec["components"]["schemas"]


def test_every_endpoint_is_in_the_document_once() -> None:
    spec = document(ENDPOINTS, "1")
    operations = [operation for path in spec["paths"].values() for operation in path.values()]
    assert len(operations) == len(ENDPOINTS) == len({each["operationId"] for each in operations})
    for operation in operations:
        assert {"400", "401", "403", "422", "503"} <= set(operation["responses"])


# --------------------------------------------------------------------------------------------- pages
def test_both_languages_of_the_page_have_the_same_words_and_the_page_uses_no_others() -> None:
    source = (DASHBOARD / "words.js").read_text("utf-8")
    russian, english = source.split("\n  en: {", 1)
    words = [set(re.findall(r"^    (\w+): ", part, re.M)) for part in (russian, english)]
    assert words[0] == words[1]
    used = set(re.findall(r'data-text="(\w+)"', (DASHBOARD / "index.html").read_text("utf-8")))
    for script in ("app.js", "view.js"):
        used |= set(re.findall(r'\bword\("(\w+)"', (DASHBOARD / script).read_text("utf-8")))
    assert used <= words[0]


def test_the_page_asks_nobody_but_its_own_server() -> None:
    for file in Path(DASHBOARD).iterdir():
        found = re.findall(r"(?:https?:)?//[\w.-]+\.\w{2,}", file.read_text("utf-8"))
        assert [each for each in found if each != "http://www.w3.org"] == [], file.name
