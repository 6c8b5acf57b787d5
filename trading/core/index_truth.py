"""Index truth: what audited settlements say of both readings of the minute, of decimals and ties, and of our own index."""

from collections.abc import Iterable, Sequence
from math import floor, fsum, sqrt
from typing import NamedTuple

from markets.core.contract import WINDOW_NS
from markets.core.venues import USD, facts_of
from trading.core.decision import SettlementAudit
from trading.core.parameters import SettlementWindow

RECENT = 50  # windows that the better reading is chosen on (section 1.4)
LEAST = 20  # windows without which nothing is said: of a reading, of decimals that are not there, of a venue
FAR_BP = 15.0  # a venue's mean distance from the official value: section 6 has an outlier beyond it,
FAR_ELSEWHERE_BP = 30.0  # and no basis of one that does not quote in dollars is believed beyond this
# What a basis moves from one strike to the next cannot be taken off. Section 6: 5 bp of level cost 8.5 cents at the open;
# section 12: an edge has 3. So a venue that moves by more than this takes an edge away by itself.
UNSTABLE_BP = 5.0 * 3.0 / 8.5
HALF = 0.5 + 1e-6  # a sum of sixty printed values is a sixtieth from a half, or one: floats must not lose it


class Reading(NamedTuple):
    """One reading of "the sixty seconds before the close": how often it was the settlement exactly, once rounded, and
    how far it was from it in the mean, in dollars; None without windows."""

    name: SettlementWindow
    matches: int
    error: float | None


class Readings(NamedTuple):
    """Both over the same windows. `better` has more exact matches, or as many and the smaller error; "" when neither."""

    windows: int
    open_right: Reading
    closed_right: Reading
    better: str


class Lean(NamedTuple):
    """Least squares of (settlement - open_right) on (closed_right - open_right) with a constant, which takes up what is
    always off: 0 is open_right, 1 is closed_right. `error` is one standard error."""

    windows: int
    share: float
    error: float


class Digits(NamedTuple):
    """Decimals as written in the last windows (`most`: last zeros may be cut off) against the contract's; all printed ties."""

    expected: int
    most: int
    ties: int
    lost: int  # ties that did not pay YES


class Basis(NamedTuple):
    """An average of our own less the official value, per window, in bp. `moved` is how much that changed from one
    window to the next, root mean square; `agreed` of `asked` were on the side of the strike that the result was on."""

    name: str
    windows: int
    bias: float
    rmse: float
    sd: float | None
    moved: float | None
    agreed: int
    asked: int
    advice: str = ""


class AssetTruth(NamedTuple):
    """All of one asset. `recent` and `official` are of windows that were heard whole from the exchange, `mixed` of those
    that had samples of our own too: an estimate, from which nothing follows. `alerts` are sentences."""

    asset: str
    windows: int
    configured: str
    recent: Readings
    official: Readings
    mixed: Readings
    lean: Lean | None  # of all that have both readings, official or not
    digits: Digits
    estimate: Basis | None
    methods: tuple[Basis, ...]
    venues: tuple[Basis, ...]
    window_alert: str
    digit_alerts: tuple[str, ...]

    @property
    def alerts(self) -> tuple[str, ...]:
        """Every alert that stands."""
        return (*([self.window_alert] if self.window_alert else []), *self.digit_alerts)


def truths_of(audits: Iterable[SettlementAudit], configured: str | None = None) -> list[AssetTruth]:
    """One AssetTruth for each asset, by name. `configured` is the reading in force; without it, that of the newest
    window of each asset."""
    by_asset: dict[str, list[SettlementAudit]] = {}
    for audit in audits:
        by_asset.setdefault(audit.asset, []).append(audit)
    return [_truth_of(asset, by_asset[asset], configured) for asset in sorted(by_asset)]


def half_up(value: float, decimals: int) -> int:
    """`value` rounded to nearest, halves up (section 1.1: 83817.7073 settled as 83817.71), in units of the last decimal."""
    return floor(value * 10.0**decimals + HALF)


def is_match(average: float, audit: SettlementAudit) -> bool:
    """Whether an average, rounded as the exchange rounds, is what it settled on, to the last digit."""
    digits = max(audit.decimals, audit.expected_decimals)
    return half_up(average, digits) == half_up(float(audit.settle_value), digits)


def basis_bp(average: float, audit: SettlementAudit) -> float:
    """How far an average of our own is above the official value, in bp."""
    return (average / float(audit.settle_value) - 1.0) * 1e4


def readings_of(audits: Sequence[SettlementAudit]) -> Readings:
    """Both readings over the windows that have both."""
    kept = [audit for audit in audits if audit.open_right is not None and audit.closed_right is not None]
    opens = _reading("open_right", [(audit.open_right or 0.0, audit) for audit in kept])
    closes = _reading("closed_right", [(audit.closed_right or 0.0, audit) for audit in kept])
    ranks = [(-each.matches, each.error or 0.0) for each in (opens, closes)]
    better = "" if ranks[0] == ranks[1] else opens.name if ranks[0] < ranks[1] else closes.name
    return Readings(len(kept), opens, closes, better)


def lean_of(audits: Iterable[SettlementAudit]) -> Lean | None:
    """Which reading the settlements lean to, as a number that own samples say something of, too; None where fewer than
    LEAST windows have both."""
    kept = [
        (audit.closed_right - audit.open_right, float(audit.settle_value) - audit.open_right)
        for audit in audits
        if audit.open_right is not None and audit.closed_right is not None
    ]
    count = len(kept)
    if count < LEAST:
        return None
    mean_x, mean_y = (fsum(each[column] for each in kept) / count for column in (0, 1))
    spread = fsum((x - mean_x) ** 2 for x, _ in kept)
    if not spread:
        return None
    share = fsum((x - mean_x) * (y - mean_y) for x, y in kept) / spread
    rest = fsum((y - mean_y - share * (x - mean_x)) ** 2 for x, y in kept) / (count - 2)
    return Lean(count, share, sqrt(rest / spread))


