"""The hotline as configured: topics, rules, flows, texts, read from ``config/`` and ``voice_prompts/``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from acd.contract import RulesLoaded
from dozvon.settings import Settings, SettingsError
from ivr.config_file import read
from ivr.dialog.marks import Bad, compose, mapping, table
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
    return read_topics(settings.config, settings.hotline.languages)


def read_topics(config: Path, languages: Sequence[str] = ()) -> dict[str, dict[str, str]]:
    """Topics of a configuration folder, with a title in each of these languages. Raises SettingsError."""
    return read(config / "topics.yaml", lambda text: _topics(text, languages), SettingsError, MAX_BYTES)


def _topics(content: str, languages: Sequence[str]) -> dict[str, dict[str, str]]:
    root = compose(content)
    fields = mapping(root) if root is not None else {}
    named = mapping(fields["topics"][1]) if "topics" in fields else {}
    if not named:
        raise Bad(root, "'topics' must name at least one topic")
    found = {}
    for topic, (key, value) in named.items():
        titles = found[topic] = table(value)
        lacking = [language for language in languages if not titles.get(language)]
        missing = [language for language in lacking if language in LANGUAGES or language == languages[0]]
        if missing:
            raise Bad(key, f"{topic}: a title is missing in {', '.join(missing)}")
        for language in lacking:
            titles[language] = titles[languages[0]]
    return found


def rules(settings: Settings) -> RulesLoaded | None:
    """The routing rules, from ``rules.yaml``; None without one: the engine's own. Raises RulesFileError."""
    from acd.rules_file import load

    file = settings.config / "rules.yaml"
    return load(file)[0] if file.is_file() else None


def catalogue(settings: Settings) -> Catalogue:
    """Texts and answers. Raises ivr.prompts.files.FilesFaulty, SettingsError for topics."""
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
