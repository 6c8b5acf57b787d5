"""The key of the member that a simulated exchange opens with, kept from start to start in files of its owner alone."""

import os
import secrets
import uuid
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from trading.simulator.exchange.keys import KeyRow, kind_of, new_key

OTHERS = 0o077


class KeyFileError(Exception):
    """A key file cannot be made or used; the text says what to do."""


class OwnKey(NamedTuple):
    """The row for the exchange, and where the private half is."""

    row: KeyRow
    file: Path


def own_key(folder: Path, account: int) -> OwnKey:
    """The key in this folder, made (RSA, as the exchange hands them out) when there is none. Raises KeyFileError."""
    private, name = folder / "private_key.pem", folder / "key_id"
    try:
        if not private.exists() or not name.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            row, pem = new_key("rsa", str(uuid.uuid4()), account, name="own")
            _write(private, pem)
            _write(name, f"{row.key_id}\n".encode())
            return OwnKey(row, private)
        return OwnKey(_read(private, name.read_text(encoding="ascii").strip(), account), private)
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(f"the key in {folder} cannot be read or made: {error}") from error


def own_secret(file: Path) -> str:
    """The secret of the control door, made at the first start. Raises KeyFileError."""
    try:
        if not file.exists():
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(file, f"{secrets.token_urlsafe(24)}\n".encode())
        secret = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(f"{file} cannot be read or made: {error}") from error
    if not secret:
        raise KeyFileError(f"{file} is empty; delete it, and another is made")
    return secret


def _read(private: Path, key_id: str, account: int) -> KeyRow:
    if private.stat().st_mode & OTHERS:
        raise KeyFileError(f"{private} can be read by others; `chmod 600` it, or delete it, and another is made")
    try:
        key = load_pem_private_key(private.read_bytes(), None)
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        kind = kind_of(public)
    except (ValueError, TypeError):
        raise KeyFileError(f"{private} holds no key that can be used; delete it, and another is made") from None
    return KeyRow(key_id, account, kind, public, name="own")


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all, for its owner alone from the first byte on."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(content)
    draft.replace(file)
