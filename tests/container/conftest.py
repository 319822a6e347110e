"""The images built and compose.yaml run by podman, in mount and network namespaces of their own.

Needs root, Debian's mirror and PyPI; the base images are local stand-ins (see lab.sh). The lab is kept in the
cache folder between runs, about 3 GB. DOZVON_CONTAINER_SOURCE builds another tree than this one.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
SOURCE = Path(os.environ.get("DOZVON_CONTAINER_SOURCE") or HERE.parent.parent)
IMAGES = {
    "dozvon": "localhost/dozvon:latest",
    "asterisk": "localhost/dozvon-asterisk:latest",
    "postgres": "localhost/dozvon-postgres:latest",
    "redis": "localhost/dozvon-redis:latest",
}

REMOVE_ALL = "podman rm -fa -t 1; podman pod rm -fa; podman volume rm -fa; podman network prune -f"


def lab_folder() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("DOZVON_CONTAINER_LAB") or cache / "dozvon" / "containers")


class Space:
    """Commands inside the namespaces; they end with the process that holds them."""

    def __init__(self, lab: Path) -> None:
        self.lab = lab
        self._holder = subprocess.Popen(["unshare", "-m", "-n", "sleep", "infinity"])
        # What an earlier run left behind in /run must not be taken for running name servers.
        self.sh("mkdir -p /run/containers && mount -t tmpfs tmpfs /run/containers && ip link set lo up")

    def sh(self, script: str, timeout_s: float = 60, check: bool = True) -> str:
        """Run ``script``; its output comes by a file, which no left-over child can keep open for us."""
        output = self.lab / "output.log"
        enter = ["nsenter", "-t", str(self._holder.pid), "-m", "-n", "sh", "-c"]
        with output.open("w") as out:
            process = subprocess.Popen(
                [*enter, f". {self.lab}/env.sh; cd {shlex.quote(str(SOURCE))}; {script}"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                status = process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                status = process.wait()
        text = output.read_text("utf-8", "replace")
        assert status == 0 or not check, f"{script}\n{text[-3000:]}"
        return text

    def compose(self, words: str, timeout_s: float = 180) -> str:
        tool = f"{self.lab}/compose/bin"
        return self.sh(f"PATH={tool}:$PATH podman-compose --no-ansi {words}", timeout_s)

    def inside(self, service: str, command: str, check: bool = True) -> str:
        text = self.sh(f"podman exec dozvon_{service}_1 {command}", check=check)
        return "\n".join(line for line in text.splitlines() if "systemd" not in line)

    def inspect(self, service: str) -> dict[str, object]:
        text = self.sh(f"podman inspect dozvon_{service}_1 2>/dev/null")
        found: dict[str, object] = json.loads(text)[0]
        return found

    def http(self, path: str, *options: str) -> tuple[int, str]:
        words = shlex.join(
            ["curl", "-s", "-m", "5", "-w", "\n%{http_code}", *options, f"http://127.0.0.1:8080{path}"]
        )
        body, _, status = self.sh(words, check=False).rpartition("\n")
        return int(status or 0), body

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()


def until(condition: Callable[[], object], within_s: float, what: str) -> None:
    end_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end_s, f"not within {within_s:g} s: {what}"
        time.sleep(0.5)


@pytest.fixture(scope="session")
def lab() -> Path:
    assert os.geteuid() == 0, "the container tests need root"
    folder = lab_folder()
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["sh", str(HERE / "lab.sh"), str(folder)], check=True, timeout=1200)
    return folder


@pytest.fixture(scope="session")
def images(lab: Path) -> dict[str, str]:
    for target, image in IMAGES.items():
        build = f"podman build -q --pull=never --network=host --target {target} -t {image} ."
        with (lab / f"build-{target}.log").open("w") as out:
            done = subprocess.run(
                ["nice", "sh", "-c", f". {lab}/env.sh; {build}"],
                cwd=SOURCE,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=1200,
                check=False,
            )
        assert done.returncode == 0, (lab / f"build-{target}.log").read_text()[-3000:]
    return IMAGES


@pytest.fixture(scope="session")
def stack(lab: Path, images: dict[str, str]) -> Iterator[Space]:
    space = Space(lab)
    try:
        space.sh(
            "podman rm -fa -t 1; podman pod rm -fa; podman volume rm -fa; podman network prune -f",
            check=False,
        )
        space.compose("up -d")
        until(lambda: space.http("/readyz")[0] == 200, 90, "the daemon is ready")
        yield space
    finally:
        space.sh(
            'for each in setup redis postgres asterisk dozvon; do echo "== $each"; '
            "podman logs dozvon_${each}_1 2>&1 | tail -40; done",
            check=False,
        )
        (lab / "output.log").replace(lab / "last-logs.txt")
        space.sh(
            "podman rm -fa -t 1; podman pod rm -fa; podman volume rm -fa; podman network prune -f",
            check=False,
        )
        space.close()
