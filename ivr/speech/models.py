"""Speech models on this machine: the small one that ships, official ones by download, any folder by path.

Vosk's authors publish ``model-list.json`` beside their models, with size and MD5 of each archive: a download
is checked against that. The choice is kept in ``chosen.json`` of the models' folder, by language.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import shutil
import stat
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ivr.speech.recogniser import ModelFaulty, VoskModel, check_folder

OFFICIAL_URL = "https://alphacephei.com/vosk/models"
SHIPPED = Path(__file__).resolve().parents[2] / "models"
TIMEOUT_S = 30.0
_PIECE = 1 << 18
_MAX_LIST = 4_000_000  # bytes of model-list.json
_MAX_ARCHIVE = 6_000_000_000
_MAX_UNPACKED = 12_000_000_000
_TRIES = 5  # of a download that breaks off, each goes on where the last one ended


class FetchFailed(Exception):
    """The model could not be fetched; what was loaded stays for the next try. The text says why."""


@dataclass(frozen=True, slots=True)
class Known:
    name: str
    language: str
    about: str


OFFICIAL = (
    Known("vosk-model-small-ru-0.22", "ru", "45 MB, light; needs about 300 MB of memory"),
    Known("vosk-model-ru-0.42", "ru", "1.8 GB, the most accurate; needs several GB of memory"),
    Known("vosk-model-small-en-us-0.15", "en", "40 MB, light"),
)

Progress = Callable[[int, int], None]  # bytes so far, bytes in all (0: unknown)


@dataclass(frozen=True, slots=True)
class Listed:
    name: str
    language: str
    about: str
    folder: Path | None  # None: not on this machine
    chosen: bool


def chosen(home: Path) -> dict[str, str]:
    """Language -> folder, as `use` wrote it."""
    try:
        raw = json.loads((home / "chosen.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in raw.items()} if isinstance(raw, dict) else {}


def shipped() -> dict[str, Path]:
    """Language -> folder of the model that ships for it: ``models/LANG-small``, as the recipe writes it."""
    found = (file.parents[1] for file in sorted(SHIPPED.glob("*-small/am/final.mdl")))
    return {folder.name.removesuffix("-small"): folder for folder in found}


def folder_for(language: str, home: Path, configured: str = "") -> Path | None:
    """Where a language's model lies: configured, else chosen, else shipped; None when there is none."""
    if configured:
        return Path(configured)
    if language in (picked := chosen(home)):
        return Path(picked[language])
    return shipped().get(language)


def load(language: str, home: Path, configured: str = "") -> VoskModel | None:
    """Raises ModelFaulty; None when the language has no model: keys only."""
    folder = folder_for(language, home, configured)
    return VoskModel(folder) if folder else None


def listed(home: Path) -> list[Listed]:
    picked = chosen(home)
    rows = [
        Listed(folder.name, language, "ships with Dozvon", folder, language not in picked)
        for language, folder in shipped().items()
    ]
    for known in OFFICIAL:
        folder = home / known.name
        here = folder if folder.is_dir() else None
        using = here is not None and picked.get(known.language) == str(folder)
        rows.append(Listed(known.name, known.language, known.about, here, using))
    others = {
        language: path for language, path in picked.items() if Path(path).name not in {r.name for r in rows}
    }
    rows += [
        Listed(Path(p).name, language, "a folder of yours", Path(p), True) for language, p in others.items()
    ]
    return rows


def use(name: str, language: str, home: Path) -> Path:
    """Choose a model by name or folder. Raises ModelFaulty."""
    candidates = [home / name, SHIPPED / name, Path(name)]
    folder = next((path for path in candidates if path.is_dir()), None)
    if folder is None:
        raise ModelFaulty(f"{name}: no such model here; `dozvon models fetch {name}` loads an official one")
    folder = folder.resolve()
    check_folder(folder)
    home.mkdir(parents=True, exist_ok=True)
    part = home / "chosen.json.part"
    part.write_text(
        json.dumps({**chosen(home), language: str(folder)}, ensure_ascii=False, indent=1), "utf-8"
    )
    part.replace(home / "chosen.json")
    return folder


