"""Private keys in PEM, as people have them: with Windows line ends, a byte order mark, indented, or all in one line.

Nothing in here raises: the problem is returned, so that no frame of an exception ever held the key.
"""

import base64
import binascii
import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

LABELS = ("PRIVATE KEY", "RSA PRIVATE KEY")  # PKCS#8, PKCS#1
NEW_KEY = "make a new API key on the exchange and save what it shows, from -----BEGIN to the end"
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)


class PemProblem(str):
    """Why there is no key, and what to do: a sentence without a byte of it."""

    __slots__ = ()


def private_key(pem: bytes) -> RSAPrivateKey | Ed25519PrivateKey | PemProblem:
    """The key in the text, or the problem."""
    text = _text(pem)
    if isinstance(text, PemProblem):
        return text
    block = _one_block(text)
    if isinstance(block, PemProblem):
        return block
    label, body = block
    if label == "ENCRYPTED PRIVATE KEY" or "ENCRYPTED" in body:
        return PemProblem(
            "the private key is encrypted with a passphrase, which an unattended program cannot ask for: decrypt it with "
            "`openssl pkey -in KEY.pem -out PLAIN.pem`, `chmod 600 PLAIN.pem`, and keep it on an encrypted disk"
        )
    if label not in LABELS:
        return PemProblem(_OTHER_LABELS.get(label, f"a PEM of {_a(label)} is no private RSA or Ed25519 key: {NEW_KEY}"))
    return _key_in(label, body)


def _text(pem: bytes) -> str | PemProblem:
    """What was meant, as one text."""
    if not pem.strip(b" \t\r\n\0"):
        return PemProblem(f"the private key is empty: {NEW_KEY}")
    encoding = "utf-16" if pem[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = pem.decode(encoding)
    except UnicodeDecodeError:
        text = ""
    if "-----BEGIN" in text:
        return text.replace("\\r", "\n").replace("\\n", "\n")  # as environment files write it
    if _is_der(pem):
        return PemProblem(
            "the private key is binary (DER): turn it into PEM with `openssl pkey -inform DER -in KEY.der -out KEY.pem`"
        )
    if text.lstrip().startswith(("ssh-", "ecdsa-")):
        return PemProblem(f"this is a public SSH key, not a private key: {NEW_KEY}")
    return PemProblem(f"the private key has no line -----BEGIN … PRIVATE KEY-----: {NEW_KEY}")


def _one_block(text: str) -> tuple[str, str] | PemProblem:
    blocks = _BLOCK.findall(text)
    if not blocks:
        return PemProblem(f"the private key is cut off, its -----END line is missing: {NEW_KEY}")
    private = [block for block in blocks if block[0].endswith("PRIVATE KEY")]
    if len(private) > 1:
        return PemProblem("there are two private keys in one text: keep the one that belongs to the key id")
    label, body = (private or blocks)[0]
    return str(label), str(body)


def _key_in(label: str, body: str) -> RSAPrivateKey | Ed25519PrivateKey | PemProblem:
    """Wrap the Base64 anew and read it: what white space became on its way does not matter."""
    letters = "".join(body.split())
    lines = [letters[at : at + 64] for at in range(0, len(letters), 64)]
    try:
        base64.b64decode(letters, validate=True)
        key = load_pem_private_key(
            "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode(), None
        )
    except (ValueError, TypeError, binascii.Error, UnsupportedAlgorithm):
        return PemProblem(f"the private key is damaged: {NEW_KEY}")
    if isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        return key
    name = type(key).__name__.removeprefix("_").removesuffix("PrivateKey")
    return PemProblem(f"the key is of type {name}; the exchange takes Ed25519 and RSA: {NEW_KEY}")


def _is_der(pem: bytes) -> bool:
    try:
        load_der_private_key(pem, None)
    except (ValueError, UnsupportedAlgorithm):
        return False
    except TypeError:  # encrypted, and DER all the same
        return True
    return True


def _a(label: str) -> str:
    return f"{'an' if label[:1] in 'AEIO' else 'a'} {label}"


_OTHER_LABELS = {
    "PUBLIC KEY": f"this is the public half of a key pair, signing needs the private one: {NEW_KEY}",
    "RSA PUBLIC KEY": f"this is the public half of a key pair, signing needs the private one: {NEW_KEY}",
    "CERTIFICATE": f"this is a certificate, not a private key: {NEW_KEY}",
    "OPENSSH PRIVATE KEY": f"the key is in the form of OpenSSH, the exchange's keys are PKCS#1 or PKCS#8: {NEW_KEY}",
    "EC PRIVATE KEY": f"the key is of type EC; the exchange takes Ed25519 and RSA: {NEW_KEY}",
    "DSA PRIVATE KEY": f"the key is of type DSA; the exchange takes Ed25519 and RSA: {NEW_KEY}",
}
