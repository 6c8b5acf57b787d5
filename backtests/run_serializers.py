"""How runs look over the API: a run, its result, what queueing, cloning and annotating take. Money is dollars as decimal text."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema_field
from rest_framework import serializers

from backtests.knobs import plain_money
from backtests.models import BacktestRun, RunChange
from backtests.run_inputs import ALL_SETTINGS, NEEDS, SWITCHES, built_in, changes_between, inputs_of, settings_named
from backtests.run_queue import standing_of
from backtests.services import LONGEST

NAME_TAPES = 'Give a list with the name of at least one tape, as /api/v1/tapes/ lists them, or ["all"].'
SETTINGS_HELP = "What differs from {what}, each as text:\n\n" + "\n".join(
    f"- {knob.name}: {knob.label}, {knob.unit or 'one of ' + ', '.join(knob.choices)} ({built_in(knob) or 'as the preset says'})"
    for knob in ALL_SETTINGS
)


class DollarsField(serializers.Field[int, str, str, Any]):
    """Money as a decimal string."""

    def to_representation(self, value: int) -> str:
        """10500000 -> "10.5"."""
        return plain_money(value)


class RunSerializer(serializers.ModelSerializer[BacktestRun]):
    """A run without its result."""

    capital = extend_schema_field(OpenApiTypes.STR)(DollarsField)(read_only=True)
    max_daily_loss = extend_schema_field(OpenApiTypes.STR)(DollarsField)(read_only=True)
    net = extend_schema_field(OpenApiTypes.STR)(DollarsField)(
        read_only=True, allow_null=True, source="net_money", help_text="after fees; null until it is done"
    )
    created_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)
    cloned_from = serializers.PrimaryKeyRelatedField[Any](read_only=True)
    settings = serializers.SerializerMethodField()
    options = serializers.JSONField(
        source="options_json", read_only=True, help_text="what else it asks for and is not built in"
    )

    class Meta:
        model = BacktestRun
        fields: tuple[str, ...] = (
            "id", "status", "progress", "cancel_wanted", "error", "created_by", "created_at", "started_at",
            "finished_at", "label", "note", "cloned_from", "strategy", "digest", "net", "windows_traded", "fills",
            "events", "tapes", "date_from", "date_to", "capital", "max_daily_loss", "options", "settings",
        )  # fmt: skip
        read_only_fields = fields

    def get_settings(self, run: BacktestRun) -> dict[str, str]:
        """Every setting by name, as `create` takes it."""
        return settings_named(inputs_of(run))


class ChangeSerializer(serializers.ModelSerializer[RunChange]):
    """One change of label or note."""

    by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)

    class Meta:
        model = RunChange
        fields = ("at", "by", "field", "before", "after")
        read_only_fields = fields


class RunDetailSerializer(RunSerializer):
    """A run with its result, which is null until it is done; where it stands in the queue; what differs from the run that
    it was cloned from; who changed label and note."""

    result = serializers.JSONField(read_only=True, allow_null=True)
    ahead = serializers.SerializerMethodField(help_text="runs that wait before it; null where it does not wait")
    seconds_left = serializers.SerializerMethodField(help_text="an estimate; null where there is none")
    changed = serializers.SerializerMethodField(help_text="what differs from the run it was cloned from")
    history = ChangeSerializer(source="changes", many=True, read_only=True)

    class Meta(RunSerializer.Meta):
        fields = (*RunSerializer.Meta.fields, "ahead", "seconds_left", "changed", "history", "result")
        read_only_fields = fields

    def get_ahead(self, run: BacktestRun) -> int | None:
        """Its place in the queue."""
        return standing_of(run).ahead

    def get_seconds_left(self, run: BacktestRun) -> float | None:
        """Until it is done."""
        return standing_of(run).seconds

    @extend_schema_field({"type": "array", "items": {"type": "object"}})
    def get_changed(self, run: BacktestRun) -> list[dict[str, str]]:
        """Setting by setting."""
        if run.cloned_from is None:
            return []
        return [change._asdict() for change in changes_between(inputs_of(run.cloned_from), inputs_of(run))]


class OnlyKnown(serializers.Serializer[Any]):
    """A name that we do not know is an error: a misspelt `capital` must not run with the default."""

    def to_internal_value(self, data: Any) -> Any:
        """Refuse unknown names before anything else."""
        if isinstance(data, Mapping) and (unknown := [name for name in data if name not in self.fields]):
            known = f"This is no field here; known are {', '.join(self.fields)}."
            raise serializers.ValidationError({str(name): [known] for name in unknown})
        return super().to_internal_value(data)


class AnnotateSerializer(OnlyKnown):
    """Label and note; what is not given stays."""

    label = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST["label"])  # type: ignore[assignment]  # of a field, a label is its name
    note = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST["note"])


class CloneRequestSerializer(AnnotateSerializer):
    """What is to differ from the run that is cloned; nothing runs it again as it was."""

    tapes = serializers.ListField(
        child=serializers.CharField(max_length=200),
        min_length=1,
        max_length=1000,
        required=False,
        help_text='Names as /api/v1/tapes/ lists them, or ["all"] for every recorded tape',
        error_messages=dict.fromkeys(("required", "empty", "min_length", "null", "not_a_list"), NAME_TAPES),
    )
    capital = serializers.CharField(required=False, help_text="Dollars, as a decimal string")
    max_daily_loss = serializers.CharField(
        required=False, help_text="Dollars, as a decimal string; trading stops for the UTC day before it is passed"
    )
    date_from = serializers.DateField(
        required=False, allow_null=True, help_text="Only tapes that begin on this UTC day or later"
    )
    date_to = serializers.DateField(
        required=False, allow_null=True, help_text="Only tapes that begin on this UTC day or earlier"
    )
    bounds = serializers.BooleanField(required=False, help_text=SWITCHES["bounds"][1])
    sensitivity = serializers.BooleanField(required=False, help_text=SWITCHES["sensitivity"][1])
    allow_gaps = serializers.BooleanField(required=False, help_text=SWITCHES["allow_gaps"][1])
    needs_assets = serializers.ListField(
        child=serializers.CharField(max_length=20), required=False, help_text=NEEDS["needs_assets"][1]
    )
    needs_venues = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, help_text=NEEDS["needs_venues"][1]
    )
    spot_shift = serializers.CharField(required=False, help_text="Milliseconds that spot is heard later, as text")
    settings = serializers.DictField(
        child=serializers.CharField(),
        required=False,
        help_text=SETTINGS_HELP.format(what="the run that is cloned; the built-in values in brackets"),
    )


class RunRequestSerializer(CloneRequestSerializer):
    """What a run takes. `settings` turns what differs from the built-in values, each as text in people's units."""

    tapes = serializers.ListField(
        child=serializers.CharField(max_length=200),
        min_length=1,
        max_length=1000,
        help_text='Names as /api/v1/tapes/ lists them, or ["all"] for every recorded tape',
        error_messages=dict.fromkeys(("required", "empty", "min_length", "null", "not_a_list"), NAME_TAPES),
    )
    capital = serializers.CharField(default="10000", help_text="Dollars, as a decimal string")
    max_daily_loss = serializers.CharField(
        default="1000", help_text="Dollars, as a decimal string; trading stops for the UTC day before it is passed"
    )
    settings = serializers.DictField(
        child=serializers.CharField(),
        required=False,
        help_text=SETTINGS_HELP.format(what="the built-in values, in brackets"),
    )


