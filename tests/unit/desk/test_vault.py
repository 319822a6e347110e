from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.vault import STREAM_HEAD_BYTES, Vault, VaultError


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.open(tmp_path / "secrets" / "keys.json")


def test_the_key_file_is_for_its_owner_only(vault: Vault, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "secrets/keys.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == ["keys.json"]


def test_many_first_starts_at_once_agree_on_the_keys(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        vaults = list(pool.map(lambda _: Vault.open(tmp_path / "keys.json"), range(8)))
    assert len({vault.current_key_id for vault in vaults}) == 1
    assert vaults[0].unseal(vaults[7].seal(b"x", "here"), "here") == b"x"


@given(st.binary(max_size=300), st.text(max_size=20))
def test_what_is_sealed_opens_in_its_place_only(plain: bytes, place: str) -> None:
    vault = Vault(Path("/nowhere"), {"0a0b0c0d": b"k" * 32}, "0a0b0c0d", b"r" * 32)
    sealed = vault.seal(plain, place)
    assert vault.unseal(sealed, place) == plain
    assert sealed != vault.seal(plain, place)
    assert vault.key_id_of(sealed) == "0a0b0c0d"
    with pytest.raises(VaultError):
        vault.unseal(sealed, place + "x")


@given(st.data())
def test_a_changed_or_shortened_record_does_not_open(data: st.DataObject) -> None:
    vault = Vault(Path("/nowhere"), {"0a0b0c0d": b"k" * 32}, "0a0b0c0d", b"r" * 32)
    sealed = vault.seal(b"personal", "here")
    place = data.draw(st.integers(0, len(sealed) - 1))
    if data.draw(st.booleans()):
        broken = sealed[:place]
    else:
        broken = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
    with pytest.raises(VaultError):
        vault.unseal(broken, "here")


def test_chunks_cannot_change_places_or_be_left_out(vault: Vault) -> None:
    sealer = vault.sealer("file")
    first, second = sealer.chunk(b"one", last=False), sealer.chunk(b"two", last=True)
    assert len(sealer.head) == STREAM_HEAD_BYTES
    opener = vault.opener(sealer.head, "file")
    assert opener.chunk(first, last=False) + opener.chunk(second, last=True) == b"onetwo"
    for chunk, last in ((second, True), (second, False), (first, True)):
        with pytest.raises(VaultError):
            vault.opener(sealer.head, "file").chunk(chunk, last=last)
    with pytest.raises(VaultError):
        vault.opener(sealer.head, "other").chunk(first, last=False)


def test_old_records_open_after_a_rotation_until_the_old_key_goes(vault: Vault, tmp_path: Path) -> None:
    file = tmp_path / "secrets" / "keys.json"
    other = Vault.open(file)
    old = vault.seal(b"old", "here")
    key_id = vault.rotate()
    new = vault.seal(b"new", "here")
    assert vault.key_id_of(new) == key_id == vault.current_key_id
    assert vault.unseal(old, "here") == b"old"
    assert other.unseal(new, "here") == b"new", "another process reads the new key when it meets it"
    assert other.current_key_id == key_id
    assert vault.forget_old_keys() == 1
    with pytest.raises(VaultError, match="missing"):
        vault.unseal(old, "here")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"current": "aa", "keys": {}, "reference": ""}',
        '{"current": "aa", "keys": {"aa": "c2hvcnQ="}, "reference": "c2hvcnQ="}',
        '{"current": "aa", "keys": {"aa": "not base64!"}, "reference": "x"}',
    ],
)
def test_a_wrong_key_file_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "keys.json"
    file.write_text(content)
    with pytest.raises(VaultError, match=r"keys\.json: not a key file"):
        Vault.open(file)
    assert file.read_text() == content, "a key file is never overwritten"


def test_the_references_key_does_not_rotate(vault: Vault, tmp_path: Path) -> None:
    before = json.loads((tmp_path / "secrets/keys.json").read_text())["reference"]
    ref = vault.caller_ref("+79161234567")
    vault.rotate()
    assert json.loads((tmp_path / "secrets/keys.json").read_text())["reference"] == before
    assert vault.caller_ref("89161234567") == ref
