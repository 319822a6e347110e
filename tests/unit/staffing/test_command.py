"""``dozvon staffing`` over made-up archives and assumptions; every fault of its files with the line."""

from __future__ import annotations

import datetime as dt
import json
import random
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from acd.contract import AgentDefined, CallEnded, CallLeft, CallQueued, Event, OfferAccepted
from acd.core.rules import Rules
from acd.journal.archive import Archive
from acd.journal.codec import encode
from acd.journal.stream import Entry
from acd.staffing import past
from dozvon import staffing
from dozvon.commands.staffing import cli
from dozvon.settings import ROOT
from dozvon.staffing_files import StaffingFileError, load_assumptions, load_shifts
from ivr import hours_file

SCHEDULE = hours_file.load(ROOT / "config" / "hours.yaml")[""]
ROSTER = {name: AgentDefined(name, name, f"PJSIP/{name}", {"access": 2}) for name in ("1", "2")}
TOPICS = {"access": {}, "account": {}}
SHIFTS = """\
week:
  mon-fri:
    08:00-14:00: ["1", "2"]
    14:00-20:00: 5
  sat: {09:00-17:00: ["1"]}
  sun: {10:00-16:00: 0}
holidays: {09:00-13:00: ["2"]}
"""
ASSUMED = """\
calls_a_day: {mon-fri: 120, sat: 40, sun: 20, holiday: 10}
by_hour: {9: 2}
topics: {access: 3, account: 1}
talk_s: {access: 200, account: 300}
patience_s: endless
"""


def archive(folder: Path, days: int, a_day: int = 14) -> list[Path]:
    """Callers of some days from 1 June 2026 on, at their real local times; each fifth hangs up after 90 s."""
    chance, facts = random.Random(3), list[tuple[int, Event]]()
    for ahead in range(days):
        date = dt.date(2026, 6, 1) + dt.timedelta(days=ahead)
        opens = dt.datetime.combine(date, dt.time(10), ZoneInfo("Europe/Moscow")).timestamp() * 1000
        for number in range(a_day):
            at_ms, call_id = int(opens) + chance.randrange(3 * 3_600_000), f"{date}/{number}"
            topic = chance.choice(("access", "access", "status"))
            facts.append((at_ms, CallQueued(call_id, "n1", "hotline", topic)))
            if number % 5 == 4:
                facts.append((at_ms + 90_000, CallLeft(call_id, "abandoned")))
                continue
            facts.append((at_ms + 10_000, OfferAccepted(f"o{call_id}", call_id, "2001")))
            facts.append((at_ms + 190_000, CallEnded(call_id, "2001")))
    facts.sort(key=lambda fact: fact[0])
    store = Archive(folder)
    store.add(Entry(f"{at_ms}-{number}", encode(fact)) for number, (at_ms, fact) in enumerate(facts))
    return store.files()


def run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli, [str(each) for each in arguments], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def test_from_archives_to_gaps_and_a_page(tmp_path: Path) -> None:
    files = archive(tmp_path / "journal", 30)
    page = tmp_path / "week.html"
    code, said, _ = run(*files, "--week", "--from", "2026-07-06", "--json", "--out", page, "--runs", "2")
    assert code == 0
    found = json.loads(said)
    assert "Forecast from 28 whole open days, 2026-06-02 to 2026-06-29, 392 callers." in found["about"]
    assert "callers hang up after 150 s" in found["about"][1]  # 12 * 10 s + 2 * 90 s a day, two hang up
    intervals = found["intervals"]
    assert len(intervals) == 5 * 48 + 32 + 24
    by_shift: dict[str, float] = {}
    for each in intervals:
        by_shift[each["shift"]] = by_shift.get(each["shift"], 0) + sum(each["callers"].values())
        assert each["gap"] or not each["short"]
    assert sum(by_shift.values()) == pytest.approx(7 * 14, rel=0.15)
    assert by_shift["08:00-14:00"] > 20 * by_shift["14:00-20:00"]  # all call between 10 and 13
    html = page.read_text("utf-8")
    assert html.count("<svg") == 7 and "http" not in html
    code, said, _ = run(*files, "--days", "1", "--from", "2026-07-06", "--runs", "0")
    assert code == 0 and "Mon 06.07." in said and "quarter hours are gaps" in said


def test_history_leaves_out_days_in_part_and_keeps_quiet_ones(tmp_path: Path) -> None:
    files = archive(tmp_path / "journal", 20)
    zone = ZoneInfo("Europe/Moscow")
    from acd.journal import archive as archives

    entries = [entry for file in files for entry in archives.read(file)]
    recording, seen = past.read(entries, zone)
    quiet = seen | {dt.date(2026, 6, 25), dt.date(2026, 6, 26)}
    history = past.history(recording, quiet, lambda date: staffing.calendar_day(SCHEDULE, date), zone)
    dates = [day.date for day in history.days]
    assert min(dates) == dt.date(2026, 6, 2) and max(dates) == dt.date(2026, 6, 25)
    assert dt.date(2026, 6, 22) not in dates  # nothing at all was recorded: the centre was down
    kinds = {day.date: day.kind for day in history.days}
    assert kinds[dt.date(2026, 6, 12)] == "holiday" and kinds[dt.date(2026, 6, 13)] == "sat"
    times = past.handling(recording, Rules())
    assert times.talk_s("access") == 180 and times.ring_s == 3 and times.wrap_up_s["access"] == 20
    assert times.patience_s == pytest.approx(150)


