"""Flow versions, incidents and answers over HTTP, on real flow files, texts and the real desk."""

from __future__ import annotations

import shutil
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from desk.contract import Interaction
from desk.helped import answers_helped
from dozvon import hotline as reference
from dozvon.changes import Changes
from dozvon.selfservice import FlowOffice, IncidentOffice
from dozvon.settings import ROOT, Settings
from ivr.flow_store import FlowStore
from ivr.hotline import Hotline
from ivr.prompts.voice import CatalogueVoice

from .conftest import Site, open_site

HOUR_MS = 3_600_000
OUTAGE = {
    "number": "4071",
    "topics": ["portal-error"],
    "text": {"ru": "На портале сбой.", "en": "The portal is down."},
}


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> CatalogueVoice:
    return reference.make_voice(Settings(home=tmp_path_factory.mktemp("voice")))


@dataclass
class Centre:
    site: Site
    settings: Settings
    hotline: Hotline
    changes: Changes

    @property
    def flow_file(self) -> Path:
        return self.settings.config / "flows" / "main.yaml"

    def edit(self, change: Callable[[str], str]) -> None:
        self.flow_file.write_text(change(self.flow_file.read_text("utf-8")), "utf-8")

    async def audited(self, subject: str) -> list[tuple[str, str]]:
        status, page = await self.site.get(f"/api/v1/audit?subject={subject}")
        assert status == 200
        return [(line["action"], line["actor"]) for line in page["items"]]


@pytest.fixture
async def centre(tmp_path: Path, voice: CatalogueVoice) -> AsyncIterator[Centre]:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    settings = Settings(home=tmp_path / "home", config=tmp_path / "config")
    store = reference.make_flow_store(settings, lambda: voice.catalogue)
    hotline = Hotline(store, reference.schedules(settings))
    changes = Changes(settings, hotline, voice, None)  # type: ignore[arg-type]  # no agents, no rules here
    flow, incidents = FlowOffice(settings, store, changes), IncidentOffice(settings)
    async with open_site(tmp_path, flow=flow, incidents=incidents) as site:
        yield Centre(site, settings, hotline, changes)


def versions(body: Any) -> list[tuple[str, bool, int]]:
    return [(each["version"], each["current"], each["calls"]) for each in body["items"]]


# ------------------------------------------------------------------------------------------------- flow
async def test_a_changed_flow_is_taken_and_taken_back(centre: Centre) -> None:
    store, site = centre.hotline.store, centre.site
    first = store.current.version
    store.call_began(first)
    _, before = await site.get("/api/v1/flow", role="supervisor")
    assert versions(before) == [(first, True, 1)]
    assert before["archived"] == [first]

    centre.edit(lambda text: text + "\n# a word more\n")
    status, after, _ = await site.ask("POST", "/api/v1/flow/reload")
    second = store.current.version
    assert status == 200 and second != first
    assert versions(after) == [(first, False, 1), (second, True, 0)]
    assert await centre.audited(f"flow:{second}") == [("reloaded", "admin")]

    status, back, _ = await site.ask("POST", "/api/v1/flow/rollback", json={})
    assert status == 200 and store.current.version == first
    assert {each for each in versions(back) if each[1]} == {(first, True, 1)}
    assert await centre.audited(f"flow:{first}") == [("rolled back", "admin")]

    status, _, _ = await site.ask("POST", "/api/v1/flow/rollback", json={"version": second})
    assert status == 200 and store.current.version == second


async def test_a_faulty_flow_is_refused_with_file_and_line(centre: Centre) -> None:
    version = centre.hotline.store.current.version
    centre.edit(lambda text: text.replace("next: known", "next: nowhere"))
    status, problem, _ = await centre.site.ask("POST", "/api/v1/flow/reload")
    assert (status, problem["type"]) == (422, "urn:dozvon:problem:refused")
    line = centre.flow_file.read_text("utf-8").splitlines().index("  welcome:") + 1
    first = next(fault for fault in problem["errors"] if "nowhere" in fault["what"])
    assert first["where"] == f"main.yaml:{line}"
    assert centre.hotline.store.current.version == version
    assert versions((await centre.site.get("/api/v1/flow"))[1]) == [(version, True, 0)]


