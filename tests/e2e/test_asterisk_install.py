"""What an administrator gets: the files installed over those of a stock Asterisk, then started."""

from __future__ import annotations

import grp
import os
import socket

import pytest

from dozvon.machine.asterisk import AsteriskChild, _directories, build
from dozvon.machine.check import check_folder
from dozvon.machine.children import free_port
from dozvon.machine.install import BACKUP, install_files

pytestmark = pytest.mark.e2e


async def test_installed_over_stock_files_it_starts_without_a_fault(asterisk, settings):
    own = settings.asterisk.model_copy(
        update={"ami_port": free_port(), "sip_port": free_port(kind=socket.SOCK_DGRAM)}
    )
    mine = settings.model_copy(update={"home": settings.home / "stock", "asterisk": own})
    child = AsteriskChild(mine, asterisk.toolbox)
    build(child)
    etc = child.config.parent
    for file in etc.iterdir():
        file.unlink()
    (etc / "pjsip.conf").write_text("[stock]\ntype = endpoint\n")
    (etc / "pjsip_local.conf").write_text("[own]\ntype = aor\nmax_contacts = 1\n")
    group = grp.getgrgid(os.getgid()).gr_name
    first = list(install_files(mine, etc, group))
    again = list(install_files(mine, etc, group))
    assert len(again) < 3 < len(first)  # the second time only secrets and script are renewed
    assert "stock" in (etc / f"pjsip.conf{BACKUP}").read_text()
    assert check_folder(etc, mine) == []
    # Debian's Asterisk knows its folders; the private copy is told here.
    (etc / "asterisk.conf").write_text(_directories(child) + (etc / "asterisk.conf").read_text())
    await child.child.start(child.ready, 60)
    try:
        assert "trunk-identify" in await child.console("pjsip show identifies")
        assert "Aor:  own" in await child.console("pjsip show aors")
        assert "stock" not in await child.console("pjsip show endpoints")
        assert "fallback" in await child.console("queue show")
    finally:
        await child.stop()
    log = (child.folder / "log" / "messages.log").read_text("utf-8")
    assert " ERROR[" not in log
    assert " WARNING[" not in log
