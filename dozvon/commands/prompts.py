"""``dozvon prompts``: what callers hear: list, check, render, say."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ivr.prompts.catalogue import Catalogue, Sound
    from ivr.prompts.files import Fault

LANGUAGE = click.option("--language", "-l", help="only this language")


def load_catalogue(config: Path, voice_prompts: Path) -> Catalogue:
    """Texts and answers of an installation. Raises FilesFaulty, SettingsError for topics."""
    from dozvon.hotline import read_topics
    from ivr.prompts import answers, catalogue

    known = read_topics(config) if (config / "topics.yaml").is_file() else None
    languages = catalogue.languages_of(voice_prompts)
    found = answers.load(config / "answers", languages, topics=known)
    return catalogue.load(voice_prompts, languages, extra=answers.entries(found, languages))


def check(config: Path, voice_prompts: Path) -> list[Fault]:
    """Every fault of texts, answers and rendered sounds; for ``dozvon check`` too. Raises SettingsError."""
    from ivr.prompts.files import Fault, FilesFaulty
    from ivr.prompts.render import Store

    try:
        catalogue = load_catalogue(config, voice_prompts)
    except FilesFaulty as error:
        return error.faults
    faults = []
    for language in catalogue.languages:
        store = Store(voice_prompts / language)
        difference = store.difference(catalogue.sounds(language))
        for words, names in (
            ("has no sound", [sound.name for sound in difference.missing]),
            ("its sound says an older text", [sound.name for sound in difference.stale]),
            ("belongs to no prompt", difference.orphans),
        ):
            for name in names:
                file, line = _where(catalogue, name, language, store.sounds)
                faults.append(Fault(file, line, f"{name}: {words}; run `dozvon prompts render`"))
    return sorted(faults)


def _where(catalogue: Catalogue, name: str, language: str, sounds: Path) -> tuple[Path, int]:
    prompt_id = name.split("@")[0]
    for candidate in (prompt_id, prompt_id.rpartition("-")[0]):
        if candidate in catalogue.ids(language):
            entry = catalogue.entry(candidate, language)
            return entry.file, entry.line
    return sounds / f"{name}.alaw", 1


@click.group()
def cli() -> None:
    """What callers hear."""


@cli.command("list")
@LANGUAGE
def list_prompts(language: str | None) -> None:
    """Prompts with their texts and seconds."""
    catalogue, voice_prompts = _open()
    from ivr.prompts.catalogue import fixed_sounds
    from ivr.prompts.render import Store

    for each in _chosen(language, catalogue):
        store = Store(voice_prompts / each)
        for prompt_id in catalogue.ids(each):
            entry = catalogue.entry(prompt_id, each)
            made = [store.made[s.name].bytes for s in fixed_sounds(entry) if s.name in store.made]
            words = " ".join(
                part if isinstance(part, str) else f"{{{part.name}:{'.'.join((part.kind, *part.options))}}}"
                for part in entry.parts
            )
            click.echo(f"{each} {prompt_id:32} {sum(made) / 8000:5.1f} s  {words}")


@cli.command("check")
def check_prompts() -> None:
    """Faults in texts and answers, sounds that are missing or say an older text; exit 1 for any."""
    from dozvon.settings import load

    settings = load()
    faults = check(settings.config, settings.voice_prompts)
    for fault in faults:
        click.echo(str(fault))
    if faults:
        sys.exit(1)
    click.echo("prompts: all texts have their sounds")


@cli.command()
@LANGUAGE
@click.option("--all", "everything", is_flag=True, help="also what has not changed")
def render(language: str | None, everything: bool) -> None:
    """Make the sounds that are missing or whose text has changed; remove those of no prompt."""
    catalogue, voice_prompts = _open()
    from dozvon.settings import load
    from ivr.prompts.render import Store
    from ivr.prompts.synth import find

    chosen = load().voices
    failures: list[str] = []
    for each in _chosen(language, catalogue):
        store = Store(voice_prompts / each)
        if everything:
            store.made.clear()
        difference = store.difference(catalogue.sounds(each))
        voices = {code: find(code, chosen) for code in catalogue.languages}
        total = len(difference.missing) + len(difference.stale)
        failures += store.render(difference, voices.get, _show)
        voice = voices[each]
        megabytes = sum(made.bytes for made in store.made.values()) / 1e6
        click.echo(
            f"{each}: {total} made ({voice.name if voice else 'no synthesiser'}), "
            f"{len(difference.orphans)} removed, {len(store.made)} sounds, {megabytes:.1f} MB in all"
        )
    for failure in failures:
        click.echo(failure, err=True)
    if failures:
        sys.exit(1)


def _show(sound: Sound) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{sound.name}", nl=False, err=True)


@cli.command()
@click.argument("text")
@click.option("--language", "-l", default="ru")
@click.option("--out", "-o", type=click.Path(dir_okay=False, path_type=Path), help="an .alaw or .wav file")
def say(text: str, language: str, out: Path | None) -> None:
    """Hear TEXT as a caller would: written to --out, or played where `play` (sox) or `aplay` is installed."""
    from dozvon.settings import load
    from ivr.prompts import audio
    from ivr.prompts.render import CannotRender, speak
    from ivr.prompts.synth import find

    try:
        data = speak(text, find(language, load().voices))
    except CannotRender as error:
        raise click.ClickException(str(error)) from None
    if out:
        out.write_bytes(data if out.suffix == ".alaw" else audio.wav(data))
        click.echo(f"{out}: {audio.duration_ms(len(data)) / 1000:.1f} s")
    elif not _play(audio.wav(data)):
        raise click.ClickException("nothing here plays sound: give a file with --out")


def _play(wav: bytes) -> bool:
    import shutil
    import subprocess

    for command in (["aplay", "-q", "-"], ["play", "-q", "-t", "wav", "-"]):
        if shutil.which(command[0]):
            return subprocess.run(command, input=wav, timeout=120, check=False).returncode == 0
    return False


def _chosen(language: str | None, catalogue: Catalogue) -> Sequence[str]:
    if language and language not in catalogue.languages:
        raise click.ClickException(f"no texts in {language!r}; there are: {', '.join(catalogue.languages)}")
    return [language] if language else catalogue.languages


def _open() -> tuple[Catalogue, Path]:
    from dozvon.settings import load
    from ivr.prompts.files import FilesFaulty

    settings = load()
    try:
        return load_catalogue(settings.config, settings.voice_prompts), settings.voice_prompts
    except FilesFaulty as error:
        for fault in error.faults:
            click.echo(str(fault), err=True)
        sys.exit(1)
