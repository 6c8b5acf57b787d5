"""The skill report for external tools: the numbers of the page."""

from typing import Any

import msgspec
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backtests.skill_cache import skill_of
from backtests.skill_page import BoundsError, bounds_of
from trading.accounts import account_shown

DAY = "a UTC day, like 2026-05-13; windows that closed "


class SkillSerializer(serializers.Serializer[Any]):
    """The report, or null while the worker makes it. Numbers are null where there is not enough data."""

    account = serializers.CharField()
    is_old = serializers.BooleanField(help_text="windows have settled since; a new report is being made")
    is_simulated = serializers.BooleanField(
        allow_null=True, help_text="the market was invented; it says nothing of the real one"
    )
    forecasts = serializers.IntegerField(help_text="in the record, within the bounds asked for")
    windows_for_a_score = serializers.IntegerField(allow_null=True)
    windows_for_a_comparison = serializers.IntegerField(allow_null=True)
    left_out = serializers.JSONField(allow_null=True, help_text="[why, forecasts, windows] each")
    notes = serializers.JSONField(allow_null=True)
    report = serializers.JSONField(
        allow_null=True,
        help_text="models (each next to market, naive N(d2) and coin on the same rows), groups, sentences, method",
    )


class SkillView(APIView):
    """Scores of the account's forecasts next to the market's."""

    @extend_schema(
        operation_id="skill",
        parameters=[
            OpenApiParameter("since", OpenApiTypes.DATE, description=f"{DAY}on it or later"),
            OpenApiParameter("until", OpenApiTypes.DATE, description=f"{DAY}on it or before"),
            OpenApiParameter("asset", OpenApiTypes.STR, description="one asset alone, like BTC"),
        ],
        responses=SkillSerializer,
    )
    def get(self, request: Request) -> Response:
        """The report as it is known now. 400 for a day or an asset that cannot be meant."""
        try:
            bounds = bounds_of(request.query_params)
        except BoundsError as error:
            raise serializers.ValidationError({"detail": str(error)}) from None
        account = account_shown()
        shown = skill_of(account, bounds)
        told = shown.told
        score, compare = told.windows_needed if told else (None, None)
        body = {
            "account": account,
            "is_old": shown.is_old,
            "is_simulated": told.is_simulated if told else None,
            "forecasts": shown.forecasts,
            "windows_for_a_score": score,
            "windows_for_a_comparison": compare,
            "left_out": msgspec.to_builtins(told.left_out) if told else None,
            "notes": list(told.notes) if told else None,
            "report": msgspec.to_builtins(told.report) if told else None,
        }
        return Response(SkillSerializer(body).data)