def basis_of(name: str, audits: Sequence[SettlementAudit], averages: Sequence[float | None]) -> Basis | None:
    """The basis of one average, which not every window has, over windows in order of time; None where none has it."""
    kept = [(audit, mean) for audit, mean in zip(audits, averages, strict=True) if mean is not None]
    if not kept:
        return None
    found = [basis_bp(mean, audit) for audit, mean in kept]
    count, bias = len(found), fsum(found) / len(found)
    closes = [audit.close_ns for audit, _ in kept]
    moves = [found[at] - found[at - 1] for at in range(1, count) if closes[at] - closes[at - 1] == WINDOW_NS]
    sides = [_is_same_side(mean, audit) for audit, mean in kept if audit.strike is not None]
    return Basis(
        name,
        count,
        bias,
        _root_mean_square(found),
        sqrt(fsum((each - bias) ** 2 for each in found) / (count - 1)) if count > 1 else None,
        _root_mean_square(moves) if moves else None,
        sum(sides),
        len(sides),
    )


def advice_on(basis: Basis) -> str:
    """What to do about a venue, in words; "" when nothing. Advice alone: nobody is left out because of it."""
    if basis.windows < LEAST:
        return ""
    far = FAR_BP if facts_of(basis.name).quote == USD else FAR_ELSEWHERE_BP
    words = []
    if abs(basis.bias) > far:
        words.append(f"it is {basis.bias:+.1f} bp from the index in the mean, more than {far:.0f}")
    if basis.moved is not None and basis.moved > UNSTABLE_BP:
        words.append(f"it moves by {basis.moved:.1f} bp from one window to the next, more than {UNSTABLE_BP:.1f}")
    return f"leave it out: {' and '.join(words)}" if words else ""


def _truth_of(asset: str, audits: list[SettlementAudit], configured: str | None) -> AssetTruth:
    audits.sort(key=lambda audit: (audit.close_ns, audit.ticker))
    whole = [
        audit for audit in audits if not audit.own and audit.open_right is not None and audit.closed_right is not None
    ]
    recent = readings_of(whole[-RECENT:])
    wanted = configured or audits[-1].configured
    digits = _digits(audits[-RECENT:])
    return AssetTruth(
        asset,
        len(audits),
        wanted,
        recent,
        readings_of(whole),
        readings_of([audit for audit in audits if audit.own]),
        lean_of(audits),
        digits._replace(ties=sum(audit.is_tie for audit in audits)),
        basis_of("estimate", audits, [audit.estimate for audit in audits]),
        _bases(audits, [dict(audit.methods) for audit in audits]),
        tuple(
            each._replace(advice=advice_on(each)) for each in _bases(audits, [dict(audit.venues) for audit in audits])
        ),
        _window_alert(asset, wanted, recent),
        _digit_alerts(asset, digits, min(len(audits), RECENT)),
    )


def _reading(name: SettlementWindow, kept: Sequence[tuple[float, SettlementAudit]]) -> Reading:
    errors = [abs(average - float(audit.settle_value)) for average, audit in kept]
    matches = sum(is_match(average, audit) for average, audit in kept)
    return Reading(name, matches, fsum(errors) / len(errors) if errors else None)


def _bases(audits: Sequence[SettlementAudit], named: Sequence[dict[str, float]]) -> tuple[Basis, ...]:
    names = dict.fromkeys(name for means in named for name in means)
    found = [basis_of(name, audits, [means.get(name) for means in named]) for name in names]
    return tuple(basis for basis in found if basis is not None)


def _digits(audits: Sequence[SettlementAudit]) -> Digits:
    ties = [audit for audit in audits if audit.is_tie]
    most = max(audit.decimals for audit in audits)
    return Digits(audits[-1].expected_decimals, most, len(ties), sum(audit.result != "yes" for audit in ties))


def _window_alert(asset: str, configured: str, recent: Readings) -> str:
    if recent.windows < LEAST or recent.better in {"", configured}:
        return ""
    mine, other = recent.open_right, recent.closed_right
    if configured == "closed_right":
        mine, other = other, mine
    return (
        f"{asset}: of the last {recent.windows} windows {other.name} was the settlement exactly {other.matches} times, "
        f"{mine.name}, which is configured, {mine.matches} times; mean errors {other.error:.6g} and {mine.error:.6g} dollars. "
        f"Look at the page Index, and set the settlement window of the parameters if you agree: nothing switches by itself."
    )


def _digit_alerts(asset: str, digits: Digits, windows: int) -> tuple[str, ...]:
    alerts = []
    if digits.most > digits.expected:
        words = f"settled with {digits.most} decimals in the last {windows} windows, and {digits.expected} were told"
        alerts.append(f"{asset}: {words}: its ties and roundings are others than what is priced.")
    elif digits.most < digits.expected and windows >= LEAST:
        words = f"none of the last {windows} settlements has more than {digits.most} decimals, and {digits.expected} were told"
        alerts.append(f"{asset}: {words}.")
    if digits.lost:
        alerts.append(
            f"{asset}: {digits.lost} printed ties did not pay YES: the rule that a tie pays YES must be checked."
        )
    return tuple(alerts)


def _is_same_side(average: float, audit: SettlementAudit) -> bool:
    digits = max(audit.decimals, audit.expected_decimals)
    return (half_up(average, digits) >= half_up(audit.strike or 0.0, digits)) == (audit.result == "yes")


def _root_mean_square(values: Sequence[float]) -> float:
    return sqrt(fsum(each * each for each in values) / len(values))
