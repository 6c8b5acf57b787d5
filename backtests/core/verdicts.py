"""What a comparison means in one plain sentence; an edge is never claimed from noise."""

from backtests.core.paired import LEAST_CLOSES, LEAST_FOR_INTERVAL, LEAST_WINDOWS, Versus

LABELS = {
    "market": "the market's mid",
    "coin": "a coin (0.5)",
    "digital": "naive N(d2)",
    "abm_avg": "abm_avg, normal",
    "gbm_avg": "gbm_avg, normal",
    "gbm_avg_t": "gbm_avg, Student's t",
    "gbm_avg_mix": "gbm_avg, mixture",
    "gbm_avg_emp": "gbm_avg, tails as found",
    "fair": "the configured model",
    "calibrated": "the configured model, calibrated",
    "pooled": "the pooled probability",
    "pooled, walk-forward": "the model pooled with the market, walk-forward",
    **{f"{kind}, walk-forward": f"the model after a walk-forward {kind} map" for kind in ("platt", "beta", "isotonic")},
    **{f"mid, {kind} forward": f"the mid after a walk-forward {kind} map" for kind in ("platt", "beta", "isotonic")},
}
SHORT = {"worse": "market better", "better": "model better", "leaning": "within luck", "level": "no difference seen"}
NOT_ENOUGH = "not enough data"


def label(name: str) -> str:
    """What a model is called in text."""
    return LABELS.get(name, name)


def counted(count: int, what: str) -> str:
    """ "1 window", "2,000 windows"."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def short(versus: Versus) -> str:
    """A verdict against the market in two or three words."""
    return SHORT.get(versus.verdict, NOT_ENOUGH)


def too_few(windows: int, closes: int) -> str:
    """Why there is no number, and what is the least."""
    if windows < LEAST_WINDOWS:
        return f"{NOT_ENOUGH}: {counted(windows, 'settled window')}, {LEAST_WINDOWS} are the least for a score"
    if windows < LEAST_FOR_INTERVAL:
        return (
            f"{NOT_ENOUGH}: {counted(windows, 'settled window')}, {LEAST_FOR_INTERVAL} are the least for a comparison"
        )
    return f"{NOT_ENOUGH}: {counted(closes, 'different close')}, {LEAST_CLOSES} are the least for a comparison"


def sentence(name: str, versus: Versus, compared: int) -> str:
    """The comparison in plain words."""
    ours, theirs = _upper(label(name)), label(versus.against)
    if versus.low is None or versus.difference is None:
        return f"{ours} against {theirs}: {too_few(versus.windows, versus.closes)}."
    found = _found(versus)
    if versus.verdict == "worse":
        return f"{_upper(theirs)} is better than {label(name)} ({found})."
    if versus.verdict == "better":
        held = f", and that holds when {compared} models are compared" if compared > 1 else ""
        return f"{ours} is better than {theirs} on these windows ({found}){held}. That is a score, not a profit."
    if versus.verdict == "leaning":
        return f"{ours} scored better than {theirs}, but no more than the best of {compared} can by luck ({found})."
    return f"{ours} and {theirs} cannot be told apart ({found})."


def _found(versus: Versus) -> str:
    """The better one's score first."""
    scores = sorted((versus.brier or 0.0, versus.other or 0.0))
    gap, low, high = abs(versus.difference or 0.0), versus.low or 0.0, versus.high or 0.0
    if (versus.difference or 0.0) < 0:
        low, high = -high, -low
    counted = f"{versus.windows:,} windows"
    return (
        f"Brier {scores[0]:.4f} against {scores[1]:.4f}; difference {gap:.4f}, 95 % {low:.4f} to {high:.4f}, {counted}"
    )


def _upper(words: str) -> str:
    return words[0].upper() + words[1:] if not words.startswith(("abm", "gbm")) else words
