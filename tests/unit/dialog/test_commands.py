"""`dozvon hours`, `dozvon flow` and `dozvon talk`, as an administrator and a script use them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from dozvon.commands import flow, hours, talk
from ivr.flow_store import FlowStore

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped configuration, to be broken."""
    folder = tmp_path / "config"
    shutil.copytree(ROOT / "config", folder, ignore=shutil.ignore_patterns("understanding"))
    monkeypatch.setenv("DOZVON_CONFIG", str(folder))
    monkeypatch.setenv("DOZVON_HOME", str(tmp_path / "home"))
    return folder


def run(command: object, *args: str, lines: str = "") -> Result:
    return CliRunner().invoke(command, list(args), input=lines)  # type: ignore[arg-type]


def test_hours_of_a_holiday_that_is_a_sunday(config: Path) -> None:
    result = run(hours.cli, "--at", "2027-05-09T12:30", "--json")
    assert json.loads(result.stdout) == {
        "open": True,
        "reason": "holiday",
        "opens_at": "2027-05-09T09:00:00+03:00",
        "closes_at": "2027-05-09T13:00:00+03:00",
        "caller_hears": "Сегодня праздничный день. Мы работаем до тринадцати часов.",
    }


def test_hours_with_a_zone_are_the_same_moment(config: Path) -> None:
    here = run(hours.cli, "--at", "2026-11-23T10:00", "--json").stdout
    assert run(hours.cli, "--at", "2026-11-23T07:00+00:00", "--json").stdout == here


def test_a_closure_declared_while_running_counts(config: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "hours-extra.yaml").write_text(
        "exceptions:\n- {from: 2026-11-23T09:00, to: 2026-11-23T12:00, announce: {ru: Идут учения.}}\n",
        "utf-8",
    )
    found = json.loads(run(hours.cli, "--at", "2026-11-23T10:00", "--json").stdout)
    assert (found["open"], found["reason"]) == (False, "closure")
    assert found["caller_hears"] == "Идут учения. Специалисты ответят сегодня с двенадцати часов."


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--at", "yesterday"], "'yesterday' is no time"),
        (["--at", "9999-12-31T00:00"], "out of range"),
        (["--month", "2027-13"], "no month"),
        (["--centre", "moon"], "there is no centre 'moon'"),
    ],
)
def test_a_mistake_is_one_line(config: Path, args: list[str], words: str) -> None:
    result = run(hours.cli, *args)
    assert result.exit_code == 1
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_faulty_hours_file_is_named_with_its_line(config: Path) -> None:
    (config / "hours.yaml").write_text("timezone: Europe/Moscow\nweek:\n  mon: [25:00-26:00]\n", "utf-8")
    result = run(hours.cli)
    assert result.exit_code == 1
    assert f"{config}/hours.yaml:3:" in result.stderr


def test_a_month(config: Path) -> None:
    lines = run(hours.cli, "--month", "2027-05").stdout.splitlines()
    assert len(lines) == 31
    assert "2027-05-09 Sun  09:00-13:00" in lines[8]
    days = [json.loads(line) for line in run(hours.cli, "--month", "2027-02", "--json").stdout.splitlines()]
    assert days[19]["kind"] == "moved_working_day"
    assert days[19]["hours"][-1] == {"opens": "14:00", "closes": "20:00", "reason": "regular"}


def test_a_year_without_a_calendar_is_warned_of(config: Path) -> None:
    result = run(hours.cli, "--at", "2027-12-15T10:00", "--json")
    assert result.exit_code == 0
    assert "2028" in result.stderr
    json.loads(result.stdout)


def test_the_shipped_flow_is_sound(config: Path) -> None:
    assert run(flow.cli, "check").stdout == "the flow is sound\n"


