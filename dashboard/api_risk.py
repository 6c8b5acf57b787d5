"""Limits and breakers as they stand now, for external tools."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dashboard import snapshot, snapshot_risk
from dashboard.api_prices import NoTrader
from markets.api_fields import TimeField
from trading.core.breakers import BREAKERS

UNITS = "money: 1/1 000 000 dollar; share: basis points; count: 1/100 contract; number: how many; ms: milliseconds"


class LimitNowSerializer(serializers.Serializer[Any]):
    """One field of the limits with its use, the worst case of all that is held and may still trade."""

    name = serializers.CharField()
    code = serializers.CharField(help_text="the reason or the breaker that speaks when it is reached")
    title = serializers.CharField()
    unit = serializers.CharField(allow_null=True, help_text=UNITS)
    limit = serializers.FloatField(allow_null=True)
    use = serializers.FloatField(allow_null=True)
    age_ms = serializers.IntegerField(allow_null=True, help_text="since it was evaluated; null: never")
    is_full = serializers.BooleanField()
    is_required = serializers.BooleanField()


class BreakerNowSerializer(serializers.Serializer[Any]):
    """One breaker: how it stands, how it trips and how it ends."""

    code = serializers.CharField()
    title = serializers.CharField()
    is_tripped = serializers.BooleanField()
    is_latched = serializers.BooleanField(help_text="true: stays until a person clears it, over restarts too")
    is_required = serializers.BooleanField()
    since = TimeField(source="since_ns", allow_null=True)
    age_ms = serializers.IntegerField(allow_null=True, help_text="since it was evaluated; null: never")
    max_age_ms = serializers.IntegerField(help_text="older than this it stops trading")
    text = serializers.CharField(allow_blank=True)
    unit = serializers.CharField(allow_null=True, help_text=UNITS)
    limit = serializers.FloatField(allow_null=True)
    use = serializers.FloatField(allow_null=True)
    trips = serializers.CharField()
    clears = serializers.CharField()


class RiskSerializer(serializers.Serializer[Any]):
    """What stands between a signal and an order; `again` says what has to happen before orders go out."""

    age_s = serializers.FloatField()
    mode = serializers.CharField()
    wanted = serializers.CharField()
    policy = serializers.CharField()
    halt = serializers.CharField(allow_blank=True, help_text="the breaker that stops trading")
    again = serializers.CharField()
    limits = LimitNowSerializer(many=True)
    breakers = BreakerNowSerializer(many=True)


class RiskView(APIView):
    """Every limit and every breaker now."""

    @extend_schema(operation_id="risk", responses=RiskSerializer)
    def get(self, request: Request) -> Response:
        """The latest snapshot's risk; 503 when there is no snapshot."""
        latest = snapshot.newest()
        if latest is None or latest.risk is None:
            raise NoTrader
        risk = latest.risk
        body: dict[str, Any] = {name: getattr(risk, name) for name in risk.__struct_fields__}
        body |= {"age_s": snapshot.age_s(latest), "breakers": [_breaker(each) for each in risk.breakers]}
        return Response(RiskSerializer(body).data)


def _breaker(breaker: snapshot_risk.BreakerNow) -> dict[str, Any]:
    shown: dict[str, Any] = {name: getattr(breaker, name) for name in breaker.__struct_fields__}
    rule = BREAKERS.get(breaker.code)
    since_ns = None if breaker.since_ms is None else breaker.since_ms * 1_000_000
    return shown | {"since_ns": since_ns, "trips": rule.trips if rule else "", "clears": rule.clears if rule else ""}