def test_little_history_and_wrong_words_are_one_line(tmp_path: Path) -> None:
    files = archive(tmp_path / "journal", 5)
    code, _, said = run(*files, "--from", "2026-07-06")
    assert code == 1 and "3 whole open days with 42 callers" in said and "--assume FILE" in said
    assert run(*files, "--from", "tomorrow")[0] == 1
    assert run(*files, "--week", "--days", "3")[0] == 2
    assert run(*files, "--assume", "x")[0] == 2


def test_assumptions_take_the_place_of_a_history(tmp_path: Path) -> None:
    file = tmp_path / "assumed.yaml"
    file.write_text(ASSUMED, "utf-8")
    code, said, _ = run("--assume", file, "--from", "2027-05-03", "--json", "--runs", "1")
    assert code == 0
    found = json.loads(said)
    assert "assumed" in found["about"][0] and "Erlang C" in found["about"][1]
    monday = [each for each in found["intervals"] if each["start"].startswith("2027-05-04")]
    assert sum(sum(each["callers"].values()) for each in monday) == pytest.approx(120, abs=0.1)
    nine, ten = (next(m for m in monday if m["start"][11:16] == at) for at in ("09:00", "10:00"))
    assert nine["callers"]["access"] == pytest.approx(2 * ten["callers"]["access"], abs=0.01)
    holiday = [each for each in found["intervals"] if each["start"].startswith("2027-05-09")]
    assert len(holiday) == 16 and holiday[0]["shift"] == "09:00-13:00"


def test_head_counts_take_skills_from_the_roster(tmp_path: Path) -> None:
    file = tmp_path / "shifts.yaml"
    file.write_text(SHIFTS, "utf-8")
    found = load_shifts(file, SCHEDULE, ROSTER)
    evening = found.crews(SCHEDULE, dt.date(2027, 5, 4))[(14 * 60, 20 * 60)]
    assert [each.agent_id for each in evening] == ["1", "2", "1#1", "2#1", "1#2"]
    assert [a.agent_id for a in found.crews(SCHEDULE, dt.date(2027, 5, 9))[(540, 780)]] == ["2"]
    load_shifts(ROOT / "config" / "shifts.yaml", SCHEDULE, {str(n): ROSTER["1"] for n in range(2001, 2007)})


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        (
            "08:00-14:00",
            "08:00-15:00",
            3,
            "no shift of mon in hours.yaml, which has 08:00-14:00, 14:00-20:00",
        ),
        ('["1", "2"]', '["1", "7"]', 3, "agent 7 is not in the roster"),
        ('["1", "2"]', '["1", "1"]', 3, "given twice"),
        (": 5", ": many", 4, "whole number"),
        (": 5", ": 999999", 4, "more than 20000"),
        ("    14:00-20:00: 5\n", "", 2, "shift 14:00-20:00 of hours.yaml is missing"),
        ("  sun: {10:00-16:00: 0}\n", "", 1, "sun is missing"),
        ("  sun:", "  fri:", 6, "given twice"),
        ("  sat:", "  fri-mon:", 5, "runs backwards"),
        ("  sat:", "  day:", 5, "no weekday"),
        ("holidays:", "holiday:", 7, "unknown entry 'holiday'"),
        ("week:", "away_share: 0.9\nweek:", 1, "a number from 0 to 0.5"),
        ("week:", "week: [", 3, "not YAML"),
    ],
)
def test_faults_of_the_shift_plan(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    file = tmp_path / "shifts.yaml"
    file.write_text(SHIFTS.replace(old, new), "utf-8")
    with pytest.raises(StaffingFileError) as error:
        load_shifts(file, SCHEDULE, ROSTER)
    assert str(error.value).startswith(f"{file}:{line}: ") and words in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        (", holiday: 10", "", 1, "'holiday' is missing"),
        ("{9: 2}", "{29: 2}", 2, "no hour"),
        ("account: 1}", "weather: 1}", 3, "unknown topic 'weather'"),
        ("access: 3, account: 1", "access: 0", 3, "more than 0"),
        (", account: 300", "", 4, "'account' is missing"),
        ("endless", "never", 5, "a number from 1 to 86400"),
        ("sat: 40", "sat: nan", 1, "a number"),
    ],
)
def test_faults_of_assumptions(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    file = tmp_path / "assumed.yaml"
    file.write_text(ASSUMED.replace(old, new), "utf-8")
    with pytest.raises(StaffingFileError) as error:
        load_assumptions(file, Rules(), TOPICS)
    assert str(error.value).startswith(f"{file}:{line}: ") and words in str(error.value)
    with pytest.raises(StaffingFileError, match="not UTF-8"):
        file.write_bytes(b"topics:\n  \xff")
        load_assumptions(file, Rules(), TOPICS)
