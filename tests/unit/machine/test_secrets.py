"""Secrets are made once, completed when needed, and nobody else's."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from dozvon.machine import secrets
from dozvon.machine.asterisk import CONFIG, AsteriskChild, build
from dozvon.machine.asterisk_root import Toolbox
from dozvon.machine.children import Child, alive
from dozvon.settings import Settings


def test_made_once_and_kept(tmp_path):
    first = secrets.ensure(tmp_path / "s", CONFIG)
    assert secrets.ensure(tmp_path / "s", CONFIG) == first
    assert set(first.agents) == {"2001", "2002", "2003", "2004", "2005", "2006"}
    values = [
        first.agi_token,
        first.ami_secret,
        first.speech_token,
        first.trunk_password,
        *first.agents.values(),
    ]
    assert len(set(values)) == len(values)
    assert all(len(value) >= 32 for value in values)
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "s" / secrets.FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert first.ami_secret not in repr(first)


def test_a_new_agent_gets_a_password_and_the_others_keep_theirs(tmp_path):
    config = tmp_path / "etc"
    shutil.copytree(CONFIG, config)
    before = secrets.ensure(tmp_path / "s", config)
    with (config / "pjsip.conf").open("a") as file:
        file.write("\n[2007](agent-auth,secret-2007)\nusername = 2007\n")
    after = secrets.ensure(tmp_path / "s", config)
    assert "2007" in after.agents
    assert {**after.agents, "2007": ""} == {**before.agents, "2007": ""}
    assert after.ami_secret == before.ami_secret


def test_a_file_that_became_readable_is_closed_again(tmp_path):
    secrets.ensure(tmp_path, CONFIG)
    file = tmp_path / secrets.FILE_NAME
    file.chmod(0o644)
    secrets.ensure(tmp_path, CONFIG)
    assert file.stat().st_mode & 0o077 == 0


def test_an_instance_is_built_from_settings_and_holds_no_secret_in_open_files(tmp_path):
    box = Toolbox(tmp_path, (), tmp_path / "asterisk", tmp_path / "modules", tmp_path, "22.0")
    instance = AsteriskChild(Settings(home=tmp_path / "home"), box)
    known = build(instance)
    build(instance)  # again, as at every start
    etc = tmp_path / "home" / "asterisk" / "etc"
    assert f"astmoddir => {tmp_path / 'modules'}" in (etc / "asterisk.conf").read_text()
    open_files = [f for f in etc.iterdir() if f.stat().st_mode & 0o077]
    assert open_files
    for file in open_files:
        text = file.read_text("utf-8")
        assert known.ami_secret not in text
        assert known.agi_token not in text
    script = tmp_path / "home" / "asterisk" / "dozvon-emergency"
    assert os.access(script, os.X_OK)
    assert str(Path(secrets.__file__).parents[2] / "ivr" / "emergency.py") in script.read_text()


def test_a_pid_file_of_another_program_is_not_believed(tmp_path):
    child = Child("x", ["sleep", "1"], tmp_path / "pid", "dozvon-no-such-marker", tmp_path / "log")
    (tmp_path / "pid").write_text(str(os.getpid()))
    assert not child.running
    for nonsense in ("", "-1", "0", "abc", "99999999"):
        (tmp_path / "pid").write_text(nonsense)
        assert not child.running
    assert alive(os.getpid(), "python")
