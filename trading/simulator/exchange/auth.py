"""Who asks: the three headers of a signed request, read and verified; the four ways to be turned away; scopes."""

from collections.abc import Mapping

from trading.simulator.exchange.errors import ApiError
from trading.simulator.exchange.keys import KeyRow, allows, signed_text, verifies

KEY, STAMP, SIGNATURE = "KALSHI-ACCESS-KEY", "KALSHI-ACCESS-TIMESTAMP", "KALSHI-ACCESS-SIGNATURE"
STAMP_DIGITS = 16
MOST = 4_096  # characters of a header


def is_signed(headers: Mapping[str, str]) -> bool:
    """Whether the sender means to sign: one of the three headers is there."""
    return any(name in headers for name in (KEY, STAMP, SIGNATURE))


def admit(
    keys: Mapping[str, KeyRow],
    headers: Mapping[str, str],
    method: str,
    path: str,
    now_ms: int,
    *,
    behind_ms: int,
    ahead_ms: int,
) -> KeyRow:
    """The key that signed this request, REST or handshake. `path` is what stood in the request, from the host's root.

    Raises ApiError (401): a header is missing, the stamp is not near `now_ms`, the key is unknown, or it did not sign this.
    """
    key_id, stamp, signature = (headers.get(name, "") for name in (KEY, STAMP, SIGNATURE))
    if not (key_id and stamp and signature):
        raise ApiError(401, "signature_is_missing_from_headers")
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= STAMP_DIGITS):
        raise ApiError(401, "header_timestamp_expired", "the timestamp is not a number of milliseconds")
    if not -behind_ms <= int(stamp) - now_ms <= ahead_ms:
        raise ApiError(401, "header_timestamp_expired")
    row = keys.get(key_id)
    if row is None:
        raise ApiError(401, "authentication_error", "NOT_FOUND")
    if len(signature) > MOST or not verifies(row, signed_text(stamp, method, path), signature):
        raise ApiError(401, "authentication_error", "INCORRECT_API_KEY_SIGNATURE")
    return row


def permit(row: KeyRow, scope: str) -> None:
    """Raises ApiError (403) when the key was not given this scope."""
    if not allows(row.scopes, scope):
        raise ApiError(403, "permission_denied", f"this key lacks the scope {scope}")
