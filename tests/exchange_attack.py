"""Schemathesis let loose on the running simulated exchange with the official OpenAPI file: what is sent, and what it finds.

The file's own examples are of markets that are not here, so they are replaced by ones that are: most requests would
otherwise end at "not found", before anything is tried."""

import copy
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema

from markets.core.events import MarketListed
from markets.core.units import DOLLAR, SECOND_NS
from markets.kalshi.auth import Signer, headers
from tests.builders import CLOSE_NS, OPEN_NS, TICKER, contract, snapshot
from tests.exchange_rest import NEXT_TICKER, ORDERS, Time, order_body, wall_ms
from trading.simulator.exchange.house import House

SERIES, EVENT = "KXBTC15M", "KXBTC15M-26NOV221200"
OLD_TICKER, OLD_CLOSE_NS = "KXBTC15M-26NOV220900-00", CLOSE_NS - 3 * 3_600 * SECOND_NS
LIVE_NS = 3_600 * SECOND_NS  # what settled before that is history
SPAN = {"start_ts": OPEN_NS // SECOND_NS, "end_ts": CLOSE_NS // SECOND_NS}
PUBLIC = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n-----END PUBLIC KEY-----\n"
ORDER = {"ticker": TICKER, "side": "bid", "count": "10.00", "price": "0.5200", "exchange_index": 2}
FORCE = {"time_in_force": "good_till_canceled", "self_trade_prevention_type": "taker_at_cross"}
TRANSFER_ID = "7f0c0a53-2f0e-4f8b-8d0e-3a52b0a9d1"
BODIES: dict[str, object] = {
    "CreateOrderV2Request": ORDER | FORCE,
    "BatchCreateOrdersV2Request": {"orders": [ORDER | FORCE, ORDER | FORCE | {"price": "0.4000"}]},
    "BatchCancelOrdersV2Request": {"orders": [{"order_id": "none", "exchange_index": 2}]},
    "AmendOrderV2Request": ORDER | {"price": "0.3000"},
    "DecreaseOrderV2Request": {"reduce_by": "2.00", "exchange_index": 2},
    "CreateOrderGroupRequest": {"contracts_limit": 100, "exchange_index": 2},
    "UpdateOrderGroupLimitRequest": {"contracts_limit_fp": "50.00"},
    "CreateApiKeyRequest": {"name": "one", "public_key": PUBLIC},
    "GenerateApiKeyRequest": {"name": "two", "key_type": "ed25519"},
    "SetTargetBalanceAllocationRequest": {"allocations": [{"exchange_index": 2, "percent": 100}]},
    "ApplySubaccountTransferRequest": {
        "client_transfer_id": f"{TRANSFER_ID}11",
        "from_subaccount": 0,
        "to_subaccount": 1,
        "amount_cents": 1,
    },
    "IntraExchangeInstanceTransferRequest": {
        "client_transfer_id": f"{TRANSFER_ID}12",
        "source": "event_contract",
        "destination": "event_contract",
        "amount": 10_000,
        "destination_exchange_shard": 2,
    },
}
QUERIES: dict[str, object] = SPAN | {
    "ticker": TICKER,
    "tickers": [TICKER],
    "market_ticker": TICKER,
    "market_tickers": TICKER,
    "series_ticker": SERIES,
    "event_ticker": EVENT,
    "exchange_index": 2,
    "period_interval": 1,
}


def seeded_house() -> House:
    """An open market, one to come and one of history; two members with money, as `new_house` has them."""
    clock = Time(OLD_CLOSE_NS - 600 * SECOND_NS)
    house = House(clock)
    old = contract(OLD_TICKER, open_ns=OLD_CLOSE_NS - 900 * SECOND_NS, close_ns=OLD_CLOSE_NS)
    house.take(MarketListed(clock.now_ns, old))
    clock.now_ns = OLD_CLOSE_NS
    house.tick(clock.now_ns)
    house.determine(OLD_TICKER, "yes", 10_000, "85000.00")
    clock.now_ns = OPEN_NS + 60 * SECOND_NS
    house.tick(clock.now_ns)
    house.take(MarketListed(clock.now_ns, contract()))
    later = contract(NEXT_TICKER, open_ns=CLOSE_NS, close_ns=CLOSE_NS + 900 * SECOND_NS, strike=None)
    house.take(MarketListed(clock.now_ns, later))
    house.take(snapshot(60.0))
    for _ in range(2):
        house.open_account({0: 1_000 * DOLLAR, 2: 5_000 * DOLLAR}, tier="premier")
    return house


class Signed(requests.auth.AuthBase):
    """Signs what is about to be sent, as our own client would."""

    def __init__(self, signer: Signer) -> None:
        self.signer = signer

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        path = urlsplit(request.url or "").path
        request.headers.update(headers(self.signer, str(request.method), str(path), wall_ms()))
        return request


class Things(NamedTuple):
    """Makes, one call after the other, things that can be asked for, changed and deleted by their ids."""

    rest: str
    auth: Signed

    def order(self) -> str:
        return self._made("order_id", ORDERS, order_body(price="0.2000", count="20.00"))

    def group(self) -> str:
        return self._made(
            "order_group_id", "/portfolio/order_groups/create", {"contracts_limit": 5, "exchange_index": 2}
        )

    def transfer(self) -> str:
        body = BODIES["IntraExchangeInstanceTransferRequest"]
        assert isinstance(body, dict)
        without = {name: value for name, value in body.items() if name != "client_transfer_id"}
        return self._made("transfer_id", "/portfolio/intra_exchange_instance_transfer", without)

    def key(self) -> str:
        return self._made("api_key_id", "/api_keys/generate", {"name": "three", "key_type": "ed25519"})

    def pocket(self) -> None:
        assert requests.post(f"{self.rest}/portfolio/subaccounts", auth=self.auth, timeout=10).status_code == 201

    def _made(self, name: str, path: str, body: object) -> str:
        answer = requests.post(self.rest + path, json=body, auth=self.auth, timeout=10)
        assert answer.ok, answer.text
        return str(answer.json()[name])


def with_own_examples(spec: dict[str, Any], things: Things) -> dict[str, Any]:
    """The file with examples that mean something here. Each call gets ids of its own: what one deletes, another needs."""
    spec = copy.deepcopy(spec)
    schemas, shared = spec["components"]["schemas"], spec["components"]["parameters"]
    for name, body in BODIES.items():
        schemas[name]["example"] = body
    makers: dict[str, Callable[[], str]] = {
        "order_id": things.order,
        "order_group_id": things.group,
        "transfer_id": things.transfer,
        "api_key": things.key,
    }
    for path, item in spec["paths"].items():
        known = QUERIES | ({"ticker": EVENT} if "/events/{ticker}" in path else {})
        known = known | ({"ticker": OLD_TICKER} if path.startswith("/historical/markets/") else {})
        for operation in item.values():
            found = (
                [shared[one["$ref"].rpartition("/")[2]] if "$ref" in one else one for one in operation["parameters"]]
                if ("parameters" in operation)
                else []
            )
            operation["parameters"] = [_with_example(one, known, makers) for one in found]
    return spec


def _with_example(parameter: dict[str, Any], known: dict[str, object], makers: dict[str, Callable[[], str]]) -> Any:
    name = parameter["name"]
    if parameter["in"] == "path" and name in makers:
        return parameter | {"example": makers[name]()}
    if name in known and (parameter.get("required") or name in {"exchange_index", "market_tickers"}):
        return parameter | {"example": known[name]}
    return parameter


# What it finds -----------------------------------------------------------------------------------------------------------


class Finding(NamedTuple):
    """A check that failed: in which call, what was answered, and how to ask again."""

    check: str
    call: str
    status: int
    answer: str
    why: str
    again: str
    has_null: bool

    def __str__(self) -> str:
        return f"{self.check}: {self.call} answered {self.status} {self.answer}\n    {self.why}\n    {self.again}"


class Known(NamedTuple):
    """Findings that are as they should be: of this check, in calls and with answers that match, for this reason."""

    check: str
    status: int
    call: str
    answer: str
    reason: str
    needs_null: bool = False
    asked: str = ""  # stands in the request

    def covers(self, found: Finding) -> bool:
        return (
            (self.check, self.status) == (found.check, found.status)
            and re.fullmatch(self.call, found.call) is not None
            and re.search(self.answer, found.answer) is not None
            and (found.has_null or not self.needs_null)
            and re.search(self.asked, found.again) is not None
        )


@dataclass
class Found:
    """What came of an attack. `statuses` by (call, status), `checks` how often each was made."""

    findings: list[Finding] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)

    def beyond(self, known: tuple[Known, ...]) -> list[str]:
        """What nothing that is known covers."""
        return [str(one) for one in self.findings if not any(row.covers(one) for row in known)]

    @property
    def succeeded(self) -> set[str]:
        """The calls that did something at least once."""
        return {call for call, status in self.statuses if status < 300}


