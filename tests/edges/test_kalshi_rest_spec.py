"""The client against the exchange's official OpenAPI file: all it sends is valid there, and all that may be answered by it
(with every optional field, with none, with nulls, with more than it knows) can be read."""

import copy
import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
import yaml
from django.conf import settings
from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

from markets.kalshi.calls import CALLS, Ask, Page, Pages
from markets.kalshi.errors import Said, said_in
from markets.kalshi.hosts import REST_PATH, hosts_named
from markets.kalshi.messages import WireMarket
from markets.kalshi.rest import KalshiRest
from tests.kalshi_rest_calls import EVERY_CALL
from tests.kalshi_rest_fakes import Asked, FakeExchange, a_signer, ample

pytestmark = pytest.mark.recorded

SPEC = settings.RECORDED_DATA.parent / "reference" / "specs" / "openapi.yaml"
SERVER = "https://external-api.kalshi.com"
WAYS = ("all", "required", "null", "empty")
TEXTS = {"date-time": "2026-11-22T16:50:00.123Z", "uuid": "8c35ecb3-328f-4f52-8c7c-0f4b9862f8d1"}


@pytest.fixture(scope="module")
def spec() -> Any:
    with SPEC.open() as file:
        whole = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    paths = {call.path for call in CALLS.values()}
    return whole | {"paths": {path: item for path, item in whole["paths"].items() if path in paths}}


@pytest.fixture(scope="module")
def official(spec: Any) -> OpenAPI:
    return OpenAPI.from_dict(spec)


def test_every_call_is_in_the_official_file(spec: Any) -> None:
    for call in CALLS.values():
        operation = spec["paths"][call.path][call.method.lower()]
        assert call.needs_key == bool(operation.get("security")), call.name


async def test_all_that_is_sent_is_valid_and_exact(official: OpenAPI, spec: Any) -> None:
    async with FakeExchange() as exchange, exchange.rest() as rest:
        for make in EVERY_CALL.values():
            await make(rest)
    for asked in exchange.asked:
        official.validate_request(request_of(asked))
        operation = spec["paths"][CALLS[asked.name].path][asked.method.lower()]
        known = {parameter(spec, one)["name"] for one in operation.get("parameters", [])}
        given = {name for name, _ in parse_qsl(asked.target.partition("?")[2])}
        assert given <= known, f"{asked.name}: {given - known} are no parameters"
        if asked.body:
            assert set(asked.said) <= fields(spec, operation["requestBody"]["content"]["application/json"]["schema"])
            assert asked.headers["Content-Type"] == "application/json"


async def test_the_validation_can_fail(official: OpenAPI) -> None:
    async with FakeExchange() as exchange, exchange.rest() as rest:
        await EVERY_CALL["create_order"](rest)
        await EVERY_CALL["markets"](rest)
    order, markets = exchange.asked
    said = order.said
    for wrong in (
        order._replace(body=json.dumps(said | {"side": "yes"}).encode()),
        order._replace(body=json.dumps({name: said[name] for name in said if name != "count"}).encode()),
        order._replace(body=b""),
        order._replace(headers={}),
        markets._replace(target=markets.target + "&status=active"),
    ):
        with pytest.raises(OpenAPIError):
            official.validate_request(request_of(wrong))


@pytest.mark.parametrize("name", CALLS)
async def test_all_that_may_be_answered_can_be_read(official: OpenAPI, spec: Any, name: str) -> None:
    call = CALLS[name]
    operation = spec["paths"][call.path][call.method.lower()]
    status = next(code for code in operation["responses"] if code.startswith("2"))
    content = operation["responses"][status].get("content")
    async with FakeExchange() as exchange:
        ask = await ask_of(exchange, name)
        sent = exchange.asked[0]
        if content is None:
            assert ask.read(b"") is None
            return
        for way in WAYS:
            told = made(spec, content["application/json"]["schema"], way)
            if way != "null":  # the validator has no null where a reference is made nullable, the exchange does
                official.validate_response(request_of(sent), MockResponse(json.dumps(told).encode(), int(status)))
            if name in ("create_orders", "cancel_orders"):
                told = batch_of(told, ask.items)
            ask.read(json.dumps(told).encode())
            ask.read(json.dumps(with_more(told)).encode())


def test_the_examples_of_the_official_file_can_be_read(spec: Any) -> None:
    examples = {
        "AmendOrderV2Response": "amend_order",
        "CancelOrderV2Response": "cancel_order",
        "CreateOrderV2Response": "create_order",
        "DecreaseOrderV2Response": "decrease_order",
        "BatchCreateOrdersV2Response": "create_orders",
        "BatchCancelOrdersV2Response": "cancel_orders",
    }
    asks = asks_of(*examples.values())
    for schema, name in examples.items():
        example = spec["components"]["schemas"][schema].get("example")
        if example is not None:
            assert asks[name].read(json.dumps(example).encode())
    assert sum("example" in spec["components"]["schemas"][schema] for schema in examples) >= 5


