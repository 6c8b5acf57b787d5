"""Schemathesis against the running simulated exchange, with the official OpenAPI file for every path that it serves.

By default a bounded run that is the same each time. A long one, with data that nobody has seen yet:

    SCHEMA_EXAMPLES=500 SCHEMA_SEED=7 pytest -m recorded tests/edges/test_exchange_schema.py

SCHEMA_EXAMPLES is how many made-up requests each call gets in each phase, SCHEMA_SEED what they are made up from.
"""

import asyncio
import copy
import os
from typing import Any

import pytest
import yaml

from tests.exchange_attack import LIVE_NS, Found, Known, Signed, Things, attack, seeded_house, with_own_examples
from tests.exchange_official import SPEC, served_spec
from tests.exchange_rest import member_key, opened
from trading.simulator.exchange.app import DOORS, ROOT, Terms, make_app
from trading.simulator.exchange.house import House
from trading.simulator.exchange.routes_orders import DEAD

pytestmark = pytest.mark.recorded
EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "8"))
SEED = int(os.environ.get("SCHEMA_SEED", "1"))
METHODS = ("get", "post", "put", "delete", "patch")
# What the exchange has and this one has not: quotes and block trades between members, brokers' clients, combos, sports,
# weather, search, and forecasts. None of it touches a quarter-hour market.
NOT_SERVED = """
GET POST          /communications/block-trade-proposals
POST              /communications/block-trade-proposals/{block_trade_proposal_id}/accept
GET               /communications/id
GET POST          /communications/quotes
DELETE GET        /communications/quotes/{quote_id}
PUT               /communications/quotes/{quote_id}/accept
PUT               /communications/quotes/{quote_id}/confirm
GET POST          /communications/rfq_batches
DELETE GET        /communications/rfq_batches/{rfq_batch_id}
PUT               /communications/rfq_batches/{rfq_batch_id}/accept
GET               /communications/rfq_batches/{rfq_batch_id}/best_quotes
GET POST          /communications/rfq_batches/{rfq_batch_id}/quotes
DELETE            /communications/rfq_batches/{rfq_batch_id}/quotes/{batch_quote_id}
PUT               /communications/rfq_batches/{rfq_batch_id}/quotes/{batch_quote_id}/confirm
GET POST          /communications/rfqs
DELETE GET        /communications/rfqs/{rfq_id}
DELETE GET        /communications/rfqs/{rfq_id}/quotes/{quote_id}
PUT               /communications/rfqs/{rfq_id}/quotes/{quote_id}/accept
PUT               /communications/rfqs/{rfq_id}/quotes/{quote_id}/confirm
GET               /fcm/fills
GET               /fcm/orders
GET               /fcm/positions
POST              /fcm/positions/transfers
GET POST          /fcm/subtraders
GET PUT           /fcm/subtraders/blocked_categories
DELETE GET PUT    /fcm/subtraders/event_contract_daily_cap
GET               /incentive_programs
GET               /live_data/batch
GET               /live_data/events/{event_ticker}
GET               /live_data/milestone/{milestone_id}
GET               /live_data/milestone/{milestone_id}/game_stats
GET               /live_data/weather/{city}
GET               /live_data/weather/{city}/calibrations
GET               /live_data/{type}/milestone/{milestone_id}
GET               /milestones
GET               /milestones/{milestone_id}
GET               /multivariate_event_collections
GET POST          /multivariate_event_collections/{collection_ticker}
GET               /search/filters_by_sport
GET               /search/tags_by_categories
GET               /series/{series_ticker}/events/{ticker}/forecast_percentile_history
GET               /structured_targets
GET               /structured_targets/{structured_target_id}
"""
STATUS, GOOD, BAD = "status_code_conformance", "positive_data_acceptance", "negative_data_rejection"
METHOD, ALLOW = "unsupported_method", "allow_header_conformance"
# What schemathesis finds and what is nevertheless as it should be.
KNOWN = (
    # Statuses that the file does not list for a call.
    Known(
        STATUS,
        400,
        ".*",
        r"(is given more than once|is not a number|is not between .*|is a shard, or -1|is too long)\"",
        "a parameter is nonsense",
    ),
    Known(STATUS, 400, "GET /portfolio/subaccounts/transfers", "cursor", "a cursor is nonsense"),
    Known(STATUS, 400, "PUT .*/(reset|trigger)", "cannot unmarshal", "the body is no object"),
    Known(STATUS, 404, "GET /series/{series_ticker}", "series", "there is no such series"),
    Known(
        STATUS,
        404,
        "POST /portfolio/events/orders",
        "market|order group|ORDER_GROUP_NOT_FOUND|never funded|insufficient_shard_balance",
        "seen at the exchange: an unknown market or group, money on another shard only",
    ),
    Known(STATUS, 404, "POST /portfolio/order_groups/create", "never funded", "no account on that shard"),
    Known(
        STATUS,
        404,
        "POST /portfolio/(intra_exchange_instance_transfer|subaccounts/transfer)",
        "never funded|insufficient_shard_balance",
        "seen at the exchange: there is no money on that shard",
    ),
    Known(STATUS, 409, "POST /portfolio/subaccounts/transfer", "", "an id used twice, as for transfers between shards"),
    # Bodies and queries that the file lets through: it cannot say what goes together, nor what exists.
    Known(GOOD, 400, "GET .*", "cursor (is not one of ours|belongs to other filters)", "cursors are opaque"),
    Known(GOOD, 400, ".*", "subaccount is not (between 0 and 63|a number)", "the file knows no largest subaccount"),
    Known(GOOD, 400, ".*", "there is no subaccount", "it has to exist"),
    Known(GOOD, 400, "GET /markets", "only one kind of time filter|times (do not )?go with|need mve_filter", "filters"),
    Known(GOOD, 400, "GET /historical/markets", "only one of tickers", "one filter at a time"),
    Known(GOOD, 400, "GET /events/{event_ticker}", "exclude each other", "one or the other"),
    Known(GOOD, 400, "GET /events/multivariate", "exclude each other", "one or the other"),
    Known(GOOD, 400, "GET /portfolio/orders", "status is one of", "the file gives the words in prose only"),
    Known(GOOD, 400, "GET /portfolio/positions", "count_filter is of", "the file gives the words in prose only"),
    Known(
        GOOD, 400, "GET /portfolio/orders/queue_positions", "market_tickers or event_ticker", "one of both is needed"
    ),
    Known(
        GOOD,
        400,
        "GET .*candlesticks",
        "end_ts is before|more candles than|period_interval is|market_tickers",
        "a span of time, of so many candles, of markets that are named",
    ),
    Known(GOOD, 400, "GET /markets/orderbooks", "tickers: 1 to 100", "a ticker has a letter at least"),
    Known(GOOD, 400, "GET .*", "at most|is too long|is not a number", "no list without end, no number left empty"),
    Known(
        GOOD,
        400,
        "POST /portfolio/events/orders.*",
        "is required|is not a (count|price|time)|is one of|client_order_id has|exactly one of|needs immediate_or_cancel"
        "|not in the future|post only cross|not those of the order|not that of the order|invalid_order|insufficient_balance"
        "|exchange_index is a shard",
        "an order has to make sense, to be on the grid and to be paid for",
    ),
    Known(GOOD, 400, "DELETE /portfolio/events/orders/batched", "orders is required|orders: at most", "an empty batch"),
    Known(
        GOOD, 400, "DELETE /portfolio/events/orders/{order_id}", "exchange_index is a shard|market_ticker", "routing"
    ),
    Known(
        GOOD, 400, "(POST|PUT) /portfolio/order_groups/.*", "contracts_limit|exchange_index is not a shard", "a limit"
    ),
    Known(
        GOOD,
        400,
        "POST /portfolio/intra_exchange_instance_transfer",
        "amount is|are the same|no margined exchange|no such shard|insufficient_balance",
        "money that exists goes from here to there",
    ),
    Known(
        GOOD,
        400,
        "POST /portfolio/subaccounts/transfer",
        "amount_cents above 0|from one subaccount to another|insufficient_balance",
        "money that exists goes from here to there",
    ),
    Known(GOOD, 400, "POST /portfolio/subaccounts", "63|exchange_index", "there are 64 at most, on shards that exist"),
    Known(
        GOOD,
        400,
        "POST /portfolio/target_balance_allocation",
        "the percentages|each once",
        "percentages of shards that make a hundred",
    ),
    Known(
        GOOD,
        400,
        "POST /api_keys.*",
        "is required|public_key is not|write needs read|scopes|key_type|at most 100 keys",
        "a key has a name, is one, and is of one kind",
    ),
    # What the file forbids and is let through.
    Known(BAD, 200, ".*", "", "null for what may be left out is the same as leaving it out", needs_null=True),
    Known(BAD, 201, ".*", "", "null for what may be left out is the same as leaving it out", needs_null=True),
    Known(
        BAD, 200, "GET /markets/{ticker}/orderbook", "orderbook_fp", "its prose says: 0 or negative means all levels"
    ),
    Known(BAD, 200, "DELETE /portfolio/events/orders/batched", '"error":', "items of a batch fail each by itself"),
    Known(BAD, 201, "POST /portfolio/events/orders/batched", '"error":', "items of a batch fail each by itself"),
    Known(
        BAD, 200, "GET .*", "", "a word left empty is the same as leaving it out", asked=r"(mve_filter|status)=(&|')"
    ),
    # Other methods.
    Known(METHOD, 410, "GET /portfolio/orders.*", "deprecated_v1_order_endpoint", "where orders were once posted"),
    Known(ALLOW, 405, "GET /portfolio/orders.*", "", "the same"),
    Known(
        ALLOW, 405, "POST /(api_keys/generate|portfolio/order_groups/create)", "", "the last word may be an id as well"
    ),
)
CHECKS = {
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "use_after_free",
    "ensure_resource_availability",
    "missing_required_header",
    "ignored_auth",
    "unsupported_method",
    "allow_header_conformance",
}


