"""Faults in Asterisk's files are found with their file and line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pydantic import ValidationError

from dozvon.machine import secrets
from dozvon.machine.asterisk import CONFIG, local_conf, number_lines
from dozvon.machine.check import check_folder
from dozvon.machine.files import read
from dozvon.settings import Agi, Settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "etc"
    shutil.copytree(CONFIG, target, ignore=shutil.ignore_patterns("sounds"))
    return target


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def test_the_shipped_files_have_no_fault_before_and_after_secrets(folder, settings):
    assert check_folder(folder, settings) == []
    secrets.ensure(settings.secrets, folder)
    assert check_folder(folder, settings) == []


def test_the_files_of_an_installation_have_no_fault(folder, settings):
    (folder / "dozvon-local.conf").write_text(local_conf(settings, folder / "dozvon-emergency"))
    assert check_folder(folder, settings) == []


def test_the_second_node_stands_in_the_installations_file(folder, settings):
    second = settings.model_copy(update={"agi": Agi(second="10.0.0.2:4573")})
    text = local_conf(second, folder / "dozvon-emergency")
    assert "DOZVON_NODE_1 = 127.0.0.1:4573\nDOZVON_NODE_2 = 10.0.0.2:4573\n" in text
    assert "DOZVON_NODE_2 =\n" in local_conf(settings, folder / "dozvon-emergency")
    for wrong in ("10.0.0.2", "10.0.0.2:4573\nx = y", "a b:1", "${EVIL}:1"):
        with pytest.raises(ValidationError):
            Agi(second=wrong)


CHANGES = [
    ("pjsip.conf", "context = from-agents", "context = from-nowhere", "no context 'from-nowhere'"),
    ("pjsip.conf", "auth = 2003", "auth = 2093", "no auth '2093'"),
    ("pjsip.conf", "aors = 2002", "aors = 2092", "no aors '2092'"),
    ("pjsip.conf", "transport = udp", "transport = tls", "no transport 'tls'"),
    ("pjsip.conf", "type = endpoint\ntransport", "typo endpoint\ntransport", "neither a section"),
    ("pjsip.conf", "[2001](agent)", "[2001](agnet)", "no template [agnet]"),
    ("pjsip.conf", "[trunk-common](!)", "[trunk-common(!)", "not a section"),
    ("pjsip.conf", "#include dozvon-local.conf", "#include dozvon-loacl.conf", "does not exist"),
    ("pjsip.conf", "#include dozvon-local.conf", "#exec /bin/id", "not an #include"),
    ("extensions.conf", "?failed,1)", "?fialed,1)", "no extension 'fialed'"),
    ("extensions.conf", "include => outgoing", "include => outgiong", "no context 'outgiong'"),
    ("extensions.conf", "emergency.busy)", "emergency.bsuy)", "emergency.bsuy has no sound"),
    ("extensions.conf", " same => n,Answer()", " same => n,Answer", "not 'priority"),
    (
        "extensions.conf",
        "[from-trunk](local-numbers)",
        "[from-trunk](local-numbers)\ninclude => outgoing",
        "from-trunk",
    ),
    (
        "extensions.conf",
        "[from-trunk](local-numbers)",
        "[from-trunk](local-numbers)\ninclude => from-agents",
        "from-trunk",
    ),
    ("extensions.conf", "exten => done,1,Hangup()", "exten => done,1,Goto(outgoing,89,1)", "from-trunk"),
    (
        "extensions.conf",
        "exten => done,1,Hangup()",
        "exten => done,1,Goto(call-out,${DOZVON_FROM},1)",
        "Dial can be reached from from-trunk",
    ),
    (
        "extensions.conf",
        "exten => done,1,Hangup()",
        "exten => done,1,Gosub(call-out,89161234567,1(x))",
        "from-trunk",
    ),
    ("queues.conf", "PJSIP/2006", "PJSIP/2999", "no endpoint '2999'"),
    ("modules.conf", "load = app_queue.so", "", "Queue needs app_queue.so"),
    ("modules.conf", "autoload = no", "autoload = yes", "autoload"),
    ("modules.conf", "load = app_dial.so", "load = app_dial.so\nload = app_system.so", "app_system"),
    ("dozvon-local.conf", "bindaddr = 127.0.0.1", "bindaddr = 0.0.0.0", "listen to the world"),
]


@pytest.mark.parametrize(("name", "old", "new", "text"), CHANGES, ids=[c[3] for c in CHANGES])
def test_a_fault_is_found_where_it_is(folder, settings, name, old, new, text):
    file = folder / name
    before = file.read_text("utf-8")
    assert old in before
    file.write_text(before.replace(old, new, 1), "utf-8")
    faults = check_folder(folder, settings)
    assert any(text in fault.text for fault in faults), faults
    fault = next(fault for fault in faults if text in fault.text)
    assert fault.line >= 1
    assert str(fault).startswith(f"{fault.file}:{fault.line}: ")


def test_secrets_that_everybody_may_read_are_a_fault(folder, settings):
    secrets.ensure(settings.secrets, folder)
    (settings.secrets / secrets.FILE_NAME).chmod(0o644)
    assert any("chmod" in fault.text for fault in check_folder(folder, settings))


def test_a_missing_folder_is_faults_not_a_crash(tmp_path, settings):
    assert check_folder(tmp_path / "none", settings)


def test_templates_are_inherited_in_order_and_the_last_value_wins(tmp_path):
    file = tmp_path / "x.conf"
    file.write_text(
        "[a](!)\nx = 1\ny = 1\n[b](!,a)\nx = 2\n[c](b) ; a note\nz = 3 ; another\n;--\n[d]\n--;\n[e]\n"
    )
    parsed = read(file)
    assert [s.name for s in parsed.real()] == ["c", "e"]
    section = parsed.named("c")
    assert section is not None
    assert (section.get("x"), section.get("y"), section.get("z")) == ("2", "1", "3")
    assert parsed.faults == []


def test_files_that_include_each_other_end(tmp_path):
    (tmp_path / "x.conf").write_text("#include y.conf\n")
    (tmp_path / "y.conf").write_text("#include x.conf\n")
    assert any("each other" in fault.text for fault in read(tmp_path / "x.conf").faults)


def test_the_number_in_every_spelling():
    lines = number_lines("8 (800) 555-35-35")
    dialled = {line.split("=>")[1].split(",")[0].strip() for line in lines if line.startswith("exten")}
    assert dialled == {"88005553535", "78005553535", "+78005553535", "8005553535"}
    assert number_lines("112") == [
        "exten => 112,1,Set(DOZVON_DIALLED=112)",
        " same => n,Goto(hotline,start,1)",
    ]
