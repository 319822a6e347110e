"""Trained classifiers are kept between starts: training takes seconds, reading what came of it a moment.

They lie in the user's cache folder under a digest of everything that they were made from: the examples, the
code, the word vectors, the libraries. What cannot be read, or could have been written by somebody else, is
made anew; pickles run code when they are read.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import stat
import sys
from functools import cache
from pathlib import Path

import numpy
import sklearn
import structlog

from ivr.dialog.understanding import classifier as trainer
from ivr.dialog.understanding.classifier import Calibration, Classifier
from ivr.dialog.understanding.examples import Examples
from ivr.dialog.understanding.meanings import MODELS

KEPT = 12  # the newest: three installations of two languages, subjects and answers

log = structlog.get_logger()


def classifier(examples: Examples, calibration: Calibration | None = None) -> Classifier:
    """The classifier of these examples, kept or made (``ivr.dialog.understanding.classifier.Train``)."""
    name = f"{_digest(examples, calibration)}.pickle"
    if (found := _read(name)) is not None:
        return found
    made = Classifier(examples, calibration)
    try:
        _write(_folder() / name, made)
    except (OSError, RuntimeError) as error:  # a read-only machine, a user without a home
        log.info("training is not kept", action="training_not_kept", why=str(error))
    return made


def _folder() -> Path:
    """Raises RuntimeError for a user without a home."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "dozvon" / "understanding"


def _digest(examples: Examples, calibration: Calibration | None) -> str:
    seen = hashlib.sha256(repr((examples, calibration)).encode())
    seen.update(_made_with(examples.language))
    return seen.hexdigest()[:32]


@cache
def _made_with(language: str) -> bytes:
    seen = hashlib.sha256(f"{sys.version_info} {numpy.__version__} {sklearn.__version__}".encode())
    for file in sorted(Path(trainer.__file__).parent.glob("*.py")):
        seen.update(file.read_bytes())
    for file in sorted((MODELS / f"words-{language}").glob("*")):
        seen.update(file.read_bytes())
    return seen.digest()


def _read(name: str) -> Classifier | None:
    try:
        file = _folder() / name
        with file.open("rb") as source:
            known = os.fstat(source.fileno())
            if known.st_uid != os.geteuid() or known.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                return None
            found = pickle.load(source)
        os.utime(file)  # the newest are kept
    except FileNotFoundError:
        return None
    except Exception as error:  # whatever a damaged pickle raises
        log.warning("a kept training cannot be read", action="training_unreadable", why=repr(error))
        return None
    return found if isinstance(found, Classifier) else None


def _write(file: Path, made: Classifier) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        pickle.dump(made, out, protocol=pickle.HIGHEST_PROTOCOL)
    part.replace(file)
    by_age = sorted(file.parent.glob("*.pickle"), key=lambda each: each.stat().st_mtime, reverse=True)
    for old in by_age[KEPT:]:
        with contextlib.suppress(OSError):
            old.unlink()
