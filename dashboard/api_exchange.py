"""The exchange as the trader hears it, for external tools."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dashboard import snapshot, snapshot_feeds
from dashboard.api_prices import FeedSerializer, NoTrader
from markets.api_fields import TimeField


class BudgetSerializer(serializers.Serializer[Any]):
    """One of the exchange's token buckets, as we count it."""

    name = serializers.CharField()
    left = serializers.IntegerField(help_text="tokens")
    capacity = serializers.IntegerField()
    rate = serializers.IntegerField(help_text="tokens that come back each second")
    waiting = serializers.IntegerField(help_text="requests that wait for tokens")
    taken = serializers.IntegerField()
    throttled = serializers.IntegerField(help_text="how often the exchange refused")
    paused_s = serializers.FloatField()


class ShardSerializer(serializers.Serializer[Any]):
    """Whether one of the exchange's engines trades."""

    shard = serializers.IntegerField()
    is_trading = serializers.BooleanField()
    reason = serializers.CharField(allow_blank=True)


class WindowWatchedSerializer(serializers.Serializer[Any]):
    """A window that is looked after from its listing to its settlement."""

    ticker = serializers.CharField()
    series = serializers.CharField()
    state = serializers.CharField()
    opens_at = TimeField(source="open_ns")
    closes_at = TimeField(source="close_ns")
    strike = serializers.FloatField(allow_null=True, help_text="null until the exchange has written it")
    shard = serializers.IntegerField(allow_null=True)
    words = serializers.CharField(allow_blank=True)


class IndexSerializer(serializers.Serializer[Any]):
    """The index that settles one asset's markets, as the exchange published it last."""

    asset = serializers.CharField()
    value = serializers.FloatField()
    age_ms = serializers.IntegerField()
    is_fresh = serializers.BooleanField()
    average = serializers.FloatField(allow_null=True, help_text="of the trailing minute")
    window_average = serializers.FloatField(allow_null=True, help_text="of the closing minute so far")
    window_samples = serializers.IntegerField(help_text="how many values are in it, of 60")


class ExchangeHeardSerializer(serializers.Serializer[Any]):
    """How the exchange is heard; `drift` says what is not as this code assumes, and stops new orders in its series."""

    how = serializers.CharField(help_text="socket or polled")
    host = serializers.CharField()
    state = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    age_ms = serializers.FloatField(allow_null=True)
    clock_offset_ms = serializers.FloatField(allow_null=True, help_text="the exchange's clock less ours")
    clock_uncertainty_ms = serializers.FloatField(allow_null=True)
    tier = serializers.CharField(allow_blank=True)
    maintenance = serializers.CharField(allow_blank=True)
    budgets = BudgetSerializer(many=True)
    shards = ShardSerializer(many=True)
    windows = WindowWatchedSerializer(many=True)
    drift = serializers.ListField(child=serializers.CharField())
    notices = serializers.ListField(child=serializers.CharField())
    indices = IndexSerializer(many=True)
    index_words = serializers.CharField(allow_blank=True)
    connection = FeedSerializer(allow_null=True)
    words = serializers.ListField(child=serializers.CharField())


class ExchangeSerializer(serializers.Serializer[Any]):
    """The exchange; null where the market comes from a tape."""

    age_s = serializers.FloatField()
    exchange = ExchangeHeardSerializer(allow_null=True)


class ExchangeView(APIView):
    """How the exchange is heard."""

    @extend_schema(operation_id="exchange", responses=ExchangeSerializer)
    def get(self, request: Request) -> Response:
        """The latest snapshot's exchange; 503 when there is no snapshot."""
        latest = snapshot.newest()
        if latest is None:
            raise NoTrader
        body = {"age_s": snapshot.age_s(latest), "exchange": latest.exchange and _exchange(latest.exchange)}
        return Response(ExchangeSerializer(body).data)


def _exchange(heard: snapshot_feeds.Exchange) -> dict[str, Any]:
    shown: dict[str, Any] = {name: getattr(heard, name) for name in heard.__struct_fields__}
    return shown | {"windows": [_window(window) for window in heard.windows]}


def _window(window: snapshot_feeds.WindowWatched) -> dict[str, Any]:
    shown: dict[str, Any] = {name: getattr(window, name) for name in window.__struct_fields__}
    return shown | {"open_ns": window.open_ms * 1_000_000, "close_ns": window.close_ms * 1_000_000}
