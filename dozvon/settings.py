"""Settings of one installation: ``config/dozvon.yaml`` under the project's root, changed by the environment.

``DOZVON_CONFIG``  another configuration folder (its ``dozvon.yaml`` and everything beside it)
``DOZVON_HOME``    where this installation keeps its data (Redis, database, recordings, spool, logs)
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from ivr.config_file import read
from ivr.dialog.marks import Bad, compose, plain

ROOT = Path(__file__).resolve().parent.parent
MAX_BYTES = 1_000_000
Count = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=1, le=65535)]
Address = Annotated[str, Field(pattern=r"^[\w.-]+:\d{1,5}$", max_length=260)]
# An address or a network; not everybody's (/0), or whoever calls would be the carrier.
Carrier = Annotated[str, Field(pattern=r"^[\w.:-]+(/([1-9]\d?|1[01]\d|12[0-8]))?$", max_length=260)]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, ZoneInfoNotFoundError, OSError):
        raise ValueError(f"no time zone is called '{name}'") from None
    return name


ZoneName = Annotated[str, AfterValidator(_known_zone)]


def _url(pattern: str, example: str) -> AfterValidator:
    """Of an address, which may hold a password: no fault repeats it."""

    def fits(url: str) -> str:
        if url and not re.match(pattern, url):
            raise ValueError(f"an address like {example} is expected")
        return url

    return AfterValidator(fits)


RedisUrl = Annotated[str, _url(r"(rediss?|redis\+sentinel|unix)://.", "redis://HOST:6379/0")]
DatabaseUrl = Annotated[
    str, _url(r"(sqlite|postgresql)(\+\w+)?://.", "postgresql+asyncpg://USER:PASSWORD@HOST/NAME")
]


class SettingsError(Exception):
    """The settings file is wrong; the text has a line ``file:line: field: fault`` for each fault."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Hotline(Section):
    name: str = "Дозвон"
    number: Annotated[str, Field(pattern=r"^[+(]?\d[\d ()-]{1,30}$")] = "88005553535"
    timezone: ZoneName = "Europe/Moscow"
    language: str = "ru"
    languages: Annotated[tuple[str, ...], Field(min_length=1)] = ("ru", "en")
    target_s: Count = 120  # a caller reaches a specialist within this time
    short_abandon_s: Annotated[int, Field(ge=0)] = 5  # who hangs up sooner did not really wait


class Redis(Section):
    url: RedisUrl = ""  # "" starts a child of our own in ``home``; redis:// or redis+sentinel://
    port: Port = 6390  # of the child
    maxmemory_mb: Count = 512


class Database(Section):
    url: DatabaseUrl = ""  # "" is SQLite in ``home``; postgresql+asyncpg://user:password@host/name
    journal_days: Annotated[int, Field(ge=7)] = 750  # the journal's archive; two years for staffing's seasons


class Agi(Section):
    host: str = "127.0.0.1"
    port: Port = 4573
    # host:port of the node that takes calls and waiting callers when this one is away; "": there is none.
    second: Annotated[str, Field(pattern=r"^([A-Za-z0-9.-]{1,253}:\d{1,5})?$")] = ""
    max_sessions: Count = 600


class Speech(Section):
    enabled: bool = True  # False: the menu takes keys only
    host: str = "127.0.0.1"
    port: Port = 9099
    model: str = ""  # "" is the small model that ships
    # Callers who speak at the same moment; fewer for a large model, see docs/measurements.md.
    max_turns: Count = 24
    # Waiting callers who are listened to over the music at the same time; the others have keys. 0: none.
    hold_listeners: Annotated[int, Field(ge=0)] = 20
    # `dozvon speech --listen` elsewhere, HOST:PORT each, for any call. (): this daemon listens itself.
    servers: Annotated[tuple[Address, ...], Field(max_length=4)] = ()


Voice = Annotated[str, Field(pattern=r"^(rhvoice|espeak-ng):[A-Za-z0-9+_-]{1,40}$")]


class Asterisk(Section):
    manage: bool = True  # start Asterisk as a child; False: an administrator runs it
    ami_host: str = "127.0.0.1"
    ami_port: Port = 5038
    ami_user: str = "dozvon"
    sip_bind: str = "127.0.0.1"
    sip_port: Port = 5060
    rtp_start: Port = 10000
    rtp_end: Port = 12000
    # Whoever sends from here is the carrier. The demonstration's carrier is a program on this machine.
    trunk_match: tuple[Carrier, ...] = ("127.0.0.2",)
    trunk_port: Port = 5060  # where the first of them takes our calls (callbacks)

    @model_validator(mode="after")
    def _rtp_ports_in_order(self) -> Self:
        if self.rtp_start >= self.rtp_end:
            raise ValueError(f"rtp_start ({self.rtp_start}) has to be below rtp_end ({self.rtp_end})")
        return self


