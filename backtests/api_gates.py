"""Evaluations with their gates, and what each gate cost or saved, for external tools: the numbers of the pages."""

from typing import Any

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backtests.gate_report import report_json
from backtests.gate_stages import stages_of
from backtests.gates import of_account
from backtests.skill_page import BoundsError, bounds_of
from markets.api_fields import CountField, NewestFirst, PriceField, TimeField
from markets.moments import time_ns
from trading.accounts import account_shown
from trading.core.reasons import REASONS
from trading.models import Signal

DAY = "a UTC day, like 2026-05-13; windows that closed "


class DecisionQuery(serializers.Serializer[Any]):
    """What evaluations can be asked for."""

    account = serializers.CharField(required=False, help_text="an account; the trader's unless given")
    ticker = serializers.CharField(required=False, help_text="one market")
    reason = serializers.ChoiceField(sorted(REASONS), required=False, help_text="what they ended at first")
    gate = serializers.ChoiceField(sorted(REASONS), required=False, help_text="a gate that did not pass, first or not")
    since = serializers.DateTimeField(required=False, help_text="at or after this time")
    until = serializers.DateTimeField(required=False, help_text="before this time")


class DecisionSerializer(serializers.ModelSerializer[Signal]):
    """One evaluation: its inputs, what was wanted, and every gate. `price` is the YES price of the better side; null where
    nobody offers it."""

    at = TimeField(source="event_ns")
    bid = PriceField()
    ask = PriceField()
    price = serializers.SerializerMethodField()
    wanted = CountField(source="count")
    stages = serializers.SerializerMethodField(help_text="passed, failed or not asked, by stage")

    class Meta:
        model = Signal
        fields = [
            "id", "session", "ticker", "at", "reason", "failed", "stages", "side", "price", "wanted", "cost", "fair", "digital",
            "pooled", "bid", "ask", "edge_yes", "edge_no", "confidence", "spot", "volatility", "seconds_left",
        ]  # fmt: skip
        read_only_fields = fields

    def get_price(self, row: Signal) -> str | None:
        """None where nobody offers the side."""
        return PriceField().to_representation(row.price) if row.price else None

    def get_stages(self, row: Signal) -> dict[str, str]:
        """The state of each stage of gates."""
        return {stage.name: stage.state for stage in stages_of(row)}


class ByEvent(NewestFirst):
    """By the time it happened."""

    ordering = ("-event_ns", "-id")


@extend_schema_view(list=extend_schema(parameters=[DecisionQuery]))
class DecisionViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Signal]):
    """Every kept evaluation, with its inputs, its gates passed and failed, and what would have been taken."""

    queryset = Signal.objects.all()
    serializer_class = DecisionSerializer
    pagination_class = ByEvent

    def filter_queryset(self, queryset: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        query = DecisionQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        asked: dict[str, Any] = query.validated_data
        rows = queryset.filter(session__account=asked.get("account") or account_shown())
        for name in ("ticker", "reason"):
            if name in asked:
                rows = rows.filter(**{name: asked[name]})
        if "gate" in asked:  # not every database looks inside a list; between quotes no code is a part of another
            rows = rows.annotate(codes=Cast("failed", TextField())).filter(codes__contains=f'"{asked["gate"]}"')
        if "since" in asked:
            rows = rows.filter(event_ns__gte=time_ns(asked["since"]))
        return rows.filter(event_ns__lt=time_ns(asked["until"])) if "until" in asked else rows


class GatesSerializer(serializers.Serializer[Any]):
    """What each gate cost or saved. Money and counts are decimal strings; ratios are floats, null without enough data."""

    account = serializers.CharField()
    windows = serializers.IntegerField(help_text="of which evaluations are kept")
    settled = serializers.IntegerField()
    closes = serializers.IntegerField(help_text="windows that close together count as one")
    evaluations = serializers.IntegerField()
    gates = serializers.JSONField(
        help_text="code, evaluations and windows that ended at it; alone: what was wanted where it alone stood in the way, "
        "held to the end; verdict: cost, saved, nothing or not enough data"
    )
    taken = serializers.JSONField(help_text="what our own trades made")


class GatesView(APIView):
    """Why it does not trade, and what each gate cost or saved."""

    @extend_schema(
        operation_id="gates",
        parameters=[
            OpenApiParameter("since", OpenApiTypes.DATE, description=f"{DAY}on it or later"),
            OpenApiParameter("until", OpenApiTypes.DATE, description=f"{DAY}on it or before"),
            OpenApiParameter("asset", OpenApiTypes.STR, description="one asset alone, like BTC"),
        ],
        responses=GatesSerializer,
    )
    def get(self, request: Request) -> Response:
        """The report of the account shown. 400 for a day or an asset that cannot be meant."""
        try:
            bounds = bounds_of(request.query_params)
        except BoundsError as error:
            raise serializers.ValidationError({"detail": str(error)}) from None
        account = account_shown()
        return Response(GatesSerializer({"account": account, **report_json(of_account(account, bounds))}).data)
