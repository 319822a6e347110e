"""`dozvon understand`: a JSON a line whatever comes in."""

from __future__ import annotations

import io
import json

from click.testing import CliRunner

from dozvon.commands.understand import MAX_LINE, cli, sentences


def test_every_line_in_is_a_line_out() -> None:
    given = "забыл пароль\n\n  \nномер заявления 5523\r\nпозовите оператора".encode()
    result = CliRunner().invoke(cli, ["--lang", "ru"], input=given)
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [list(line) for line in lines] == [["text", "intent", "confidence", "slots"]] * 5
    assert [line["intent"] for line in lines] == ["access", "none", "none", "status", "operator"]
    assert lines[3]["text"] == "номер заявления 5523" and lines[3]["slots"]["application"] == "5523"
    assert all(0 <= line["confidence"] <= 1 for line in lines)


def test_a_language_without_examples_is_told() -> None:
    result = CliRunner().invoke(cli, ["--lang", "tt"], input="исәнмесез\n")
    assert result.exit_code == 1 and "config/understanding/tt.yaml" in result.stderr


def test_lines_without_end_are_cut_and_odd_bytes_replaced() -> None:
    stream = io.BytesIO("\ufeffраз\n".encode() + b"\xff\xfe\n" + "я".encode() * 100_000 + b"\ntwo")
    found = list(sentences(stream))
    assert found == ["раз", "\ufffd\ufffd", "я" * MAX_LINE, "two"]