# --------------------------------------------------------------------------------------------- download
def fetch(name: str, home: Path, progress: Progress, base_url: str = OFFICIAL_URL) -> Path:
    """Downloads, checks and unpacks a model; goes on with what an earlier try left. Raises FetchFailed."""
    target = home / name
    if target.is_dir():
        return target
    if not name or "/" in name or name.startswith("."):
        raise FetchFailed(f"{name!r} is no model's name")
    home.mkdir(parents=True, exist_ok=True)
    entry = _published(name, base_url)
    archive = home / f"{name}.zip.part"
    size = int(entry.get("size", 0) or 0)
    _download(f"{base_url}/{name}.zip", archive, size, progress)
    found = _md5(archive)
    if found != entry["md5"]:
        archive.unlink()
        raise FetchFailed(
            f"{name}: the archive is damaged (MD5 {found}, published {entry['md5']}); loaded anew next time"
        )
    _unpack(archive, target)
    archive.unlink()
    return target


def _published(name: str, base_url: str) -> Mapping[str, str]:
    try:
        with urllib.request.urlopen(f"{base_url}/model-list.json", timeout=TIMEOUT_S) as answer:
            models = json.loads(answer.read(_MAX_LIST))
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise FetchFailed(f"the list of models cannot be read: {error}") from None
    for entry in models if isinstance(models, list) else ():
        if isinstance(entry, dict) and entry.get("name") == name and isinstance(entry.get("md5"), str):
            return {**entry, "md5": entry["md5"].lower()}
    raise FetchFailed(f"{name} is not in the published list")


def _download(url: str, archive: Path, size: int, progress: Progress) -> None:
    reason: Exception | None = None
    for _ in range(_TRIES):
        have = archive.stat().st_size if archive.exists() else 0
        if size and have == size:
            return
        try:
            if _load_on(url, archive, have, size, progress):
                return
        except (OSError, http.client.HTTPException) as error:
            reason = error
            if isinstance(error, urllib.error.HTTPError) and error.code in (401, 403, 404, 410):
                break
    raise FetchFailed(f"{url}: {reason or 'the connection broke off'}; call again to go on")


def _load_on(url: str, archive: Path, have: int, size: int, progress: Progress) -> bool:
    """One try, from byte ``have`` on; True when everything is there."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing is left to load, or what we have is not a part of it
            archive.unlink(missing_ok=True)
        raise
    with contextlib.closing(answer):
        if have and answer.status != 206:  # the server cannot go on in the middle
            have = 0
        length = int(answer.headers.get("Content-Length") or 0)
        total = have + length if length else size
        if total > _MAX_ARCHIVE:
            raise FetchFailed(f"{url}: {total} bytes are too many for a model")
        with archive.open("ab" if have else "wb") as out:
            while piece := answer.read(_PIECE):
                out.write(piece)
                have += len(piece)
                progress(have, total)
                if have > _MAX_ARCHIVE:
                    raise FetchFailed(f"{url}: too many bytes for a model")
    return not total or have >= total


def _md5(file: Path) -> str:
    with file.open("rb") as source:
        return hashlib.file_digest(source, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _unpack(archive: Path, target: Path) -> None:
    """The archive holds one folder of the model's name; it appears in one step, whole."""
    scratch = target.with_name(f".{target.name}.part")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as packed:
            entries = packed.infolist()
            if sum(entry.file_size for entry in entries) > _MAX_UNPACKED:
                raise FetchFailed(f"{archive.name}: unpacks to too much")
            for entry in entries:
                path = (scratch / entry.filename).resolve()
                link = stat.S_ISLNK(entry.external_attr >> 16)
                if link or not path.is_relative_to(scratch.resolve()):
                    raise FetchFailed(f"{archive.name}: {entry.filename} does not belong into a model")
            packed.extractall(scratch)
        inner = scratch / target.name
        folder = inner if inner.is_dir() else scratch
        check_folder(folder)
        folder.replace(target)
    except (zipfile.BadZipFile, ModelFaulty, OSError) as error:
        raise FetchFailed(f"{archive.name}: {error}") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
