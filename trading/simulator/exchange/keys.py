"""Who may sign: how the signatures of API keys are verified, what a key may do, and how new ones are made."""

import base64
import hashlib
import hmac
import os
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

Kind = Literal["rsa", "ed25519", "hmac"]
SCOPES = (
    "read",
    "write",
    "read::block_trade_accept",
    "read::portfolio_balance",
    "write::trade",
    "write::transfer",
    "write::fcm_risk",
    "write::block_trade_accept",
)
DEFAULT_SCOPES = ("read", "write")
RSA_BITS = 2048
_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=hashes.SHA256.digest_size)


class KeyRow(msgspec.Struct, frozen=True):
    """One API key: whose it is, and what verifies its signatures: a public key in PEM, or the secret of an HMAC key.

    `subaccount` other than None locks the key to one subaccount.
    """

    key_id: str
    account: int
    kind: Kind
    public: bytes = b""
    secret: bytes = b""
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    name: str = ""
    subaccount: int | None = None

    def __repr__(self) -> str:
        return f"KeyRow({self.key_id!r}, account={self.account}, kind={self.kind!r})"

    def allows(self, scope: str) -> bool:
        """Whether the key has this scope, itself or by its parent: "write" grants "write::trade"."""
        return not scope or scope in self.scopes or scope.partition("::")[0] in self.scopes

    def verifies(self, text: bytes, signature: str) -> bool:
        """Whether this Base64 signature was made over the text by the owner of the key."""
        try:
            raw = base64.b64decode(signature.encode(), validate=True)
        except ValueError:
            return False
        if self.kind == "hmac":
            return hmac.compare_digest(raw, hmac.new(self.secret, text, hashlib.sha256).digest())
        key = _loaded(self.public)
        try:
            if isinstance(key, Ed25519PublicKey):
                key.verify(raw, text)
            else:
                key.verify(raw, text, _PSS, hashes.SHA256())
        except InvalidSignature:
            return False
        return True


class Keys:
    """All API keys of the exchange, by their ids."""

    def __init__(self) -> None:
        self._rows: dict[str, KeyRow] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[KeyRow]:
        return iter(tuple(self._rows.values()))

    def add(self, row: KeyRow) -> KeyRow:
        """Let this key sign from now on; another of the same id is replaced. ValueError: its public key is none."""
        if row.kind != "hmac":
            kind_of(row.public)
        self._rows[row.key_id] = row
        return row

    def remove(self, key_id: str) -> None:
        """Forget a key. Raises KeyError."""
        del self._rows[key_id]

    def get(self, key_id: str) -> KeyRow | None:
        """The key of this id, if there is one."""
        return self._rows.get(key_id)

    def of(self, account: int) -> list[KeyRow]:
        """The keys of an account, oldest first."""
        return [row for row in self._rows.values() if row.account == account]


def new_key(
    kind: Kind,
    key_id: str,
    account: int = 1,
    *,
    scopes: tuple[str, ...] = DEFAULT_SCOPES,
    name: str = "",
    subaccount: int | None = None,
    secret: bytes = b"",
) -> tuple[KeyRow, bytes]:
    """(the row to add, what its owner keeps): a private key in PEM as the exchange hands it out, or the HMAC secret."""
    if kind == "hmac":
        private = secret or os.urandom(32).hex().encode()
        return KeyRow(key_id, account, kind, b"", private, scopes, name, subaccount), private
    if kind == "ed25519":
        own = Ed25519PrivateKey.generate()
        private = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        public = own.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    else:
        made = rsa.generate_private_key(65_537, RSA_BITS)
        private = made.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        public = made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return KeyRow(key_id, account, kind, public, b"", scopes, name, subaccount), private


def kind_of(public_pem: bytes) -> Kind:
    """Which signatures a public key verifies. Raises ValueError for what is neither RSA nor Ed25519."""
    return "ed25519" if isinstance(_loaded(public_pem), Ed25519PublicKey) else "rsa"


def signed_text(timestamp: str, method: str, path: str) -> bytes:
    """What is signed: the time as it stands in the header, the method, the path without its query."""
    return f"{timestamp}{method.upper()}{path.partition('?')[0]}".encode()


@lru_cache(maxsize=1024)
def _loaded(public_pem: bytes) -> Ed25519PublicKey | rsa.RSAPublicKey:
    try:
        key = load_pem_public_key(public_pem)
    except Exception as error:
        raise ValueError("not a public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey | rsa.RSAPublicKey):
        raise ValueError("neither an RSA nor an Ed25519 public key")
    return key
