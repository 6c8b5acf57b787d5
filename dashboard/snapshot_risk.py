"""The part of a snapshot that is about risk: every limit and breaker with its use and age."""

import msgspec


class LimitNow(msgspec.Struct):
    """One limit. Units as in RiskLimits; `age_ms` None: never evaluated."""

    name: str
    code: str
    title: str
    unit: str | None = None
    limit: float | None = None
    use: float | None = None
    age_ms: int | None = None
    is_full: bool = False
    is_required: bool = True


class BreakerNow(msgspec.Struct):
    """One breaker."""

    code: str
    title: str
    is_tripped: bool = False
    is_latched: bool = False
    is_required: bool = True
    since_ms: int | None = None
    age_ms: int | None = None
    max_age_ms: int = 0
    text: str = ""
    unit: str | None = None
    limit: float | None = None
    use: float | None = None


class RiskNow(msgspec.Struct):
    """What stands between a signal and an order."""

    mode: str = ""
    wanted: str = ""
    policy: str = ""
    halt: str = ""
    again: str = ""
    limits: list[LimitNow] = []
    breakers: list[BreakerNow] = []
