"""Queue, read, find, annotate, clone, compare and take away runs from outside. Money is dollars as decimal text."""

from collections.abc import Mapping
from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, NotFound
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backtests import services
from backtests.compare import compared, comparison_json, ids_from, runs_of
from backtests.export_page import sent
from backtests.exports import WORDS, export_of
from backtests.knobs import InputError
from backtests.models import BacktestRun
from backtests.run_inputs import SETTING_NAMES, inputs_of, only_settings, values_of
from backtests.run_list import FILTERS, runs_wanted
from backtests.run_serializers import (
    ANNOTATE_EXAMPLES,
    CLONE_EXAMPLES,
    QUEUE_EXAMPLES,
    AnnotateSerializer,
    CloneRequestSerializer,
    RunDetailSerializer,
    RunRequestSerializer,
    RunSerializer,
    WordsSerializer,
)
from backtests.selectors import runs_recent

PAGING = ("limit", "offset")
KEY_HEADER = "Idempotency-Key"
KEY = OpenApiParameter(
    KEY_HEADER,
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Your own name for this wish, up to 80 characters: asked again with the same key, the same run is answered "
    "with 200 and nothing is queued; the same key for another wish is refused with 409.",
)
QUERY = [OpenApiParameter(name, OpenApiTypes.STR, description=words) for name, words in FILTERS.items()]


