"""Queue, read, cancel, resume studies from outside; their trials by page, the artefacts of their parts as files."""

from collections.abc import Mapping
from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from backtests.api import MayQueue
from backtests.core.studies.objective import DEFAULT, OBJECTIVES
from backtests.knobs import InputError
from backtests.run_inputs import NEEDS, SWITCHES
from backtests.run_serializers import AnnotateSerializer, WordsSerializer
from backtests.studies import parts, services
from backtests.studies.inputs import BUILT_IN, WHOLE, inputs_from
from backtests.studies.shown import SORTS, trials_sorted
from backtests.study_models import Study, StudyPart, StudyTrial

NAMES = 'Names as /api/v1/tapes/ lists them, or ["all"] for every recorded tape'


class StudySerializer(serializers.ModelSerializer[Study]):
    """A study without its result."""

    created_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)

    class Meta:
        model = Study
        fields: tuple[str, ...] = (
            "id", "kind", "label", "note", "status", "progress", "progress_note", "cancel_wanted", "is_here", "error",
            "created_by", "created_at", "started_at", "finished_at", "inputs", "digest",
        )  # fmt: skip
        read_only_fields = fields


class StudyDetailSerializer(StudySerializer):
    """A study with its result: null until it is done."""

    result = serializers.JSONField(read_only=True, allow_null=True)

    class Meta(StudySerializer.Meta):
        fields = (*StudySerializer.Meta.fields, "result")
        read_only_fields = fields


class TrialSerializer(serializers.ModelSerializer[StudyTrial]):
    """One setting that was tried. `net` is micro-dollars, `summary` has the rest in dollars as text."""

    class Meta:
        model = StudyTrial
        fields = ("number", "round", "values", "key", "objective", "net", "windows", "summary")
        read_only_fields = fields


class PartSerializer(serializers.ModelSerializer[StudyPart]):
    """One part: its day, how often it was begun, the digest of what it made."""

    class Meta:
        model = StudyPart
        fields = ("number", "round", "span", "status", "attempts", "started_at", "finished_at", "digest", "error")
        read_only_fields = fields


class StudyRequestSerializer(AnnotateSerializer):
    """What a study takes. `space` is for sweeps and walk-forwards, `a` and `b` for head-to-heads."""

    kind = serializers.ChoiceField(choices=Study.Kind.choices)
    tapes = serializers.ListField(
        child=serializers.CharField(max_length=200), min_length=1, max_length=1000, help_text=NAMES
    )
    capital = serializers.CharField(default="10000", help_text="Dollars, as a decimal string; each day anew")
    max_daily_loss = serializers.CharField(default="1000", help_text="Dollars, as a decimal string")
    date_from = serializers.DateField(required=False, allow_null=True)
    date_to = serializers.DateField(required=False, allow_null=True)
    allow_gaps = serializers.BooleanField(default=False, help_text=SWITCHES["allow_gaps"][1])
    needs_assets = serializers.ListField(
        child=serializers.CharField(max_length=20), required=False, help_text=NEEDS["needs_assets"][1]
    )
    needs_venues = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, help_text=NEEDS["needs_venues"][1]
    )
    settings = serializers.DictField(child=serializers.CharField(), required=False, help_text="What all trials have")
    space = serializers.ListField(
        child=serializers.CharField(max_length=8_000), required=False, max_length=20,
        help_text="What is tried: edge=1,2,3 or edge=1..6/0.5, or kelly=10..50 for a search",
    )  # fmt: skip
    a = serializers.DictField(child=serializers.CharField(), required=False, help_text="What differs on one side")
    b = serializers.DictField(child=serializers.CharField(), required=False, help_text="What differs on the other")
    search = serializers.ChoiceField(choices=["grid", "optuna"], default="grid")
    objective = serializers.ChoiceField(
        choices=[(each.name, each.words) for each in OBJECTIVES.values()], default=DEFAULT
    )
    trials = serializers.IntegerField(required=False, help_text="The budget of a search")
    batch = serializers.IntegerField(default=BUILT_IN["batch"], help_text="Trials that a search asks for at a time")
    seed = serializers.IntegerField(default=BUILT_IN["seed"])
    block = serializers.IntegerField(default=BUILT_IN["block"], help_text=f"{WHOLE['block'][0]}; 0: by who plays them")
    train = serializers.IntegerField(default=BUILT_IN["train"], help_text=WHOLE["train"][0])
    test = serializers.IntegerField(default=BUILT_IN["test"], help_text=WHOLE["test"][0])
    step = serializers.IntegerField(default=BUILT_IN["step"], help_text="Days to the next fold; 0: those judged")
    embargo = serializers.IntegerField(default=BUILT_IN["embargo"], help_text="Days of silence between")
    anchored = serializers.BooleanField(default=False)
    fits = serializers.CharField(
        required=False, allow_blank=True, max_length=64, help_text="An account's fitted artefacts"
    )
    engine = serializers.BooleanField(default=False, help_text="Play all of it by the engine of record")


