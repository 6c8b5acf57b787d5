"""Queue and read runs from outside. Money is dollars as decimal strings."""

from collections.abc import Mapping
from typing import Any, cast

from django.contrib.auth.models import User
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backtests import services
from backtests.knobs import KNOBS, InputError, only_knobs, plain_money
from backtests.models import BacktestRun
from backtests.selectors import runs_recent

KNOB_NAMES = frozenset(knob.name for knob in KNOBS)
NAME_TAPES = 'Give a list with the name of at least one tape, as /api/v1/tapes/ lists them, or ["all"].'


class MayQueue(BasePermission):
    """Anyone signed in may read; queueing and cancelling need the right to add runs."""

    message = "Queueing or cancelling a backtest needs the permission backtests.add_backtestrun."

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Reading is free."""
        return request.method in SAFE_METHODS or request.user.has_perm("backtests.add_backtestrun")


class DollarsField(serializers.Field[int, str, str, Any]):
    """Money as a decimal string."""

    def to_representation(self, value: int) -> str:
        """10500000 -> "10.5"."""
        return plain_money(value)


class RunSerializer(serializers.ModelSerializer[BacktestRun]):
    """A run without its result."""

    capital = extend_schema_field(OpenApiTypes.STR)(DollarsField)(read_only=True)
    max_daily_loss = extend_schema_field(OpenApiTypes.STR)(DollarsField)(read_only=True)
    created_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)
    settings = serializers.SerializerMethodField()

    class Meta:
        model = BacktestRun
        fields: tuple[str, ...] = (
            "id", "status", "progress", "cancel_wanted", "error", "created_by", "created_at", "started_at",
            "finished_at", "tapes", "date_from", "date_to", "capital", "max_daily_loss", "settings",
        )  # fmt: skip
        read_only_fields = fields

    def get_settings(self, run: BacktestRun) -> dict[str, str]:
        """Every setting by name, as `create` takes it."""
        limits, parameters = run.limits(), run.parameters()
        return {knob.name: knob.shown(getattr(limits if knob.is_limit else parameters, knob.field)) for knob in KNOBS}


class RunDetailSerializer(RunSerializer):
    """A run with its result: null until it is done."""

    result = serializers.JSONField(read_only=True, allow_null=True)

    class Meta(RunSerializer.Meta):
        fields = (*RunSerializer.Meta.fields, "result")
        read_only_fields = fields


class RunRequestSerializer(serializers.Serializer[Any]):
    """What a run takes. `settings` turns what differs from the built-in values, each as text in people's units."""

    tapes = serializers.ListField(
        child=serializers.CharField(max_length=200),
        min_length=1,
        max_length=1000,
        help_text='Names as /api/v1/tapes/ lists them, or ["all"] for every recorded tape',
        error_messages={
            "required": NAME_TAPES, "empty": NAME_TAPES, "min_length": NAME_TAPES, "null": NAME_TAPES,
            "not_a_list": NAME_TAPES,
        },
    )  # fmt: skip
    capital = serializers.CharField(default="10000", help_text="Dollars, as a decimal string")
    max_daily_loss = serializers.CharField(
        default="1000", help_text="Dollars, as a decimal string; trading stops for the UTC day before it is passed"
    )
    date_from = serializers.DateField(
        required=False, allow_null=True, help_text="Only tapes that begin on this UTC day or later"
    )
    date_to = serializers.DateField(
        required=False, allow_null=True, help_text="Only tapes that begin on this UTC day or earlier"
    )
    settings = serializers.DictField(
        child=serializers.CharField(),
        required=False,
        help_text="What differs from the built-in values, each as text:\n\n"
        + "\n".join(
            f"- {knob.name}: {knob.label}, {knob.unit or 'one of ' + ', '.join(knob.choices)} ({knob.default()})"
            for knob in KNOBS
        ),
    )

    def to_internal_value(self, data: Any) -> Any:
        """A name that we do not know is an error: a misspelt `capital` must not run with the default."""
        if isinstance(data, Mapping) and (unknown := [name for name in data if name not in self.fields]):
            known = f"This is no field of a run; known are {', '.join(self.fields)}."
            raise serializers.ValidationError({str(name): [known] for name in unknown})
        return super().to_internal_value(data)


EXAMPLES = [
    OpenApiExample(
        "OneTape",
        summary="one tape, two settings",
        value={"tapes": ["btc15m-20260513T152239Z"], "capital": "10000", "max_daily_loss": "1000",
               "settings": {"edge": "4", "kelly": "10"}},
        request_only=True,
    ),
    OpenApiExample(
        "AllOfTwoDays",
        summary="all tapes of two days",
        value={"tapes": ["all"], "capital": "2500.50", "max_daily_loss": "250", "date_from": "2026-05-13",
               "date_to": "2026-05-14"},
        request_only=True,
    ),
    OpenApiExample(
        "Refused",
        summary="what is wrong, by field",
        value={"capital": ["Capital: 'lots' is not an amount in dollars with at most six decimals."],
               "settings": {"edge": ["Least net edge: 'x' is not a number."]}},
        response_only=True,
        status_codes=["400"],
    ),
]  # fmt: skip


class WordsSerializer(serializers.Serializer[Any]):
    """A sentence that says what happened."""

    detail = serializers.CharField(read_only=True)


class BacktestRunViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[BacktestRun]):
    """Backtests: list, read, queue, cancel."""

    queryset = BacktestRun.objects.none()
    permission_classes = [*viewsets.GenericViewSet.permission_classes, MayQueue]

    def get_queryset(self) -> Any:
        """The list goes without results."""
        return BacktestRun.objects.select_related("created_by") if self.action == "retrieve" else runs_recent()

    def get_serializer_class(self) -> Any:
        """The result comes with one run only."""
        return RunDetailSerializer if self.action == "retrieve" else RunSerializer

    @extend_schema(
        request=RunRequestSerializer,
        responses={201: RunSerializer, 400: OpenApiTypes.OBJECT},
        examples=EXAMPLES,
    )
    def create(self, request: Request) -> Response:
        """Queue a run."""
        asked = RunRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        values = dict(asked.validated_data)
        try:
            knobs = only_knobs(values.pop("settings", {}))
            run = services.run_queue(services.inputs_from(values | knobs), by=cast(User, request.user))
        except InputError as error:
            raise serializers.ValidationError(_by_field(error.problems)) from None
        return Response(RunSerializer(run).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=WordsSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str | None = None) -> Response:
        """Take a queued run out of the queue, or ask a running one to stop."""
        return Response({"detail": services.run_cancel(self.get_object().pk)})


def _by_field(problems: Mapping[str, str]) -> dict[str, Any]:
    """Each sentence under the field it is about: those of the settings under `settings`, by name where one is at fault."""
    settings = {name: [sentence] for name, sentence in problems.items() if name in KNOB_NAMES}
    others: dict[str, Any] = {
        name or "settings": [sentence] for name, sentence in problems.items() if name not in KNOB_NAMES
    }
    return others | ({"settings": settings} if settings else {})
