"""Divergence over the API: what sessions made against backtests of their own tapes."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, viewsets

from markets.api_fields import NewestFirst, TimeField
from trading.accounts import account_shown
from trading.models import Divergence


class DivergenceSerializer(serializers.ModelSerializer[Divergence]):
    """Money in micro-dollars. `parts` maps each cause to its share, and they add up to `total`."""

    through_at = TimeField(source="through_ns")
    parts = serializers.DictField(child=serializers.IntegerField())

    class Meta:
        model = Divergence
        fields = ["session", "account", "made_at", "through_at", "made", "expected", "total", "parts", "text"]
        read_only_fields = fields


class DivergenceDetailSerializer(DivergenceSerializer):
    """With every order of either, the session's beside the backtest's."""

    orders = serializers.ListField(child=serializers.DictField())

    class Meta(DivergenceSerializer.Meta):
        fields = [*DivergenceSerializer.Meta.fields, "orders"]
        read_only_fields = fields


class DivergenceQuery(serializers.Serializer[Any]):
    """What the list can be asked for."""

    account = serializers.CharField(required=False, help_text="an account; the trader's unless given")


class NewestSession(NewestFirst):
    """The newest session first."""

    ordering = ("-session_id",)


@extend_schema_view(list=extend_schema(parameters=[DivergenceQuery]))
class DivergenceViewSet(viewsets.ReadOnlyModelViewSet[Divergence]):
    """Sessions that were compared, newest first; one of them, by the number of its session, with its orders."""

    queryset = Divergence.objects.all()
    serializer_class = DivergenceSerializer
    pagination_class = NewestSession
    lookup_field = "session_id"
    lookup_value_regex = r"\d+"

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        if self.action != "list":
            return rows
        return rows.filter(account=self.request.query_params.get("account") or account_shown())

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Divergence]]:
        return DivergenceDetailSerializer if self.action == "retrieve" else DivergenceSerializer
