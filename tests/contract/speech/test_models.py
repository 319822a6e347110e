"""Fetching models from a real HTTP server on this machine: progress, resume, damage, hostile archives."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ivr.speech import models
from ivr.speech.models import FetchFailed
from ivr.speech.recogniser import ModelFaulty, VoskModel, check_folder

NAME = "vosk-model-tiny-0.1"
SHIPPED = Path(__file__).parents[3] / "models/ru-small"


def archive(extra: dict[str, bytes] | None = None) -> bytes:
    files = {
        f"{NAME}/am/final.mdl": b"m" * 300_000,
        f"{NAME}/conf/model.conf": b"--beam=13\n",
        f"{NAME}/conf/mfcc.conf": b"--sample-frequency=16000\n",
        f"{NAME}/graph/HCLG.fst": b"g" * 1000,
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, data in {**files, **(extra or {})}.items():
            packed.writestr(name, data)
    return out.getvalue()


class Host:
    """Serves one archive; ``breaks`` times it hangs up in the middle."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.md5 = hashlib.md5(data).hexdigest()
        self.breaks = 0
        self.ranges: list[str] = []
        self.resumes = True
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.endswith("/model-list.json"):
                    listed = [{"name": NAME, "md5": host.md5, "size": len(host.data)}]
                    self._send(200, json.dumps(listed).encode())
                elif self.path.endswith(f"/{NAME}.zip"):
                    self._archive()
                else:
                    self._send(404, b"")

            def _archive(self) -> None:
                asked = self.headers.get("Range", "")
                host.ranges.append(asked)
                start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and host.resumes else 0
                rest = host.data[start:]
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(rest)))
                self.end_headers()
                if host.breaks:
                    host.breaks -= 1
                    self.wfile.write(rest[: len(rest) // 2])
                    self.wfile.flush()
                    self.connection.close()
                    return
                self.wfile.write(rest)

            def _send(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/models"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host(archive())
    yield made
    made.close()


def test_a_model_is_fetched_with_progress(host: Host, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    folder = models.fetch(NAME, tmp_path, lambda done, total: seen.append((done, total)), host.url)
    check_folder(folder)
    assert seen[-1] == (len(host.data), len(host.data))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert sorted(path.name for path in tmp_path.iterdir()) == [NAME]
    assert models.fetch(NAME, tmp_path, lambda done, total: None, "http://127.0.0.1:1") == folder


@pytest.mark.parametrize("resumes", [True, False])
def test_a_broken_download_goes_on(host: Host, tmp_path: Path, resumes: bool) -> None:
    host.breaks, host.resumes = 2, resumes
    check_folder(models.fetch(NAME, tmp_path, lambda done, total: None, host.url))
    assert len(host.ranges) == 3 and host.ranges[1].startswith("bytes=")


def test_what_an_earlier_call_left_is_used(host: Host, tmp_path: Path) -> None:
    host.breaks = 100
    with pytest.raises(FetchFailed, match="call again"):
        models.fetch(NAME, tmp_path, lambda done, total: None, host.url)
    host.breaks, left = 0, (tmp_path / f"{NAME}.zip.part").stat().st_size
    models.fetch(NAME, tmp_path, lambda done, total: None, host.url)
    assert host.ranges[-1] == f"bytes={left}-"


def test_a_damaged_archive_is_thrown_away(host: Host, tmp_path: Path) -> None:
    host.md5 = "0" * 32
    with pytest.raises(FetchFailed, match="damaged"):
        models.fetch(NAME, tmp_path, lambda done, total: None, host.url)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_reaches_outside_is_refused(tmp_path: Path) -> None:
    made = Host(archive({"../../escaped": b"x"}))
    try:
        with pytest.raises(FetchFailed, match="does not belong"):
            models.fetch(NAME, tmp_path / "home", lambda done, total: None, made.url)
    finally:
        made.close()
    assert not (tmp_path / "escaped").exists()


def test_unknown_names_and_absent_hosts_are_told(host: Host, tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="not in the published list"):
        models.fetch("vosk-model-xx", tmp_path, lambda done, total: None, host.url)
    with pytest.raises(FetchFailed, match="no model's name"):
        models.fetch("../x", tmp_path, lambda done, total: None, host.url)
    with pytest.raises(FetchFailed, match="cannot be read"):
        models.fetch(NAME, tmp_path, lambda done, total: None, "http://127.0.0.1:1")


def test_the_choice_is_kept_and_shown(tmp_path: Path) -> None:
    assert models.folder_for("ru", tmp_path) == SHIPPED
    assert models.folder_for("tt", tmp_path) is None
    assert models.shipped()["ru"] == SHIPPED
    assert models.use(str(SHIPPED), "ru", tmp_path) == SHIPPED
    assert models.chosen(tmp_path) == {"ru": str(SHIPPED)}
    assert models.folder_for("ru", tmp_path, "/elsewhere") == Path("/elsewhere")
    assert {row.name for row in models.listed(tmp_path)} >= {"ru-small", "vosk-model-small-ru-0.22"}
    with pytest.raises(ModelFaulty, match="no such model here"):
        models.use("vosk-model-ru-0.42", "ru", tmp_path)


def test_a_model_that_is_put_beside_the_shipped_one_is_its_languages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "SHIPPED", tmp_path)
    (tmp_path / "xx-small").mkdir()  # a card without a model is no model
    assert models.folder_for("xx", tmp_path / "home") is None
    shutil.copytree(SHIPPED, tmp_path / "tt-small")
    assert models.folder_for("tt", tmp_path / "home") == tmp_path / "tt-small"
    assert models.load("tt", tmp_path / "home") is not None


def test_a_folder_that_is_no_model_is_told_before_vosk_sees_it(tmp_path: Path) -> None:
    with pytest.raises(ModelFaulty, match="no such folder"):
        VoskModel(tmp_path / "absent")
    with pytest.raises(ModelFaulty, match=r"am/final.mdl is missing"):
        VoskModel(tmp_path)
    for part, text in (
        ("am/final.mdl", ""),
        ("conf/model.conf", ""),
        ("conf/mfcc.conf", "--sample-frequency=44100\n"),
    ):
        (tmp_path / part).parent.mkdir(exist_ok=True)
        (tmp_path / part).write_text(text)
    with pytest.raises(ModelFaulty, match="HCLG"):
        VoskModel(tmp_path)
    (tmp_path / "graph").mkdir()
    (tmp_path / "graph/HCLG.fst").write_text("")
    with pytest.raises(ModelFaulty, match="44100 Hz"):
        VoskModel(tmp_path)


def test_words_that_the_model_lacks_are_told() -> None:
    model = VoskModel(SHIPPED)
    assert model.missing(["соедините с оператором", "да"]) == []
    assert model.missing(["синхрофазотрон"]) == ["синхрофазотрон"]
