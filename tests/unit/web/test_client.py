"""The command line's words for what the API refuses."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path

import pytest
from click.testing import CliRunner

from dozvon.commands import callbacks
from web.problems import FieldFault, Problem


def refuse(monkeypatch: pytest.MonkeyPatch, body: bytes) -> str:
    """What `dozvon callbacks add` says when the API answers so."""

    def answer(request: urllib.request.Request, **_: object) -> object:
        raise urllib.error.HTTPError(request.full_url, 422, "Unprocessable", Message(), io.BytesIO(body))

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    asked = CliRunner().invoke(callbacks.cli, ["add", "+49301234567", "--topic", "nosuch"])
    assert asked.exit_code == 1
    return asked.stderr


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOZVON_HOME", str(tmp_path))


def test_every_fault_is_told_with_its_field(monkeypatch: pytest.MonkeyPatch) -> None:
    faults = [
        FieldFault(where="number", what="only telephones in Russia are called"),
        FieldFault(where="topic", what="there is no topic 'nosuch'"),
    ]
    problem = Problem(422, "refused", "This callback cannot be made", "nobody will be called", errors=faults)
    assert refuse(monkeypatch, json.dumps(problem.body.model_dump()).encode()) == (
        "Error: This callback cannot be made: nobody will be called\n"
        "  number: only telephones in Russia are called\n"
        "  topic: there is no topic 'nosuch'\n"
    )


@pytest.mark.parametrize(
    "body", [b"<html>Bad gateway</html>", b"[]", b'{"errors": 7}', b'{"errors": [1]}', b"{}"]
)
def test_a_strangers_answer_is_one_line(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    assert refuse(monkeypatch, body) == "Error: HTTP Error 422: Unprocessable\n"
