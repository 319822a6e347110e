"""The command line's way to a running daemon: its own API on this machine."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import click

from dozvon.addresses import administrator_token
from dozvon.settings import Settings

TIMEOUT_S = 5.0
MAX_BYTES = 10_000_000


def ask(settings: Settings, path: str, method: str = "GET", body: object = None) -> Any:
    """The answer's JSON; a daemon that is not there or says no is one line for the user."""
    url = f"http://{settings.web.host}:{settings.web.port}/api/v1{path}"
    request = urllib.request.Request(
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {administrator_token(settings)}",
            "Content-Type": "application/json",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return json.loads(answer.read(MAX_BYTES) or b"null")
    except urllib.error.HTTPError as error:
        raise click.ClickException(_reason(error)) from None
    except (urllib.error.URLError, TimeoutError) as error:
        raise click.ClickException(
            f"no daemon answers at {url.split('/api')[0]} ({error}); dozvon up?"
        ) from None


def answers(settings: Settings) -> bool:
    """Does a daemon answer, ready for calls?"""
    try:
        url = f"http://{settings.web.host}:{settings.web.port}/readyz"
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _reason(error: urllib.error.HTTPError) -> str:
    """The problem's title and detail, and a line for each field that it is about."""
    try:
        problem = json.loads(error.read(MAX_BYTES))
        said = ": ".join(str(problem[name]) for name in ("title", "detail") if problem.get(name))
        faults = [f"  {fault['where']}: {fault['what']}" for fault in problem.get("errors", ())]
    except (ValueError, TypeError, KeyError, AttributeError):  # not our API's answer: a proxy's, for one
        return str(error)
    return "\n".join([said or str(error), *faults])
