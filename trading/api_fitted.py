"""What was learnt from past windows, to read."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets

from markets.api_fields import NewestFirst, TimeField
from trading import selectors
from trading.accounts import account_shown
from trading.fitted_words import effect_words, sentence
from trading.models import FittedArtefact
from trading.models.fitted import KINDS


class FittedQuery(serializers.Serializer[Any]):
    """Which artefacts."""

    account = serializers.CharField(required=False, help_text="whose forecasts; the trader's account unless given")
    kind = serializers.ChoiceField(KINDS, required=False)
    group = serializers.CharField(required=False, help_text="an asset, or all")
    in_force = serializers.BooleanField(required=False, default=False, help_text="only the newest of each place")


class FittedSerializer(serializers.ModelSerializer[FittedArtefact]):
    """One artefact. `payload` is what the engine takes, `report` what the fit says of itself; `most_s` null is no end."""

    first_closed_at = TimeField(source="first_ns")
    last_closed_at = TimeField(source="through_ns")
    in_words = serializers.SerializerMethodField(help_text="the coefficients in words")
    effect = serializers.SerializerMethodField(help_text="what it did to windows that it had not seen")

    class Meta:
        model = FittedArtefact
        fields = [
            "version", "created_at", "account", "kind", "variety", "group", "least_s", "most_s", "windows", "first_closed_at",
            "last_closed_at", "in_words", "effect", "payload", "report",
        ]  # fmt: skip
        read_only_fields = fields

    def get_in_words(self, row: FittedArtefact) -> str:
        return sentence(row)

    def get_effect(self, row: FittedArtefact) -> str:
        return effect_words(row)


class ByVersion(NewestFirst):
    """The newest first."""

    ordering = ("-version",)


@extend_schema_view(list=extend_schema(parameters=[FittedQuery]))
class FittedViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[FittedArtefact]):
    """Calibration maps, pooling weights, tails, weights of the volatility and hours: each with the windows it saw."""

    queryset = FittedArtefact.objects.all()
    serializer_class = FittedSerializer
    pagination_class = ByVersion

    def filter_queryset(self, queryset: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        query = FittedQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        asked: dict[str, Any] = query.validated_data
        account = asked.get("account") or account_shown()
        wanted: dict[str, Any] = {"account": account} | {
            name: asked[name] for name in ("kind", "group") if name in asked
        }
        if asked["in_force"]:
            wanted["version__in"] = [row.version for row in selectors.artefacts_in_force(account)]
        return queryset.filter(**wanted)
