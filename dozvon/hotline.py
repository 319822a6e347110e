"""The hotline as configured: topics, rules, flows, texts, read from ``config/`` and ``voice_prompts/``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from acd.contract import RulesLoaded
from dozvon.settings import Settings, SettingsError
from ivr.prompts.slots import LANGUAGES

if TYPE_CHECKING:
    from ivr.callback_hours import Waking
    from ivr.dialog.check import Known
    from ivr.flow_store import FlowStore
    from ivr.incidents import IncidentBoard
    from ivr.prompts.catalogue import Catalogue
    from ivr.prompts.voice import CatalogueVoice
    from ivr.schedule import Schedule
    from web.schemas import About

MAX_BYTES = 1_000_000


def topics(settings: Settings) -> dict[str, dict[str, str]]:
    """Topics and their titles by language, from ``topics.yaml``. Raises SettingsError."""
    file = settings.config / "topics.yaml"
    try:
        raw = yaml.safe_load(file.read_bytes()[:MAX_BYTES]) or {}
    except OSError as error:
        raise SettingsError(f"{file}:1: {error.strerror}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise SettingsError(f"{file}:{mark.line + 1 if mark else 1}: no YAML") from None
    found = raw.get("topics") if isinstance(raw, dict) else None
    if not isinstance(found, dict) or not found:
        raise SettingsError(f"{file}:1: 'topics' must name at least one topic")
    for topic, titles in found.items():
        lacking = [language for language in settings.hotline.languages if not (titles or {}).get(language)]
        first = settings.hotline.languages[0]
        missing = [language for language in lacking if language in LANGUAGES or language == first]
        if missing:
            raise SettingsError(f"{file}: {topic}: a title is missing in {', '.join(missing)}")
        titles.update(dict.fromkeys(lacking, titles[first]))
    return found


def rules(settings: Settings) -> RulesLoaded | None:
    """The routing rules, from ``rules.yaml``; None without one: the engine's own. Raises RulesFileError."""
    from acd.rules_file import load

    file = settings.config / "rules.yaml"
    return load(file)[0] if file.is_file() else None


def catalogue(settings: Settings) -> Catalogue:
    """Texts and answers. Raises ivr.prompts.files.FilesFaulty."""
    from dozvon.commands.prompts import load_catalogue

    return load_catalogue(settings.config, settings.voice_prompts)


def make_voice(settings: Settings) -> CatalogueVoice:
    from ivr.prompts.synth import find
    from ivr.prompts.voice import CatalogueVoice

    return CatalogueVoice(
        lambda: catalogue(settings),
        settings.voice_prompts,
        settings.home / "cache" / "sounds",
        lambda language: find(language, settings.voices),
    )


def known(settings: Settings, texts: Catalogue) -> Known:
    """What a flow may refer to."""
    from ivr.dialog.check import Known

    partial = {
        each: frozenset(texts.lacking(each)) for each in settings.hotline.languages if each not in LANGUAGES
    }
    return Known(
        {each: {*texts.ids(each), *partial.get(each, ())} for each in settings.hotline.languages},
        topics=frozenset(topics(settings)),
        answers=frozenset(
            name.removeprefix("answer.") for name in texts.ids("ru") if name.startswith("answer.")
        ),
        borrowed=partial,
    )


def make_flow_store(settings: Settings, texts: Callable[[], Catalogue]) -> FlowStore:
    """Raises FlowError, with file and line of every fault. ``texts`` gives those in force at each reload."""
    from ivr.dialog.check import check
    from ivr.flow_store import FlowStore

    return FlowStore(
        settings.config / "flows",
        lambda flow: check(flow, known(settings, texts())),
        settings.home / "flows",
    )


def make_incidents(settings: Settings, complain: Callable[[str], None]) -> IncidentBoard:
    """Faults that callers are told of (``dozvon incidents``); ``complain`` hears of a faulty file."""
    from ivr.incidents import IncidentBoard

    return IncidentBoard(settings.home / "incidents.yaml", settings.hotline.timezone, complain)


def hours_extra(settings: Settings) -> Path:
    """Closures and openings that were declared while running (``dozvon hours open|close``)."""
    return settings.home / "hours-extra.yaml"


def schedules(settings: Settings) -> Mapping[str, Schedule]:
    """Opening hours by centre, with what was declared while running. Raises HoursError."""
    from ivr.hours_file import load

    return load(settings.config / "hours.yaml", hours_extra(settings))


def waking(settings: Settings) -> Waking:
    """When customers may be called back."""
    from ivr.callback_hours import Waking

    def minutes(clock: str) -> int:
        hours, minute = clock.split(":")
        return int(hours) * 60 + int(minute)

    given = settings.callbacks
    return Waking(
        settings.hotline.timezone,
        minutes(given.not_before),
        minutes(given.not_after),
        dict(given.zones),
        given.most_a_time,
    )


def about(settings: Settings) -> About:
    from web.schemas import About

    hotline = settings.hotline
    return About(
        name=hotline.name,
        number=hotline.number,
        timezone=hotline.timezone,
        target_s=hotline.target_s,
        topics=topics(settings),
    )
