"""A replica: the engine fed with the journal's entries, and what has to be known beside its state.

The same entries give the same state and the same commands in every process. A replica therefore keeps the
latest commands until it is known that they were sent: when it begins to lead, it sends what the leader before
it could not send any more, and nothing twice.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Any, Final

import structlog

from acd.contract import Command, Event
from acd.core.engine import Engine
from acd.journal.codec import Undecodable, decode_event
from acd.journal.stream import Entry, id_pair

PENDING_KEPT: Final = 10_000
PENDING_KEPT_MS: Final = 60_000  # every offer has ended by itself long before

log = structlog.get_logger(__name__)


class Replica:
    def __init__(self, engine: Engine | None = None) -> None:
        self.engine = engine or Engine()
        self.generation = ""
        self.last: Entry | None = None  # None: nothing read since the state was made or loaded
        self.last_id = "0-0"
        self._pending: deque[tuple[str, Command]] = deque(maxlen=PENDING_KEPT)
        self.counts: Counter[str] = Counter()

    @property
    def has_state(self) -> bool:
        return self.last_id != "0-0"

    def apply(self, entry: Entry) -> Event | None:
        """Takes one entry in; the event, or None when it could not be read."""
        self.last, self.last_id = entry, entry.id
        self.counts["entries"] += 1
        try:
            event = decode_event(entry.data)
        except Undecodable as error:
            self.counts[f"undecodable_{error.reason}"] += 1
            log.warning("entry skipped", action="journal_skip", entry=entry.id, reason=str(error))
            return None
        try:
            commands = self.engine.step(event, entry.time_ms)
        except Exception:
            # A fault of the engine must not silence the hotline; every replica meets the same one.
            self.counts["engine_faults"] += 1
            log.exception(
                "event not taken in", action="engine_fault", entry=entry.id, type=type(event).__name__
            )
            return event
        for command in commands:
            self._pending.append((entry.id, command))
        if commands:
            self._forget_old(entry.time_ms)
        return event

    # ------------------------------------------------------------------------------- commands to be sent
    def pending(self) -> list[tuple[str, Command]]:
        """Commands, with the entry that caused each, that this replica does not know to be sent."""
        return list(self._pending)

    @property
    def has_pending(self) -> bool:
        return bool(self._pending)

    def sent_up_to(self, entry_id: str) -> None:
        """Commands of entries up to this one were sent."""
        limit = id_pair(entry_id)
        while self._pending and id_pair(self._pending[0][0]) <= limit:
            self._pending.popleft()

    def _forget_old(self, now_ms: int) -> None:
        while self._pending and id_pair(self._pending[0][0])[0] < now_ms - PENDING_KEPT_MS:
            self._pending.popleft()

    # ----------------------------------------------------------------------------------------- snapshots
    def dump(self) -> dict[str, Any]:
        return {"engine": self.engine.dump()}

    @classmethod
    def load(cls, state: dict[str, Any], entry_id: str, generation: str) -> Replica:
        """From a dump; KeyError, TypeError, ValueError or AttributeError for what is not one of ours."""
        replica = cls(Engine.load(state["engine"]))
        replica.last_id = entry_id
        replica.generation = generation
        return replica

    @property
    def quiet(self) -> bool:
        """No call but callbacks whose hour has not come, and no agent who rests; looks at all agents."""
        engine = self.engine
        return all(call.parked for call in engine.calls.values()) and not any(
            agent.timer or agent.chats for agent in engine.agents.values()
        )

    def nodes(self) -> dict[str, bool]:
        """The nodes of all calls, and whether one of those is a caller on the line; looks at all calls."""
        nodes: dict[str, bool] = {}
        for call in self.engine.calls.values():
            if call.node:
                nodes[call.node] = nodes.get(call.node, False) or not call.callback
        return nodes
