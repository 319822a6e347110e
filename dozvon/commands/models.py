"""``dozvon models``: speech models: list, fetch, use."""

from __future__ import annotations

import click


@click.group(invoke_without_command=True)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Speech models on this machine; without a word after it, the list."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_models)


@cli.command("list")
def list_models() -> None:
    """What ships, what can be fetched, what is used."""
    from dozvon.settings import load
    from ivr.speech import models

    home = load().home / "models"
    for row in models.listed(home):
        state = "in use" if row.chosen else "here" if row.folder else "can be fetched"
        click.echo(f"{row.language:3} {row.name:30} {state:15} {row.about}")


@cli.command()
@click.argument("name")
@click.option(
    "--from", "base_url", default="", help="Another address that serves Vosk's model-list.json and archives."
)
def fetch(name: str, base_url: str) -> None:
    """Download an official model; a broken download goes on where it stopped."""
    from dozvon.settings import load
    from ivr.speech import models

    shown = -1

    def progress(done: int, total: int) -> None:
        nonlocal shown
        percent = 100 * done // total if total else 0
        if percent != shown:
            shown = percent
            bar = "#" * (percent // 4)
            click.echo(f"\r{name} [{bar:25}] {percent:3} %  {done / 1e6:.0f} MB", nl=False, err=True)

    try:
        folder = models.fetch(name, load().home / "models", progress, base_url or models.OFFICIAL_URL)
    except models.FetchFailed as error:
        raise click.ClickException(str(error)) from None
    if shown >= 0:
        click.echo(err=True)
    click.echo(f"{folder}\nuse it: dozvon models use {name}")


@cli.command()
@click.argument("name")
@click.option("--lang", "language", default="", help="Language it is for; the hotline's own when left out.")
def use(name: str, language: str) -> None:
    """Listen with a model from now on: a name of the list, or a folder. Takes effect at the next start."""
    from dozvon.settings import load
    from ivr.speech import models
    from ivr.speech.recogniser import ModelFaulty

    settings = load()
    try:
        folder = models.use(name, language or settings.hotline.language, settings.home / "models")
    except ModelFaulty as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{language or settings.hotline.language}: {folder}")
