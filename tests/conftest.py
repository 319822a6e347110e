"""What holds for every run of the tests.

It always ends. pytest-timeout watches a test's set-up and call, this watches its teardown: when what was
interrupted hangs again while it is taken down (a task that swallows its cancellation, say), nothing else
would ever end the run.

Files are shared out to workers (pytest-xdist), those that wait for real calls first.

A test with real telephones that fails is tried once more, aloud: docs/adr/0012-second-try.md.

An example of a property may take as long as it takes: workers share two cores.
"""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Iterator

import hypothesis
import pytest

TEARDOWN_S = 90.0  # the longest that is known: stopping a whole hotline, about 10 s
SECOND_TRIES = 2  # in one run; more is not a bad moment but a fault
_STDERR = pytest.StashKey[int]()


hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.load_profile("here")


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


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("e2e"):
            item.add_marker(pytest.mark.flaky(reruns=1))
    items.sort(key=lambda item: item.get_closest_marker("e2e") is None)


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    tried = reporter.stats.get("rerun", []) if reporter else []
    if len(tried) > SECOND_TRIES and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Lines that tests leave by ``record_property("summary", …)``, and why anything was tried twice."""
    for report in terminalreporter.stats.get("passed", []):
        for name, line in report.user_properties:
            if name == "summary" and report.when == "call":
                terminalreporter.write_line(line)
    tried = terminalreporter.stats.get("rerun", [])
    for report in tried:
        terminalreporter.section(f"tried twice: {report.nodeid}", yellow=True)
        terminalreporter.write_line(report.longreprtext)
    if len(tried) > SECOND_TRIES:
        terminalreporter.write_line(f"{len(tried)} tests were tried twice, more than {SECOND_TRIES}: failed")
