"""Status and health for external tools."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dashboard import health, snapshot
from markets.api_fields import MoneyField
from trading import selectors


class DaySerializer(serializers.Serializer[Any]):
    """The day's profit and loss, and what was done for it."""

    realised = MoneyField(allow_null=True)
    open = MoneyField(allow_null=True)
    fees = MoneyField(allow_null=True)
    pnl = MoneyField(allow_null=True)
    orders = serializers.IntegerField()
    fills = serializers.IntegerField()


class StatusSerializer(serializers.Serializer[Any]):
    """What the trader says of itself; money is null while no snapshot is there."""

    is_alive = serializers.BooleanField(help_text="a heartbeat within the last five seconds")
    heartbeat_age_s = serializers.FloatField(allow_null=True)
    snapshot_age_s = serializers.FloatField(allow_null=True)
    label = serializers.CharField(help_text="DEMO, PAPER or LIVE")  # type: ignore[assignment]
    account = serializers.CharField()
    market = serializers.CharField()
    mode = serializers.CharField()
    mode_reason = serializers.CharField()
    wanted_mode = serializers.CharField()
    wanted_by = serializers.CharField()
    message = serializers.CharField()
    uptime_s = serializers.FloatField(allow_null=True)
    cash = MoneyField(allow_null=True)
    equity = MoneyField(allow_null=True)
    exposure = MoneyField(allow_null=True)
    day = DaySerializer(allow_null=True)
    steps = serializers.IntegerField(allow_null=True)
    decisions = serializers.IntegerField(allow_null=True)
    digest = serializers.CharField(allow_null=True, help_text="SHA-256 over all decisions of the session")


class ComponentSerializer(serializers.Serializer[Any]):
    """One part of the system."""

    name = serializers.CharField()
    state = serializers.ChoiceField(choices=["ok", "warn", "bad"])
    text = serializers.CharField()
    age_s = serializers.FloatField(allow_null=True)


class HealthSerializer(serializers.Serializer[Any]):
    """All parts; `is_well` when none of them is bad."""

    is_well = serializers.BooleanField()
    components = ComponentSerializer(many=True)
    versions = serializers.DictField(child=serializers.CharField())


class StatusView(APIView):
    """Mode, money and pace of the trader."""

    @extend_schema(operation_id="status", responses=StatusSerializer)
    def get(self, request: Request) -> Response:
        """The trader now."""
        return Response(StatusSerializer(_status()).data)


class HealthView(APIView):
    """Every part of the system."""

    @extend_schema(operation_id="health", responses={200: HealthSerializer, 503: HealthSerializer})
    def get(self, request: Request) -> Response:
        """200 when all is well, else 503; the body says which part is not."""
        parts = health.components()
        is_well = all(part.state != "bad" for part in parts)
        body = {"is_well": is_well, "components": parts, "versions": health.versions()}
        return Response(HealthSerializer(body).data, status=200 if is_well else 503)


def _status() -> dict[str, Any]:
    said = selectors.status()
    latest = snapshot.newest()
    row = said.row
    live = {
        name: getattr(latest, name, None)
        for name in ("uptime_s", "cash", "equity", "exposure", "day", "steps", "decisions", "digest")
    }
    return live | {
        "is_alive": said.is_alive,
        "heartbeat_age_s": said.age_s,
        "snapshot_age_s": None if latest is None else snapshot.age_s(latest),
        "label": "" if latest is None else latest.label,
        "account": row.account,
        "market": row.market_source,
        "mode": row.actual_mode,
        "mode_reason": row.actual_reason,
        "wanted_mode": row.wanted_mode,
        "wanted_by": row.wanted_by,
        "message": row.message,
    }
