"""A run of the tests always ends: pytest-timeout watches a test's set-up and call, this watches its teardown.

pytest-timeout fires once for each test. When what it interrupted then hangs again while it is taken down (a
task that swallows its cancellation, say), nothing would ever end the run.
"""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Iterator

import pytest

TEARDOWN_S = 90.0  # the longest that is known: stopping a whole hotline, about 10 s
_STDERR = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_STDERR] = os.dup(2)  # pytest captures the usual one


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Tells where everybody stands and ends the run with status 1 when the teardown does not end."""
    faulthandler.dump_traceback_later(TEARDOWN_S, exit=True, file=item.config.stash[_STDERR])
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()
