"""The simulated exchange's door: who signed, when, with which scopes; how much an account may ask."""

import hashlib
import hmac
from base64 import b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.exchange_rest import ORDERS, UNLIMITED, Member, new_house, opened, order_body, wall_ms
from trading.simulator.exchange.app import Terms
from trading.simulator.exchange.auth import KEY, SIGNATURE, STAMP
from trading.simulator.exchange.buckets import RATES, Bucket, limits
from trading.simulator.exchange.keys import KeyRow, Kind, kind_of, new_key, signed_text, verifies

BALANCE = "/portfolio/balance"
# The private seed is the bytes 00 to 1f; the signatures are those of the reference.
PUBLIC_HEX = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
VECTORS = [
    ("GET", "/trade-api/v2/portfolio/balance", "hkBtGNHKCfMll7XdniCzUygg/ek7JdCINuVOaGq0bDS3feQIdYVMirJSybX93bQtj8CMmr3q0RiAToeTeMOwBg=="),
    ("POST", "/trade-api/v2/portfolio/events/orders", "/ro4N0xtMcM9TBedlEcPA5AL1SsWyOiIo3UPU4/aeQ/H6c6rvS4ymxWhdFIT2dLRprk+g8Dju8XU1AY4/NDkDg=="),
    ("GET", "/trade-api/ws/v2", "GpkXLSIK8avqVF1CPnKos7fulth1qYoYZjI5qzovCmuzcKV0/qCnl8R5kVmiu2d6dLYPcYVo2r2OgcCWv1uwAw=="),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["rsa", "ed25519", "hmac"])
async def test_each_kind_of_key_signs(kind: Kind) -> None:
    async with opened() as exchange:
        said = await exchange.key(kind).get(BALANCE, subaccount=0)
        assert (said.status, said.body["balance"]) == (200, 600_000)


@pytest.mark.parametrize(("method", "path", "signature"), VECTORS)
def test_the_signatures_of_the_reference_verify(method: str, path: str, signature: str) -> None:
    der = bytes.fromhex("302a300506032b6570032100" + PUBLIC_HEX)
    pem = b"-----BEGIN PUBLIC KEY-----\n" + b64encode(der) + b"\n-----END PUBLIC KEY-----\n"
    row = KeyRow("k", 1, "ed25519", pem)
    text = signed_text("1703123456789", method, path + "?limit=5")
    assert kind_of(pem) == "ed25519"
    assert verifies(row, text, signature)
    assert not verifies(row, text + b"x", signature)


