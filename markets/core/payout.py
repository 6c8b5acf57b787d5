"""What a contract is worth once its market has its result: a dollar, nothing, or in between where it was voided."""

from typing import Literal

from markets.core.units import PRICE_DOLLAR, Money, Price

Payment = tuple[Literal["yes", "no", "scalar"], int | None]  # a result, and the price of a scalar one

WORTH = {"yes": PRICE_DOLLAR, "no": Price(0)}


def yes_pays_of(result: str, yes_pays: int | None = None) -> Price:
    """What a YES contract pays; a NO pays a dollar less that.

    Raises ValueError where nothing can be paid on it: a result that is none of yes, no and scalar, a scalar one
    without its price or with one outside a dollar, a yes or no with a price that contradicts it.
    """
    worth = WORTH.get(result)
    if worth is None and result == "scalar" and yes_pays is not None and 0 <= yes_pays <= PRICE_DOLLAR:
        return Price(yes_pays)
    if worth is None or yes_pays not in (None, worth):
        raise ValueError(f"a result of {result!r} with {yes_pays} for a YES contract cannot be paid out")
    return worth


def payment_of(result: str, yes_pays: int | None) -> Payment | None:
    """What the exchange's result and payout of a YES contract come to; None while that cannot be said. A payout that is
    not the result's own counts, not the result."""
    worth = WORTH.get(result)
    if worth is not None and yes_pays in (None, worth):
        return ("yes" if result == "yes" else "no"), None
    if not result or yes_pays is None or not 0 <= yes_pays <= PRICE_DOLLAR:
        return None
    return "scalar", yes_pays


def is_awaited(result: str, yes_pays: int | None) -> bool:
    """Whether nothing can be paid yet: there is no result, or not the price of a scalar one."""
    return result == "" or (result == "scalar" and yes_pays is None)


def payout_of(count: int, yes_pays: int) -> Money:
    """What a signed `count` (+ YES, - NO) is paid when each YES contract pays `yes_pays`."""
    return Money(count * yes_pays if count > 0 else -count * (PRICE_DOLLAR - yes_pays))
