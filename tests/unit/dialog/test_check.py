"""Every finding of the flow check, each proven by a broken example; the sound example has none."""

from __future__ import annotations

import pytest

from ivr.dialog.check import OWN_PROMPTS, Known, check
from ivr.dialog.flow import FlowError, Problem, parse
from ivr.dialog.model import prompts_of

SOUND = """\
languages: [ru, en]
start: hello
resume: wait
nodes:
  hello: {kind: say, prompts: hello, next: menu}
  menu:
    kind: menu
    prompts: choose
    person: wait
    else: wait
    options:
      1: {say: one, go: wait, topic: access, phrases: {ru: [вход], en: [access]}}
      2: {say: two, go: record, topic: documents, phrases: {ru: [документы], en: [documents]}}
  wait: {kind: queue, prompts: entered, next: bye, else: record}
  record: {kind: record, prompts: speak, next: bye, else: bye}
  bye: {kind: goodbye, prompts: bye}
"""


def findings(text: str, known: Known | None = None) -> list[Problem]:
    return check(parse({"main.yaml": text}), known)


def everything(text: str = SOUND) -> set[str]:
    flow = parse({"main.yaml": text})
    topics = {"topic.access", "topic.documents"}
    return {p for node in flow.nodes.values() for p in prompts_of(node)} | set(OWN_PROMPTS) | topics


def test_a_sound_flow_has_no_findings() -> None:
    prompts = everything()
    assert findings(SOUND, Known({"ru": prompts, "en": prompts}, topics={"access", "documents"})) == []


OPTIONS = SOUND[SOUND.index("    options:\n") : SOUND.index("  wait: {")]
WORDS = ("утро", "день", "вечер", "полночь", "год")
DEEP = "".join(
    f"  {name}: {{kind: menu, prompts: choose, person: wait, else: wait, options: "
    f"{{1: {{say: one, go: {then}, phrases: {{ru: [верно, да], en: [a]}}}}}}}}\n"
    for name, then in (("a", "b"), ("b", "c"), ("c", "menu"))
)
# code: what is replaced, by what, and how the line begins that the finding names
BROKEN = [
    ("unknown-node", "else: record}", "else: nowhere}", "  wait:"),
    ("unknown-node", "go: wait, topic", "topic", "      1:"),
    ("unreachable", "  bye:", "  lonely: {kind: say, prompts: hello, next: bye}\n  bye:", "  lonely:"),
    ("no-choices", OPTIONS, "    options: {}\n", "  menu:"),
    ("too-wide", OPTIONS, "    options:\n" + "".join(
        f"      {n}: {{say: one, go: record, phrases: {{ru: [{word}], en: [{word}]}}}}\n"
        for n, word in enumerate(WORDS, 1)
    ), "  menu:"),
    ("key-collision", OPTIONS, "    options:\n"
     "    - {key: 1, say: one, go: record, phrases: {ru: [вход], en: [access]}}\n"
     "    - {key: 1, say: two, go: record, phrases: {ru: [документы], en: [papers]}}\n",
     "    - {key: 1, say: two"),
    ("key-collision", "      2: {", "      0: {", "      0:"),
    ("key-collision", "      2: {", '      "*": {', '      "*":'),
    ("phrase-collision", "ru: [документы]", "ru: [Вход!]", "      2:"),
    ("phrase-collision", "ru: [документы]", "ru: [оператор]", "      2:"),
    ("phrase-alike", "ru: [документы]", "ru: [входь]", "      2:"),
    ("no-phrases", ", en: [documents]", "", "      2:"),
    ("endless-loop", "hello, next: menu}",
     "hello, next: again}\n  again: {kind: say, prompts: hello, next: hello}", "  hello:"),
    ("cannot-end", "  bye: {kind: goodbye, prompts: bye}",
     "  bye: {kind: menu, prompts: bye, person: wait, else: wait, options: {1: {say: one, go: wait}}}",
     "  hello:"),
    ("missing-exit", "    else: wait\n", "", "  menu:"),
    ("no-person", "    person: wait\n", "", "  menu:"),
    ("too-deep", "next: menu}\n", "next: a}\n" + DEEP, "  menu:"),
    ("not-a-queue", "resume: wait", "resume: record", "  record:"),
    ("key-collision", "hello, next: menu}",
     "hello, next: sure}\n"
     "  sure: {kind: confirm, prompts: hello, yes: menu, no: menu, else: wait,\n"
     "    options: {2: {say: one, go: wait, phrases: {ru: [раз]}}}}",
     "    options:"),
    ("unknown-number", "hello, next: menu}",
     "hello, next: right}\n"
     "  right: {kind: confirm, prompts: hello, corrects: n, yes: menu, no: menu, else: wait}",
     "  right:"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "old", "new", "begins"), BROKEN)