EXAMPLES = [
    OpenApiExample(
        "Sweep",
        summary="sixty settings on all recorded tapes",
        value={"kind": "sweep", "tapes": ["all"], "settings": {"confidence": "20", "pooling": "off"},
               "space": ["edge=1..6/0.5", "kelly=10,25,50"]},
        request_only=True,
    ),
    OpenApiExample(
        "HeadToHead",
        summary="two strategies",
        value={"kind": "versus", "tapes": ["all"], "a": {"strategy": "edge_taker"}, "b": {"strategy": "edge_maker"}},
        request_only=True,
    ),
]  # fmt: skip


class StudyViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Study]):
    """Studies: list, read, queue, cancel, resume; trials, parts, artefacts."""

    queryset = Study.objects.none()
    permission_classes = [*viewsets.GenericViewSet.permission_classes, MayQueue]
    lookup_value_regex = r"\d{1,9}"

    def get_queryset(self) -> Any:
        """The list goes without results."""
        rows = Study.objects.select_related("created_by")
        return rows if self.action == "retrieve" else rows.defer("result")

    def get_serializer_class(self) -> Any:
        """The result comes with one study only."""
        return StudyDetailSerializer if self.action == "retrieve" else StudySerializer

    @extend_schema(
        request=StudyRequestSerializer, responses={201: StudySerializer, 400: OpenApiTypes.OBJECT}, examples=EXAMPLES
    )
    def create(self, request: Request) -> Response:
        """Queue a study."""
        asked = StudyRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        values = dict(asked.validated_data)
        told = {name: values.pop(name, "") for name in ("label", "note")}
        try:
            inputs = inputs_from(values.pop("kind"), values)
            study = services.study_queue(inputs, by=cast(User, request.user), **told)
        except InputError as error:
            raise serializers.ValidationError(_by_field(error.problems)) from None
        return Response(StudySerializer(study).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=WordsSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str | None = None) -> Response:
        """Stop a study; what was played is kept."""
        return Response({"detail": services.study_cancel(self.get_object().pk)})

    @extend_schema(request=None, responses={200: WordsSerializer, 400: OpenApiTypes.OBJECT})
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str | None = None) -> Response:
        """Go on with a cancelled or failed study where it stopped."""
        study = self.get_object()
        try:
            goes_on = services.study_resume(study.pk)
        except InputError as error:
            raise serializers.ValidationError(_by_field(error.problems)) from None
        words = "It goes on where it stopped." if goes_on else f"A study that is {study.status} does not go on."
        return Response({"detail": words})

    @extend_schema(
        responses=TrialSerializer(many=True),
        parameters=[OpenApiParameter("sort", OpenApiTypes.STR, enum=list(SORTS), description="the largest first")],
    )
    @action(detail=True, methods=["get"])
    def trials(self, request: Request, pk: str | None = None) -> Response:
        """Every setting that was tried, by page."""
        rows: Any = trials_sorted(self.get_object(), request.query_params.get("sort", "number"))
        return self.get_paginated_response(TrialSerializer(self.paginate_queryset(rows), many=True).data)

    @extend_schema(responses=PartSerializer(many=True))
    @action(detail=True, methods=["get"])
    def parts(self, request: Request, pk: str | None = None) -> Response:
        """The parts it was cut into, by page."""
        rows: Any = StudyPart.objects.filter(study=self.get_object()).order_by("number").defer("work")
        return self.get_paginated_response(PartSerializer(self.paginate_queryset(rows), many=True).data)

    @extend_schema(
        operation_id="studies_artefact",
        responses={(200, "application/zstd"): OpenApiTypes.BINARY, 404: WordsSerializer},
        parameters=[OpenApiParameter("number", OpenApiTypes.INT, OpenApiParameter.PATH)],
    )
    @action(detail=True, methods=["get"], url_path=r"parts/(?P<number>\d{1,9})/artefact")
    def artefact(self, request: Request, pk: str | None = None, number: str = "0") -> HttpResponse:
        """What a part made: JSON, compressed with Zstandard. Its digest is that of the JSON."""
        row = StudyPart.objects.filter(study=self.get_object(), number=int(number)).first()
        if row is None or not row.artefact:
            raise NotFound("This study has no such part, or it is not played yet.")
        try:
            content = parts.packed(row.artefact)
        except parts.ArtefactError as error:
            raise NotFound(str(error)) from None
        response = HttpResponse(content, content_type="application/zstd")
        response["Content-Disposition"] = f'attachment; filename="study-{row.study_id}-part-{row.number}.json.zst"'
        return response


def _by_field(problems: Mapping[str, str]) -> dict[str, list[str]]:
    return {name or "settings": [sentence] for name, sentence in problems.items()}
