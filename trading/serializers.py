"""The rows of trading as the API shows them: decimal strings for exact integers, RFC 3339 for times."""

from typing import Any, get_args

from rest_framework import serializers

from markets.api_fields import CountField, MoneyField, PriceField, TimeField
from markets.core.units import MILLISECOND_NS, PRICE_DOLLAR, price_text
from trading.core.events import Mode, Policy
from trading.core.evidence import grade_of
from trading.core.forecasts import MARKS_S
from trading.forecast_rows import SAID, mid_of, outcome_of
from trading.models import Fill, Forecast, Order, Position, RiskLimits, Settlement, Signal, TraderStatus


class RowQuery(serializers.Serializer[Any]):
    """What a list of rows can be asked for."""

    account = serializers.CharField(required=False, help_text="an account; the trader's unless given")
    ticker = serializers.CharField(required=False, help_text="one market")
    since = serializers.DateTimeField(required=False, help_text="at or after this time")


class SignalSerializer(serializers.ModelSerializer[Signal]):
    """What we thought of a market at one moment. Probabilities and edges are estimates (floats); unknown is null."""

    at = TimeField(source="event_ns")
    bid = PriceField()
    ask = PriceField()

    class Meta:
        model = Signal
        fields = [
            "id", "session", "ticker", "at", "reason", "side", "fair", "digital", "bid", "ask", "edge_yes", "edge_no", "confidence",
            "spot", "volatility", "seconds_left",
        ]  # fmt: skip
        read_only_fields = fields


