"""Calls about an account's standing: its limits, what calls cost, its API keys."""

import msgspec

from trading.simulator.exchange.buckets import COSTS, DEFAULT_COST, RATES, limits
from trading.simulator.exchange.doors import PUBLIC, READ, ROOT, WRITE, Answer, Ask, Door
from trading.simulator.exchange.errors import ApiError, invalid, missing, not_found
from trading.simulator.exchange.house_rows import KeyRow
from trading.simulator.exchange.keys import DEFAULT_SCOPES, SCOPES, kind_of, new_key
from trading.simulator.exchange.shapes import seconds

TIERS = tuple(RATES)
OWN_KEYS_FROM = TIERS.index("premier")
LONGEST_NAME, MOST_KEYS = 200, 100
LAST_ORDERS = 100


class KeyBody(msgspec.Struct, frozen=True):
    """A new key: with a public key of one's own, or of a kind that is made here."""

    name: str | None = None
    public_key: str | None = None
    key_type: str | None = None
    scopes: list[str] | None = None
    subaccount: int | None = None
    fcm_subtrader_id: str | None = None  # read, and ignored: there are no brokers here


def account_limits(ask: Ask) -> Answer:
    """The tier and its buckets."""
    tier = ask.account.tier
    buckets = {
        name: {"refill_rate": rate, "bucket_capacity": capacity} for name, (rate, capacity) in limits(tier).items()
    }
    grants = [] if tier == "basic" else [{"exchange_instance": "event_contract", "level": tier, "source": "manual"}]
    return Answer({"usage_tier": tier, **buckets, "grants": grants})


def endpoint_costs(_: Ask) -> Answer:
    """What does not cost the usual; batches cost that for each item."""
    costs = [{"method": method, "path": f"{ROOT}{path}", "cost": cost} for (method, path), cost in COSTS.items()]
    return Answer({"default_cost": DEFAULT_COST, "endpoint_costs": costs})


def upgrade(ask: Ask) -> Answer:
    """From Basic to Advanced, for who has placed an order by API."""
    if not ask.house.reads.orders(ask.row.account)[:LAST_ORDERS]:
        raise ApiError(403, "permission_denied", "none of the last 100 orders was made by API")
    if ask.account.tier == "basic":
        ask.account.tier = "advanced"
    return Answer({}, 201)


def volume_progress(ask: Ask) -> Answer:
    """Volume earns no tier here."""
    progress = {"computed_ts": seconds(ask.now_ns), "trailing_30d_volume_fp": "0.00", "goals": []}
    return Answer({"volume_progress": [progress]})


def api_keys(ask: Ask) -> Answer:
    """The account's keys, nothing of what is secret about them."""
    found = [_shape(row) for row in ask.house.keys.values() if row.account == ask.row.account]
    return Answer({"api_keys": found})


def create_key(ask: Ask) -> Answer:
    """A key with a public key of one's own, from the Premier tier on."""
    body = ask.read(KeyBody)
    name, scopes, pocket = _described(ask, body)
    if not body.public_key:
        raise missing("public_key")
    public = body.public_key.encode()
    try:
        kind = kind_of(public)
    except ValueError as error:
        raise invalid("public_key is not an RSA or Ed25519 public key in PEM") from error
    if TIERS.index(ask.account.tier) < OWN_KEYS_FROM:
        raise ApiError(403, "permission_denied", "own keys are for the Premier tier and above")
    key_id = _next_id(ask)
    ask.house.add_key(KeyRow(key_id, ask.row.account, kind, public, b"", scopes, name, pocket))
    return Answer({"api_key_id": key_id}, 201)


def generate_key(ask: Ask) -> Answer:
    """A key made here; its private part is in this answer and nowhere else."""
    body = ask.read(KeyBody)
    name, scopes, pocket = _described(ask, body)
    kind = body.key_type or "rsa"
    if kind not in {"rsa", "ed25519"}:
        raise invalid("key_type is rsa or ed25519")
    key_id = _next_id(ask)
    made = new_key(
        "rsa" if kind == "rsa" else "ed25519", key_id, ask.row.account, scopes=scopes, name=name, subaccount=pocket
    )
    ask.house.add_key(made[0])
    return Answer({"api_key_id": key_id, "key_type": kind, "private_key": made[1].decode()}, 201)


def delete_key(ask: Ask) -> Answer:
    """A key that signs no more."""
    found = ask.house.keys.get(ask.parts["api_key"])
    if found is None or found.account != ask.row.account:
        raise not_found("api key")
    del ask.house.keys[found.key_id]
    return Answer(None, 204)


def _described(ask: Ask, body: KeyBody) -> tuple[str, tuple[str, ...], int | None]:
    if not body.name:
        raise missing("name")
    scopes = DEFAULT_SCOPES if body.scopes is None else tuple(dict.fromkeys(body.scopes))
    if len(body.name) > LONGEST_NAME or not scopes or set(scopes) - set(SCOPES):
        raise invalid("name or scopes")
    if "write" in scopes and "read" not in scopes:
        raise invalid("write needs read")
    if ask.row.subaccount is not None:
        raise ApiError(403, "permission_denied", "this key is for one subaccount only")
    if sum(row.account == ask.row.account for row in ask.house.keys.values()) >= MOST_KEYS:
        raise invalid(f"an account has at most {MOST_KEYS} keys")
    return body.name, scopes, None if body.subaccount is None else ask.pocket(body.subaccount)


def _next_id(ask: Ask) -> str:
    number = len(ask.house.keys)
    while (key_id := ask.house.ids.named("user", f"key {number} {ask.now_ns}")) in ask.house.keys:
        number += 1
    return key_id


def _shape(row: KeyRow) -> dict[str, object]:
    shape: dict[str, object] = {"api_key_id": row.key_id, "name": row.name, "scopes": list(row.scopes)}
    return shape if row.subaccount is None else shape | {"subaccount": row.subaccount}


DOORS = (
    Door("GET", "/account/limits", account_limits, READ),
    Door("GET", "/account/endpoint_costs", endpoint_costs, PUBLIC),
    Door("POST", "/account/api_usage_level/upgrade", upgrade, WRITE, 30),
    Door("GET", "/account/api_usage_level/volume_progress", volume_progress, READ),
    Door("GET", "/api_keys", api_keys, READ),
    Door("POST", "/api_keys", create_key, WRITE),
    Door("POST", "/api_keys/generate", generate_key, WRITE),
    Door("DELETE", "/api_keys/{api_key}", delete_key, WRITE),
)
