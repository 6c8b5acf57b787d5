"""A price as text for a terminal and as a document for programs."""

from collections.abc import Iterator
from math import isfinite
from typing import Any

from markets.core.units import CONTRACT, SECOND_NS
from trading.core.tails import STUDENT
from trading.core.variants import SideBySide
from trading.core.volatility import ROOT_YEAR
from trading.derivation import Derivation
from trading.derivation_steps import Step, number
from trading.price_offer import Offer, SideOffer
from trading.price_options import Asked

MODEL_WORDS = {
    "digital": "the spot at the close, N(d2)",
    "abm_avg": "arithmetic average, normal",
    "gbm_avg": "lognormal average, normal",
    "gbm_avg_t": "lognormal average, Student-t",
    "gbm_avg_mix": "lognormal average, two normals",
    "gbm_avg_emp": "lognormal average, tails as found: none were fitted here",
}


def text_of(asked: Asked, found: Derivation, steps: tuple[Step, ...], models: SideBySide, offer: Offer | None) -> str:
    """All of it, for a person."""
    lines = [*_head(asked, found), ""]
    for place, step in enumerate(steps, 1):
        lines += [f"{place:>2}  {step.name:<26} {step.value:<24} section {step.section}"]
        lines += [f"    {step.formula}", f"    {step.working}", f"    {step.words}", ""]
    lines += ["Models side by side: P(YES)", *_models(models)]
    if offer is not None:
        lines += ["", *_offer(asked, offer)]
    return "\n".join([*lines, *(line for note in asked.notes for line in ("", note))])


def document_of(
    asked: Asked, found: Derivation, steps: tuple[Step, ...], models: SideBySide, offer: Offer | None
) -> dict[str, Any]:
    """All of it, for a program. Sizes are contracts, prices dollars; what is infinite or unknown is null."""
    inputs = asked.inputs
    told = {
        "ticker": asked.ticker or None,
        "asset": asked.asset,
        "spot": inputs.spot,
        "strike": inputs.strike,
        "sigma": inputs.sigma,
        "volatility": inputs.sigma * ROOT_YEAR,
        "seconds": inputs.tau_ns / SECOND_NS,
        "decimals": inputs.decimals,
        "window": inputs.averaging.window,
        "samples": inputs.averaging.samples,
        "known_sum": inputs.known_sum,
        "model": inputs.model,
        "tails": tails_of(asked),
        "freedom": inputs.tails.freedom if inputs.tails.kind == STUDENT else None,
        "drift": inputs.drift,
        "level_error": inputs.level_error,
        "profile": [list(piece) for piece in inputs.pieces],
        "size": asked.size // CONTRACT,
    }
    return {
        "inputs": told,
        "derivation": {name: _plain(value) for name, value in found._asdict().items()},
        "steps": [step._asdict() for step in steps],
        "models": models._asdict(),
        "market": None if offer is None else _offer_document(offer),
        "notes": list(asked.notes),
    }


def tails_of(asked: Asked) -> str:
    """The name of the tails in force: N(d2) has none but the normal's."""
    return "normal" if asked.inputs.model == "digital" else asked.parameters.tails


def _head(asked: Asked, found: Derivation) -> Iterator[str]:
    inputs = asked.inputs
    yield f"P(YES) {found.p_yes:.4f}    P(NO) {1.0 - found.p_yes:.4f}"
    tails = tails_of(asked) + (
        f" of {inputs.tails.freedom:g} degrees of freedom" if inputs.tails.kind == STUDENT else ""
    )
    yield f"{asked.ticker or asked.asset}, {inputs.tau_ns / SECOND_NS:g} s to the close; {inputs.model}, tails {tails}"
    yield (
        f"spot {number(inputs.spot)}, strike {number(inputs.strike)}, volatility {inputs.sigma * ROOT_YEAR:.2%} a year"
        f" = {inputs.sigma:.5g} per root second = {inputs.sigma * inputs.spot:.5g} in currency"
    )


def _models(models: SideBySide) -> Iterator[str]:
    for name, value in models._asdict().items():
        yield f"    {name:<12} {'-' if value is None else f'{value:.6f}':<10} {MODEL_WORDS[name]}"


def _offer(asked: Asked, offer: Offer) -> Iterator[str]:
    size = asked.size // CONTRACT
    yield f"At the market, for {size} contract{'' if size == 1 else 's'} (sections 7.1 to 7.4), in cents a contract"
    for name, side in (("YES", offer.yes), ("NO", offer.no)):
        if side is None:
            continue
        yield (
            f"    buy {name:<4} {100 * side.price:6.2f} + fee {100 * side.fee:.4f} = {100 * side.cost:8.4f}   edge"
            f" {100 * side.edge:+8.4f} by p, {100 * side.pooled_edge:+8.4f} by p*   confidence {side.confidence:.0f}"
        )
    if offer.mid is None:
        yield "    p* = p: the market has no opinion while one side is missing"
    else:
        yield f"    logit p* = logit m + w (logit p - logit m):  p {offer.own:.4f}, m {offer.mid:.4f}, w {offer.weight:g}, p* {offer.pooled:.4f}"
    yield f"    standard error of p {100 * offer.error:.2f} c (volatility {asked.parameters.volatility_error:.0%}, level, calibration)"
    yield "    Confidence is that of fresh venues, the index itself and the whole size on display."


def _offer_document(offer: Offer) -> dict[str, Any]:
    sides = {name: _side_document(side) for name, side in (("yes", offer.yes), ("no", offer.no))}
    return offer._asdict() | sides


def _side_document(side: SideOffer | None) -> dict[str, float] | None:
    return None if side is None else side._asdict()


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not isfinite(value) else value
