"""Whether a fill was charged what the fee terms say, whatever the order in which the fills of an order are heard."""

from collections import OrderedDict

from markets.core.contract import Contract, FeeTerms
from markets.core.units import PRICE_DOLLAR, Money
from trading.core.events import Fill
from trading.core.fees import trade_fee

CENT = 10_000
REMEMBERED = 4_096  # orders


class FeeCheck:
    """How far each charge is from the fee terms, in Money.

    What one fill is charged is known to the micro-dollar (trade fee and rounding, see `fill_fee`), but for what the
    order's rounding account gives back: whole cents, never more than the charge. So a charge is right when it is below
    the full one by whole cents; and once all fills of an order are known, by no more than they were rounded up.
    The precision of the terms divides a cent: whether a fill closed or opened makes no difference to the rounding.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[int, int] = OrderedDict()  # by order: rounded up, less what seems to be given back
        self._older: frozenset[int] = frozenset()
        self._waiting: dict[str, list[Fill]] = {}  # by ticker: fills whose terms are not known yet

    def carried(self, numbers: frozenset[int]) -> None:
        """Orders of which earlier sessions may have heard fills: what they were rounded up is not known here."""
        self._older = numbers
        self._kept.clear()
        self._waiting.clear()

    def charged(self, fill: Fill, terms: FeeTerms | None) -> Money:
        """How far the charge of one fill is from the terms; 0 for every charge that can be right, and where they are not
        known (None): then it waits for them."""
        if terms is None:
            self._waiting.setdefault(fill.ticker, []).append(fill)
            return Money(0)
        own = fill.price if fill.is_bid else PRICE_DOLLAR - fill.price
        trade = trade_fee(terms, fill.price, fill.count, fill.is_taker)
        rounding = (-own * fill.count - trade) % terms.precision
        gap = trade + rounding - fill.fee
        refund = min((gap + CENT // 2) // CENT, (trade + rounding) // CENT) * CENT if gap > 0 else 0
        self._kept[fill.number] = self._kept.get(fill.number, 0) + rounding - refund
        if len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)
        return Money(abs(gap - refund))

    def known(self, contract: Contract) -> Money | None:
        """The terms of a market are known: how far the fills that waited for them are from those; None: there were none."""
        waiting = self._waiting.pop(contract.ticker, None)
        return max(self.charged(fill, contract.fees) for fill in waiting) if waiting else None

    def ended(self, number: int) -> Money:
        """All fills of an order are known: how much more it was given back than it was rounded up; 0 when all is well."""
        kept = self._kept.pop(number, 0)
        return Money(max(-kept, 0) if number not in self._older else 0)
