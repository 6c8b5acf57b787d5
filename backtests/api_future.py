"""Whether a run looked ahead, for external tools."""

from typing import Any, cast

from django.contrib.auth.models import User
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backtests.api import MayQueue
from backtests.future_jobs import USUAL, future_queue
from backtests.future_models import FutureCheck
from backtests.knobs import InputError
from backtests.selectors import runs_recent


class FutureCheckSerializer(serializers.ModelSerializer[FutureCheck]):
    """One check: `is_clean` is null until it is done, `result` has each moment and each decision that changed."""

    created_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)

    class Meta:
        model = FutureCheck
        fields = [
            "id", "moments", "seed", "status", "progress", "is_clean", "sentence", "result", "error", "created_by",
            "created_at", "finished_at",
        ]  # fmt: skip
        read_only_fields = fields


class FutureRequestSerializer(serializers.Serializer[Any]):
    """How many moments to try, and the seed that chooses them."""

    moments = serializers.IntegerField(default=USUAL)
    seed = serializers.IntegerField(default=1, min_value=0, max_value=2**63 - 1)


class FutureView(APIView):
    """The checks of one run, the newest first; ask for one more."""

    permission_classes = [*APIView.permission_classes, MayQueue]

    @extend_schema(responses=FutureCheckSerializer(many=True), operation_id="backtests_future_list")
    def get(self, request: Request, pk: int) -> Response:
        """What was found."""
        run = get_object_or_404(runs_recent(), pk=pk)
        return Response(FutureCheckSerializer(run.future_checks.select_related("created_by"), many=True).data)

    @extend_schema(request=FutureRequestSerializer, responses={201: FutureCheckSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Play the run again with other futures."""
        run = get_object_or_404(runs_recent(), pk=pk)
        asked = FutureRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        try:
            check = future_queue(run, count=values["moments"], seed=values["seed"], by=cast(User, request.user))
        except InputError as error:
            raise serializers.ValidationError({name: [words] for name, words in error.problems.items()}) from None
        return Response(FutureCheckSerializer(check).data, status=status.HTTP_201_CREATED)
