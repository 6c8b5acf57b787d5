"""The ledger, its trial balance, the looks at the exchange's books and what differs, over the API; to be read."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from markets.api_fields import MoneyField, NewestFirst, TimeField
from trading import trial_balance
from trading.accounts import account_shown
from trading.api import ByEvent, RowViewSet
from trading.models import Discrepancy, LedgerEntry, Reconciliation
from trading.serializers import RowQuery


class LedgerEntrySerializer(serializers.ModelSerializer[LedgerEntry]):
    """One side of a movement; those of one movement add up to nothing."""

    at = TimeField(source="event_ns")
    amount = MoneyField()

    class Meta:
        model = LedgerEntry
        fields = ["at", "account", "movement", "book", "shard", "ticker", "amount"]


class ShardCashSerializer(serializers.Serializer[Any]):
    """Cash on one shard."""

    shard = serializers.IntegerField()
    cash = MoneyField()


class BalanceSerializer(serializers.Serializer[Any]):
    """The trial balance. `opening` + `deposits` + `trading` + `settlements` - `fees` = `cash` + `positions` + `under_way`."""

    account = serializers.CharField()
    opening = MoneyField()
    deposits = MoneyField()
    trading = MoneyField()
    settlements = MoneyField()
    fees = MoneyField()
    cash = MoneyField()
    positions = MoneyField()
    under_way = MoneyField()
    total = MoneyField(help_text="of all entries: 0")
    shards = ShardCashSerializer(many=True)


@extend_schema_view(list=extend_schema(parameters=[RowQuery]))
class LedgerViewSet(RowViewSet[LedgerEntry]):
    """Every movement of the account's money, twice."""

    queryset = LedgerEntry.objects.all()
    serializer_class = LedgerEntrySerializer
    pagination_class = ByEvent

    @extend_schema(operation_id="ledger_balance", parameters=[RowQuery], responses=BalanceSerializer)
    @action(detail=False)
    def balance(self, request: Request) -> Response:
        """The trial balance."""
        query = RowQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        account = query.validated_data.get("account") or account_shown()
        found = trial_balance.balance(account)
        body = {
            "account": account,
            "opening": found.opening,
            "deposits": found.deposited,
            "trading": found.traded,
            "settlements": found.settled,
            "fees": found.books["fees"],
            "cash": found.books["cash"],
            "positions": found.books["positions"],
            "under_way": found.under_way,
            "total": found.total,
            "shards": [{"shard": shard, "cash": cash} for shard, cash in found.shards.items()],
        }
        return Response(BalanceSerializer(body).data)


class ByNumber(NewestFirst):
    """The last one first."""

    ordering = ("-id",)


class AccountQuery(serializers.Serializer[Any]):
    """What these lists can be asked for."""

    account = serializers.CharField(required=False, help_text="an account; the trader's unless given")


class ReconciliationSerializer(serializers.ModelSerializer[Reconciliation]):
    """One look at the exchange's own books."""

    class Meta:
        model = Reconciliation
        fields = ["id", "account", "kind", "made_at", "took_ms", "is_clean", "looked_at", "repairs", "differences"]


class OpenSerializer(serializers.ModelSerializer[Discrepancy]):
    """Something that does not add up, or did not; `closed_by` is empty where it added up again."""

    class Meta:
        model = Discrepancy
        fields = ["id", "account", "kind", "subject", "text", "opened_at", "closed_at", "closed_by", "closed_reason"]


@extend_schema_view(list=extend_schema(parameters=[AccountQuery]))
class ReconciliationViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Reconciliation]):
    """The looks at the exchange's own books, and what came of them."""

    queryset = Reconciliation.objects.all()
    serializer_class = ReconciliationSerializer
    pagination_class = ByNumber

    def filter_queryset(self, queryset: Any) -> Any:
        query = AccountQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        return queryset.filter(account=query.validated_data.get("account") or account_shown())

    @extend_schema(operation_id="discrepancies", responses=OpenSerializer(many=True))
    @action(detail=False, pagination_class=None)
    def discrepancies(self, request: Request) -> Response:
        """All that does not add up now."""
        rows = Discrepancy.objects.filter(closed_at=None).order_by("-id")[:1_000]
        return Response(OpenSerializer(rows, many=True).data)