def test_a_broken_flow_is_found_with_its_line(code: str, old: str, new: str, begins: str) -> None:
    assert old in SOUND
    text = SOUND.replace(old, new, 1)
    found = [problem for problem in findings(text) if problem.code == code]
    assert found, findings(text)
    assert found[0].file == "main.yaml"
    assert text.split("\n")[found[0].line - 1].startswith(begins)


def test_no_way_to_a_person_is_found() -> None:
    text = """\
start: hello
resume: wait
nodes:
  hello: {kind: ask_number, prompts: a, into: n, next: bye, else: bye}
  wait: {kind: queue, next: bye, else: bye}
  bye: {kind: goodbye, prompts: bye}
"""
    assert [(p.code, p.line) for p in findings(text)] == [("no-person", 4)]


def test_a_missing_prompt_is_found_in_the_language_that_lacks_it() -> None:
    all_of_them = everything()
    found = findings(SOUND, Known({"ru": all_of_them, "en": all_of_them - {"speak", "retry.no_input"}}))
    assert {(p.code, p.line) for p in found} == {("missing-prompt", 15), ("missing-prompt", 6)}
    assert all("'en'" in p.text for p in found)


def test_what_the_machine_itself_says_is_checked_too() -> None:
    all_of_them = everything()
    found = findings(SOUND, Known({"ru": all_of_them - {"hours.closed"}, "en": all_of_them}))
    assert ["'hours.closed' in 'ru'" in p.text for p in found] == [True]


def test_an_unknown_topic_and_an_unknown_answer_are_found() -> None:
    prompts = everything()
    known = Known({"ru": prompts, "en": prompts}, topics={"access"})
    assert [p.code for p in findings(SOUND, known)] == ["unknown-topic"]
    text = SOUND.replace(
        "next: bye, else: record}",
        "next: help, else: record}\n"
        "  help: {kind: answer, answer: nothing, helped: bye, not_helped: wait, else: wait, person: wait}",
    )
    prompts |= {"helped.ask"}
    found = findings(text, Known({"ru": prompts, "en": prompts}))
    assert {p.code for p in found} == {"unknown-answer"}


def test_a_circle_that_waits_for_the_caller_is_no_loop() -> None:
    text = SOUND.replace("go: record, topic", "go: hello, topic").replace("else: record}", "else: record}")
    assert [p.code for p in findings(text)] == []


def test_a_warning_does_not_stop_a_flow() -> None:
    found = findings(SOUND.replace("ru: [документы]", "ru: [входь]"))
    assert [(p.code, p.severity) for p in found] == [("phrase-alike", "warning")]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "empty"),
        ("nodes: [", 1, "not YAML"),
        ("nodes:\n  a: {kind: say, prompts: x, next: a}\n  a: {kind: say}\n", 3, "given twice"),
        ("nodes:\n  a: &x {kind: say}\n  b: *x\n", 3, "anchors"),
        ("nodes:\n  a: {kind: sing}\n", 2, "unknown kind 'sing'"),
        ("nodes:\n  a: {kind: say, prompts: x}\n", 2, "needs 'next'"),
        ("nodes:\n  a: {kind: say, prompts: x, next: a,\n    colour: red}\n", 3, "no field 'colour'"),
        ("nodes:\n  a:\n    kind: menu\n    attempts: two\n    prompts: x\n", 4, "whole number"),
        ("nodes:\n  a: {kind: say, prompts: x, next: a, by: moon}\n", 2, "not one of"),
        ("nodes:\n  a: {kind: menu, prompts: x, options: {11: {go: a}}}\n", 2, "a key is one of"),
        ("nodes:\n  ш: {kind: goodbye, prompts: x}\n", 2, "Latin letters"),
        ("colour: red\n", 1, "unknown entry"),
        ("defaults: {colour: red}\n", 1, "no default 'colour'"),
        ("start: a\nresume: a\nnodes: {a: {prompts: x}}\n", 3, "has no kind"),
        ("- a\n- b\n", 1, "a mapping"),
        ("nodes:\n  a: " + "[" * 200_000, 2, "nested too deeply"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_names_file_and_line(text: str, line: int, words: str) -> None:
    with pytest.raises(FlowError) as caught:
        parse({"broken.yaml": text})
    first = caught.value.problems[0]
    assert (first.file, first.line) == ("broken.yaml", line)
    assert words in first.text


def test_all_faults_of_all_files_are_told_at_once() -> None:
    with pytest.raises(FlowError) as caught:
        parse(
            {"a.yaml": "nodes: {x: {kind: sing}, y: {kind: dance}}", "b.yaml": "nodes: [", "main.yaml": SOUND}
        )
    assert [(p.file, p.line) for p in caught.value.problems] == [("a.yaml", 1), ("a.yaml", 1), ("b.yaml", 1)]


def test_the_version_is_the_content() -> None:
    one, same = parse({"main.yaml": SOUND}), parse({"main.yaml": SOUND})
    other = parse({"main.yaml": SOUND.replace("prompts: hello", "prompts: hi")})
    assert one.version == same.version != other.version
