"""A process of its own that leads until it is killed: ``leader_process.py URL``."""

import asyncio
import sys

from acd.service import DistributorService


async def main() -> None:
    service = DistributorService(sys.argv[1], leads=True)
    await service.start()
    while not service.leading:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    print("leading", flush=True)
    await asyncio.sleep(600)


asyncio.run(main())
