"""Signing requests: three ways to prove who asks, and the headers that carry the proof.

What is signed is `<milliseconds><METHOD><path>`: the path from the root of the host, without query, without body.
A signer holds a key and gives signatures; nothing of the key can be read, printed, copied or stored through it.
"""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable
from typing import Literal, NoReturn, Protocol, SupportsIndex

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from markets.kalshi.pem import PemProblem, private_key

Kind = Literal["rsa", "ed25519", "hmac"]
Wanted = Literal["auto", "rsa", "ed25519"]

KEY_HEADER = "KALSHI-ACCESS-KEY"
TIME_HEADER = "KALSHI-ACCESS-TIMESTAMP"
SIGNATURE_HEADER = "KALSHI-ACCESS-SIGNATURE"
SALT_BYTES = 32  # as long as the digest, no other length is taken
LEAST_RSA_BITS = 2048
_SHOWN = 8  # characters of a key id


class KeyProblem(Exception):
    """A key that cannot be used: which variable or file, and what to do. Never a byte of the key."""


class Signer(Protocol):
    """Signs for one key. `key_id` is the exchange's name of the key, which is no secret."""

    @property
    def key_id(self) -> str: ...
    @property
    def kind(self) -> Kind: ...

    def sign(self, text: bytes) -> str:
        """The signature of these bytes in standard Base64."""
        ...


def headers(signer: Signer, method: str, path: str, now_ms: int) -> dict[str, str]:
    """The three headers of one attempt at one request, also of a WebSocket handshake ("GET", its path).

    `path` begins at the root of the host ("/trade-api/v2/portfolio/orders"); a query is cut off. Each attempt needs
    headers of its own. Raises ValueError for a path that does not begin with a slash.
    """
    if not path.startswith("/"):
        raise ValueError(f"the signed path begins at the root of the host, this one does not: {path[:80]!r}")
    stamp = str(now_ms)
    text = f"{stamp}{method.upper()}{path.partition('?')[0]}"
    return {KEY_HEADER: signer.key_id, TIME_HEADER: stamp, SIGNATURE_HEADER: signer.sign(text.encode())}


def load_signer(key_id: str, pem: bytes, kind: Wanted = "auto") -> Signer:
    """A signer from a private key in PEM (PKCS#1 or PKCS#8), RSA or Ed25519 by what the key is. Raises KeyProblem.

    `kind` other than "auto" says what the key has to be.
    """
    made = _try_load(key_id, pem, kind)
    del pem  # a report of the exception with the values of its frames must not have it
    if isinstance(made, str):
        raise KeyProblem(made)
    return made


def hmac_signer(key_id: str, secret: bytes) -> Signer:
    """A signer with a shared secret, HMAC-SHA256, for a gateway that wants it: the exchange itself does not.

    Raises KeyProblem.
    """
    problem = key_id_problem(key_id) or ("" if secret else "the HMAC secret is empty: set it to what the gateway gave")
    made = None if problem else _HiddenKey(key_id, "hmac", _hmac_sha256(secret))
    del secret
    if made is None:
        raise KeyProblem(problem)
    return made


def key_id_problem(key_id: str) -> str:
    """Why this text is no key id, or ""."""
    if "-----" in key_id:
        return "the key id holds a PEM key: the id is the short text shown beside the key (KALSHI_KEY_ID)"
    if not key_id:
        return "the key id is empty: set KALSHI_KEY_ID to the id that the exchange shows beside the key"
    if len(key_id) > 256 or not all("!" <= letter <= "~" for letter in key_id):
        return "the key id holds spaces, line ends or strange letters: copy it anew from the exchange (KALSHI_KEY_ID)"
    return ""


def shown(key_id: str) -> str:
    """As much of a key id as tells keys apart on a page."""
    return key_id if len(key_id) <= _SHOWN else f"{key_id[:_SHOWN]}…"


class _HiddenKey:
    """The one class of signers: the key is only in what `sign` closes over."""

    __slots__ = ("_key_id", "_kind", "_sign")

    def __init__(self, key_id: str, kind: Kind, sign: Callable[[bytes], bytes]) -> None:
        self._key_id, self._kind, self._sign = key_id, kind, sign

    @property
    def key_id(self) -> str:
        """The exchange's name of the key."""
        return self._key_id

    @property
    def kind(self) -> Kind:
        """How it signs."""
        return self._kind

    def sign(self, text: bytes) -> str:
        """The signature of these bytes in standard Base64."""
        return b64encode(self._sign(text)).decode("ascii")

    def __repr__(self) -> str:
        return f"<{self._kind} signer of key {shown(self._key_id)}>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a signer cannot be stored, copied or sent to another process: load its key there")


def _try_load(key_id: str, pem: bytes, kind: Wanted) -> _HiddenKey | str:
    """The signer, or the sentence that says why there is none: whoever raises it holds no key."""
    problem = key_id_problem(key_id)
    if problem:
        return problem
    key = private_key(pem)
    if isinstance(key, PemProblem):
        return str(key)
    found: Kind = "ed25519" if isinstance(key, Ed25519PrivateKey) else "rsa"
    if kind not in ("auto", found):
        return f"the key is an {_NAMES[found]} key, but {_NAMES[kind]} was asked for: set KALSHI_SIGNING=auto, or use the other key"
    if isinstance(key, Ed25519PrivateKey):
        return _HiddenKey(key_id, found, key.sign)
    if key.key_size < LEAST_RSA_BITS:
        return f"the RSA key has {key.key_size} bits, the exchange's have {LEAST_RSA_BITS}: make a new key there"
    return _HiddenKey(key_id, found, _rsa_pss(key))


_NAMES = {"rsa": "RSA", "ed25519": "Ed25519"}


def _rsa_pss(key: RSAPrivateKey) -> Callable[[bytes], bytes]:
    digest = hashes.SHA256()
    pss = padding.PSS(mgf=padding.MGF1(digest), salt_length=SALT_BYTES)

    def sign(text: bytes) -> bytes:
        return key.sign(text, pss, digest)

    return sign


def _hmac_sha256(secret: bytes) -> Callable[[bytes], bytes]:
    keyed = hmac.new(secret, digestmod=hashlib.sha256)  # the secret itself is not kept

    def sign(text: bytes) -> bytes:
        one = keyed.copy()
        one.update(text)
        return one.digest()

    return sign
