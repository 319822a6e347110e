"""Where everything is: what ``dozvon up`` and ``make demo`` print."""

from __future__ import annotations

from dozvon.machine import secrets
from dozvon.machine.asterisk import CONFIG
from dozvon.settings import Settings

TOKEN_FILE = "administrator.token"


def addresses(settings: Settings) -> str:
    """Pages, API and SIP logins of this machine. Shows secrets: for the administrator's terminal only."""
    web = f"http://{settings.web.host}:{settings.web.port}"
    sip = f"{settings.asterisk.sip_bind}:{settings.asterisk.sip_port}"
    known = secrets.ensure(settings.secrets, CONFIG)
    token = administrator_token(settings)
    agent, password = next(iter(known.agents.items()), ("", ""))
    lines = [
        ("wallboard", f"{web}/#token={token}"),
        ("API", f"{web}/api/v1/openapi.json   (Authorization: Bearer …)"),
        ("figures", f"{web}/metrics   {web}/readyz"),
        ("call it", f"sip:{settings.hotline.number}@{sip}, from {', '.join(settings.asterisk.trunk_match)}"),
        ("", "or from any phone on this machine: dozvon call"),
        ("agent", f"sip:{agent}@{sip}, password {password}"),
        (
            "others",
            f"{', '.join(list(known.agents)[1:])}: passwords in {settings.secrets / secrets.FILE_NAME}",
        ),
        ("logs", str(settings.home / "log")),
    ]
    return "\n".join(f"  {name:<10} {what}" for name, what in lines)


def administrator_token(settings: Settings) -> str:
    """The token of this machine's administrator, made at the first need and kept with mode 0600."""
    from dozvon.machine.asterisk import write_private
    from dozvon.parts import make_tokens

    file = settings.secrets / TOKEN_FILE
    tokens = make_tokens(settings)
    if file.is_file() and tokens.owner(secret := file.read_text("utf-8").strip()):
        return secret
    secret = tokens.create("administrator", "admin")
    write_private(file, secret + "\n")
    return secret
