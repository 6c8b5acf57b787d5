"""What a 401 means, in plain words: the exchange tells its causes apart by codes, each of which wants something else done."""

from markets.kalshi.auth import SIGNATURE_HEADER, Signer, shown
from markets.kalshi.hosts import Hosts
from markets.kalshi.server_clock import SURELY_NS, ServerClock

EXPIRED = "header_timestamp_expired"
WRONG_SIGNATURE = "INCORRECT_API_KEY_SIGNATURE"
UNKNOWN_KEY = "NOT_FOUND"
MISSING = "_missing_from_headers"


def explain_401(
    code: str,
    details: str = "",
    *,
    hosts: Hosts | None = None,
    signer: Signer | None = None,
    clock: ServerClock | None = None,
) -> str:
    """Why the exchange does not let us in, and what to do; what is known about host, key and clock is said with it.

    `code` and `details` are those of the error body, in whatever case; what we do not know is passed on with all causes
    that there can be.
    """
    words = f"{code} {details}"
    if EXPIRED in code.lower() or "timestamp" in words.lower():
        return _clock(clock)
    if MISSING in code.lower():
        return _missing(signer)
    if WRONG_SIGNATURE in words.upper():
        return _signature(signer, clock)
    if UNKNOWN_KEY in words.upper():
        return _unknown(hosts, signer)
    said = " ".join(words.split())[:200] or "nothing more"
    return (
        f"the exchange does not let us in and says {said!r}. It can be the clock of this machine, a private key that does "
        "not belong to KALSHI_KEY_ID, a key of the other environment, or a key that was deleted"
        f"{_offset(clock)}"
    )


def _clock(clock: ServerClock | None) -> str:
    return (
        "the exchange finds the time of our request too old or too new: the clock of this machine is wrong, or requests "
        f"take too long to arrive. Set the clock (timedatectl set-ntp true), then try again{_offset(clock, always=True)}"
    )


def _missing(signer: Signer | None) -> str:
    if signer is None:
        return "this call needs a key, and none is set: set KALSHI_KEY_ID and KALSHI_PRIVATE_KEY_FILE"
    return (
        f"the exchange got the request without its signature ({SIGNATURE_HEADER}): something between us, a proxy or a "
        "gateway, takes headers away. Let KALSHI-ACCESS-* through, or connect without it"
    )


def _signature(signer: Signer | None, clock: ServerClock | None) -> str:
    if signer is not None and signer.kind == "hmac":
        return (
            "the HMAC signature was not taken: the exchange itself takes RSA and Ed25519 only, HMAC is for a gateway. Set "
            "KALSHI_SIGNING=auto with a private key, or check the gateway's address and KALSHI_HMAC_SECRET"
        )
    kind = f" ({signer.kind})" if signer is not None else ""
    whose = f" {shown(signer.key_id)}" if signer is not None else ""
    return (
        f"the exchange knows the key id{whose}, but our signature{kind} does not fit it: the private key belongs to another "
        "key id, or something between us changes the path of requests. Check that KALSHI_KEY_ID and the private key were "
        f"made together; if in doubt make a new key{_offset(clock)}"
    )


def _unknown(hosts: Hosts | None, signer: Signer | None) -> str:
    whose = f" {shown(signer.key_id)}" if signer is not None else ""
    where = f" on {hosts.name} ({hosts.rest})" if hosts is not None else ""
    return (
        f"the exchange does not know the key id{whose}{where}: it was mistyped or deleted, or the key is of the other "
        "environment. Keys made on demo.kalshi.co are for demo only, keys made on kalshi.com for production only"
    )


def _offset(clock: ServerClock | None, *, always: bool = False) -> str:
    """What we measured ourselves, where it says something."""
    if clock is None:
        return ""
    view, offset, uncertainty = clock.view(), clock.offset_ns, clock.uncertainty_ns
    if offset is None or uncertainty is None:
        return ""
    return f". Measured: {view.text}" if always or abs(offset) + uncertainty > SURELY_NS else ""