async def test_a_reload_in_the_middle_of_another_is_refused(centre: Centre) -> None:
    async with centre.changes._one_at_a_time:
        status, problem, _ = await centre.site.ask("POST", "/api/v1/flow/reload")
    assert (status, problem["type"]) == (409, "urn:dozvon:problem:busy")
    assert (await centre.site.ask("POST", "/api/v1/flow/reload"))[0] == 200


@pytest.mark.parametrize(
    ("body", "expected"),
    [({"version": "0123abcd"}, 404), ({}, 404), ({"version": "../x"}, 422), ({"to": "x"}, 422)],
)
async def test_an_unknown_version_changes_nothing(centre: Centre, body: Any, expected: int) -> None:
    version = centre.hotline.store.current.version
    assert (await centre.site.ask("POST", "/api/v1/flow/rollback", json=body))[0] == expected
    assert centre.hotline.store.current.version == version


async def test_a_version_of_an_earlier_start_can_be_had_back(centre: Centre) -> None:
    first = centre.hotline.store.current.version
    centre.edit(lambda text: text + "\n# another\n")
    texts = centre.settings
    fresh = FlowStore(texts.config / "flows", archive=texts.home / "flows")  # as after a restart
    office = FlowOffice(texts, fresh, centre.changes)
    assert fresh.current.version != first
    await office.rollback("")
    assert fresh.current.version == first


# -------------------------------------------------------------------------------------------- incidents
async def test_an_incident_is_told_until_it_is_over(centre: Centre) -> None:
    site = centre.site
    board = reference.make_incidents(centre.settings, lambda why: pytest.fail(why))
    now_ms = time.time_ns() // 1_000_000
    until_ms = (now_ms // 1000 + 3600) * 1000
    body = {**OUTAGE, "until_ms": until_ms}
    status, made, _ = await site.ask("POST", "/api/v1/incidents", "supervisor", json=body)
    assert status == 201
    assert made == {**OUTAGE, "expected_ms": 0, "until_ms": until_ms}
    assert (await site.get("/api/v1/incidents", role="agent"))[1] == {"items": [made]}
    assert [each.incident_id for each in board("portal-error", now_ms)] == ["4071"]
    assert board("access", now_ms) == ()
    assert board("portal-error", now_ms + HOUR_MS + 1000) == ()

    again = {**OUTAGE, "topics": []}
    assert (await site.ask("POST", "/api/v1/incidents", json=again))[0] == 201
    assert [each["topics"] for each in (await site.get("/api/v1/incidents"))[1]["items"]] == [[]]
    status, ended, _ = await site.ask("DELETE", "/api/v1/incidents/4071", "supervisor")
    assert (status, ended["number"]) == (200, "4071")
    assert (await site.get("/api/v1/incidents"))[1] == {"items": []}
    assert (await site.ask("DELETE", "/api/v1/incidents/4071"))[0] == 404
    assert await centre.audited("incident:4071") == [
        ("ended", "supervisor"),
        ("announced", "admin"),
        ("announced", "supervisor"),
    ]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"number": "4a"}, "number"),
        ({"topics": ["weather"]}, "topics"),
        ({"text": {"ru": "Сбой."}}, "text.en"),
        ({"text": {"ru": "Сбой.", "en": "   "}}, "text.en"),
        ({"text": {"ru": "с" * 601, "en": "Down."}}, "text.ru"),
        ({"until_ms": 1000}, "until_ms"),
        ({"until": "tomorrow"}, "until"),
    ],
)
async def test_an_incident_that_cannot_be_told_is_refused(
    centre: Centre, change: dict[str, Any], where: str
) -> None:
    status, problem, _ = await centre.site.ask("POST", "/api/v1/incidents", json={**OUTAGE, **change})
    assert status == 422
    assert where in {fault["where"] for fault in problem["errors"]}
    assert (await centre.site.get("/api/v1/incidents"))[1] == {"items": []}


