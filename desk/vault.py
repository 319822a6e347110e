"""Encryption of personal data at rest, and the keyed reference under which the journal knows a caller.

AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce per record. A sealed record is

    01 | key id, 4 bytes | nonce, 12 bytes | ciphertext and tag

and is bound to its place (``ticket:…``, ``call:…``) as additional data: a record that was moved to another
row does not open. Every record names its key, so keys can be rotated: new records take the current key,
old ones open with theirs until ``SqlDesk.reencrypt`` has rewritten them.

The key file is JSON, mode 0600. The reference key is apart and is not rotated: references made before
would no longer match.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import struct
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from desk.numbers import normal_telephone

_VERSION = 1
_KEY_BYTES = 32
_ID_BYTES = 4
_NONCE_BYTES = 12
_HEAD = struct.Struct(f">B{_ID_BYTES}s{_NONCE_BYTES}s")
_STREAM_HEAD = struct.Struct(f">4sB{_ID_BYTES}s7s")
_MAGIC = b"DZVR"
CHUNK_BYTES = 64 * 1024
_TAG_BYTES = 16
STREAM_HEAD_BYTES = _STREAM_HEAD.size
SEALED_CHUNK_BYTES = CHUNK_BYTES + _TAG_BYTES


class VaultError(Exception):
    """A sealed record cannot be opened, or the key file is wrong."""


class Vault:
    """The keys of one installation. Cheap to ask, safe to share between tasks."""

    def __init__(self, file: Path, keys: Mapping[str, bytes], current: str, reference: bytes) -> None:
        self._file = file
        self._keys = dict(keys)
        self._current = current
        self._reference = reference

    @classmethod
    def open(cls, file: Path) -> Vault:
        """The keys in ``file``; makes them when the file is not there. Raises VaultError."""
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            key_id = secrets.token_hex(_ID_BYTES)
            keys = {key_id: secrets.token_bytes(_KEY_BYTES)}
            _write(file, keys, key_id, secrets.token_bytes(_KEY_BYTES), replace=False)
        return cls(file, *_read(file))

    @property
    def current_key_id(self) -> str:
        return self._current

    def caller_ref(self, caller_number: str) -> str:
        """HMAC-SHA-256 of the number's normal form, 128 bits of it; "" for a withheld number."""
        number = normal_telephone(caller_number)
        if not number:
            return ""
        return hmac.new(self._reference, number.encode(), hashlib.sha256).hexdigest()[:32]

    def reference(self, name: str) -> str:
        """The same for any other name of a customer, such as a chat front's."""
        return hmac.new(self._reference, b"name\0" + name.encode(), hashlib.sha256).hexdigest()[:32]

    def seal(self, plain: bytes, place: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        body = AESGCM(self._keys[self._current]).encrypt(nonce, plain, place.encode())
        return _HEAD.pack(_VERSION, bytes.fromhex(self._current), nonce) + body

    def unseal(self, sealed: bytes, place: str) -> bytes:
        """Raises VaultError for an unknown key, another place or a changed record."""
        try:
            version, key_id, nonce = _HEAD.unpack_from(sealed)
            if version != _VERSION:
                raise VaultError(f"sealed record of unknown version {version}")
            return AESGCM(self._key(key_id.hex())).decrypt(nonce, sealed[_HEAD.size :], place.encode())
        except (InvalidTag, struct.error):
            raise VaultError(f"the record of {place} does not open: changed, moved or cut short") from None

    @staticmethod
    def key_id_of(sealed: bytes) -> str:
        """The id of the key that a record, or the first bytes of a sealed file, was sealed with."""
        start = len(_MAGIC) + 1 if sealed.startswith(_MAGIC) else 1
        return sealed[start : start + _ID_BYTES].hex()

    def sealer(self, place: str) -> StreamSealer:
        return StreamSealer(self._keys[self._current], bytes.fromhex(self._current), place)

    def opener(self, head: bytes, place: str) -> StreamOpener:
        """``head``: the first STREAM_HEAD_BYTES of a sealed file."""
        try:
            magic, version, key_id, prefix = _STREAM_HEAD.unpack(head)
        except struct.error:
            raise VaultError(f"the file of {place} is cut short") from None
        if magic != _MAGIC or version != _VERSION:
            raise VaultError(f"the file of {place} is not a sealed file")
        return StreamOpener(self._key(key_id.hex()), prefix, place)

    def rotate(self) -> str:
        """A new current key, written to the file; the id. The old keys stay for the old records."""
        keys, _, reference = _read(self._file)
        key_id = secrets.token_hex(_ID_BYTES)
        keys[key_id] = secrets.token_bytes(_KEY_BYTES)
        _write(self._file, keys, key_id, reference, replace=True)
        self._keys, self._current = keys, key_id
        return key_id

    def forget_old_keys(self) -> int:
        """Drop all keys but the current one, once nothing is sealed with them; how many went."""
        keys, current, reference = _read(self._file)
        _write(self._file, {current: keys[current]}, current, reference, replace=True)
        self._keys, self._current = {current: keys[current]}, current
        return len(keys) - 1

    def _key(self, key_id: str) -> bytes:
        if key_id not in self._keys:  # another process may have rotated since we read the file
            self._keys, self._current, self._reference = _read(self._file)
        try:
            return self._keys[key_id]
        except KeyError:
            raise VaultError(f"{self._file}: key {key_id} is missing") from None


class StreamSealer:
    """A file sealed chunk by chunk: nonce = 7 random bytes | chunk number | last-chunk flag.

    This is the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár ("Online Authenticated-
    Encryption and its Nonce-Reuse Misuse-Resistance", 2015): chunks cannot be reordered, dropped or cut.
    """

    def __init__(self, key: bytes, key_id: bytes, place: str) -> None:
        prefix = secrets.token_bytes(7)
        self.head = _STREAM_HEAD.pack(_MAGIC, _VERSION, key_id, prefix)
        self._cipher, self._prefix, self._place = AESGCM(key), prefix, place.encode()
        self._number = 0

    def chunk(self, plain: bytes, last: bool) -> bytes:
        nonce = self._prefix + struct.pack(">IB", self._number, last)
        self._number += 1
        return self._cipher.encrypt(nonce, plain, self._place)


class StreamOpener:
    def __init__(self, key: bytes, prefix: bytes, place: str) -> None:
        self._cipher, self._prefix, self._place = AESGCM(key), prefix, place.encode()
        self._number = 0

    def chunk(self, sealed: bytes, last: bool) -> bytes:
        nonce = self._prefix + struct.pack(">IB", self._number, last)
        self._number += 1
        try:
            return self._cipher.decrypt(nonce, sealed, self._place)
        except InvalidTag:
            raise VaultError(f"the file of {self._place.decode()} was changed or cut short") from None


def _read(file: Path) -> tuple[dict[str, bytes], str, bytes]:
    try:
        raw = json.loads(file.read_text("utf-8"))
        keys = {key_id: base64.b64decode(key, validate=True) for key_id, key in raw["keys"].items()}
        current, reference = raw["current"], base64.b64decode(raw["reference"], validate=True)
        if current not in keys or any(len(key) != _KEY_BYTES for key in (*keys.values(), reference)):
            raise ValueError
    except OSError as error:
        raise VaultError(f"{file}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise VaultError(f"{file}: not a key file") from None
    return keys, current, reference


def _write(file: Path, keys: Mapping[str, bytes], current: str, reference: bytes, *, replace: bool) -> None:
    """Atomically, 0600 from the first byte; without ``replace`` a file that is there wins."""
    content = {
        "current": current,
        "keys": {key_id: base64.b64encode(key).decode() for key_id, key in keys.items()},
        "reference": base64.b64encode(reference).decode(),
    }
    fresh = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(content, out, indent=1)
        out.flush()
        os.fsync(out.fileno())
    if replace:
        fresh.replace(file)
        return
    try:
        os.link(fresh, file)
    except FileExistsError:
        pass  # another process was first: its keys are the keys
    finally:
        fresh.unlink()
