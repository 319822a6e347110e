"""Prints how much of the flows the transcripts have gone through."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in getattr(config, "dialogue_coverage", ()):
        terminalreporter.write_line(line)
