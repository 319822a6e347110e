"""``config/dozvon.yaml``: every fault with its line and field, and no password in any of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dozvon.settings import ROOT, Settings, SettingsError, load


def parse(folder: Path, text: str | bytes) -> Settings:
    content = text if isinstance(text, bytes) else text.encode()
    (folder / "dozvon.yaml").write_bytes(content)
    return load(folder)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOZVON_HOME", raising=False)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("agi:\n  max_sessions: -5\n", 2, "agi.max_sessions: Input should be greater than or equal to 1"),
        ("database: {url: 'mysql://u:pw1@h/db'}\n", 1, "database.url: an address like postgresql+asyncpg://"),
        ("database:\n  url: '://pw1'\n", 2, "database.url: an address like"),
        ("redis:\n  url: http://u:pw1@x\n", 2, "redis.url: an address like redis://HOST:6379/0 is expected"),
        ("callbacks:\n  not_before: '21:00'\n  not_after: '09:00'\n", 1, "callbacks: not_before (21:00) has"),
        ("node: a\nasterisk: {rtp_start: 12000, rtp_end: 100}\n", 2, "asterisk: rtp_start (12000) has"),
        ("asterisk:\n  trunk_match: [0.0.0.0/0]\n", 2, "asterisk.trunk_match.0"),
        ("web: {port: 9}\nnode: a\nweb: {port: 8}\n", 3, "'web' is given twice"),
        ("web:\n  port: 9\n  host: h\n  port: 8\n", 4, "'port' is given twice"),
        ("hotline:\n  timezone: Mars/X\n", 2, "hotline.timezone: no time zone is called 'Mars/X'"),
        ("hotline:\n  number: 8800x\n", 2, "hotline.number"),
        ("hotline:\n  languages: []\n", 2, "hotline.languages"),
        ("hotline:\n  languages:\n  - ru\n  - [en]\n", 4, "hotline.languages.1"),
        ("home: var\nwbe: {port: 1}\n", 2, "wbe: Extra inputs"),
        ("hotline: [\n", 2, "not YAML"),
        ("- a\n", 1, "a mapping is expected"),
        ("a: {\n? [b]\n: c}\n", 2, "a single value is expected"),
        ("node: a\nhome: 2026-13-45\n", 2, "'2026-13-45' is not what it looks like"),
        (b"node: a\nhome: \xff\xfe\n", 2, "not UTF-8"),
    ],
)
def test_a_fault_has_its_line_and_field(tmp_path: Path, text: str | bytes, line: int, words: str) -> None:
    with pytest.raises(SettingsError) as error:
        parse(tmp_path, text)
    assert str(error.value).startswith(f"{tmp_path}/dozvon.yaml:{line}: {words}")
    assert "pw1" not in str(error.value)
    assert "\n" not in str(error.value)


def test_all_faults_are_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        parse(tmp_path, "agi: {port: 0}\nspeech: {max_turns: 0}\nredis: {maxmemory_mb: 0}\n")
    assert [line.split(": ")[1] for line in str(error.value).splitlines()] == [
        *("redis.maxmemory_mb", "agi.port", "speech.max_turns")
    ]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"{tmp_path}/dozvon.yaml:1: No such file"):
        load(tmp_path)


def test_what_may_be_written(tmp_path: Path) -> None:
    assert parse(tmp_path, "").agi.max_sessions == 600
    settings = parse(
        tmp_path,
        "home: here\nhotline: {number: 8 (800) 555-35-35}\ncallbacks: {zones: {7423: Asia/Vladivostok}}\n"
        "database: {url: 'postgresql://u:p/w@h/db'}\nredis: {url: 'redis+sentinel://h:1,i:2/name'}\n"
        "voices: {no: 'espeak-ng:nb'}\nspeech: {enabled: no}\n",
    )
    carrier = parse(tmp_path, "asterisk: {trunk_match: [198.51.100.0/24, '2001:db8::1', sip.example.ru]}\n")
    assert len(carrier.asterisk.trunk_match) == 3
    assert settings.home == ROOT / "here" and settings.config == tmp_path
    assert settings.callbacks.zones == {"7423": "Asia/Vladivostok"}
    assert settings.voices == {"no": "espeak-ng:nb"} and not settings.speech.enabled


@pytest.mark.parametrize("file", ["config", "container"])
def test_what_ships_is_read(file: str) -> None:
    assert load(ROOT / file).hotline.number == "88005553535"
