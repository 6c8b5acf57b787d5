"""What the exchange says when it does not do what was asked: three shapes of body, and which of them is sent when."""

from typing import Literal

import msgspec
from aiohttp import web

from trading.core.matching.messages import Refusal

Shape = Literal["nested", "flat", "plain"]
# The status of each word that a refusal may carry; what is not in here is a 400.
STATUS = {
    "insufficient_shard_balance": 404,
    "user_not_found": 404,
    "not_found": 404,
    "MARKET_NOT_FOUND": 404,
    "ORDER_GROUP_NOT_FOUND": 404,
    "order_already_exists": 409,
    "transfer_already_exists": 409,
    "fill_or_kill_insufficient_resting_volume": 409,
    "trading_is_paused": 409,
    "exchange_is_paused": 409,
    "MARKET_INACTIVE": 409,
    "permission_denied": 403,
    "deprecated_v1_order_endpoint": 410,
}


class ApiError(Exception):
    """An answer other than success. `code` is the exchange's word, `details` what exactly was wrong."""

    def __init__(
        self, status: int, code: str, details: str = "", *, message: str = "", shape: Shape = "nested"
    ) -> None:
        super().__init__(code)
        self.status, self.code, self.details, self.shape = status, code, details, shape
        self.message = message or code.replace("_", " ")

    @property
    def said(self) -> dict[str, str]:
        """Code, message and details, as they stand in a body or in an item of a batch."""
        said = {"code": self.code, "message": self.message}
        return said | {"details": self.details} if self.details else said

    @property
    def body(self) -> bytes:
        """The body in its shape."""
        if self.shape == "plain":
            return msgspec.json.encode({"error": self.message})
        return msgspec.json.encode(self.said if self.shape == "flat" else {"error": self.said})

    def answer(self) -> web.Response:
        """The whole answer."""
        return web.Response(status=self.status, body=self.body, content_type="application/json")


def refused(refusal: Refusal) -> ApiError:
    """What a refusal of the matching exchange or the house is answered with."""
    return ApiError(STATUS.get(refusal.code, 400), refusal.code, refusal.details)


def malformed(details: str) -> ApiError:
    """The body is not what the call wants: said by the layer that reads it, flat."""
    return ApiError(400, "bad_request", details, shape="flat")


def missing(name: str) -> ApiError:
    """Something needed was not sent."""
    return ApiError(400, "missing_parameters", f"{name} is required")


def invalid(details: str) -> ApiError:
    """Something sent makes no sense."""
    return ApiError(400, "invalid_parameters", details)


def not_found(what: str = "") -> ApiError:
    """There is no such thing, or it is another's, or on another shard."""
    return ApiError(404, "not_found", what)


def too_many() -> ApiError:
    """A token bucket is empty: a bare sentence, and no word about when to come again."""
    return ApiError(429, "too_many_requests", message="too many requests", shape="plain")


def broken(status: int) -> ApiError:
    """The exchange itself has failed."""
    code = {503: "service_unavailable", 504: "timeout", 502: "bad_gateway"}.get(status, "internal_server_error")
    return ApiError(status, code)