class Web(Section):
    host: str = "127.0.0.1"
    port: Port = 8080
    max_body_bytes: Count = 1_000_000


Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]


class Callbacks(Section):
    """Callers who are called back: only inside opening hours, and within their own waking hours."""

    enabled: bool = True  # False: the wish becomes a ticket, and a person calls
    not_before: Clock = "09:00"  # of the customer's day
    not_after: Clock = "21:00"
    # Beginnings of numbers (7XXX…) and their zones, as {"7423": Asia/Vladivostok}; others have the centre's.
    zones: dict[str, ZoneName] = {}
    # So many customers may choose the same time; then it is not offered any more.
    most_a_time: Annotated[int, Field(ge=1, le=100_000)] = 40

    @model_validator(mode="after")
    def _times_in_order(self) -> Self:
        if self.not_before >= self.not_after:  # texts of one form: HH:MM
            raise ValueError(f"not_before ({self.not_before}) has to be before not_after ({self.not_after})")
        return self


class Chats(Section):
    """Chats of an outside front, over the API. How many an agent takes: rules.yaml and agents.yaml."""

    enabled: bool = True
    silence_s: Annotated[int, Field(ge=3, le=600)] = 30  # a front that does not ask for so long is gone
    max_chats: Annotated[int, Field(ge=1, le=100_000)] = 1_000  # waiting and running, of this node


class Settings(Section):
    node: str = "node-1"
    home: Path = Path("var")
    hotline: Hotline = Hotline()
    redis: Redis = Redis()
    database: Database = Database()
    agi: Agi = Agi()
    speech: Speech = Speech()
    asterisk: Asterisk = Asterisk()
    web: Web = Web()
    callbacks: Callbacks = Callbacks()
    chats: Chats = Chats()
    # Whose voice speaks a language, where ours has none or another is wanted: {tt: "rhvoice:Talgat"}.
    voices: dict[str, Voice] = {}
    voice_prompts: Path = ROOT / "voice_prompts"  # texts and sounds that callers hear
    config: Path = Field(default=ROOT / "config", exclude=True)

    @property
    def recordings(self) -> Path:
        """Recordings as Asterisk writes them, before the desk takes them into its keeping."""
        return self.home / "recordings"

    @property
    def spool(self) -> Path:
        """Requests taken while no daemon answered: one JSON file each, beside its sound."""
        return self.home / "spool"

    @property
    def secrets(self) -> Path:
        return self.home / "secrets"

    @property
    def database_url(self) -> str:
        return self.database.url or f"sqlite+aiosqlite:///{self.home / 'desk.sqlite3'}"

    @property
    def redis_url(self) -> str:
        return self.redis.url or f"redis://127.0.0.1:{self.redis.port}/0"


def load(config: Path | None = None) -> Settings:
    """Settings from ``config/dozvon.yaml``; raises SettingsError with every fault's line and field."""
    folder = config or Path(os.environ.get("DOZVON_CONFIG") or ROOT / "config")
    file = folder / "dozvon.yaml"
    settings = read(file, lambda content: _parse(content, file), SettingsError, MAX_BYTES)
    # Where a path is not absolute it is meant from the project's root; joining an absolute one keeps it.
    return settings.model_copy(
        update={"home": ROOT / settings.home, "voice_prompts": ROOT / settings.voice_prompts}
    )


def _parse(content: str, file: Path) -> Settings:
    """Raises Bad, SettingsError."""
    root = compose(content)
    raw = (plain(root) if root is not None else None) or {}
    if not isinstance(raw, dict):
        raise Bad(root, "a mapping is expected")
    if home := os.environ.get("DOZVON_HOME"):
        raw["home"] = home
    try:
        return Settings.model_validate({**raw, "config": file.parent})
    except ValidationError as error:
        raise SettingsError("\n".join(_faults(error, root, file))) from None


def _faults(error: ValidationError, root: yaml.Node | None, file: Path) -> Iterator[str]:
    from acd.rules_file import line_of

    for fault in error.errors():
        field = ".".join(map(str, fault["loc"]))
        yield f"{file}:{line_of(root, field)}: {field}: {fault['msg'].removeprefix('Value error, ')}"
