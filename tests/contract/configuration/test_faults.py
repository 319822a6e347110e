"""`dozvon check` finds what would leave callers without understanding or the hotline without its daemon,
each fault once; no command answers an administrator's mistake with a traceback."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from dozvon import cli

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what ships, to be broken; without speech models, which take their time."""
    folder = tmp_path / "config"
    shutil.copytree(ROOT / "config", folder)
    with (folder / "dozvon.yaml").open("a") as file:
        file.write("speech: {enabled: false}\n")
    monkeypatch.setenv("DOZVON_CONFIG", str(folder))
    monkeypatch.setenv("DOZVON_HOME", str(tmp_path / "home"))
    return folder


@pytest.fixture
def dozvon(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs a command as a shell does: its exit code, and what it has said on both streams."""

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["dozvon", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capsys.readouterr()
        return int(end.value.code or 0), said.out + said.err

    return run


def lines_about(config: Path, said: str) -> list[str]:
    return [line for line in said.splitlines() if str(config) in line]


BROKEN = [
    ("understanding/ru/short.yaml", "", "x: [\n", "expected the node content, but found"),
    ("understanding/en.yaml", "topics:\n", "topics:\n  access: [help]\n", "access: stands here twice"),
    ("understanding/ru.yaml", "  access:", "  nosuchtopic:", "nosuchtopic: unknown; known: account, access"),
    ("topics.yaml", "", "x: [\n", "not YAML"),
    ("topics.yaml", "topics:\n", "topic:\n", "'topics' must name at least one topic"),
    ("topics.yaml", "    en: Recovering access\n", "", "access: a title is missing in en"),
    ("topics.yaml", "  access:\n", "  account:\n", "'account' is given twice"),
    ("rules.yaml", "", "queues: {}\n", "'queues' is given twice"),
    ("hours.yaml", "", "nope: 1\n", "unknown entry 'nope'"),
    ("agents.yaml", "", "nope: 1\n", "unknown field 'nope'"),
    ("answers/passport.yaml", "links:", "links: [2026-13-45]\nlinks:", "'2026-13-45' is not what it looks"),
]


@pytest.mark.parametrize(("name", "old", "new", "words"), BROKEN, ids=[f"{b[0]} {b[3]}" for b in BROKEN])
def test_it_is_found_once_with_file_and_line(config, dozvon, name, old, new, words) -> None:
    file = config / name
    before = file.read_text("utf-8")
    assert old in before
    file.write_text(before.replace(old, new, 1) if old else before + new, "utf-8")
    code, said = dozvon("check")
    assert code == 1
    about = [line for line in lines_about(config, said) if words in line]
    assert len(about) == 1 and about[0].startswith(f"error: {file}:"), said
    assert about[0].removeprefix(f"error: {file}:").split(":")[0].isdigit()
    assert len(lines_about(config, said)) == len(set(lines_about(config, said)))


def test_what_ships_has_no_fault_in_its_configuration(config, dozvon) -> None:
    assert lines_about(config, dozvon("check")[1]) == []


def test_both_languages_are_looked_at(config, dozvon) -> None:
    for language in ("ru", "en"):
        (config / "understanding" / f"{language}.yaml").write_text("topics: [", "utf-8")
    (config / "topics.yaml").write_text("topics: [", "utf-8")  # hides nothing else
    about = lines_about(config, dozvon("check")[1])
    places = [line.removeprefix(f"error: {config}/").split(":")[0] for line in about]
    assert places == ["topics.yaml", "understanding/ru.yaml", "understanding/en.yaml"]


@pytest.mark.parametrize(
    "text", ["topics: [\n", "- a\n", "topic: {a: {ru: A, en: A}}\n", "topics: [a]\n", ""]
)
@pytest.mark.parametrize(
    "words", [["check"], ["hours"], ["flow", "check"], ["prompts", "check"], ["prompts", "list"], ["talk"]]
)
def test_topics_that_cannot_be_read_are_one_line(config, dozvon, words, text) -> None:
    (config / "topics.yaml").write_text(text, "utf-8")
    code, said = dozvon(*words)
    assert code == 1
    (line,) = lines_about(config, said)
    assert re.search(r"/topics\.yaml:[12]: ", line)


@pytest.mark.parametrize("words", [["check"], ["tickets", "list"], ["serve"], ["hours"]])
@pytest.mark.parametrize(
    "address", ["database: {url: 'mysql://u:pw1@h/d'}", "redis: {url: 'http://u:pw1@x'}"]
)
def test_addresses_of_another_kind_are_one_line(config, dozvon, words, address) -> None:
    with (config / "dozvon.yaml").open("a") as file:
        file.write(f"{address}\n")
    code, said = dozvon(*words)
    assert code == 1 and "pw1" not in said
    (line,) = lines_about(config, said)
    assert f"{config}/dozvon.yaml:9: {address.partition(':')[0]}.url: an address like" in line


PERIOD = ["replay", "--from", "2026-11-20", "--to", "2026-11-21"]


@pytest.mark.parametrize(
    ("address", "words", "commands"),
    [
        (
            "database: {url: 'postgresql://u:pw1@h:p/d'}",
            "the database's URL cannot be read",
            [["check"], ["serve"], ["tickets", "list"], PERIOD],
        ),
        (
            "database: {url: 'sqlite:///:memory:'}",
            "the desk needs a database file",
            [["check"], ["serve"], ["tickets", "list"], PERIOD],
        ),
        ("redis: {url: 'redis://u:pw1@h:p/0'}", "redis://h:p/0: ", [["check"], ["serve"], PERIOD]),
    ],
)
def test_addresses_with_a_mistake_inside_are_one_line(config, dozvon, address, words, commands) -> None:
    with (config / "dozvon.yaml").open("a") as file:
        file.write(f"{address}\n")
    for command in commands:
        code, said = dozvon(*command)
        assert code == 1 and said.count(words) == 1 and "pw1" not in said, (command, said)
