"""Real orders over the API: how it stands, arm, disarm, by the rules of the page."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import permissions, serializers
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backtests.promotion import kept
from trading import arming, services
from trading.models import Arming, Promotion


class ArmingSerializer(serializers.ModelSerializer[Arming]):
    """A person let real orders go."""

    class Meta:
        model = Arming
        fields = [
            "id", "account", "venue", "armed_at", "armed_by", "until_at", "reason", "override_reason", "disarmed_at",
            "disarmed_by", "disarmed_reason",
        ]  # fmt: skip
        read_only_fields = fields


class CriterionSerializer(serializers.Serializer[Any]):
    """One condition of the promotion gate, with its number."""

    name = serializers.CharField()
    value = serializers.CharField()
    threshold = serializers.CharField()
    lacks = serializers.CharField(help_text="empty where it is met")


class LackSerializer(serializers.Serializer[Any]):
    """One thing that is missing."""

    code = serializers.CharField()
    text = serializers.CharField()


class RealOrdersSerializer(serializers.Serializer[Any]):
    """Where orders go, and what is missing until real ones may."""

    account = serializers.CharField()
    kind = serializers.CharField(help_text="rehearsal, practice or production")
    orders_go = serializers.CharField(help_text="paper or exchange")
    needs_arming = serializers.BooleanField()
    confirmation = serializers.CharField(help_text="what is typed to arm")
    record = serializers.CharField(help_text="the account whose record the gate judges")
    missing = LackSerializer(many=True)
    gate_lacks = serializers.ListField(child=serializers.CharField())
    gate = CriterionSerializer(many=True, help_text="as it was judged last; empty where it never was")
    gate_made_at = serializers.DateTimeField(allow_null=True)
    arming = ArmingSerializer(allow_null=True)


class ArmSerializer(serializers.Serializer[Any]):
    """What a person fills in to arm."""

    typed = serializers.CharField(trim_whitespace=False, max_length=120)
    reason = serializers.CharField(max_length=500)
    hours = serializers.FloatField(default=arming.HOURS)
    override = serializers.CharField(required=False, default="", allow_blank=True, max_length=1000)
    record = serializers.CharField(required=False, default=arming.RECORD, max_length=64)


class DisarmSerializer(serializers.Serializer[Any]):
    """Why."""

    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=200)


class NotArmed(APIException):
    """All that is missing, in a list."""

    status_code = 409
    default_code = "not_armed"


class MayArm(permissions.BasePermission):
    """Has the right to arm."""

    message = "a risk officer's right is needed to arm"

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.user.has_perm(arming.PERMISSION)


class MayDisarm(permissions.BasePermission):
    """May stop trading, or arm."""

    message = "an operator's right is needed to disarm"

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.user.has_perm("trading.change_traderstatus") or request.user.has_perm(arming.PERMISSION)


class RealOrdersView(APIView):
    """How it stands with real orders."""

    @extend_schema(responses=RealOrdersSerializer)
    def get(self, request: Request) -> Response:
        """Where orders go, what is missing, the gate, the arming."""
        return Response(RealOrdersSerializer(_told(arming.standing())).data)


class ArmView(APIView):
    """Let real orders go for some hours."""

    permission_classes = [permissions.IsAuthenticated, MayArm]

    @extend_schema(request=ArmSerializer, responses={200: ArmingSerializer})
    def post(self, request: Request) -> Response:
        """409 with everything that is missing, or the arming."""
        asked = ArmSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            row = arming.arm(request.user, arming.Asked(**asked.validated_data))
        except services.UnusableError as error:
            raise NotArmed({"missing": error.problems}) from None
        return Response(ArmingSerializer(row).data)


class DisarmView(APIView):
    """Real orders go no more."""

    permission_classes = [permissions.IsAuthenticated, MayDisarm]

    @extend_schema(request=DisarmSerializer, responses={200: ArmingSerializer(many=True)})
    def post(self, request: Request) -> Response:
        """The armings that were ended."""
        asked = DisarmSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        name = request.user.get_username()
        ended = services.disarm(None, by=name, reason=asked.validated_data["reason"] or f"disarmed by {name}")
        return Response(ArmingSerializer(ended, many=True).data)


def _told(now: arming.Standing) -> dict[str, Any]:
    gate: Promotion | None = now.gate
    return {
        **now._asdict(),
        "needs_arming": now.needs_arming,
        "missing": [lack._asdict() for lack in now.missing],
        "gate_lacks": arming.gate_lacks(gate, now.record, now.kind),
        "gate": [each._asdict() for each in kept(gate)] if gate else [],
        "gate_made_at": gate.made_at if gate else None,
    }
