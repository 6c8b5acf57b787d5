"""The catalogue for external tools: tapes with what they cover, downloaded tables, and what is asked for with them."""

from typing import Any, cast

from django.contrib.auth.models import User
from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from markets import jobs
from markets.api import TapeSerializer
from markets.core.coverage import Coverage
from markets.entries import entry_json, sheet_of, tables, tapes_wanted
from markets.forms import WantedForm
from markets.models import Tape, TapeJob
from markets.moments import time_text

MOST_ROWS = 5_000


class MayAsk(BasePermission):
    """Anyone signed in may read; imports, verifications and exports need the right to ask for them."""

    message = "Asking for work on tapes needs the permission markets.add_tapejob."

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Reading is free."""
        return request.method in SAFE_METHODS or request.user.has_perm("markets.add_tapejob")


class WantedQuery(serializers.Serializer[Any]):
    """The filters of the page."""

    asset = serializers.CharField(required=False, help_text="BTC, ETH …: tapes with a market or a price of it")
    feed = serializers.CharField(required=False, help_text="kalshi, coinbase …: tapes that heard it")
    grade = serializers.CharField(required=False, help_text="A, B, C, invented or none")
    origin = serializers.CharField(required=False, help_text="recorded, downloaded, session, recorder or invented")
    state = serializers.CharField(required=False, help_text="verified, unverified, damaged or kept")
    since = serializers.DateField(required=False, help_text="with events on this UTC day or later")
    until = serializers.DateField(required=False, help_text="with events on this UTC day or before")


class EntrySerializer(TapeSerializer):
    """A tape with what it covers: null is what nobody has looked at yet."""

    class Meta(TapeSerializer.Meta):
        fields = TapeSerializer.Meta.fields
        read_only_fields = fields

    def to_representation(self, instance: Tape) -> dict[str, Any]:
        return super().to_representation(instance) | entry_json(instance)


@extend_schema_view(list=extend_schema(parameters=[WantedQuery]))
class DataViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Tape]):
    """The catalogue, newest tape first."""

    queryset = Tape.objects.none()
    serializer_class = EntrySerializer
    lookup_field = "name"
    lookup_value_regex = r"[^/]+"

    def get_queryset(self) -> QuerySet[Tape]:
        """As the filters ask."""
        if self.action != "list":
            return Tape.objects.select_related("sheet")
        form = WantedForm(self.request.query_params)
        if not form.is_valid():
            raise serializers.ValidationError(
                {name: [str(word) for word in words] for name, words in form.errors.items()}
            )
        return tapes_wanted(form.wanted)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def retrieve(self, request: Request, name: str = "") -> Response:
        """One tape with its gaps (from, to, feed) and windows; the first 5,000 of either, and how many there are."""
        row = self.get_object()
        sheet = sheet_of(row)
        coverage = sheet.coverage() if sheet is not None and sheet.coverage_json else Coverage()
        return Response(EntrySerializer(row).data | coverage_json(coverage))

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=False, url_path="tables")
    def downloaded(self, request: Request) -> Response:
        """What was downloaded as tables."""
        rows = self.paginate_queryset(tables())
        found = [
            {name: getattr(row, name) for name in row.__struct_fields__ if not name.endswith("_ns")}
            | {"first_at": time_text(row.first_ns), "last_at": time_text(row.last_ns)}
            for row in rows or ()
        ]
        return self.get_paginated_response(found)


def coverage_json(coverage: Coverage) -> dict[str, Any]:
    """Gaps and windows as the API writes them."""
    return {
        "gap_count": len(coverage.gaps),
        "gap_list": [
            {"from": time_text(gap.from_ns), "to": time_text(gap.to_ns), "feed": gap.feed, "subject": gap.subject,
             "reason": gap.reason}
            for gap in coverage.gaps[:MOST_ROWS]
        ],
        "window_list": [
            {"ticker": window.ticker, "asset": window.asset, "opens_at": time_text(window.open_ns),
             "closes_at": time_text(window.close_ns), "book_s": window.book_ns / 1e9, "spot_s": window.spot_ns / 1e9,
             "result": window.result, "missing": list(window.holes())}
            for window in coverage.windows[:MOST_ROWS]
        ],
    }  # fmt: skip


class JobSerializer(serializers.ModelSerializer[TapeJob]):
    """Something asked for with tapes."""

    created_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)

    class Meta:
        model = TapeJob
        fields = [
            "id", "kind", "subject", "status", "progress", "note", "result", "error", "created_by", "created_at",
            "finished_at",
        ]  # fmt: skip
        read_only_fields = fields


class JobRequestSerializer(serializers.Serializer[Any]):
    """What is asked for: recording and tape import `subject` from the operator's folder; the others are for a tape."""

    kind = serializers.ChoiceField(choices=TapeJob.Kind.values)
    subject = serializers.CharField(max_length=200)


class UploadSerializer(serializers.Serializer[Any]):
    """A tape's file."""

    file = serializers.FileField()


class DataJobViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[TapeJob]):
    """Imports, verifications and exports: list, read, ask for."""

    queryset = TapeJob.objects.select_related("created_by")
    serializer_class = JobSerializer
    permission_classes = [*viewsets.GenericViewSet.permission_classes, MayAsk]
    parser_classes = [JSONParser, MultiPartParser]

    @extend_schema(request=JobRequestSerializer, responses={201: JobSerializer, 400: OpenApiTypes.OBJECT})
    def create(self, request: Request) -> Response:
        """Ask for something."""
        asked = JobRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        try:
            job = jobs.job_queue(values["kind"], values["subject"], by=cast(User, request.user))
        except jobs.JobProblem as problem:
            raise serializers.ValidationError({"subject": [str(problem)]}) from None
        return Response(JobSerializer(job).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=UploadSerializer, responses={201: JobSerializer, 400: OpenApiTypes.OBJECT})
    @action(detail=False, methods=["post"])
    def upload(self, request: Request) -> Response:
        """Take a tape's file (multipart, field `file`) and import it."""
        sent = UploadSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        file = sent.validated_data["file"]
        try:
            job = jobs.job_upload(file, file.name, by=cast(User, request.user))
        except jobs.JobProblem as problem:
            raise serializers.ValidationError({"file": [str(problem)]}) from None
        return Response(JobSerializer(job).data, status=status.HTTP_201_CREATED)
