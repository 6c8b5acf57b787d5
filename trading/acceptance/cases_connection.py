"""Cases: how we are let in, and how we are turned away."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from markets.core.units import SECOND_NS
from markets.kalshi.auth import Signer, load_signer
from markets.kalshi.errors import KalshiError, NotFound, Unauthorised
from trading.acceptance.case import Need, Theme, check, equal
from trading.acceptance.hands import Hands

THEME = Theme("connection")
case = THEME.case

HOUR_NS = 3_600 * SECOND_NS
AT_ONCE = 40


@case("A01", "What a bot reads at its start is there: status, schedule, limits, costs, series, balance")
async def starts(hands: Hands) -> None:
    rest = hands.rest
    state, limits = await rest.exchange_status(), await rest.account_limits()
    check(state.of(0) is not None, "the status names no shard 0")
    await rest.exchange_schedule()
    check(limits.write.refill_rate > 0, "the account has no write budget")
    check((await rest.endpoint_costs()).default_cost > 0, "calls cost nothing")
    for name in hands.environment.series:
        series = await rest.series(name)
        equal(f"the fee type of {name}", series.fee_type, "quadratic")
        check(state.of(series.shard or 0) is not None, f"the status does not name the shard of {name}")
    check((await rest.balance()).cash >= 0, "the cash is below 0")


async def _is_let_in(hands: Hands, kind: str) -> None:
    """By REST, and by the WebSocket."""
    signer = hands.environment.signer_of[kind]
    rest = await hands.client(signer)
    equal(
        "the balance as this key reads it",
        (await rest.balance()).by_shard.keys(),
        (await hands.rest.balance()).by_shard.keys(),
    )
    ear = await hands.ear(signer=signer)
    check(ear.is_synced, "the WebSocket is not in step")


@case("A02", "An Ed25519 key is let in by REST and by the WebSocket", Need.ED25519)
async def ed25519(hands: Hands) -> None:
    await _is_let_in(hands, "ed25519")


@case("A03", "An RSA key is let in by REST and by the WebSocket", Need.RSA)
async def rsa(hands: Hands) -> None:
    await _is_let_in(hands, "rsa")


@case("A04", "An HMAC key is let in by a gateway that takes it", Need.HMAC)
async def hmac(hands: Hands) -> None:
    await _is_let_in(hands, "hmac")


@case("A05", "A key id that nobody knows is turned away, and the words say so")
async def unknown_key(hands: Hands) -> None:
    rest = await hands.client(_stranger(str(uuid4())))
    await hands.refused(rest.balance(), Unauthorised, "an unknown key", "does not know the key id")


@case("A06", "Our key id with a signature of another key is turned away, and the words say so")
async def wrong_signature(hands: Hands) -> None:
    rest = await hands.client(_stranger(hands.environment.signer.key_id))
    error = await hands.refused(rest.balance(), Unauthorised, "a wrong signature", "our signature")
    check("PRIVATE" not in str(error), "the error shows a key")


@case("A07", "A clock an hour ahead is noticed at the first answer and made up for")
async def ahead(hands: Hands) -> None:
    await _is_corrected(hands, HOUR_NS)


@case("A08", "A clock an hour behind is noticed at the first answer and made up for")
async def behind(hands: Hands) -> None:
    await _is_corrected(hands, -HOUR_NS)


async def _is_corrected(hands: Hands, offset_ns: int) -> None:
    rest = await hands.fresh(clock=_clock(hands, offset_ns))
    await rest.balance()
    view = rest.server_clock.view()
    check(view.is_corrected and view.offset_ms is not None, f"the clock was not corrected: {view.text}")
    wrong_ms = abs((view.offset_ms or 0) + offset_ns / 1e6)
    check(wrong_ms < 3_000, f"the measured offset is wrong by {wrong_ms:.0f} ms")


@case("A09", "A WebSocket handshake with an old time stamp is turned away, and the words name the clock")
async def old_stamp(hands: Hands) -> None:
    await _is_turned_away(hands, "clock", clock=_clock(hands, -HOUR_NS))


@case("A10", "A WebSocket handshake without a signature is turned away, and the words name the key")
async def no_headers(hands: Hands) -> None:
    await _is_turned_away(hands, "key", signer=None)


@case("A11", "A WebSocket handshake with an unknown key is turned away, and the words say so")
async def unknown_handshake(hands: Hands) -> None:
    await _is_turned_away(hands, "does not know the key id", signer=_stranger(str(uuid4())))


async def _is_turned_away(hands: Hands, words: str, **options: Any) -> None:
    ear = await hands.ear(is_let_in=False, **options)
    ending = await ear.hear(lambda: ear.endings and ear.endings[0], "being turned away", hands.environment.patience_s)
    equal("how it ended", ending.kind, "refused")
    check("401" in ending.reason and words in ending.reason, f"the words do not name {words!r}: {ending.reason}")


@case("A12", "A private call without a key is refused before anything is sent")
async def keyless(hands: Hands) -> None:
    rest = await hands.client(None)
    error = await hands.refused(rest.balance(), Unauthorised, "a private call without a key", "needs a key")
    equal("the status", error.status, 0)


@case("A13", "What is public is told without a key", Need.MARKET)
async def public(hands: Hands) -> None:
    place = await hands.market()
    rest = await hands.client(None)
    equal("the market", (await rest.market(place.ticker)).ticker, place.ticker)
    await rest.orderbook(place.ticker)


@case("A14", "When the exchange's own clock is an hour off we follow it", Need.FAULTS)
async def skewed_exchange(hands: Hands) -> None:
    await hands.faults.arm("clock_skew", seconds=3_600)
    rest = await hands.fresh()
    await rest.balance()
    check(rest.server_clock.is_corrected, f"the clock was not corrected: {rest.server_clock.view().text}")


@case("A15", "Forty reads at once are all answered", Need.MARKET)
async def many(hands: Hands) -> None:
    place = await hands.market()
    markets = await asyncio.gather(*[hands.rest.market(place.ticker) for _ in range(AT_ONCE)])
    equal("the markets", {market.ticker for market in markets}, {place.ticker})


@case("A16", "What does not exist is not found, and that is told from all other errors")
async def nothing_there(hands: Hands) -> None:
    await hands.refused(hands.rest.market("KXNONE15M-26JAN010000-00"), NotFound, "a market that is none")
    await hands.refused(hands.rest.order(str(uuid4())), NotFound, "an order that is none")
    error = await hands.refused(hands.rest.series("KXNONE15M"), KalshiError, "a series that is none")
    equal("the status", error.status, 404)


def _clock(hands: Hands, offset_ns: int) -> Callable[[], int]:
    """A clock that is wrong by so much."""
    return lambda: hands.now_ns() + offset_ns


def _stranger(key_id: str) -> Signer:
    """A key that was never shown to the exchange."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return load_signer(key_id, pem)
