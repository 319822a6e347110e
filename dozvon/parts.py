"""Parts of one installation from its settings, made alike by the daemon and by the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dozvon.settings import Settings

if TYPE_CHECKING:
    from desk.store import SqlDesk
    from web.tokens import Tokens


def make_desk(settings: Settings) -> SqlDesk:
    """Not started yet. Raises VaultError when the key file is wrong, BadUrl for ``database.url``."""
    from desk.store import SqlDesk
    from desk.vault import Vault

    return SqlDesk(
        settings.database_url,
        Vault.open(settings.secrets / "desk-keys.json"),
        settings.home / "desk" / "recordings",
    )


def make_tokens(settings: Settings) -> Tokens:
    from web.tokens import Tokens

    return Tokens(settings.secrets / "tokens.json")
