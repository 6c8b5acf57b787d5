"""Signals, orders, fills, positions, settlements and limits to read; the mode to set."""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, permissions, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from markets.api_fields import NewestFirst
from markets.moments import time_ns
from trading import selectors, serializers, services, switches
from trading.accounts import account_shown
from trading.models import Fill, Order, Position, RiskLimits, Settlement, Signal

Row = TypeVar("Row", bound=Model)
listed = extend_schema_view(list=extend_schema(parameters=[serializers.RowQuery]))


class ByEvent(NewestFirst):
    """By the time it happened."""

    ordering = ("-event_ns", "-id")


class BySent(NewestFirst):
    """By the time it was sent."""

    ordering = ("-sent_ns", "-id")


class ByUpdate(NewestFirst):
    """By the last change."""

    ordering = ("-updated_ns", "-id")


class ByVersion(NewestFirst):
    """The newest version, which is in force, first."""

    ordering = ("-version",)


class RowViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Row]):
    """Rows of one account, newest first."""

    account_field = "account"
    time_field = "event_ns"

    def filter_queryset(self, queryset: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        query = serializers.RowQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        asked: dict[str, Any] = query.validated_data
        wanted: dict[str, Any] = {self.account_field: asked.get("account") or account_shown()}
        if "ticker" in asked:
            wanted["ticker"] = asked["ticker"]
        if "since" in asked:
            wanted[f"{self.time_field}__gte"] = time_ns(asked["since"])
        return queryset.filter(**wanted)


@listed
class SignalViewSet(RowViewSet[Signal]):
    """What we thought of each market, and why it did or did not lead to an order."""

    queryset = Signal.objects.all()
    serializer_class = serializers.SignalSerializer
    pagination_class = ByEvent
    account_field = "session__account"


@listed
class OrderViewSet(RowViewSet[Order]):
    """Orders we sent."""

    queryset = Order.objects.all()
    serializer_class = serializers.OrderSerializer
    pagination_class = BySent
    time_field = "sent_ns"


@listed
class FillViewSet(RowViewSet[Fill]):
    """What of our orders traded."""

    queryset = Fill.objects.select_related("order")
    serializer_class = serializers.FillSerializer
    pagination_class = ByEvent


@listed
class PositionViewSet(RowViewSet[Position]):
    """What is or was held in each market."""

    queryset = Position.objects.all()
    serializer_class = serializers.PositionSerializer
    pagination_class = ByUpdate
    time_field = "updated_ns"


@listed
class SettlementViewSet(RowViewSet[Settlement]):
    """What markets paid out."""

    queryset = Settlement.objects.all()
    serializer_class = serializers.SettlementSerializer
    pagination_class = ByEvent


class LimitsViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[RiskLimits]):
    """All versions of the risk limits; the first is in force."""

    queryset = RiskLimits.objects.select_related("author")
    serializer_class = serializers.LimitsSerializer
    pagination_class = ByVersion

    @action(detail=False)
    def current(self, request: Request) -> Response:
        """The limits in force."""
        newest = selectors.limits_newest()
        if newest is None:
            raise NotFound("no limits were ever set")
        return Response(self.get_serializer(newest).data)


class IsOperator(permissions.BasePermission):
    """May change the mode of the trader."""

    message = "an operator's right is needed to change the mode"

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.user.has_perm("trading.change_traderstatus")


class ModeView(APIView):
    """Start (ACTIVE), reduce only (REDUCING) or halt (HALTED) trading."""

    permission_classes = [permissions.IsAuthenticated, IsOperator]

    @extend_schema(request=serializers.ModeSerializer, responses=serializers.WantedSerializer)
    def post(self, request: Request) -> Response:
        """Say what the trader may do from now on; it takes it up within two seconds."""
        asked = serializers.ModeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted, name = asked.validated_data, request.user.get_username()
        reason = wanted["reason"] or f"set over the API by {name}"
        if wanted["mode"] == "HALTED":
            said = switches.halt(by=name, reason=reason, policy=wanted["policy"]).said
        else:
            said = switches.resume(by=name, reason=reason, mode=wanted["mode"])
        return Response(serializers.WantedSerializer(services.status_open(), context={"said": said}).data)
