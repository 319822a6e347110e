"""A folder of sounds made on demand, bounded, written atomically, safe for several threads and processes."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from ivr.prompts.render import write_atomically

KEEP_S = 600.0  # a file used so recently may be playing just now


class SoundCache:
    """At most ``max_bytes`` and ``max_files``; what was used longest ago goes first."""

    def __init__(self, folder: Path, max_bytes: int = 200_000_000, max_files: int = 5000) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._max_files = max_files
        self._lock = threading.Lock()
        self._puts = 0

    def get(self, key: str) -> Path | None:
        """The file kept under a key, marked as used now."""
        path = self._folder / f"{key}.alaw"
        try:
            os.utime(path)
        except OSError:
            return None
        return path

    def put(self, key: str, data: bytes) -> Path:
        """Raises OSError, as a full disk does."""
        path = self._folder / f"{key}.alaw"
        write_atomically(path, data)
        with self._lock:
            self._puts += 1
            if self._puts % 50 == 1:
                self._evict()
        return path

    def _evict(self) -> None:
        files = []
        for path in self._folder.glob("*.alaw"):
            try:
                state = path.stat()
            except OSError:
                continue  # another process was quicker
            files.append((state.st_mtime, state.st_size, path))
        files.sort()
        total, count = sum(size for _, size, _ in files), len(files)
        oldest_kept = time.time() - KEEP_S
        for used, size, path in files:
            if (total <= self._max_bytes and count <= self._max_files) or used > oldest_kept:
                return
            path.unlink(missing_ok=True)
            total, count = total - size, count - 1
