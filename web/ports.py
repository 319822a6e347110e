"""What the web asks of the dialogue: made by the wiring, so that the web knows nothing of flows or files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from web.problems import FieldFault
from web.schemas import Flow, Incident, IncidentIn


class Refused(Exception):
    """Nothing was changed. ``faults`` say where (file:line, or a field) and what."""

    def __init__(self, title: str, faults: Sequence[FieldFault] = ()) -> None:
        super().__init__(title)
        self.faults = tuple(faults)


class Busy(Exception):
    """The same is being done already; nothing was changed."""


class Unknown(Exception):
    """There is no such version, or no such incident."""


class FlowPort(Protocol):
    def versions(self) -> Flow: ...

    async def reload(self) -> Flow:
        """Read texts and flow files now. Raises Refused, Busy."""
        ...

    async def rollback(self, version: str) -> Flow:
        """To ``version``, "" for the one before. Raises Unknown."""
        ...


class IncidentPort(Protocol):
    async def list(self) -> Sequence[Incident]:
        """Those that are not over. Raises Refused when their file is faulty."""
        ...

    async def announce(self, incident: IncidentIn) -> Incident:
        """Callers hear of it from now on. Raises Refused."""
        ...

    async def end(self, number: str) -> Incident:
        """Callers hear no more of it. Raises Unknown, Refused."""
        ...