def attack(spec: dict[str, Any], rest: str, auth: Signed, *, examples: int, seed: int = 1) -> Found:
    """All phases of schemathesis: the examples of the file, every boundary of every parameter (right and wrong), made-up
    data, and chains of calls that use each other's answers."""
    config = SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "continue-on-failure": True,
            "generation": {
                "max-examples": examples,
                "deterministic": seed == 1,
                "no-shrink": True,
                "database": "none",
                "with-security-parameters": False,
            },
        }
    )
    schema = schemathesis.openapi.from_dict(spec, config=config)
    schema.config.update(base_url=rest)
    schema.auth.set_from_requests(auth)
    found = Found()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _note(event, found)
        elif isinstance(event, events.NonFatalError):
            found.errors.append(f"{event.label}: {event.value}")
        elif isinstance(event, events.FatalError):
            raise event.exception
    return found


def _note(event: events.ScenarioFinished, found: Found) -> None:
    recorder = event.recorder
    for number, interaction in recorder.interactions.items():
        if interaction.response is not None and number in recorder.cases:
            found.statuses[recorder.cases[number].value.operation.label, interaction.response.status_code] += 1
    for number, checks in recorder.checks.items():
        response = recorder.interactions[number].response
        for check in checks:
            found.checks[check.name] += 1
            if check.status == Status.FAILURE and check.failure_info is not None and response is not None:
                case = recorder.cases[number].value
                why = " ".join(str(check.failure_info.failure).split())
                answer = (response.content or b"").decode(errors="replace")[:300]
                found.findings.append(
                    Finding(
                        check.name,
                        case.operation.label,
                        response.status_code,
                        answer,
                        why[:600],
                        case.as_curl_command()[:600],
                        _has_null(case.body),
                    )
                )


def _has_null(body: object) -> bool:
    if isinstance(body, dict):
        return any(_has_null(value) for value in body.values())
    if isinstance(body, list):
        return any(_has_null(value) for value in body)
    return body is None
