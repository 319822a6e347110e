"""``dozvon check``: every fault of an installation, each with file and line where there is one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TypeVar

from dozvon import hotline, queues
from dozvon.settings import Settings, SettingsError

T = TypeVar("T")


class ConfigurationFaulty(SettingsError):
    """The configuration cannot be used; the text has a line a fault."""


def _errors() -> tuple[type[Exception], ...]:
    """What loaders raise for an administrator's mistake: their text is for him."""
    from acd.journal.link import BadAddress
    from acd.rules_file import RulesFileError
    from acd.service.roster import RosterError
    from desk.database import BadUrl
    from desk.vault import VaultError
    from dozvon.staffing_files import StaffingFileError
    from ivr.dialog.flow import FlowError
    from ivr.hours_file import HoursError
    from ivr.prompts.files import FilesFaulty
    from web.tokens import TokensError

    return (
        SettingsError,
        BadAddress,
        BadUrl,
        RulesFileError,
        RosterError,
        StaffingFileError,
        VaultError,
        FlowError,
        HoursError,
        FilesFaulty,
        TokensError,
    )


def guarded(build: Callable[[], T]) -> T:
    """``build()``; an administrator's mistake becomes ConfigurationFaulty."""
    try:
        return build()
    except _errors() as error:
        raise ConfigurationFaulty(str(error)) from None


def voiceless(settings: Settings) -> Iterator[tuple[str, str]]:
    """Languages that no synthesiser here can speak: only what is rendered or recorded is heard in them."""
    from ivr.prompts.synth import find

    for language in settings.hotline.languages:
        if find(language, settings.voices) is None:
            named = settings.voices.get(language)
            why = (
                f"'{named}' is not on this machine"
                if named
                else "none is named under 'voices' in dozvon.yaml"
            )
            yield "warning", f"{language}: no voice: {why}; only sounds that are there already are heard"


def unserved(settings: Settings, spoken: Collection[str]) -> Iterator[tuple[str, str]]:
    """Languages whose callers would wait for an agent that does not exist."""
    rules = hotline.rules(settings)
    opened = (rules.rules.get("languages") if rules else None) or {}
    for language in settings.hotline.languages:
        if language not in spoken and language not in (opened if isinstance(opened, dict) else {}):
            line = f"languages: {{{language}: [{{after_s: 0, also: {settings.hotline.languages[0]}}}]}}"
            yield (
                "warning",
                f"{language}: no agent speaks it, its callers would wait in vain; in rules.yaml: {line}",
            )


def faults(settings: Settings) -> Iterator[tuple[str, str]]:
    """(``error`` or ``warning``, text) of every part, each once, whichever parts meet it; a part that cannot
    be read does not hide the others."""
    return iter(dict.fromkeys(_faults(settings)))


def _faults(settings: Settings) -> Iterator[tuple[str, str]]:
    from acd.service import roster
    from dozvon.commands.prompts import check as check_prompts
    from dozvon.machine.check import check as check_asterisk
    from dozvon.parts import make_tokens
    from ivr.dialog.check import check as check_flow
    from ivr.dialog.flow import load as load_flow

    def texts() -> Iterator[tuple[str, str]]:
        yield from (("error", str(fault)) for fault in check_prompts(settings.config, settings.voice_prompts))
        yield from voiceless(settings)

    def flows() -> Iterator[tuple[str, str]]:
        flow = load_flow(settings.config / "flows")
        exists = hotline.known(settings, hotline.catalogue(settings))
        yield from ((problem.severity, str(problem)) for problem in check_flow(flow, exists))
        for language in flow.languages:
            if language not in settings.hotline.languages:
                yield "error", f"the flow's language '{language}' is none of hotline.languages in dozvon.yaml"

    def agents() -> Iterator[tuple[str, str]]:
        known = roster.load(settings.config / "agents.yaml", hotline.topics(settings))
        yield from unserved(settings, {one for agent in known.agents.values() for one in agent.languages})

    def hours() -> Iterator[tuple[str, str]]:
        import datetime as dt

        from ivr.schedule import calendar_warning

        for schedule in hotline.schedules(settings).values():
            if warning := calendar_warning(schedule, dt.datetime.now(dt.UTC).date()):
                yield "warning", f"{settings.config / 'hours.yaml'}:1: {warning}"

    def rules() -> Iterator[tuple[str, str]]:
        yield from queues.strangers(settings)

    def asterisk() -> Iterator[tuple[str, str]]:
        yield from (("error", fault) for fault in check_asterisk(settings))

    def tokens() -> Iterator[tuple[str, str]]:
        make_tokens(settings).all()
        yield from ()

    def shifts() -> Iterator[tuple[str, str]]:
        from dozvon.staffing_files import load_shifts

        known = roster.load(settings.config / "agents.yaml", hotline.topics(settings))
        load_shifts(settings.config / "shifts.yaml", hotline.schedules(settings)[""], known.agents)
        yield from ()

    def stores() -> Iterator[tuple[str, str]]:
        from acd.journal.link import BadAddress, connect
        from desk.database import BadUrl, Database

        def client() -> None:  # neither opens a connection yet
            connect(settings.redis_url)

        def database() -> None:
            Database(settings.database_url, timeout_s=1)

        for field, build in (("redis.url", client), ("database.url", database)):
            try:
                build()
            except (BadAddress, BadUrl) as error:
                yield "error", f"{settings.config / 'dozvon.yaml'}: {field}: {error}"

    def understanding() -> Iterator[tuple[str, str]]:
        from dozvon.understanding import faults

        try:
            topics = hotline.topics(settings)
        except SettingsError:  # told by the parts above
            topics = None
        yield from (("error", fault) for fault in faults(settings, topics))

    def words() -> Iterator[tuple[str, str]]:
        from dozvon.speech import unheard

        yield from unheard(settings, load_flow(settings.config / "flows"))

    errors = _errors()
    for part in (texts, flows, agents, hours, rules, shifts, asterisk, tokens, stores, understanding, words):
        try:
            yield from part()
        except errors as error:
            yield from (("error", line) for line in str(error).splitlines())