def test_a_fault_of_the_flow_is_named_with_file_and_line(config: Path) -> None:
    file = config / "flows" / "queue.yaml"
    file.write_text(file.read_text("utf-8").replace("next: request.offer", "next: request.ofer", 1), "utf-8")
    result = run(flow.cli, "check")
    assert result.exit_code == 1
    line = next(n for n, text in enumerate(file.read_text("utf-8").splitlines(), 1) if text == "  late:")
    assert (
        f"{file}:{line}: queue.late: 'next' leads to 'request.ofer', which does not exist [unknown-node]"
        in (result.stdout)
    )


def test_the_drawing_shows_every_node_and_the_way_of_a_call(config: Path, tmp_path: Path) -> None:
    page = tmp_path / "flow.html"
    way = "main.welcome>next main.everybody>next main.doors>open"
    assert run(flow.cli, "show", "--out", str(page), "--path", way).exit_code == 0
    assert "main.topics" in page.read_text("utf-8")
    picture = run(flow.cli, "show", "--path", way).stdout
    root = ElementTree.fromstring(picture)
    texts = ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"main.welcome", "queue.wait", "answers.snils", "talks.done"} <= set(texts)
    red = [element for element in root.iter() if "#c00030" in (element.get("stroke"), element.get("fill"))]
    assert len(red) == 3 + 3 + 3  # boxes, their exits, and the lines of these


def test_reload_refuses_a_faulty_flow_and_rollback_a_version_that_is_not_there(config: Path) -> None:
    before = (config / "flows" / "main.yaml").stat().st_mtime_ns
    assert run(flow.cli, "reload").exit_code == 0
    assert (config / "flows" / "main.yaml").stat().st_mtime_ns > before
    (config / "flows" / "main.yaml").write_text("nodes: [", "utf-8")
    refused = run(flow.cli, "reload")
    assert (refused.exit_code, "main.yaml:1: not YAML" in refused.stderr) == (1, True)
    assert run(flow.cli, "rollback").exit_code == 1
    assert run(flow.cli, "rollback", "abc").stderr == "dozvon: there is no version abc\n"


def test_rollback_asks_for_the_version_before(config: Path, tmp_path: Path) -> None:
    archive = tmp_path / "home" / "flows"
    store = FlowStore(config / "flows", archive=archive)
    first = store.current.version
    file = config / "flows" / "queue.yaml"
    file.write_text(file.read_text("utf-8") + "# another version\n", "utf-8")
    second = store.reload().version
    assert run(flow.cli, "versions").stdout == f"{first}\n{second}  in force\n"
    assert run(flow.cli, "rollback").stdout == f"{first} from the next call on\n"
    store.follow()
    assert store.current.version == first


def test_talk_line_by_line(config: Path) -> None:
    lines = "press 3\npress 2\nwait\nanswered\npress 5\n"
    result = run(talk.cli, "--at", "2026-11-23T10:00", "--place", "1", "--keys-only", "--json", lines=lines)
    out = [json.loads(line) for line in result.stdout.splitlines()]
    assert [
        (item["action"], item["node"]) for item in out if item["action"] in ("ask", "enqueue", "disconnect")
    ] == [
        ("ask", "main.topics"),
        ("ask", "main.faults"),
        ("enqueue", "queue.wait"),
        ("ask", "queue.survey"),
        ("disconnect", "queue.bye"),
    ]
    assert out[0]["hears"].startswith("Доброе утро!")
    assert {"hears", "node", "topic", "action", "confidence"} <= set(out[0])
    assert out[-1]["topic"] == "mobile-app"


def test_talk_after_hours_leaves_a_request(config: Path) -> None:
    lines = "press 0\npress 1\nrecord 5\npress 1\n"
    result = run(talk.cli, "--at", "2026-11-22T22:00", "--from", "", "--keys-only", lines=lines)
    assert "Номер заявки — сто тысяч один" in result.stdout or "Номер заявки —" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("way: main.welcome>next")


def test_talk_says_when_a_command_does_not_fit(config: Path) -> None:
    result = run(talk.cli, "--at", "2026-11-23T10:00", "--keys-only", lines="answered\n")
    assert result.exit_code == 1
    assert "the caller is in no queue" in result.stdout