def test_rsa_wants_a_salt_as_long_as_the_digest() -> None:
    row, private = new_key("rsa", "k")
    key = load_pem_private_key(private, None)
    assert isinstance(key, RSAPrivateKey)
    assert private.startswith(b"-----BEGIN RSA PRIVATE KEY-----")
    text = b"1GET/trade-api/v2/markets"
    signed = {
        salt: b64encode(key.sign(text, padding.PSS(padding.MGF1(hashes.SHA256()), salt), hashes.SHA256())).decode()
        for salt in (32, 20)
    }
    assert verifies(row, text, signed[32])
    assert not verifies(row, text, signed[20])
    old = b64encode(key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()
    assert not verifies(row, text, old)


@pytest.mark.parametrize("signature", ["", "!!!!", "Zm9v", "é", "A" * 88])
@pytest.mark.parametrize("kind", ["rsa", "ed25519", "hmac"])
def test_nonsense_is_no_signature(kind: Kind, signature: str) -> None:
    assert not verifies(new_key(kind, "k")[0], b"text", signature)


def test_a_key_row_does_not_show_what_is_secret() -> None:
    row, private = new_key("hmac", "k")
    assert private.decode() not in repr(row)
    with pytest.raises(ValueError, match="PEM"):
        kind_of(b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")


@pytest.mark.parametrize("left_out", [KEY, STAMP, SIGNATURE])
async def test_a_missing_header(left_out: str) -> None:
    async with opened() as exchange:
        signed = exchange.me.signed("GET", BALANCE)
        del signed[left_out]
        said = await exchange.nobody.ask("GET", BALANCE, headers_=signed)
        assert (said.status, said.code) == (401, "signature_is_missing_from_headers")
        assert "error" in said.body


@pytest.mark.parametrize(
    ("off_ms", "status"), [(-30_000, 401), (-5_000, 200), (5_000, 200), (29_000, 200), (300_000, 401), (-300_000, 401)]
)
async def test_how_far_a_clock_may_be_off(off_ms: int, status: int) -> None:
    async with opened() as exchange:
        signed = exchange.me.signed("GET", BALANCE, wall_ms() + off_ms)
        said = await exchange.nobody.ask("GET", BALANCE, headers_=signed)
        assert said.status == status
        if status == 401:
            assert said.code == "header_timestamp_expired"


@pytest.mark.parametrize("stamp", ["now", "1.5e12", "-1", "٣", "9" * 40, "0x10"])
async def test_a_stamp_that_is_no_number(stamp: str) -> None:
    async with opened() as exchange:
        signed = exchange.me.signed("GET", BALANCE) | {STAMP: stamp}
        said = await exchange.nobody.ask("GET", BALANCE, headers_=signed)
        assert (said.status, said.code) == (401, "header_timestamp_expired")


async def test_a_wrong_signature_and_an_unknown_key() -> None:
    async with opened() as exchange:
        signed = exchange.me.signed("GET", "/portfolio/positions")
        said = await exchange.nobody.ask("GET", BALANCE, headers_=signed)
        assert (said.status, said.code, said.details) == (401, "authentication_error", "INCORRECT_API_KEY_SIGNATURE")
        signed = exchange.me.signed("GET", BALANCE) | {KEY: "00000000-0000-4000-8000-000000000000"}
        said = await exchange.nobody.ask("GET", BALANCE, headers_=signed)
        assert (said.status, said.code, said.details) == (401, "authentication_error", "NOT_FOUND")


async def test_the_query_is_not_signed_and_the_root_is() -> None:
    async with opened() as exchange:
        assert (await exchange.me.get("/portfolio/orders", limit=5)).status == 200
        row, secret = new_key("hmac", "h", 1)
        exchange.house.add_key(row)
        for path, status in (("/trade-api/v2/api_keys", 200), ("/api_keys", 401), ("/trade-api/v2/api_keys?x=1", 401)):
            stamp = str(wall_ms())
            made = b64encode(hmac.new(secret, f"{stamp}GET{path}".encode(), hashlib.sha256).digest()).decode()
            signed = {KEY: "h", STAMP: stamp, SIGNATURE: made}
            said = await exchange.nobody.ask("GET", "/api_keys", headers_=signed, x="1")
            assert said.status == status, path


async def test_what_is_public_needs_no_key_but_not_a_wrong_one_either() -> None:
    async with opened() as exchange:
        assert (await exchange.nobody.get("/markets")).status == 200
        signed = exchange.me.signed("GET", "/events")
        assert (await exchange.nobody.ask("GET", "/markets", headers_=signed)).status == 401


@pytest.mark.parametrize(
    ("scopes", "allowed", "refused"),
    [
        (("read",), ["GET /portfolio/orders", "GET /portfolio/balance"], [f"POST {ORDERS}"]),
        (("read", "write::trade"), [f"POST {ORDERS}"], ["POST /portfolio/intra_exchange_instance_transfer"]),
        (("read::portfolio_balance",), ["GET /portfolio/balance"], ["GET /portfolio/orders", "GET /account/limits"]),
        (("write::transfer",), ["POST /portfolio/intra_exchange_instance_transfer"], [f"POST {ORDERS}"]),
        (("read", "write"), [f"POST {ORDERS}", "POST /portfolio/intra_exchange_instance_transfer"], []),
    ],
)
async def test_scopes(scopes: tuple[str, ...], allowed: list[str], refused: list[str]) -> None:
    bodies = {
        ORDERS: order_body(),
        "/portfolio/intra_exchange_instance_transfer": {
            "source": "event_contract", "destination": "event_contract", "amount": 10, "destination_exchange_shard": 2,
        },
    }  # fmt: skip
    async with opened() as exchange:
        key = exchange.key(scopes=scopes)
        for call in allowed + refused:
            method, path = call.split()
            said = await key.ask(method, path, bodies.get(path))
            if call in allowed:
                assert said.status < 300, (call, said)
            else:
                assert (said.status, said.code) == (403, "permission_denied"), call


async def test_a_key_for_one_subaccount() -> None:
    house = new_house()
    house.accounts[1].tier = "advanced"
    async with opened(house) as exchange:
        assert (await exchange.me.ask("POST", "/portfolio/subaccounts")).body == {"subaccount_number": 1}
        locked = exchange.key(subaccount=1)
        said = await locked.get(BALANCE)
        assert (said.body["balance"], "balance_breakdown" in said.body) == (0, False)
        assert (await locked.get(BALANCE, subaccount=1)).status == 200
        assert (await locked.get(BALANCE, subaccount=0)).status == 403
        assert (await locked.place(subaccount=0)).status == 403
        assert (await locked.ask("POST", "/portfolio/subaccounts")).status == 403
        mine = await exchange.me.place()
        assert (await locked.get(f"/portfolio/orders/{mine.body['order_id']}")).status == 404
        assert (await locked.get("/portfolio/orders")).body["orders"] == []


async def test_keys_are_listed_made_and_deleted() -> None:
    async with opened() as exchange:
        for kind in ("rsa", "ed25519"):
            made = await exchange.me.ask("POST", "/api_keys/generate", {"name": "bot", "key_type": kind})
            assert made.status == 201
            private = load_pem_private_key(made.body["private_key"].encode(), None)
            assert isinstance(private, RSAPrivateKey) == (kind == "rsa")
        listed = (await exchange.me.get("/api_keys")).body["api_keys"]
        assert [row["name"] for row in listed] == ["", "bot", "bot"]
        assert "private" not in str(listed)
        assert (await exchange.other.ask("DELETE", f"/api_keys/{made.body['api_key_id']}")).status == 404
        assert (await exchange.me.ask("DELETE", f"/api_keys/{made.body['api_key_id']}")).status == 204
        assert len((await exchange.me.get("/api_keys")).body["api_keys"]) == 2
        assert (await exchange.me.ask("POST", "/api_keys/generate", {"name": "x", "scopes": ["write"]})).status == 400
        public = new_key("ed25519", "n")[0].public
        body = {"name": "own", "public_key": public.decode()}
        assert (await exchange.me.ask("POST", "/api_keys", body)).status == 403
        exchange.house.accounts[1].tier = "premier"
        assert (await exchange.me.ask("POST", "/api_keys", body)).status == 201


# How much may be asked ---------------------------------------------------------------------------------------------


class Steady:
    """The clock of the buckets."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def limited(steady: Steady) -> Terms:
    return Terms(steady=steady)


async def test_a_429_is_a_bare_sentence() -> None:
    steady = Steady()
    async with opened(terms=limited(steady)) as exchange:
        answers = [await exchange.nobody.get("/markets") for _ in range(6)]
        assert [said.status for said in answers] == [200] * 5 + [429]
        assert answers[-1].body == {"error": "too many requests"}
        assert "Retry-After" not in answers[-1].headers
        assert (await exchange.me.get("/markets")).status == 200  # a signed read is paid by its account
        steady.now_s = 0.2
        assert (await exchange.nobody.get("/markets")).status == 200
        assert (await exchange.nobody.get("/markets")).status == 429


async def test_reads_and_writes_by_tier() -> None:
    steady = Steady()
    async with opened(terms=limited(steady)) as exchange:
        assert await until_refused(exchange.me, "GET", "/portfolio/positions") == 40  # 400 tokens, 10 each
        assert await until_refused(exchange.me, "POST", ORDERS, exchange_index=2) == 10
        assert (await exchange.other.place()).status == 201  # each account has its own
        steady.now_s = 0.05
        assert await until_refused(exchange.me, "GET", "/portfolio/orders/none") == 5  # two tokens each
        steady.now_s = 1.05
        assert (await exchange.me.get("/account/limits")).body == {
            "usage_tier": "basic",
            "read": {"refill_rate": 200, "bucket_capacity": 400},
            "write": {"refill_rate": 100, "bucket_capacity": 100},
            "grants": [],
        }


async def test_shards_have_their_own_write_budget_and_routing_is_paid_on_all() -> None:
    steady = Steady()
    async with opened(terms=limited(steady)) as exchange:
        assert await until_refused(exchange.me, "POST", ORDERS, exchange_index=2) == 10
        assert (await exchange.me.place(exchange_index=None)).status == 429  # it would be paid on shard 2, too
        cancel_all = await exchange.me.ask("DELETE", ORDERS)
        assert cancel_all.status == 204
        group = {"contracts_limit": 5, "exchange_index": 3}
        assert (await exchange.me.ask("POST", "/portfolio/order_groups/create", group)).status == 201


async def test_a_batch_fits_as_a_whole_or_not_at_all() -> None:
    steady = Steady()
    async with opened(terms=limited(steady)) as exchange:
        eleven = {"orders": [order_body(price="0.1000", count="1") for _ in range(11)]}
        assert (await exchange.me.ask("POST", f"{ORDERS}/batched", eleven)).status == 429
        assert (await exchange.me.get("/portfolio/orders")).body["orders"] == []
        ten = {"orders": eleven["orders"][:10]}
        said = await exchange.me.ask("POST", f"{ORDERS}/batched", ten)
        assert said.status == 201
        ids = [{"order_id": one["order_id"], "exchange_index": 2} for one in said.body["orders"]]
        steady.now_s = 0.2  # 20 tokens: ten cancels of two
        assert (await exchange.me.ask("DELETE", f"{ORDERS}/batched", {"orders": ids})).status == 200


async def test_the_balance_has_a_bucket_of_its_own() -> None:
    steady = Steady()
    async with opened(terms=limited(steady)) as exchange:
        assert [(await exchange.me.get(BALANCE)).status for _ in range(2)] == [200, 429]
        assert (await exchange.me.get("/portfolio/orders")).status == 200
        exchange.house.accounts[1].tier = "expert"
        assert await until_refused(exchange.me, "GET", BALANCE) == 5


async def until_refused(member: Member, method: str, path: str, **more: Any) -> int:
    """How many requests pass before a 429."""
    for number in range(500):
        body = order_body(price="0.0100", count="0.01", **more) if method == "POST" else None
        if (await member.ask(method, path, body)).status == 429:
            return number
    raise AssertionError("never refused")


def test_buckets_hold_what_the_tiers_say() -> None:
    assert limits("basic") == {"read": (200, 400), "write": (100, 100)}
    assert limits("advanced") == {"read": (300, 600), "write": (300, 600)}
    assert limits("prestige") == {"read": (10_000, 10_000), "write": (8_000, 16_000)}
    assert len(RATES) == 7
    bucket = Bucket(10.0, 20.0)
    assert bucket.has(20.0, 100.0)
    bucket.take(20.0)
    assert not bucket.has(1.0, 99.0)  # a clock that goes back gives nothing
    assert not bucket.has(1.0, 100.0)
    assert bucket.has(10.0, 101.0)


async def test_what_calls_cost() -> None:
    async with opened(terms=UNLIMITED) as exchange:
        said = await exchange.nobody.get("/account/endpoint_costs")
        costs = {(one["method"], one["path"]): one["cost"] for one in said.body["endpoint_costs"]}
        assert said.body["default_cost"] == 10
        assert costs["DELETE", "/trade-api/v2/portfolio/events/orders/{order_id}"] == 2
        assert costs["GET", "/trade-api/v2/portfolio/orders/{order_id}"] == 2
        assert (await exchange.me.ask("POST", "/account/api_usage_level/upgrade")).status == 403
        await exchange.me.place()
        assert (await exchange.me.ask("POST", "/account/api_usage_level/upgrade")).status == 201
        assert (await exchange.me.get("/account/limits")).body["usage_tier"] == "advanced"


async def test_what_an_hmac_key_keeps_stays_out_of_answers(caplog: pytest.LogCaptureFixture) -> None:
    async with opened() as exchange:
        row, secret = new_key("hmac", "h", 1)
        exchange.house.add_key(row)
        said = await exchange.me.get("/api_keys")
        assert secret.decode() not in str(said) + caplog.text
