"""Every movement of an account's money, twice: `book` writes the entries, `check` holds them against everything else."""

from collections.abc import Iterable

from trading.core import events

MoneyEvent = events.Fill | events.Settled | events.CashMoved


def book(account: str, happened: Iterable[object]) -> None:
    """Write the entries of what moves money among these events and is not booked yet; twice is harmless.

    Within the caller's transaction, after the rows of these fills and settlements were written. Which events they are
    does not matter: those that move no money are passed over.
    """
