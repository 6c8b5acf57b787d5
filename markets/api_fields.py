"""How exact integers and times look outside: decimal strings in dollars and contracts, RFC 3339 times; one page size."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.pagination import CursorPagination

from markets.core.units import count_text, money_text, price_text
from markets.moments import time_text


class ExactField(serializers.Field[Any, Any, Any, Any]):
    """A read-only integer shown as a decimal string."""

    text: Callable[[int], str]

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, **options)

    def to_representation(self, value: int) -> str:
        return type(self).text(value)


@extend_schema_field({"type": "string", "format": "decimal", "example": "0.5600"})
class PriceField(ExactField):
    """5600 -> "0.5600": dollars a YES contract, four decimals."""

    text = staticmethod(price_text)


@extend_schema_field({"type": "string", "format": "decimal", "example": "26.87"})
class CountField(ExactField):
    """2687 -> "26.87": contracts, two decimals."""

    text = staticmethod(count_text)


@extend_schema_field({"type": "string", "format": "decimal", "example": "15.047200"})
class MoneyField(ExactField):
    """15047200 -> "15.047200": dollars, six decimals."""

    text = staticmethod(money_text)


@extend_schema_field(
    {"type": "string", "format": "date-time", "nullable": True, "example": "2026-05-11T14:30:05.123456Z"}
)
class TimeField(serializers.Field[Any, Any, Any, Any]):
    """Nanoseconds -> RFC 3339 in UTC with microseconds; 0 is no time and becomes null."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, **options)

    def to_representation(self, value: int) -> str | None:
        return time_text(value) if value else None


class NewestFirst(CursorPagination):
    """Pages that stay right while rows are added; `limit` rows each, 100 unless told."""

    page_size = 100
    page_size_query_param = "limit"
    max_page_size = 1000
