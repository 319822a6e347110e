"""Transcripts of the reference hotline: what a caller does, what he hears, where he is led.

Every one in Russian and in English, with the real flow, hours and texts; together they take every edge.

A transcript (tests/dialogues/*.yaml)::

    - name: what it shows, with <values> of `each`
      at: 2026-11-23T10:00          # when the call comes in, Moscow time
      from: "" · place: 3 · wait_ms: 20000 (a place) · speech: yes · languages: [ru]
      kept: {what: callback, place: 3, topic: access, at: 2026-11-24T10:00}   # he calls again
      incidents: {topic: {ru: …, en: …}}
      each: {key: [1, 2], …}        # one call for each combination; or a list of mappings
      steps:
      - hears: [greeting.morning]   # ids of prompts, in this order among others; `not_hears`
        does: press 1               # a command of ivr.talk, or {ru: …, en: …}
        means: topic.access 0.9     # what the understanding makes of the words
        times: 2 · until: queue.wait  # repeat the command
        at: queue.wait · topic: access · acts: [enqueue] · notes: {…}
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from itertools import product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from ivr import hours_file
from ivr.callback_hours import Waking, appointment
from ivr.dialog.contract import CallStarted, KeptBefore
from ivr.dialog.flow import load
from ivr.dialog.model import Flow, edges
from ivr.dialog.ports import Hearing, KnownIncident, Meaning
from ivr.flow_store import FlowStore
from ivr.hotline import Hotline
from ivr.prompts import answers, catalogue
from ivr.prompts.slots import LANGUAGES
from ivr.talk import Heard, Telephone

ROOT = Path(__file__).resolve().parents[2]
MOSCOW = ZoneInfo("Europe/Moscow")
FOLDER = Path(__file__).parent


def read() -> list[dict[str, Any]]:
    found = []
    for file in sorted(FOLDER.glob("*.yaml")):
        for transcript in yaml.safe_load(file.read_text("utf-8")):
            each = transcript.get("each", [{}])
            if isinstance(each, dict):
                each = [dict(zip(each, values, strict=True)) for values in product(*each.values())]
            for values in each:
                found.append(filled(transcript, values) | {"file": file.name})
    return found


def filled(part: Any, values: dict[str, Any]) -> Any:
    """`<name>` replaced everywhere by its value."""
    if isinstance(part, str):
        for name, value in values.items():
            part = part.replace(f"<{name}>", str(value))
        return part
    if isinstance(part, dict):
        return {filled(key, values): filled(value, values) for key, value in part.items() if key != "each"}
    return [filled(item, values) for item in part] if isinstance(part, list) else part


class Scripted:
    """The understanding of one transcript: the next utterance means what the transcript says."""

    def __init__(self) -> None:
        self.next = Meaning()

    def understand(self, text: str, language: str, expects: str) -> Meaning:
        return self.next

    def snils(self, heard: Sequence[Sequence[Hearing]], language: str, denied: Collection[str] = ()) -> str:
        return self.next.slots.get("snils", "")

    def take(self, line: str) -> None:
        intent, _, rest = line.partition(" ")
        confidence, *slots = rest.split() or ["1.0"]
        self.next = (
            Meaning(intent, float(confidence), dict(slot.split("=") for slot in slots)) if line else Meaning()
        )


class Rig:
    """The hotline with its real files, for many calls."""

    def __init__(self) -> None:
        self.store = FlowStore(ROOT / "config" / "flows")
        self.schedules = hours_file.load(ROOT / "config" / "hours.yaml")
        found = answers.load(ROOT / "config" / "answers")
        self.texts = catalogue.load(ROOT / "voice_prompts", extra=answers.entries(found, LANGUAGES))

    def call(self, transcript: dict[str, Any], language: str, *, spoken: bool) -> tuple[Telephone, Scripted]:
        understanding = Scripted()
        incidents = tuple(
            KnownIncident(
                str(4070 + number), tuple(filter(None, [topic])), text, expected="18:30" if topic else ""
            )
            for number, (topic, text) in enumerate(transcript.get("incidents", {}).items())
        )
        hotline = Hotline(
            self.store,
            self.schedules,
            understanding=understanding,  # type: ignore[arg-type]
            incidents=lambda topic, _now: tuple(i for i in incidents if topic in i.topics or not i.topics),
            speech=transcript.get("speech", False),
            waking=Waking("Europe/Moscow"),
        )
        when = dt.datetime.fromisoformat(str(transcript["at"])).replace(tzinfo=MOSCOW)
        call = CallStarted(
            "t1",
            transcript.get("from", "79161234567"),
            "88005553535",
            language,
            first_queued_ms=transcript.get("first_queued_ms", 0),
            resumed_topic=transcript.get("resumed_topic", ""),
            kept=kept_of(transcript, when),
        )
        telephone = Telephone(
            hotline,
            self.texts.text if spoken else lambda _prompts, _language: "",
            call,
            round(when.timestamp() * 1000),
            place=transcript.get("place", 3),
            wait_ms=transcript.get("wait_ms", 20_000),
        )
        return telephone, understanding


def kept_of(transcript: dict[str, Any], now: dt.datetime) -> KeptBefore | None:
    given = dict(transcript.get("kept", {}))
    if "at" in given:
        at = dt.datetime.fromisoformat(given.pop("at")).replace(tzinfo=MOSCOW)
        moments = (round(each.timestamp() * 1000) for each in (at, now))
        given["time"] = appointment(Waking("Europe/Moscow"), "79161234567", *moments)
    return KeptBefore(**given) if given else None


@pytest.fixture(scope="module")
def rig() -> Rig:
    return Rig()


TRANSCRIPTS = read()


def play(rig: Rig, transcript: dict[str, Any], language: str, *, spoken: bool = True) -> Telephone:
    telephone, understanding = rig.call(transcript, language, spoken=spoken)
    heard = telephone.dial()
    for number, step in enumerate(transcript["steps"], 1):
        if "does" in step:
            understanding.take(step.get("means", ""))
            command = step["does"] if isinstance(step["does"], str) else step["does"][language]
            heard = repeat(telephone, command, step)
        compare(f"{transcript['name']}, step {number}", step, heard, telephone)
    return telephone


def repeat(telephone: Telephone, command: str, step: dict[str, Any]) -> list[Heard]:
    heard: list[Heard] = []
    for _ in range(int(step.get("times", 12 if "until" in step else 1))):
        heard = telephone.command(command)
        if telephone.session.node == step.get("until"):
            break
    assert telephone.session.node == step.get("until", telephone.session.node)
    return heard


def compare(where: str, step: dict[str, Any], heard: list[Heard], telephone: Telephone) -> None:
    prompts = [prompt for item in heard for prompt in item.prompts]
    rest = iter(prompts)
    for wanted in step.get("hears", []):
        assert wanted in rest, f"{where}: '{wanted}' is not heard (in this order) in {prompts}"
    for unwanted in step.get("not_hears", []):
        assert unwanted not in prompts, f"{where}: '{unwanted}' is heard"
    acts = [item.action for item in heard]
    for wanted in step.get("acts", []):
        assert wanted in acts, f"{where}: no '{wanted}' in {acts}"
    if "at" in step:
        assert telephone.session.node == step["at"], where
    if "topic" in step:
        assert telephone.session.topic == step["topic"], where
    for name, value in step.get("notes", {}).items():
        assert telephone.session.notes.get(name) == value, f"{where}: {telephone.session.notes}"


def languages_of(transcript: dict[str, Any]) -> list[str]:
    return list(transcript.get("languages", ["ru", "en"]))


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda t: f"{t['file'][:-5]}: {t['name']}")
def test_transcript(rig: Rig, transcript: dict[str, Any]) -> None:
    for language in languages_of(transcript):
        play(rig, transcript, language)


def all_edges(flow: Flow) -> set[str]:
    return {f"{node.id}>{label}" for node in flow.nodes.values() for label, _ in edges(node)}


def test_every_edge_is_taken_in_both_languages(rig: Rig, record_property: Any) -> None:
    wanted = all_edges(load(ROOT / "config" / "flows"))
    missing: dict[str, list[str]] = {}
    for language in ("ru", "en"):
        taken: set[str] = set()
        for transcript in TRANSCRIPTS:
            if language in languages_of(transcript):
                taken |= set(play(rig, transcript, language, spoken=False).session.path)
        missing[language] = sorted(wanted - taken)
        share = 100 * len(wanted & taken) / len(wanted)
        line = f"dialogues {language}: {len(wanted & taken)} of {len(wanted)} edges, {share:.1f} %"
        record_property("summary", line)  # printed by tests/conftest.py
    assert missing == {"ru": [], "en": []}
