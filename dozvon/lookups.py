"""Wiring: what the flow's ``lookup`` nodes ask, by source.

A hotline's own integration is one more entry of ``sources``: an async function that takes the slots which the
node sends, and ``caller_number``, and gives the values that the flow may speak or branch on, None for "not
found". What it raises, and what takes longer than ``look_up_timeout_s``, leads the call to ``failed``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from desk.states import TicketStates
from ivr.dialog.contract import LookUp, LookUpDone, Value

Source = Callable[[Mapping[str, Value]], Awaitable[Mapping[str, Value] | None]]


class UnknownSource(Exception):
    """The flow asks a source that this hotline does not have."""


class LookUps:
    """``ivr.agi.ports.LookUpPort``."""

    def __init__(self, states: TicketStates) -> None:
        async def ticket_state(values: Mapping[str, Value]) -> Mapping[str, Value] | None:
            found = await states.state(str(values.get("number", "")), str(values.get("caller_number", "")))
            return None if found is None else {"state": found}

        self.sources: dict[str, Source] = {"ticket_state": ticket_state}

    async def __call__(self, action: LookUp) -> LookUpDone:
        source = self.sources.get(action.source)
        if source is None:
            raise UnknownSource(action.source)
        values = await source(action.values)
        return LookUpDone(values is not None, values or {})
