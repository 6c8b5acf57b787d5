"""What signing a request costs by kind of key: `python -m markets.kalshi.signing_bench [TIMES]` prints JSON.

Measured is what stands between an order and the socket: the headers of one request, with keys made for the measurement.
"""

import json
import secrets
import sys
import time
from statistics import median
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from markets.kalshi.auth import Signer, headers, hmac_signer, load_signer

PATH = "/trade-api/v2/portfolio/events/orders"
TIMES = 1_000
WARM = 50


class SigningCost(NamedTuple):
    """One line of the table. `least_us` is the machine at its best, `median_us` what to expect."""

    key: str
    least_us: float
    median_us: float
    times: int


def measure(times: int = TIMES) -> list[SigningCost]:
    """For each kind of key, the microseconds of the headers of one order."""
    return [_cost(name, signer, times) for name, signer in signers().items()]


def signers() -> dict[str, Signer]:
    """A fresh signer of each kind."""
    return {
        "Ed25519": load_signer("bench", _pem(Ed25519PrivateKey.generate())),
        "RSA-2048 (PSS)": load_signer("bench", _pem(generate_private_key(65_537, 2_048))),
        "HMAC-SHA256 (gateways)": hmac_signer("bench", secrets.token_bytes(32)),
    }


def _pem(key: Ed25519PrivateKey | RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _cost(name: str, signer: Signer, times: int) -> SigningCost:
    for _ in range(WARM):
        headers(signer, "POST", PATH, 1_795_366_000_000)
    spent: list[int] = []
    for number in range(times):
        began = time.perf_counter_ns()
        headers(signer, "POST", PATH, 1_795_366_000_000 + number)
        spent.append(time.perf_counter_ns() - began)
    return SigningCost(name, min(spent) / 1e3, median(spent) / 1e3, times)


if __name__ == "__main__":
    found = measure(int(sys.argv[1]) if len(sys.argv) > 1 else TIMES)
    sys.stdout.write(json.dumps([cost._asdict() for cost in found]) + "\n")
