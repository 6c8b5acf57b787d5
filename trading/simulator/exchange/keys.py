"""Who may sign: how the signatures of API keys are verified, what a key may do, and how new ones are made."""

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

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

from trading.simulator.exchange.house_rows import KeyRow

__all__ = ["DEFAULT_SCOPES", "SCOPES", "KeyRow", "allows", "kind_of", "new_key", "signed_text", "verifies"]

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


def allows(scopes: Iterable[str], scope: str) -> bool:
    """Whether a key with these scopes has this one, itself or by its parent: "write" grants "write::trade"."""
    given = tuple(scopes)
    return not scope or scope in given or scope.partition("::")[0] in given


def verifies(row: KeyRow, text: bytes, signature: str) -> bool:
    """Whether this Base64 signature was made over the text by the owner of the key."""
    try:
        raw = base64.b64decode(signature.encode(), validate=True)
    except ValueError:
        return False
    if row.kind == "hmac":
        return hmac.compare_digest(raw, hmac.new(row.secret, text, hashlib.sha256).digest())
    key = _loaded(row.public)
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(raw, text)
        else:
            key.verify(raw, text, _PSS, hashes.SHA256())
    except InvalidSignature:
        return False
    return True


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
    """What is signed: the time as it stands in the header, the method, the path without its query.

    Written from the exchange's documents, as all of its wire is here, and not taken from our client
    (`markets.kalshi.auth.headers`): one that is verified with its own code proves nothing.
    """
    return f"{timestamp}{method.upper()}{path.partition('?')[0]}".encode(errors="replace")


@lru_cache(maxsize=1024)
def _loaded(public_pem: bytes) -> Ed25519PublicKey | rsa.RSAPublicKey:
    try:
        key = load_pem_public_key(public_pem)
    except Exception as error:
        raise ValueError("not a public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey | rsa.RSAPublicKey):
        raise ValueError("neither an RSA nor an Ed25519 public key")
    return key
