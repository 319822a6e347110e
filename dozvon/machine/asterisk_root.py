"""Where Asterisk is: one that is installed on the machine (20 or newer), or a private copy of our own.

Debian's stable releases carry no asterisk package, unstable does. The private copy is those packages,
extracted into a cache folder by mmdebstrap and run in place through the copy's own dynamic loader: no
chroot, no root rights, and AGI scripts still run with the machine's Python.
"""

from __future__ import annotations

import fcntl
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

OLDEST_MAJOR = 20
PACKAGES = ("asterisk", "sip-tester", "baresip-core")
SUITE = "sid"
_MULTIARCH = {
    "x86_64": ("x86_64-linux-gnu", "ld-linux-x86-64.so.2"),
    "aarch64": ("aarch64-linux-gnu", "ld-linux-aarch64.so.1"),
}
_FETCH_TIMEOUT_S = 900
_RUN_TIMEOUT_S = 20


class AsteriskMissing(Exception):
    """No usable Asterisk, and none could be fetched; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Toolbox:
    """Programs with their folders. ``prefix`` goes in front of a program's path: the private loader."""

    root: Path  # "/" for an installed Asterisk
    prefix: tuple[str, ...]
    asterisk: Path
    modules: Path
    data: Path  # astdatadir: XML documentation and stock sounds
    version: str

    @property
    def private(self) -> bool:
        return bool(self.prefix)

    def command(self, program: Path) -> list[str]:
        return [*self.prefix, str(program)]


def cache_root() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "dozvon" / "asterisk-root"


def multiarch() -> tuple[str, str]:
    """Debian's library folder and dynamic loader for this processor."""
    try:
        return _MULTIARCH[platform.machine()]
    except KeyError:
        raise AsteriskMissing(
            f"no private Asterisk for a {platform.machine()} processor; install one"
        ) from None


def locate() -> Toolbox:
    """The installed Asterisk if it is new enough, else the private one; raises AsteriskMissing."""
    found = installed() or private(cache_root())
    if found is None:
        raise AsteriskMissing(
            f"no Asterisk {OLDEST_MAJOR} or newer is installed and there is no private copy: run `make setup`"
        )
    return found


def installed() -> Toolbox | None:
    program = shutil.which("asterisk", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        return None
    version = _version([program])
    if _major(version) < OLDEST_MAJOR:
        return None
    folders = [Path("/usr/lib") / multiarch()[0] / "asterisk/modules", Path("/usr/lib/asterisk/modules")]
    modules = next((folder for folder in folders if (folder / "chan_pjsip.so").exists()), None)
    data = next((d for d in map(Path, ("/usr/share/asterisk", "/var/lib/asterisk")) if d.is_dir()), None)
    if modules is None or data is None:
        return None
    return Toolbox(Path("/"), (), Path(program), modules, data, version)


def private(root: Path) -> Toolbox | None:
    """The copy in ``root``, or None when it is absent or broken."""
    libraries, loader = multiarch()
    folder = root / "usr/lib" / libraries
    program = root / "usr/sbin/asterisk"
    if not program.exists():
        return None
    prefix = (str(folder / loader), "--library-path", str(folder))
    version = _version([*prefix, str(program)])
    if _major(version) < OLDEST_MAJOR:
        return None
    return Toolbox(root, prefix, program, folder / "asterisk/modules", root / "usr/share/asterisk", version)


def fetch(root: Path | None = None, say: Callable[[str], None] = lambda line: None) -> Toolbox:
    """Make the private copy (about 310 MB) unless it is there; raises AsteriskMissing."""
    target = root or cache_root()
    target.parent.mkdir(parents=True, exist_ok=True)
    with _only_one(target.with_suffix(".lock")):
        if found := private(target):
            return found
        if shutil.which("mmdebstrap") is None:
            raise AsteriskMissing("mmdebstrap is not installed (Debian package mmdebstrap)")
        scratch = target.with_suffix(".new")
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        say(f"fetching Asterisk from Debian {SUITE} into {target}")
        _extract(scratch)
        shutil.rmtree(target, ignore_errors=True)
        scratch.rename(target)
    ready = private(target)
    if ready is None:
        raise AsteriskMissing(f"the copy in {target} does not run; remove it and try again")
    return ready


def _extract(target: Path) -> None:
    """Packages unpacked, not configured: a tar stream, so that no owner but ourselves is needed."""
    bootstrap = [
        "mmdebstrap",
        "--quiet",
        "--variant=extract",
        "--format=tar",
        # No package's script runs, so there is nothing that would need a root's rights or a chroot.
        *(() if os.geteuid() == 0 else ("--mode=chrootless",)),
        # A mirror that lags behind by a few days is good enough here.
        '--aptopt=Acquire::Check-Valid-Until "false"',
        f"--include={','.join(PACKAGES)}",
        SUITE,
        "-",
    ]
    unpack = ["tar", "-x", "--no-same-owner", "--exclude=./dev/*", "-C", str(target)]
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(bootstrap, stdout=subprocess.PIPE, stderr=said) as source:
            try:
                subprocess.run(
                    unpack, stdin=source.stdout, stderr=subprocess.PIPE, check=True, timeout=_FETCH_TIMEOUT_S
                )
                source.wait(_RUN_TIMEOUT_S)
            except (subprocess.SubprocessError, OSError):
                source.kill()
        if source.returncode == 0:
            return
        said.seek(0)
        reason = said.read().decode("utf-8", "replace").strip().splitlines()[-1:] or ["it did not end"]
    raise AsteriskMissing(f"the private Asterisk could not be fetched: mmdebstrap: {reason[0]}")


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _version(command: list[str]) -> str:
    try:
        said = subprocess.run(
            [*command, "-V"], capture_output=True, text=True, timeout=_RUN_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    found = re.search(r"Asterisk (?:certified[/-])?(\d+\.\d+(?:\.\d+)?)", said.stdout)
    return found.group(1) if found else ""


def _major(version: str) -> int:
    return int(version.split(".")[0]) if version else 0


def main() -> int:
    """For ``tools/setup.sh``: fetch the private copy unless an Asterisk is there already."""

    def say(line: str) -> None:
        print(f"setup: {'asterisk':10} {line}", flush=True)

    try:
        found = installed() or fetch(say=say)
    except (AsteriskMissing, OSError) as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    say(f"{found.version} {'(private copy)' if found.private else 'installed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
