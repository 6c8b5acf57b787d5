"""Arming: a person lets real orders go, for some hours, on a record that allows it; and what ends it.

Everything that is missing is said in one list: by the page, the API, the command and the trader alike.
"""

from trading.models import Arming


def confirmation(account: str, *, is_production: bool) -> str:
    """What a person types to arm, letter for letter."""
    return f"TRADE REAL MONEY ON {account}" if is_production else "TRADE ON PRACTICE"


def disarm(account: str, *, by: str, reason: str) -> Arming | None:
    """Real orders of the account go no more. The arming that was ended; None when none stood."""
    raise NotImplementedError


def disarm_when_due(account: str, halt: str) -> Arming | None:
    """What the trader's control thread calls each second: ends an arming that is over, or that a halt ends. `halt` is
    the code of the breaker that has stopped trading, "" when none has."""
    raise NotImplementedError
