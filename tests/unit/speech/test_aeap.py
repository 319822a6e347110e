"""AEAP's codec: what Asterisk sends, what we answer, and what is no AEAP."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.speech import aeap
from ivr.speech.contract import MAX_PHRASES_VALUE, turn_settings

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={"id": JSON, "request": JSON | st.sampled_from(["setup", "set", "get"]), "response": JSON}
    | {"params": JSON, "codecs": JSON, "error_msg": JSON},
)


def test_a_setup_as_asterisk_sends_it() -> None:
    raw = (
        '{"request":"setup","version":"0.1.0","codecs":[{"name":"slin"}],'
        '"params":{"language":"ru","token":"t"},"id":"7f"}'
    )
    setup = aeap.parse(raw)
    assert setup == aeap.Setup("7f", ("slin",), {"language": "ru", "token": "t"})
    assert json.loads(aeap.accept(setup)) == {"response": "setup", "id": "7f", "codecs": [{"name": "slin"}]}
    assert json.loads(aeap.refuse("setup", "7f", "busy"))["error_msg"] == "busy"


def test_settings_answers_and_unknown_requests() -> None:
    assert aeap.parse('{"request":"set","id":"1","params":{"digits":"11","turn":2}}') == aeap.Set(
        "1", {"digits": "11", "turn": "2"}
    )
    assert aeap.parse('{"request":"get","id":"1","params":["results"]}') == aeap.Get("1", ("results",))
    assert aeap.parse('{"response":"set","id":"1"}') == aeap.Answered("1")
    assert aeap.parse('{"response":"set","id":"1","error_msg":"no"}') == aeap.Answered("1", "no")
    assert aeap.parse('{"request":"dance","id":"1"}') == aeap.Unknown("1", "dance")


def test_results_are_as_asterisk_reads_them() -> None:
    sent = json.loads(aeap.results("x", [aeap.Result("статус", 93)]))
    assert sent["request"] == "set" and sent["id"] == "x"
    assert sent["params"]["results"] == [{"text": "статус", "score": 93, "grammar": "speech", "best": 0}]


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"id":1,"request":"set"}',
        '{"id":"","request":"set"}',
        '{"id":"a"}',
        '{"id":"a","request":"setup"}',
        '{"id":"a","request":"setup","codecs":["slin"]}',
        '{"id":"a","request":"set","params":[1]}',
        "[" * 5000,
        " " * (aeap.MAX_MESSAGE + 1),
        '{"id":"a","request":"set","params":{' + ",".join(f'"{i}":"1"' for i in range(33)) + "}}",
    ],
)
def test_what_is_no_aeap_is_told(raw: str) -> None:
    with pytest.raises(aeap.PeerError):
        aeap.parse(raw)


@given(FIELDS | JSON)
def test_any_json_is_a_message_or_a_clean_error(fields: object) -> None:
    try:
        message = aeap.parse(json.dumps(fields))
    except aeap.PeerError:
        return
    assert isinstance(message, aeap.Setup | aeap.Set | aeap.Get | aeap.Unknown | aeap.Answered)


@given(st.text(max_size=60))
def test_any_text_is_a_message_or_a_clean_error(raw: str) -> None:
    with pytest.raises(aeap.PeerError):
        aeap.parse(raw)


@given(st.lists(st.text("абвг |", min_size=1, max_size=300), max_size=30))
def test_long_menus_travel_in_pieces(phrases: list[str]) -> None:
    settings = turn_settings(3, "choice", phrases)
    assert settings[0] == ("expects", "choice") and settings[-1] == ("turn", "3")
    pieces = [value for name, value in settings if name in ("phrases", "phrases+")]
    assert all(len(piece) <= max(MAX_PHRASES_VALUE, 300) for piece in pieces)
    clean = [" ".join(phrase.replace("|", " ").split()) for phrase in phrases]
    together = [phrase for piece in pieces for phrase in piece.split("|") if phrase not in ("", "-")]
    assert together == [phrase for phrase in clean if phrase]
