"""Prices, and the feeds they come from, for external tools."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dashboard import snapshot
from markets.api_fields import CountField, PriceField, TimeField


class WindowSerializer(serializers.Serializer[Any]):
    """One open market: the book's best prices beside our fair value. Unknown is null."""

    ticker = serializers.CharField()
    asset = serializers.CharField()
    closes_at = TimeField(source="close_ns")
    strike = serializers.FloatField(allow_null=True)
    spot = serializers.FloatField(allow_null=True)
    spot_age_ms = serializers.IntegerField(allow_null=True)
    bid = PriceField(allow_null=True)
    ask = PriceField(allow_null=True)
    bid_count = CountField()
    ask_count = CountField()
    fair = serializers.FloatField(allow_null=True)
    digital = serializers.FloatField(allow_null=True)
    models = serializers.DictField(
        child=serializers.FloatField(allow_null=True), help_text="P(YES) by every model, empty where there is none"
    )
    calibrated = serializers.FloatField(allow_null=True, help_text="`fair` after the calibration map in force")
    pooled = serializers.FloatField(allow_null=True, help_text="after hearing the market: what is traded on")
    pooling_weight = serializers.FloatField(allow_null=True, help_text="how much of our own is in it, 0 to 1")
    is_measurable = serializers.BooleanField(
        allow_null=True, help_text="false: past windows show no measurable edge of our model over the market"
    )
    edge_yes = serializers.FloatField(allow_null=True)
    edge_no = serializers.FloatField(allow_null=True)
    confidence = serializers.FloatField(allow_null=True)
    reason = serializers.CharField()


class VenueSerializer(serializers.Serializer[Any]):
    """The last price of a spot venue, how old it is, and whether it counts."""

    venue = serializers.CharField()
    asset = serializers.CharField()
    price = serializers.FloatField(allow_null=True)
    age_ms = serializers.IntegerField(allow_null=True)
    state = serializers.CharField()


class LeftOutSerializer(serializers.Serializer[Any]):
    """A venue that a price is made without, and why."""

    venue = serializers.CharField()
    code = serializers.CharField()
    text = serializers.CharField()


class EstimateSerializer(serializers.Serializer[Any]):
    """One asset's price by one method; null, with a reason, when it has none."""

    method = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    age_ms = serializers.IntegerField(allow_null=True, help_text="since the newest word behind it was received")
    sigma_bp = serializers.FloatField(allow_null=True, help_text="standard error in basis points, as the method has it")
    nu_bp = serializers.FloatField(
        allow_null=True, help_text="as measured: standard deviation of its last 500 distances from what was published"
    )
    reason = serializers.CharField(allow_blank=True)
    note = serializers.CharField(allow_blank=True, help_text="which venues the method wants, where not all")
    venues = serializers.ListField(child=serializers.CharField())
    left_out = LeftOutSerializer(many=True)


class SignaturePointSerializer(serializers.Serializer[Any]):
    """The volatility a year that returns over so many seconds make; level where the step is coarse enough."""

    step_s = serializers.IntegerField()
    annualised = serializers.FloatField()
    seconds = serializers.IntegerField(help_text="returns heard, overlapping")


class NewsSerializer(serializers.Serializer[Any]):
    """Scheduled news that an operator has entered, on now or to come."""

    name = serializers.CharField()
    start_ms = serializers.IntegerField()
    end_ms = serializers.IntegerField()
    multiplier = serializers.FloatField(help_text="of the variance")
    is_on = serializers.BooleanField()


class VolatilityNowSerializer(serializers.Serializer[Any]):
    """One asset's volatility a year: now, and as three half-lives have it before the hours and the news are laid on."""

    now = serializers.FloatField()
    error = serializers.FloatField(help_text="standard error of its logarithm")
    is_warm = serializers.BooleanField(help_text="whether ten minutes of prices have been heard")
    fast = serializers.FloatField()
    middle = serializers.FloatField()
    slow = serializers.FloatField()
    multiplier = serializers.FloatField(help_text="of the variance, by the hour and the news of this moment")
    signature = SignaturePointSerializer(many=True, help_text="of our own estimate")
    index_signature = SignaturePointSerializer(many=True, help_text="of the index as it is published")
    news = NewsSerializer(many=True)