class WordsSerializer(serializers.Serializer[Any]):
    """A sentence that says what happened."""

    detail = serializers.CharField(read_only=True)


REFUSED = OpenApiExample(
    "Refused",
    summary="what is wrong, by field",
    value={"capital": ["Capital: 'lots' is not an amount in dollars with at most six decimals."],
           "settings": {"edge": ["Least edge: 'x' is not a number."]}},
    response_only=True,
    status_codes=["400"],
)  # fmt: skip
QUEUE_EXAMPLES = [
    OpenApiExample(
        "OneTape",
        summary="one tape, two settings, a label",
        value={"tapes": ["btc15m-20260513T152239Z"], "capital": "10000", "max_daily_loss": "1000",
               "label": "a wider gate", "settings": {"edge": "4", "kelly": "10"}},
        request_only=True,
    ),
    OpenApiExample(
        "AllOfTwoDays",
        summary="all tapes of two days, with both bounds",
        value={"tapes": ["all"], "capital": "2500.50", "max_daily_loss": "250", "date_from": "2026-05-13",
               "date_to": "2026-05-14", "bounds": True},
        request_only=True,
    ),
    REFUSED,
]  # fmt: skip
CLONE_EXAMPLES = [
    OpenApiExample("Again", summary="the same once more", value={}, request_only=True),
    OpenApiExample(
        "OtherEdge", summary="another gate", value={"settings": {"edge": "5"}, "label": "edge 5"}, request_only=True
    ),
    REFUSED,
]
ANNOTATE_EXAMPLES = [
    OpenApiExample("Label", summary="a label", value={"label": "before the fee change"}, request_only=True)
]
