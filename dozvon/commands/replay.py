"""``dozvon replay``: a recorded period, once more with other rules, skills or agents."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from acd.journal.recorded import Recording
    from acd.journal.stream import Entry
    from acd.journal.what_if import Variant

BUCKET_S = 900
NOTES = (
    "As recorded: what really came of each caller.",
    "Same again: the engine with the recorded agents and rules, under the same assumptions as the variant. "
    "Compare the variant with it; where it differs from the record, so far the assumptions are wrong.",
    "Taken over call by call: arrival, topic, ringing, talk, wrap-up, and the wait after which a caller "
    "hung up.",
    "Assumed: who was answered would, from there on, have hung up at the rate of the recorded callers; who "
    "hung up would have talked as long as is usual for the topic; every offered agent answers; a talk takes "
    "as long with any agent.",
)


@click.command()
@click.argument("file", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--from", "from_", metavar="TIME", help="2027-05-09 or 2027-05-09T08:00, the centre's time")
@click.option("--to", metavar="TIME", help="end; without it the end of that day")
@click.option("--skills", type=click.Path(path_type=Path), help="roster file: these skills instead")
@click.option("--roster", type=click.Path(path_type=Path), help="roster file: these agents instead")
@click.option("--rules", type=click.Path(path_type=Path), help="rules file instead of the recorded rules")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="write a page with a drawing")
@click.option(
    "--save", type=click.Path(dir_okay=False, path_type=Path), help="only write the entries to a file"
)
@click.option("--json", "as_json", is_flag=True, help="figures as JSON")
def cli(
    file: tuple[Path, ...],
    from_: str | None,
    to: str | None,
    skills: Path | None,
    roster: Path | None,
    rules: Path | None,
    html: Path | None,
    save: Path | None,
    as_json: bool,
) -> None:
    """What a recorded period would have been with other rules, skills or agents.

    FILEs are what --save has written, or archives that wait in home/journal. Without one, --from chooses a
    period of this installation: its archive in the database, and what is not there yet.
    """
    from zoneinfo import ZoneInfo

    from acd.journal import comparison, recorded, what_if
    from dozvon import archive
    from dozvon.settings import load

    settings = load()
    zone = ZoneInfo(settings.hotline.timezone)
    if not file and not from_:
        raise click.UsageError("name a FILE, or a period with --from and --to")
    from_ms, to_ms = _period(from_, to, zone)
    entries = _from_files(file) if file else archive.entries(settings, from_ms, to_ms, warn)
    if save is not None:
        _save(save, entries, from_ms)
        return
    recording = recorded.read(entries, from_ms, to_ms)
    _usable(recording)
    variant = _variant(skills, roster, rules)
    target_ms = recording.targets_ms[-1]
    target_s = round(target_ms / 1000)
    fates = {"as recorded": recorded.as_it_was(recording)}
    fates["same again"] = what_if.simulate(recording, what_if.Variant("same again"))
    if variant is not None:
        fates[variant.name] = what_if.simulate(recording, variant)
    columns = [recorded.figures(name, each, target_ms, BUCKET_S * 1000) for name, each in fates.items()]
    if as_json:
        click.echo(json.dumps(comparison.data(columns, target_s), ensure_ascii=False))
    else:
        click.echo(comparison.table(columns, target_s))
        click.echo("\n" + "\n".join(NOTES))
    if html is not None:
        html.write_text(comparison.page(columns, target_s, zone, NOTES), "utf-8")
        click.echo(f"written: {html}", err=True)


def _period(from_: str | None, to: str | None, zone: ZoneInfo) -> tuple[int, int]:
    """Both ends in ms."""
    import datetime

    def moment(text: str) -> datetime.datetime:
        try:
            found = datetime.datetime.fromisoformat(text)
        except ValueError:
            _fail(f"'{text}' is no time; write 2027-05-09 or 2027-05-09T08:00")
        return found if found.tzinfo else found.replace(tzinfo=zone)

    if from_ is None:
        if to is not None:
            _fail("--to needs --from")
        return 0, 1 << 62
    start = moment(from_)
    midnight = start.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    end = moment(to) if to else midnight + datetime.timedelta(days=1)
    if end <= start:
        _fail("--to is not later than --from")
    return int(start.timestamp() * 1000), int(end.timestamp() * 1000) - 1


def _from_files(files: tuple[Path, ...]) -> Iterator[Entry]:
    from acd.journal import archive

    for file in files:
        yield from archive.read(file)


def warn(text: str) -> None:
    click.echo(f"dozvon: {text}", err=True)


def _save(file: Path, entries: Iterator[Entry], from_ms: int) -> None:
    """For another machine: a replay of the file gives the same figures."""
    from acd.journal.archive import line_of

    count = 0
    with file.open("x", encoding="utf-8") as out:
        for entry in entries:
            out.write(line_of(entry))
            count += 1
    warn(f"{count} entries written to {file}")


def _usable(recording: Recording) -> None:
    if not recording.entries:
        _fail("nothing is recorded there")
    if recording.unreadable:
        warn(f"{recording.unreadable} entries could not be read and were left out")
    if not recording.calls:
        _fail("no caller was queued in that period")
    if len(recording.targets_ms) > 1:
        said = ", ".join(f"{target_ms / 1000:g} s" for target_ms in recording.targets_ms)
        warn(f"the rules' target changed in that period ({said}); all callers are measured by the last")


def _variant(skills: Path | None, roster: Path | None, rules: Path | None) -> Variant | None:
    from acd import rules_file
    from acd.journal.what_if import Variant
    from acd.service import roster as rosters

    names = [path.name for path in (skills, roster, rules) if path is not None]
    if not names:
        return None
    try:
        return Variant(
            f"with {', '.join(names)}",
            skills=rosters.load(skills).agents if skills else None,
            agents=rosters.load(roster).agents if roster else None,
            rules=rules_file.load(rules)[0] if rules else None,
        )
    except (rosters.RosterError, rules_file.RulesFileError) as error:
        _fail(str(error))


def _fail(text: str) -> NoReturn:
    click.echo(f"dozvon: {text}", err=True)
    sys.exit(1)