def test_errors_of_the_official_file_can_be_read(spec: Any) -> None:
    for way in WAYS:
        told = made(spec, {"$ref": "#/components/schemas/ErrorResponse"}, way)
        assert isinstance(said_in(json.dumps(told).encode()), Said)
        assert not told or said_in(json.dumps({"error": told}).encode()) == said_in(json.dumps(told).encode())


def test_each_field_of_a_market_that_we_read_is_documented(spec: Any) -> None:
    documented = set(spec["components"]["schemas"]["Market"]["properties"])
    assert set(WireMarket.__struct_encode_fields__) <= documented


# How ---------------------------------------------------------------------------------------------------------------


class Listening(KalshiRest):
    """Keeps what it would ask instead of asking."""

    asks: list[Ask[Any]]

    async def one(self, ask: Ask[Any], *_: Any, **__: Any) -> Any:
        self.asks.append(ask)
        return ()

    async def all(self, pages: Pages[Any], limit: int | None = None, max_pages: int = 1) -> Any:
        self.asks.append(pages.ask("", limit))
        return Page((), "").rows


def asks_of(*names: str) -> dict[str, Ask[Any]]:
    rest = Listening(hosts_named("demo"), a_signer(), budgets=ample())
    rest.asks = []
    for name in names:
        coroutine = EVERY_CALL[name](rest)
        with pytest.raises(StopIteration):
            coroutine.send(None)
    return dict(zip(names, rest.asks, strict=True))


async def ask_of(exchange: FakeExchange, name: str) -> Ask[Any]:
    async with exchange.rest() as rest:
        await EVERY_CALL[name](rest)
    return asks_of(name)[name]


def request_of(asked: Asked) -> MockRequest:
    path, _, query = asked.target.partition("?")
    pairs: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        pairs.setdefault(name, []).append(value)
    headers = {name: value for name, value in asked.headers.items() if name.upper().startswith("KALSHI")}
    assert path.startswith(REST_PATH)
    return MockRequest(
        SERVER,
        asked.method.lower(),
        path,
        args={name: values if len(values) > 1 else values[0] for name, values in pairs.items()},
        headers=headers,
        data=asked.body or None,
    )


def parameter(spec: Any, one: Any) -> Any:
    return spec["components"]["parameters"][one["$ref"].rpartition("/")[2]] if "$ref" in one else one


def resolved(spec: Any, schema: Any) -> Any:
    """The schema with its reference followed and its parts joined."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return resolved(spec, spec["components"]["schemas"][name]) | {"title": name}
    for part in schema.get("allOf", ()):
        schema = resolved(spec, part) | {name: schema[name] for name in schema if name != "allOf"}
    return schema


def fields(spec: Any, schema: Any) -> set[str]:
    return set(resolved(spec, schema)["properties"])


def made(spec: Any, schema: Any, way: str, name: str = "") -> Any:
    """What may come: with all fields, with the required ones, with null wherever it may be, with lists that are empty."""
    schema = resolved(spec, schema)
    if schema.get("nullable") and way == "null":
        return None
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if kind == "object":
        needed = schema.get("required", ())
        told = schema.get("properties", {})
        return {one: made(spec, told[one], way, one) for one in told if way != "required" or one in needed}
    if kind == "array":
        if schema.get("title") == "PriceLevelDollarsCountFp":
            return ["0.4200", "13.00"]
        return [] if way == "empty" else [made(spec, schema["items"], way, name)] * 2
    if kind == "string":
        return text_of(schema, name)
    return {"boolean": True, "integer": 1, "number": 0.25}[kind]


def text_of(schema: Any, name: str) -> str:
    if schema.get("title") == "FixedPointDollars":
        return "0.123456" if name in ("mean", "mean_dollars", "average_fill_price", "fee_cost") else "0.420000"
    if schema.get("title") == "FixedPointCount":
        return "12.34"
    if "enum" in schema:
        return str(schema["enum"][-1])
    return TEXTS.get(schema.get("format", ""), "text")


def batch_of(told: Any, items: int) -> Any:
    """The same with as many items as were asked for, none of them half a result and half an error."""
    item = dict((told["orders"] or [{}])[0])
    if not item.get("fill_count") and not item.get("reduced_by"):
        item["error"] = {"code": "not_found"}
    return {"orders": [copy.deepcopy(item) for _ in range(items)]}


def with_more(told: Any) -> Any:
    """The same with a field in each object that nobody knows yet."""
    if isinstance(told, dict):
        return {name: with_more(value) for name, value in told.items()} | {"brand_new": {"x": [1.5, None]}}
    return [with_more(one) for one in told] if isinstance(told, list) else told