class AssetPriceSerializer(serializers.Serializer[Any]):
    """One asset's price: the one that is traded on, and every method side by side."""

    asset = serializers.CharField()
    method = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    methods = EstimateSerializer(many=True)
    volatility = VolatilityNowSerializer(allow_null=True)


class PricesSerializer(serializers.Serializer[Any]):
    """The latest prices, no older than `age_s` says."""

    at = TimeField(source="event_ns")
    age_s = serializers.FloatField()
    windows = WindowSerializer(many=True)
    venues = VenueSerializer(many=True)
    estimates = AssetPriceSerializer(many=True)


class FeedSerializer(serializers.Serializer[Any]):
    """One connection to a venue: its state, and what it has counted since the trader started."""

    feed = serializers.CharField()
    venue = serializers.CharField()
    title = serializers.CharField()
    state = serializers.CharField(help_text="connecting, syncing, up, lost or unavailable")
    reason = serializers.CharField(allow_blank=True)
    retry_in_s = serializers.FloatField(allow_null=True)
    last_frame_age_ms = serializers.FloatField(allow_null=True)
    lag_ms = serializers.FloatField(allow_null=True, help_text="the venue's own time to ours, median")
    frames_per_s = serializers.FloatField(allow_null=True)
    frames = serializers.IntegerField()
    events = serializers.IntegerField()
    trades = serializers.IntegerField()
    quotes = serializers.IntegerField()
    books = serializers.IntegerField()
    gaps = serializers.IntegerField()
    resyncs = serializers.IntegerField()
    unreadable = serializers.IntegerField()
    connects = serializers.IntegerField()
    unknown = serializers.DictField(child=serializers.IntegerField())
    missing = serializers.DictField(child=serializers.IntegerField())
    words = serializers.ListField(child=serializers.CharField())


class TapeUseSerializer(serializers.Serializer[Any]):
    """The tape that is being written, and the disk that tapes use."""

    name = serializers.CharField()
    events = serializers.IntegerField()
    parts = serializers.IntegerField()
    bytes = serializers.IntegerField()
    bound = serializers.IntegerField(allow_null=True)
    oldest_ms = serializers.IntegerField(allow_null=True)


class FeedsSerializer(serializers.Serializer[Any]):
    """Every connection to a venue; none where the market comes from a tape."""

    age_s = serializers.FloatField()
    feeds = FeedSerializer(many=True)
    tape = TapeUseSerializer(allow_null=True)


class NoTrader(APIException):
    """503: nobody sends prices."""

    status_code = 503
    default_detail = "no trader has sent prices within the last minute"
    default_code = "no_trader"


class PricesView(APIView):
    """Open markets and spot venues."""

    @extend_schema(operation_id="prices", responses=PricesSerializer)
    def get(self, request: Request) -> Response:
        """The latest snapshot's prices; 503 when there is none."""
        latest = snapshot.newest()
        if latest is None:
            raise NoTrader
        return Response(PricesSerializer(_prices(latest)).data)


class FeedsView(APIView):
    """Connections to venues, and the recorder's disk."""

    @extend_schema(operation_id="feeds", responses=FeedsSerializer)
    def get(self, request: Request) -> Response:
        """The latest snapshot's feeds; 503 when there is none."""
        latest = snapshot.newest()
        if latest is None:
            raise NoTrader
        body = {"age_s": snapshot.age_s(latest), "feeds": latest.feeds, "tape": latest.tape}
        return Response(FeedsSerializer(body).data)


def _prices(latest: snapshot.Snapshot) -> dict[str, Any]:
    return {
        "event_ns": (latest.source.event_ms or 0) * 1_000_000,
        "age_s": snapshot.age_s(latest),
        "windows": [_window(window) for window in latest.windows],
        "venues": latest.venues,
        "estimates": latest.prices,
    }


def _window(window: snapshot.Window) -> dict[str, Any]:
    shown = {name: getattr(window, name) for name in window.__struct_fields__}
    # A price nobody offers is not 0 or a dollar: it is not there.
    return shown | {
        "close_ns": window.close_ms * 1_000_000,
        "bid": window.bid if window.bid > 0 else None,
        "ask": window.ask if window.ask < 10_000 else None,
    }
