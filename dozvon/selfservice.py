"""Wiring: flow versions and known incidents as the API changes them (web.ports)."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from dozvon import hotline as reference
from dozvon.changes import Changes
from dozvon.commands.incidents import file_of
from dozvon.settings import Settings
from ivr import incidents as board
from ivr.dialog.flow import FlowError
from ivr.flow_store import FlowStore, ReloadRunning, UnknownVersion, archived
from ivr.prompts.files import FilesFaulty
from ivr.prompts.slots import LANGUAGES
from web.ports import Busy, Refused, Unknown
from web.problems import FieldFault
from web.schemas import Flow, FlowVersion, Incident, IncidentIn

MAX_FAULTS = 20  # told at once


class FlowOffice:
    """Implements web.ports.FlowPort."""

    def __init__(self, settings: Settings, store: FlowStore, changes: Changes) -> None:
        self._archive = settings.home / "flows"
        self._store = store
        self._changes = changes

    def versions(self) -> Flow:
        self._store.follow()
        items = [FlowVersion.model_validate(view) for view in self._store.versions()]
        return Flow(items=items, archived=archived(self._archive))

    async def reload(self) -> Flow:
        if self._changes.busy:
            raise Busy
        try:
            await self._changes.take("prompts", "flows")  # a new flow may use a new text
        except ReloadRunning:
            raise Busy from None
        except FlowError as error:
            faults = [FieldFault(where=f"{p.file}:{p.line}", what=p.text) for p in error.problems]
            raise Refused("The flow is faulty", faults[:MAX_FAULTS]) from None
        except FilesFaulty as error:
            faults = [
                FieldFault(where=f"{fault.file}:{fault.line}", what=fault.text) for fault in error.faults
            ]
            raise Refused("The texts are faulty", faults[:MAX_FAULTS]) from None
        return self.versions()

    async def rollback(self, version: str) -> Flow:
        try:
            await asyncio.to_thread(self._store.rollback, version or self._before())
        except UnknownVersion:
            raise Unknown from None
        return self.versions()

    def _before(self) -> str:
        """The version in force before this one, also when that was before the daemon started."""
        current = self._store.current.version
        earlier = [name for name in archived(self._archive) if name != current]
        return earlier[-1] if earlier else ""


class IncidentOffice:
    """Implements web.ports.IncidentPort over the file that ``dozvon incidents`` writes too."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file = file_of(settings)
        self._zone = ZoneInfo(settings.hotline.timezone)

    async def list(self) -> Sequence[Incident]:
        try:
            found = await asyncio.to_thread(board.load, self._file)
        except board.IncidentsError as error:
            raise Refused(str(error)) from None
        return [self._shown(each) for each in found if not board.over(each, self._now())]

    async def announce(self, incident: IncidentIn) -> Incident:
        faults = [*self._faults(incident)]
        if faults:
            raise Refused("This incident cannot be told", faults)
        new = board.Incident(
            incident.number,
            tuple(dict.fromkeys(incident.topics)),
            dict(incident.text),
            self._moment(incident.until_ms),
            self._moment(incident.expected_ms),
        )
        await self._change(lambda found: [*(old for old in found if old.number != new.number), new])
        return self._shown(new)

    async def end(self, number: str) -> Incident:
        ended: list[board.Incident] = []

        def without(found: tuple[board.Incident, ...]) -> Sequence[board.Incident]:
            ended.extend(incident for incident in found if incident.number == number)
            if not ended:
                raise Unknown
            return [incident for incident in found if incident.number != number]

        await self._change(without)
        return self._shown(ended[0])

    async def _change(self, edit: board.Edit) -> None:
        try:
            await asyncio.to_thread(board.change, self._file, self._now(), edit)
        except board.IncidentsError as error:
            raise Refused(str(error)) from None

    def _faults(self, incident: IncidentIn) -> Sequence[FieldFault]:
        languages = self._settings.hotline.languages
        known = reference.topics(self._settings)
        now_ms = dt.datetime.now(dt.UTC).timestamp() * 1000
        faults = [
            FieldFault(
                where=f"text.{language}", what="is missing: callers of this language would hear nothing"
            )
            for language in languages
            if language in LANGUAGES and not incident.text.get(language, "").strip()
        ]
        faults += [
            FieldFault(where="topics", what=f"there is no topic '{topic}'")
            for topic in incident.topics
            if topic not in known
        ]
        if 0 < incident.until_ms <= now_ms:
            faults.append(FieldFault(where="until_ms", what="is over already"))
        return faults

    def _shown(self, incident: board.Incident) -> Incident:
        return Incident(
            number=incident.number,
            topics=list(incident.topics),
            text=dict(incident.text),
            expected_ms=self._ms(incident.expected),
            until_ms=self._ms(incident.until),
        )

    def _now(self) -> dt.datetime:
        return dt.datetime.now(self._zone).replace(tzinfo=None, microsecond=0)

    def _moment(self, at_ms: int) -> dt.datetime | None:
        if not at_ms:
            return None
        return dt.datetime.fromtimestamp(at_ms // 1000, self._zone).replace(tzinfo=None)

    def _ms(self, moment: dt.datetime | None) -> int:
        return 0 if moment is None else int(moment.replace(tzinfo=self._zone).timestamp() * 1000)
