"""Versions of the flow: the one for new calls, and those that calls still run on.

Rules
  * A call ends on the version that it began with.
  * A reload that finds a fault changes nothing and says what is wrong; so does one that comes while
    another is at work.
  * Versions that were in force are kept in the archive folder, so that a roll-back also survives a restart:
    the file ``pinned`` holds its version until the next successful reload. Whoever writes that file
    (``dozvon flow rollback`` does) rolls back a running hotline; the next new call looks at it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ivr.dialog.flow import FlowError, Problem, parse, read_folder
from ivr.dialog.model import Flow

Check = Callable[[Flow], list[Problem]]
KEPT_IDLE = 5  # versions without calls that stay in memory for a roll-back
KEPT_ARCHIVED = 50


class ReloadRunning(Exception):
    """The flow is being reloaded already; nothing was changed."""


class UnknownVersion(Exception):
    """There is no such version of the flow to go back to."""


@dataclass(frozen=True, slots=True)
class VersionView:
    version: str
    current: bool
    calls: int  # that run on it now


def _no_check(_flow: Flow) -> list[Problem]:
    return []


class FlowStore:
    """``check`` finds what only shows in the whole; its errors (not its warnings) refuse a version."""

    def __init__(self, folder: Path, check: Check = _no_check, archive: Path | None = None) -> None:
        self._folder = folder
        self._check = check
        self._archive = archive
        self._reloading = threading.Lock()
        self._versions: dict[str, Flow] = {}  # oldest first
        self._calls: dict[str, int] = {}
        self._history: list[str] = []  # versions in the order in which they came into force
        self._pin_stamp = self._stamp()
        pinned = self._pinned()
        self._current = pinned or self._read()
        self._keep(self._current)

    # -------------------------------------------------------------------------------- for calls
    @property
    def current(self) -> Flow:
        return self._current

    def get(self, version: str) -> Flow:
        """The flow of a running call; the current one when the version is gone."""
        return self._versions.get(version, self._current)

    def call_began(self, version: str) -> None:
        self._calls[version] = self._calls.get(version, 0) + 1

    def call_ended(self, version: str) -> None:
        left = self._calls.get(version, 0) - 1
        if left > 0:
            self._calls[version] = left
        else:
            self._calls.pop(version, None)
            self._forget()

    def follow(self) -> None:
        """Take a roll-back that was asked for by file; costs one look at the file."""
        stamp = self._stamp()
        if stamp == self._pin_stamp:
            return
        self._pin_stamp = stamp
        flow = self._pinned()
        if flow is not None and flow.version != self._current.version:
            self._keep(flow)
            self._current = flow

    # -------------------------------------------------------------------------------- for administrators
    def versions(self) -> tuple[VersionView, ...]:
        """Those in memory, oldest first."""
        return tuple(
            VersionView(version, version == self._current.version, self._calls.get(version, 0))
            for version in self._versions
        )

    def reload(self) -> Flow:
        """Read the folder again. Raises FlowError or ReloadRunning; then everything stays as it was."""
        if not self._reloading.acquire(blocking=False):
            raise ReloadRunning(str(ReloadRunning.__doc__))
        try:
            flow = self._read()
            self._keep(flow)
            self._current = flow
            self._pin("")
            return flow
        finally:
            self._reloading.release()

    def rollback(self, version: str = "") -> Flow:
        """Back to a version that was in force before, by default the last one. Raises UnknownVersion."""
        with self._reloading:
            if not version:
                earlier = [name for name in self._history if name != self._current.version]
                if not earlier:
                    raise UnknownVersion("no other version was in force since the start; name one")
                version = earlier[-1]
            flow = self._versions.get(version) or self._archived(version)
            if flow is None:
                raise UnknownVersion(f"there is no version {version}")
            self._keep(flow)
            self._current = flow
            self._pin(flow.version)
            return flow

    # -------------------------------------------------------------------------------- keeping
    def _read(self) -> Flow:
        flow = parse(read_folder(self._folder))
        errors = [problem for problem in self._check(flow) if problem.severity == "error"]
        if errors:
            raise FlowError(errors)
        return flow

    def _keep(self, flow: Flow) -> None:
        self._versions[flow.version] = self._versions.pop(flow.version, flow)
        self._history = [*[name for name in self._history if name != flow.version], flow.version]
        self._store(flow)
        self._forget(keep=flow.version)

    def _forget(self, keep: str = "") -> None:
        current = self._current.version if hasattr(self, "_current") else ""
        idle = [name for name in self._versions if name not in (current, keep) and not self._calls.get(name)]
        for name in idle[: max(0, len(idle) - KEPT_IDLE)]:
            del self._versions[name]

    def _store(self, flow: Flow) -> None:
        if self._archive is None:
            return
        folder = self._archive / flow.version
        if not folder.is_dir():
            part = self._archive / f".{flow.version}.{os.getpid()}"
            part.mkdir(parents=True, exist_ok=True)
            for name, content in flow.files.items():
                (part / name).write_text(content, "utf-8")
            try:
                part.rename(folder)
            except OSError:  # another process was faster with the same content
                for name in flow.files:
                    (part / name).unlink(missing_ok=True)
                part.rmdir()
        os.utime(folder)
        self._thin()

    def _thin(self) -> None:
        assert self._archive is not None
        kept = [path for path in self._archive.iterdir() if path.is_dir() and not path.name.startswith(".")]
        kept.sort(key=lambda path: path.stat().st_mtime)
        for path in kept[: max(0, len(kept) - KEPT_ARCHIVED)]:
            for file in path.iterdir():
                file.unlink(missing_ok=True)
            path.rmdir()

    def _archived(self, version: str) -> Flow | None:
        if self._archive is None or not version.isalnum() or not (self._archive / version).is_dir():
            return None
        try:
            flow = parse(read_folder(self._archive / version))
        except FlowError:
            return None
        return flow if flow.version == version else None

    def _pin(self, version: str) -> None:
        if self._archive is None:
            return
        if version:
            (self._archive / "pinned").write_text(version, "ascii")
        else:
            (self._archive / "pinned").unlink(missing_ok=True)
        self._pin_stamp = self._stamp()

    def _stamp(self) -> int:
        try:
            return os.stat(self._archive / "pinned").st_mtime_ns if self._archive is not None else 0
        except OSError:
            return 0

    def _pinned(self) -> Flow | None:
        if self._archive is None:
            return None
        try:
            version = (self._archive / "pinned").read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return self._archived(version)


def archived(archive: Path) -> list[str]:
    """Versions that were in force, the last one last."""
    try:
        folders = [path for path in archive.iterdir() if path.is_dir() and not path.name.startswith(".")]
    except OSError:
        return []
    return [path.name for path in sorted(folders, key=lambda path: path.stat().st_mtime_ns)]


def pin(archive: Path, version: str) -> None:
    """Ask the running hotline, and the next that starts, for an archived version. Raises UnknownVersion."""
    if version not in archived(archive):
        raise UnknownVersion(f"there is no version {version or 'before this one'}")
    part = archive / ".pinned"
    part.write_text(version, "ascii")
    part.replace(archive / "pinned")