class OrderSerializer(serializers.ModelSerializer[Order]):
    """One order at a YES price; `is_bid` buys YES, otherwise it sells YES."""

    price = PriceField()
    count = CountField()
    filled = CountField()
    sent_at = TimeField(source="sent_ns")
    updated_at = TimeField(source="updated_ns")

    class Meta:
        model = Order
        fields = [
            "client_order_id", "account", "ticker", "is_bid", "price", "count", "filled", "status", "reason", "sent_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = fields


class FillSerializer(serializers.ModelSerializer[Fill]):
    """A part of an order that traded, with the fee charged for it."""

    client_order_id = serializers.CharField(
        source="order.client_order_id", read_only=True, allow_null=True, default=None
    )
    price = PriceField()
    count = CountField()
    fee = MoneyField()
    grade = serializers.SerializerMethodField(help_text="A proven, B one assumption in it, C more hope than proof")
    at = TimeField(source="event_ns")

    class Meta:
        model = Fill
        fields = [
            "trade_id", "client_order_id", "account", "ticker", "is_bid", "price", "count", "fee", "is_taker", "evidence",
            "grade", "at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_grade(self, fill: Fill) -> str:
        """How far the fill is believed."""
        return grade_of(fill.evidence)


class PositionSerializer(serializers.ModelSerializer[Position]):
    """What an account holds in a market: `count` is + YES, - NO; profit without fees."""

    count = CountField()
    cost = MoneyField()
    realised = MoneyField()
    fees = MoneyField()
    closes_at = TimeField(source="close_ns")
    updated_at = TimeField(source="updated_ns")

    class Meta:
        model = Position
        fields = ["account", "ticker", "count", "cost", "realised", "fees", "closes_at", "updated_at"]
        read_only_fields = fields


class SettlementSerializer(serializers.ModelSerializer[Settlement]):
    """What an account received when a market settled."""

    yes_pays = PriceField(allow_null=True, help_text="what a YES contract paid, where the result is scalar")
    count = CountField()
    payout = MoneyField()
    at = TimeField(source="event_ns")

    class Meta:
        model = Settlement
        fields = ["account", "ticker", "result", "yes_pays", "count", "payout", "settle_value", "at"]
        read_only_fields = fields


class ForecastQuery(serializers.Serializer[Any]):
    """What the forecast record can be asked for."""

    account = serializers.CharField(required=False, help_text="an account; the trader's unless given")
    ticker = serializers.CharField(required=False, help_text="one market")
    asset = serializers.CharField(required=False, help_text="one asset, such as BTC")
    seconds_left = serializers.ChoiceField(MARKS_S, required=False, help_text="one of the times before the close")
    since = serializers.DateTimeField(required=False, help_text="of windows that close at or after this time")
    until = serializers.DateTimeField(required=False, help_text="of windows that close before this time")


class ForecastSerializer(serializers.ModelSerializer[Forecast]):
    """What our models and the market said of a window at a fixed time before its close, and what it settled on.
    Probabilities are of YES; unknown is null, and `reason` says why."""

    closes_at = TimeField(source="close_ns")
    at = TimeField(source="event_ns", help_text="when it was made")
    bid = serializers.SerializerMethodField(help_text="null where nobody bid")
    ask = serializers.SerializerMethodField(help_text="null where nobody offered")
    mid = serializers.SerializerMethodField(help_text="the market's own probability")
    bid_count = CountField()
    ask_count = CountField()
    book_age_ms = serializers.SerializerMethodField(help_text="since the book was told; null: it was not believed")
    spot_age_ms = serializers.SerializerMethodField()
    result = serializers.CharField(read_only=True, allow_null=True, allow_blank=True)
    settle_value = serializers.CharField(read_only=True, allow_null=True, allow_blank=True)
    outcome = serializers.SerializerMethodField(help_text="1 for YES, 0 for NO; null until it settled, or if voided")

    class Meta:
        model = Forecast
        fields = [
            "account", "ticker", "asset", "closes_at", "seconds_left", "at", "reason", *SAID, "bid", "ask", "mid", "bid_count",
            "ask_count", "book_age_ms", "strike", "spot", "spot_age_ms", "sigma", "level_error", "z", "known", "missing",
            "is_official", "parameters_version", "fitted_versions", "rates", "result", "settle_value", "outcome",
        ]  # fmt: skip
        read_only_fields = fields

    def get_bid(self, row: Forecast) -> str | None:
        return price_text(row.bid) if row.bid > 0 else None

    def get_ask(self, row: Forecast) -> str | None:
        return price_text(row.ask) if row.ask < PRICE_DOLLAR else None

    def get_mid(self, row: Forecast) -> float | None:
        return mid_of(row.bid, row.ask)

    def get_book_age_ms(self, row: Forecast) -> float | None:
        return _ms(row.book_age_ns)

    def get_spot_age_ms(self, row: Forecast) -> float | None:
        return _ms(row.spot_age_ns)

    def get_outcome(self, row: Forecast) -> int | None:
        return outcome_of(getattr(row, "result", None))


def _ms(value: int | None) -> float | None:
    return None if value is None else value / MILLISECOND_NS


class LimitsSerializer(serializers.ModelSerializer[RiskLimits]):
    """A version of the risk limits. Shares are basis points of the equity."""

    max_daily_loss = MoneyField()
    max_market_exposure = MoneyField()
    max_close_exposure = MoneyField()
    max_total_exposure = MoneyField()
    max_order_count = CountField()
    author = serializers.CharField(source="author.username", read_only=True, allow_null=True, default=None)

    class Meta:
        model = RiskLimits
        fields = [
            "version", "created_at", "author", "reason", "max_daily_loss", "max_market_exposure", "max_close_exposure", "max_total_exposure",
            "max_market_share_bp", "max_close_share_bp", "max_total_share_bp", "max_order_count", "max_orders_per_minute",
        ]  # fmt: skip
        read_only_fields = fields


class ModeSerializer(serializers.Serializer[Any]):
    """A mode that is wanted, and why. `policy` is what a halt does with what is there: take back what rests (cancel), leave
    it until it expires (hold), or take it back and close what is held (flatten)."""

    mode = serializers.ChoiceField(choices=get_args(Mode))
    policy = serializers.ChoiceField(choices=get_args(Policy), required=False, default="cancel")
    reason = serializers.CharField(required=False, max_length=150, default="", allow_blank=True)


class WantedSerializer(serializers.ModelSerializer[TraderStatus]):
    """What is wanted of the trader from now on, and what was done for it."""

    said = serializers.SerializerMethodField(help_text="what was done, a sentence each")

    class Meta:
        model = TraderStatus
        fields = ["wanted_mode", "wanted_policy", "wanted_reason", "wanted_by", "wanted_at", "said"]
        read_only_fields = fields

    def get_said(self, row: TraderStatus) -> list[str]:
        """Given by who set the mode."""
        said: list[str] = self.context.get("said", [])
        return said