class MayQueue(BasePermission):
    """Anyone signed in may read; queueing, cancelling and annotating need the right to add runs."""

    message = "Queueing, cancelling or annotating a backtest needs the permission backtests.add_backtestrun."

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Reading is free."""
        return request.method in SAFE_METHODS or request.user.has_perm("backtests.add_backtestrun")


class KeyTaken(APIException):
    """The idempotency key stands for another wish."""

    status_code = 409
    default_code = "key_taken"


@extend_schema_view(list=extend_schema(parameters=QUERY))
class BacktestRunViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[BacktestRun]):
    """Backtests: list, read, queue, clone, annotate, cancel, compare, take away."""

    queryset = BacktestRun.objects.none()
    permission_classes = [*viewsets.GenericViewSet.permission_classes, MayQueue]
    lookup_value_regex = r"\d{1,9}"

    def get_queryset(self) -> Any:
        """The list goes without results, and knows its filters."""
        if self.action == "list":
            asked = {name: str(text) for name, text in self.request.query_params.items()}
            try:
                return runs_wanted(asked, beside=PAGING)
            except InputError as error:
                raise serializers.ValidationError({name: [words] for name, words in error.problems.items()}) from None
        if self.action in {"retrieve", "export"}:
            rows = BacktestRun.objects.select_related("created_by", "cloned_from").defer("cloned_from__result")
            return rows.prefetch_related("changes__by")
        return runs_recent()

    def get_serializer_class(self) -> Any:
        """The result comes with one run only."""
        return RunDetailSerializer if self.action == "retrieve" else RunSerializer

    @extend_schema(
        request=RunRequestSerializer,
        parameters=[KEY],
        responses={201: RunSerializer, 200: RunSerializer, 400: OpenApiTypes.OBJECT, 409: WordsSerializer},
        examples=QUEUE_EXAMPLES,
    )
    def create(self, request: Request) -> Response:
        """Queue a run."""
        asked = RunRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return _queued(request, dict(asked.validated_data))

    @extend_schema(
        request=CloneRequestSerializer,
        parameters=[KEY],
        responses={201: RunSerializer, 200: RunSerializer, 400: OpenApiTypes.OBJECT, 409: WordsSerializer},
        examples=CLONE_EXAMPLES,
    )
    @action(detail=True, methods=["post"])
    def clone(self, request: Request, pk: str | None = None) -> Response:
        """Queue a run that differs from this one in what is given, and in nothing else."""
        parent = self.get_object()
        asked = CloneRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        start = values_of(inputs_of(parent)) | {"label": parent.label, "note": parent.note}
        return _queued(request, start | dict(asked.validated_data), parent)

    @extend_schema(request=AnnotateSerializer, responses={200: RunSerializer}, examples=ANNOTATE_EXAMPLES)
    def partial_update(self, request: Request, pk: str | None = None) -> Response:
        """Set label and note; who changed what is in the run's history."""
        run = self.get_object()
        asked = AnnotateSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        services.run_annotate(run.pk, by=cast(User, request.user), **asked.validated_data)
        run.refresh_from_db(fields=["label", "note"])
        return Response(RunSerializer(run).data)

    @extend_schema(request=None, responses=WordsSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str | None = None) -> Response:
        """Take a queued run out of the queue, or ask a running one to stop."""
        return Response({"detail": services.run_cancel(self.get_object().pk)})

    @extend_schema(
        operation_id="backtests_export",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, 404: WordsSerializer},
        parameters=[
            OpenApiParameter(
                "what", OpenApiTypes.STR, OpenApiParameter.PATH, enum=list(WORDS),
                description="; ".join(f"{name}: {words}" for name, words in WORDS.items()),
            )
        ],
    )  # fmt: skip
    @action(detail=True, methods=["get"], url_path=r"files/(?P<what>[a-z.]+)")
    def export(self, request: Request, pk: str | None = None, what: str = "") -> HttpResponse:
        """One file of a finished run: the report, a table, or all of them."""
        run = self.get_object()
        if what not in WORDS:
            raise NotFound(f"A run has no file {what!r}; it has {', '.join(WORDS)}.")
        if run.result is None:
            raise NotFound("This run has no result.")
        return sent(export_of(run, what))

    @extend_schema(
        operation_id="backtests_compare",
        parameters=[OpenApiParameter("ids", OpenApiTypes.STR, required=True, description="two to six runs, like 3,5")],
        responses={200: OpenApiTypes.OBJECT, 400: OpenApiTypes.OBJECT},
        examples=[
            OpenApiExample(
                "OneRun",
                summary="too few",
                value={"ids": ["Name 2 to 6 different runs, like ids=1,2; these are 1."]},
                response_only=True,
                status_codes=["400"],
            )
        ],
        filters=False,
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def compare(self, request: Request) -> Response:
        """Finished runs side by side: settings that differ, numbers with intervals, windows in common, paired differences."""
        known = {"ids": ["Compare knows only ids."]}
        if unknown := [name for name in request.query_params if name != "ids"]:
            raise serializers.ValidationError(dict.fromkeys(unknown, known["ids"]))
        try:
            runs = runs_of(ids_from(",".join(request.query_params.getlist("ids"))))
        except InputError as error:
            raise serializers.ValidationError({name: [words] for name, words in error.problems.items()}) from None
        return Response(comparison_json(compared(runs)))


def _queued(request: Request, values: dict[str, Any], parent: BacktestRun | None = None) -> Response:
    """201 with the new run, or 200 with the one that the key stands for."""
    about = services.About(
        values.pop("label", ""), values.pop("note", ""), parent, request.headers.get(KEY_HEADER, "").strip()
    )
    try:
        knobs = only_settings(values.pop("settings", {}))
        queued = services.queue_once(services.inputs_from(values | knobs), by=cast(User, request.user), about=about)
    except services.KeyTakenError as error:
        raise KeyTaken(str(error)) from None
    except InputError as error:
        raise serializers.ValidationError(_by_field(error.problems)) from None
    code = status.HTTP_201_CREATED if queued.is_new else status.HTTP_200_OK
    return Response(RunSerializer(queued.run).data, status=code)


def _by_field(problems: Mapping[str, str]) -> dict[str, Any]:
    """Each sentence under the field it is about: those of the settings under `settings`, by name where one is at fault."""
    settings = {name: [sentence] for name, sentence in problems.items() if name in SETTING_NAMES}
    others: dict[str, Any] = {
        name or "settings": [sentence] for name, sentence in problems.items() if name not in SETTING_NAMES
    }
    return others | ({"settings": settings} if settings else {})