def named() -> set[tuple[str, str]]:
    lines = [line.split() for line in NOT_SERVED.strip().splitlines()]
    return {(method, words[-1]) for words in lines for method in words[:-1]}


def routed() -> set[tuple[str, str]]:
    """What the application really answers below its root, whatever the list of doors says."""
    found = set()
    for route in make_app(House(lambda: 0)).router.routes():
        path = route.resource.canonical if route.resource else ""
        if path.startswith(ROOT):
            found.add((route.method, path.removeprefix(ROOT)))
    return found


def test_what_is_not_served_is_named() -> None:
    with SPEC.open() as file:
        whole = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    official = {(method.upper(), path) for path, item in whole["paths"].items() for method in METHODS if method in item}
    served = routed()
    assert served == {(door.method, door.path) for door in DOORS}
    assert served - official == set(DEAD)  # answer 410, as at the exchange; the file has forgotten them
    assert official - served == named()


async def attacked(spec: dict[str, Any], *, examples: int = EXAMPLES, seed: int = SEED, is_whole: bool = True) -> Found:
    """What comes of it, on an exchange of its own."""
    house = seeded_house()
    async with opened(house, terms=Terms(is_limited=False, live_ns=LIVE_NS)) as exchange:
        rest, auth = exchange.me.rest, Signed(member_key(house, 1, "ed25519"))

        def run() -> Found:
            things = Things(rest, auth)
            things.pocket()
            meant = with_own_examples(spec, things) if is_whole else spec
            return attack(meant, rest, auth, examples=examples, seed=seed)

        return await asyncio.to_thread(run)


