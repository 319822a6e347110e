"""Work that an order may interrupt, without losing either."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from acd.contract import Command

T = TypeVar("T")


async def race(
    work: Coroutine[Any, Any, T],
    order: Callable[[], Coroutine[Any, Any, Command]],
    put_back: Callable[[Command], None],
) -> tuple[T | None, Command | None]:
    """The work's result, or the order that came first (the work is then cancelled); never loses an order."""
    working, ordering = asyncio.create_task(work), asyncio.create_task(order())
    try:
        await asyncio.wait({working, ordering}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result(), None
        return None, ordering.result()
    finally:
        if working.done() and ordering.done() and not ordering.cancelled():
            put_back(ordering.result())
        for task in (working, ordering):
            task.cancel()
        await settled(working, ordering)


async def settled(*tasks: Awaitable[Any]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
