"""Facts on their way to the journal: kept in order while Redis is away, sent exactly once. Pure.

Every fact gets the next sequence number of this producer. The journal remembers the last number it took,
so a batch whose answer was lost is simply sent again. Facts that were sent are kept a little longer: a Redis
that crashed may come back without its last second (``appendfsync everysec``), and then they are sent once
more under their old numbers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

LIMIT: Final = 20_000  # some hours of a small centre, ten minutes of a very large one
KEPT: Final = 2_000
KEPT_MS: Final = 5_000
BATCH: Final = 200
BATCH_BYTES: Final = 512_000


class Outbox:
    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._sent: deque[tuple[int, bytes, int]] = deque(maxlen=KEPT)
        self._next = 1
        self.dropped = 0
        self.overflowed = False  # since it was last asked for; then live facts have to be asserted anew

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, record: bytes) -> None:
        """Appends; when full, the oldest fact goes: the newest say more about how things stand."""
        if len(self._waiting) >= self._limit:
            self._waiting.popleft()
            self.dropped += 1
            self.overflowed = True
        self._waiting.append((self._next, record))
        self._next += 1

    def batch(self) -> tuple[int, Sequence[bytes]]:
        """First number and records to send next; they stay until confirmed."""
        records: list[bytes] = []
        size = 0
        first = expected = self._waiting[0][0]
        for number, record in self._waiting:
            if number != expected or len(records) == BATCH or (records and size + len(record) > BATCH_BYTES):
                break
            records.append(record)
            size += len(record)
            expected += 1
        return first, records

    def confirm(self, first: int, count: int, now_ms: int) -> None:
        """These were taken by the journal."""
        for _ in range(count):
            # A full outbox may have dropped some of them while they were under way.
            if self._waiting and first <= self._waiting[0][0] < first + count:
                number, record = self._waiting.popleft()
                self._sent.append((number, record, now_ms))
        while self._sent and self._sent[0][2] < now_ms - KEPT_MS:
            self._sent.popleft()

    def rewind(self) -> int:
        """The journal lost its end: the kept facts are sent again. How many."""
        count = len(self._sent)
        while self._sent:
            number, record, _ = self._sent.pop()
            self._waiting.appendleft((number, record))
        return count
