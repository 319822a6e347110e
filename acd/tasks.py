"""Tasks that must not end, and ending them all the same.

What kills a task is logged, and it begins again: a fault in one entry or one message must leave neither
callers without orders nor phones unwatched, and must not throw out the callers whom this process holds, as
ending it would. Faults that go on are another matter: then a new process, with a state read anew, is worth
more; who keeps the tasks is told how many faults came in a row.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final

import structlog

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0
AGAIN_S: Final = 0.2
STEADY_S: Final = 30.0  # who ran this long had recovered

log = structlog.get_logger(__name__)


async def keep_running(name: str, work: Callable[[], Awaitable[None]], died: Callable[[int], None]) -> None:
    """Runs ``work`` until it returns; after an exception again, with growing pauses.

    ``died`` hears how many exceptions came without ``STEADY_S`` of work between them.
    """
    in_a_row = 0
    pause_s = FIRST_PAUSE_S
    while True:
        began_s = time.monotonic()
        try:
            await work()
            return
        except Exception:
            if time.monotonic() - began_s > STEADY_S:
                in_a_row, pause_s = 0, FIRST_PAUSE_S
            in_a_row += 1
            log.exception("task died", action="task_died", task=name, in_a_row=in_a_row)
        died(in_a_row)
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


async def end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancels until all have ended. Once is not enough: before Python 3.12 ``asyncio.wait_for``, with which
    redis-py sends and SQLAlchemy waits for a connection, swallows a cancellation that comes just as what it
    waited for completes; a task that runs for ever would then never hear of it.
    """
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=AGAIN_S)
