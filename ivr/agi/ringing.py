"""What a session cannot do while Asterisk is busy with its command, done through Asterisk's manager.

EXEC Dial takes no further command, so a phone that rings for a caller is hung up by the manager: among the
channels of this call, the one that is being dialled at the endpoint. Nor does SPEECH RECOGNIZE:
a key ends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

CAUSE_CLEARED = 16


class SeenChannel(Protocol):
    """One line of the manager's list of channels."""

    @property
    def channel(self) -> str: ...
    @property
    def unique_id(self) -> str: ...
    @property
    def linked_id(self) -> str: ...


class Manager(Protocol):
    """What is needed of ``acd.switch.switch.Switch``."""

    async def channels(self) -> Sequence[SeenChannel]: ...

    async def hang_up(self, channel: str, cause: int = CAUSE_CLEARED) -> None: ...

    async def press(self, channel: str, key: str) -> None: ...


class ManagedPhones:
    """Implements ``ivr.agi.ports.Phones``. Raises what the manager raises."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    async def press(self, channel: str, key: str) -> None:
        await self._manager.press(channel, key)

    async def stop_ringing(self, endpoint: str, caller_unique_id: str) -> int:
        seen = await self._manager.channels()
        linked = {each.linked_id for each in seen if each.unique_id == caller_unique_id}
        ringing = [
            each.channel
            for each in seen
            if each.linked_id in linked
            and each.unique_id != caller_unique_id
            and each.channel.rpartition("-")[0] == endpoint
        ]
        for channel in ringing:
            await self._manager.hang_up(channel)
        return len(ringing)
