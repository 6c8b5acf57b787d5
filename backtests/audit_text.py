"""What audited settlements say, as text for a terminal."""

from collections.abc import Iterable

from trading.core.decision import SettlementAudit
from trading.core.index_truth import RECENT, AssetTruth, Basis, Readings, basis_bp
from trading.core.index_truth import is_match as matches

BASIS_HEAD = f"  {'':<14} {'windows':>7} {'bias bp':>8} {'RMSE bp':>8} {'sd bp':>7} {'moves bp':>8}  right side"


def text_of(truths: Iterable[AssetTruth]) -> str:
    """Every asset, one after the other."""
    return "\n\n".join("\n".join(_asset(truth)) for truth in truths) or NOTHING


NOTHING = "No window has settled there with a value: there is nothing to audit."


def windows_of(audits: Iterable[SettlementAudit]) -> str:
    """One line a window; distances from the settlement in bp, a star where an average is it exactly."""
    lines = [f"{'window':<28} {'settled':>14} {'own':>3} {'open_right':>11} {'closed_right':>12} {'estimate':>9}"]
    for audit in audits:
        cells = [_distance(value, audit) for value in (audit.open_right, audit.closed_right, audit.estimate)]
        own = f"{audit.ticker:<28} {audit.settle_value:>14} {audit.own:>3}"
        lines.append(f"{own} {cells[0]:>11} {cells[1]:>12} {cells[2]:>9}")
    return "\n".join(lines)


def _asset(truth: AssetTruth) -> list[str]:
    digits = truth.digits
    heard = f"{truth.windows} settled windows, {truth.official.windows} of them heard whole from the index"
    lines = [
        f"{truth.asset}: {heard}; configured: {truth.configured}",
        *_readings(f"last {RECENT} heard whole", truth.recent),
        *_readings("all heard whole", truth.official),
        *_readings("with own samples, from which nothing follows", truth.mixed._replace(better="")),
    ]
    if truth.lean is not None:
        lean = truth.lean
        words = f"{lean.share:+.2f} +- {lean.error:.2f} (0 is open_right, 1 closed_right; {lean.windows} windows)"
        lines.append(f"  the settlements lean to {words}")
    lines.append(
        f"  decimals: {digits.most} written, {digits.expected} told; {digits.ties} printed ties, {digits.lost} not YES"
    )
    rows = [*([truth.estimate] if truth.estimate else []), *truth.methods, *truth.venues]
    lines += [BASIS_HEAD, *map(_basis, rows)] if rows else []
    return lines + [f"  ALERT {sentence}" for sentence in truth.alerts]


def _readings(words: str, readings: Readings) -> list[str]:
    if not readings.windows:
        return []
    lines = [f"  {words}: {readings.windows} windows"]
    for each in (readings.open_right, readings.closed_right):
        best = "  better" if readings.better == each.name else ""
        lines.append(f"    {each.name:<13} {each.matches:>5} exact, mean error {each.error or 0.0:.6g} dollars{best}")
    return lines


def _basis(each: Basis) -> str:
    sd, moved = [f"{value:.2f}" if value is not None else "" for value in (each.sd, each.moved)]
    numbers = f"{each.windows:>7} {each.bias:>+8.2f} {each.rmse:>8.2f} {sd:>7} {moved:>8}"
    return f"  {each.name:<14} {numbers}  {each.agreed} of {each.asked}  {each.advice}".rstrip()


def _distance(value: float | None, audit: SettlementAudit) -> str:
    if value is None:
        return "-"
    return f"{basis_bp(value, audit):+.3f}{'*' if matches(value, audit) else ' '}"