async def test_nothing_is_found_but_what_is_known() -> None:
    found = await attacked(served_spec())
    assert not found.errors
    unknown = found.beyond(KNOWN)
    assert not unknown, f"{len(unknown)} findings\n" + "\n".join(unknown[:30])
    assert not [status for _, status in found.statuses if status >= 500]
    assert set(found.checks) >= CHECKS
    calls = {f"{door.method} {door.path}" for door in DOORS} - {" ".join(one) for one in DEAD}
    assert {call for call, _ in found.statuses} == calls
    assert found.succeeded == calls


BROKEN = {
    "response_schema_conformance": ("required", ["exchange_active", "a field that nobody sends"]),
    "status_code_conformance": ("responses", {"404": {"description": "gone"}}),
    "content_type_conformance": ("content", "text/html"),
    "ignored_auth": ("security", [{"kalshiAccessKey": []}]),
}


@pytest.mark.parametrize("check", BROKEN)
async def test_what_is_wrong_is_found(check: str) -> None:
    """The file is bent so that a right answer is wrong by it: if that went unnoticed, the test above would prove nothing."""
    spec = copy.deepcopy(served_spec())
    spec["paths"] = {"/exchange/status": spec["paths"]["/exchange/status"]}
    call = spec["paths"]["/exchange/status"]["get"]
    word, value = BROKEN[check]
    if word == "required":
        spec["components"]["schemas"]["ExchangeStatus"]["required"] = value
    elif word == "content":
        content = call["responses"]["200"]["content"]
        content[value] = content.pop("application/json")
    else:
        call[word] = value
    found = await attacked(spec, examples=3, is_whole=False)
    assert {check} <= {one.check for one in found.findings}
    assert found.beyond(KNOWN)