async def test_incidents_are_bounded_and_a_faulty_file_is_named(centre: Centre) -> None:
    for number in range(20):
        assert (await centre.site.ask("POST", "/api/v1/incidents", json={**OUTAGE, "number": f"{number}"}))[
            0
        ] == 201
    assert (await centre.site.ask("POST", "/api/v1/incidents", json=OUTAGE))[0] == 422
    (centre.settings.home / "incidents.yaml").write_text("incidents: [x]\n", "utf-8")
    status, problem, _ = await centre.site.ask("GET", "/api/v1/incidents")
    assert status == 422 and "incidents.yaml:1" in problem["title"]


async def test_an_announcement_does_not_wait_for_the_database(centre: Centre) -> None:
    await centre.site.desk.stop()
    assert (await centre.site.ask("POST", "/api/v1/incidents", json=OUTAGE))[0] == 201
    assert [each["number"] for each in (await centre.site.get("/api/v1/incidents"))[1]["items"]] == ["4071"]


# ---------------------------------------------------------------------------------------------- answers
def call(number: int, started_ms: int, **notes: str) -> Interaction:
    return Interaction(
        call_id=f"call-{number}",
        node="node-1",
        caller_number="+79161234567",
        dialled="88005553535",
        topic="access",
        language="ru",
        outcome="self_served",
        agent_id="",
        mark=0,
        started_ms=started_ms,
        queued_ms=0,
        answered_ms=0,
        ended_ms=started_ms + 1000,
        path=("after.menu",),
        notes={f"answer.{name}": verdict for name, verdict in notes.items()} | {"answer_given": "x"},
    )


async def test_the_share_that_helped_is_told_per_answer(site: Site) -> None:
    now_ms = time.time_ns() // 1_000_000
    verdicts = [{"snils": "helped"}, {"snils": "helped", "hours": "given"}, {"snils": "not_helped"}, {}]
    for number, notes in enumerate(verdicts):
        await site.desk.record_interaction(call(number, now_ms - 1000, **notes))
    await site.desk.record_interaction(call(9, now_ms - 8 * 24 * HOUR_MS, snils="not_helped"))
    _, found = await site.get("/api/v1/answers", role="supervisor")
    snils = {"answer_id": "snils", "given": 3, "helped": 2, "not_helped": 1, "share": pytest.approx(2 / 3)}
    hours = {"answer_id": "hours", "given": 1, "helped": 0, "not_helped": 0, "share": None}
    assert found == {"items": [snils, hours], "calls": 4, "complete": True}
    _, older = await site.get("/api/v1/answers?started_from_ms=0")
    assert (older["items"][0]["not_helped"], older["calls"]) == (2, 5)
    _, none = await site.get(f"/api/v1/answers?started_to_ms={now_ms - 9 * 24 * HOUR_MS}")
    assert none == {"items": [], "calls": 0, "complete": True}


async def test_calls_that_are_looked_through_are_bounded(site: Site) -> None:
    for number in range(7):  # three of the same millisecond at the edge of a page
        await site.desk.record_interaction(call(number, 1000 + number // 3, snils="helped"))
    desk = site.desk
    some = await answers_helped(desk.database, desk.vault, 0, 5000, max_calls=5)
    assert (some.calls, some.complete, some.answers[0].given) == (5, False, 5)
    everything = await answers_helped(desk.database, desk.vault, 0, 5000, max_calls=7)
    assert (everything.calls, everything.complete, everything.answers[0].given) == (7, True, 7)


async def test_a_process_without_a_dialogue_says_so(site: Site) -> None:
    for path in ("/api/v1/flow", "/api/v1/incidents"):
        status, problem = await site.get(path)
        assert (status, problem["type"]) == (503, "urn:dozvon:problem:not-here")
