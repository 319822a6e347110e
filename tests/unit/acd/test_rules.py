"""The rules: what is taken, what is refused, and where the fault is said to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from acd.contract import RulesLoaded
from acd.core.rules import NEVER, Rules, RulesError, parse
from acd.journal.codec import decode_event, encode
from acd.rules_file import RulesFileError, load

ROOT = Path(__file__).parents[3]


def test_nothing_said_is_the_default():
    assert parse({}) == Rules()


def test_shipped_file_is_sound_and_says_what_it_means():
    event, rules = load(ROOT / "config" / "rules.yaml")
    assert rules.target_ms == 120_000
    assert rules.weights == Rules().weights
    assert rules.topic("consultation").relax.after_ms == (0, 20_000, 0, 0)
    assert parse(event.rules) == rules, "the journal carries what the file says"


def test_relaxation_by_level():
    rules = parse({"relax": [{"after_s": 0, "level": 3}, {"after_s": 20, "level": 2}]})
    assert rules.default_topic.relax.after_ms == (0, NEVER, 20_000, 0)


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ({"taget_s": 120}, "taget_s"),
        ({"target_s": "soon"}, "target_s"),
        ({"target_s": True}, "target_s"),
        ({"ring_s": 0}, "ring_s"),
        ({"weights": {"late": 1}}, "weights.late"),
        ({"weights": {"level_s": {"4": 1}}}, "weights.level_s.4"),
        ({"weights": {"rescue_window_s": 0}}, "weights.rescue_window_s"),
        ({"relax": []}, "relax"),
        ({"relax": [{"after_s": 5, "level": 1}]}, "relax[0].after_s"),
        ({"relax": [{"after_s": 0, "level": 4}]}, "relax[0].level"),
        ({"relax": [{"after_s": 0, "level": 2}, {"after_s": 9, "level": 3}]}, "relax[1].level"),
        ({"relax": [{"after_s": 0, "level": 2}, {"after_s": 0, "level": 1}]}, "relax[1].after_s"),
        ({"topics": {"status": {"wrap_s": 1}}}, "topics.status.wrap_s"),
        ({"topics": {"status": {"relax": 5}}}, "topics.status.relax"),
        ({"queues": {"a": {"overflow": {"to": "b"}}}}, "queues.a.overflow.to"),
        ({"languages": {"tt": [{"after_s": 5, "also": "tt"}]}}, "languages.tt[0].also"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"service_level": "best"}, "service_level"),
        ({"answer_allowance_s": 60, "target_s": 30}, "answer_allowance_s"),
        ({"max_wait_s": 60}, "max_wait_s"),
        ({"callback_attempts": 0}, "callback_attempts"),
        ({"chat_capacity": -1}, "chat_capacity"),
        ({"chat_capacity": 21}, "chat_capacity"),
        ({"chat_ring_s": 1}, "chat_ring_s"),
        ({"weights": {"chat": 1}}, "weights.chat"),
    ],
)
def test_fault_names_its_field(raw, field):
    with pytest.raises(RulesError) as caught:
        parse(raw)
    assert caught.value.field == field


def test_overflow_in_a_circle_is_refused():
    circle = {name: {"overflow": {"to": to}} for name, to in (("a", "b"), ("b", "c"), ("c", "a"))}
    with pytest.raises(RulesError, match=r"queues\.a\.overflow: a cycle: a -> b -> c -> a"):
        parse({"queues": circle})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("target_s: 120\nweights:\n  priority_s: 9\n  late: 3\n", ":4: weights.late: no such rule"),
        ("relax:\n  - {after_s: 0, level: 2}\n  - {after_s: 9, level: 7}\n", ":3: relax[1].level: a whole"),
        (
            "queues:\n  a: {}\n  b:\n    overflow: {to: nobody}\n",
            ":4: queues.b.overflow.to: there is no queue",
        ),
        ("target_s: [\n", ":2: "),
        ("- 1\n", ":1: a mapping is expected"),
        ("target_s: 120\nversion: 2026-02-30\n", ":2: '2026-02-30' is not what it looks like"),
        ("\nqueues: &q {main: {overflow: *q}}\n", ":2: anchors"),
        ("ring_s: 15\nversion: &a [*a]\n", ":2: anchors"),
        ("ring_s: 15\nversion: " + "1" * 5_000, ":2: '1111"),
        ("ring_s: 15\nversion: " + "[" * 3_000 + "]" * 3_000, ":2: nested too deeply"),
        ('ring_s: 15\nversion: "\\ud800"\n', ":2: '\\ud800' is not what it looks like"),
        ('topics:\n  "\\ud800": {}\n', ":2: '\\ud800' is not what it looks like"),
        ("ring_s: 15\nversion: !!bool 3\n", ":2: tags"),
        ("ring_s: 15\nversion: !!python/object:os.system x\n", ":2: tags"),
        ("target_s: 120\nring_s: 15\ntarget_s: 60\n", ":3: 'target_s' is given twice"),
        ("weights:\n  level_s:\n    1: 130\n    '1': 5\n", ":4: '1' is given twice"),
        ("ring_s: 15\n? [a, b]\n: 1\n", ":2: a name is expected"),
        ("ring_s: 15\nversion: \x00\n", ":2: a character that no text has: 0x00"),
        ("version: " + "x" * 300_000, ":1: the journal cannot hold these rules: RulesLoaded: 600"),
    ],
)
def test_file_and_line_of_a_fault(tmp_path, text, said):
    file = tmp_path / "rules.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(RulesFileError) as caught:
        load(file)
    assert str(caught.value).startswith(f"{file}{said}")


def test_what_is_taken_can_be_read_back_from_the_journal(tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text("version: 2026-11-23\nweights: {level_s: {1: 100}}\nqueues: {on: {}}\n", "utf-8")
    event, rules = load(file)
    assert event.version == "2026-11-23" and rules.weights.level[1] == 100_000
    assert list(rules.queues) == ["on"], "names stay as they are written"
    back = decode_event(encode(event))
    assert isinstance(back, RulesLoaded) and parse(back.rules) == rules


def test_absent_unreadable_and_enormous_files(tmp_path):
    with pytest.raises(RulesFileError, match="No such file"):
        load(tmp_path / "none.yaml")
    binary = tmp_path / "rules.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RulesFileError, match="not UTF-8"):
        load(binary)
    binary.write_bytes(b"#" * 1_000_001)
    with pytest.raises(RulesFileError, match="larger than"):
        load(binary)
