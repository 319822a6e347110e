"""``dozvon check``: every fault of an installation, each with file and line where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from dozvon import hotline
from dozvon.settings import Settings, SettingsError

T = TypeVar("T")


class ConfigurationFaulty(Exception):
    """The configuration cannot be used; the text has a line a fault."""


def _errors() -> tuple[type[Exception], ...]:
    """What loaders raise for an administrator's mistake: their text is for him."""
    from acd.rules_file import RulesFileError
    from acd.service.roster import RosterError
    from desk.vault import VaultError
    from dozvon.staffing_files import StaffingFileError
    from ivr.dialog.flow import FlowError
    from ivr.hours_file import HoursError
    from ivr.prompts.files import FilesFaulty
    from web.tokens import TokensError

    return (
        SettingsError,
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


def faults(settings: Settings) -> Iterator[tuple[str, str]]:
    """(``error`` or ``warning``, text) of every part; a part that cannot be read does not hide the others."""
    from acd.service import roster
    from dozvon.commands.prompts import check as check_prompts
    from dozvon.machine.check import check as check_asterisk
    from dozvon.parts import make_tokens
    from ivr.dialog.check import check as check_flow
    from ivr.dialog.flow import load as load_flow

    def texts() -> Iterator[tuple[str, str]]:
        yield from (("error", str(fault)) for fault in check_prompts(settings.config, settings.voice_prompts))

    def flows() -> Iterator[tuple[str, str]]:
        flow = load_flow(settings.config / "flows")
        exists = hotline.known(settings, hotline.catalogue(settings))
        yield from ((problem.severity, str(problem)) for problem in check_flow(flow, exists))

    def agents() -> Iterator[tuple[str, str]]:
        roster.load(settings.config / "agents.yaml", hotline.topics(settings))
        yield from ()

    def hours() -> Iterator[tuple[str, str]]:
        import datetime as dt

        from ivr.schedule import calendar_warning

        for schedule in hotline.schedules(settings).values():
            if warning := calendar_warning(schedule, dt.datetime.now(dt.UTC).date()):
                yield "warning", f"{settings.config / 'hours.yaml'}:1: {warning}"

    def rules() -> Iterator[tuple[str, str]]:
        hotline.rules(settings)
        yield from ()

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

    def words() -> Iterator[tuple[str, str]]:
        from dozvon.speech import unheard

        yield from unheard(settings, load_flow(settings.config / "flows"))

    errors = _errors()
    for part in (texts, flows, agents, hours, rules, shifts, asterisk, tokens, words):
        try:
            yield from part()
        except errors as error:
            yield from (("error", line) for line in str(error).splitlines())
