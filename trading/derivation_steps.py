"""A derivation told in order: each step with its formula, the numbers in it, and what it is for in plain words."""

from collections.abc import Iterator
from math import sqrt
from typing import NamedTuple

from trading.core.model import half_unit
from trading.core.tails import MIXTURE, NORMAL, STUDENT
from trading.core.volatility import ROOT_YEAR
from trading.derivation import Derivation, Inputs


class Step(NamedTuple):
    """`section` is that of the pricing notes."""

    name: str
    section: str
    value: str
    formula: str
    working: str
    words: str


def steps_of(inputs: Inputs, found: Derivation) -> tuple[Step, ...]:
    """All steps from the strike to the probability."""
    return tuple(_steps(inputs, found))


def _steps(inputs: Inputs, found: Derivation) -> Iterator[Step]:
    yield _strike(inputs, found)
    if inputs.model != "digital":
        yield _samples(inputs, found)
        if found.required is not None:
            yield _required(inputs, found)
    if found.certain:
        yield Step(
            "probability of YES", "3.9", f"{found.p_yes:.0f}", "a certain outcome", found.certain, _CERTAIN_WORDS
        )
        return
    yield _seconds(inputs, found)
    yield _deviation(inputs, found)
    yield _distance(inputs, found)
    yield _tail(inputs, found)
    if found.tie is not None:
        yield _tie(inputs, found)
    yield from _slopes(found)


_CERTAIN_WORDS = "Pricing gives exactly 0 or 1 here; keeping off the ends is the sizing's affair."


def _strike(inputs: Inputs, found: Derivation) -> Step:
    if inputs.decimals is None:
        words = "No rounding is known, so the strike is compared as it is. A tie pays YES."
        return Step("effective strike", "3.8", number(found.strike), "K_eff = K", number(inputs.strike), words)
    half = number(half_unit(inputs.decimals))
    return Step(
        "effective strike", "3.8", number(found.strike), "K_eff = K - 0.5 x 10^-d", f"{number(inputs.strike)} - {half}",
        f"What is paid on is rounded to {inputs.decimals} decimals, half up, and a tie pays YES: half a unit less is enough.",
    )  # fmt: skip


def _samples(inputs: Inputs, found: Derivation) -> Step:
    averaging = inputs.averaging
    step_s = averaging.step_ns * 1e-9
    last_s = step_s if averaging.window == "open_right" else 0.0
    span = f"{averaging.window}: {number(last_s + (averaging.samples - 1) * step_s)} to {number(last_s)} s before the close"
    next_one = f"; the next one comes in {number(found.until_s)} s" if found.remaining else ""
    return Step(
        "samples", "3.1", f"{found.remaining} to come, {found.known} known", "r + k = n", f"{span}{next_one}",
        f"The contract pays on the mean of {averaging.samples} values of the index; one that falls exactly now is known.",
    )  # fmt: skip


def _required(inputs: Inputs, found: Derivation) -> Step:
    count = inputs.averaging.samples
    known = f" The {found.known} known ones average {number(inputs.known_sum / found.known)}." if found.known else ""
    return Step(
        "required mean", "3.4", number(found.required or 0.0), "K_r = (n K_eff - sum of the known) / r",
        f"({count} x {number(found.strike)} - {number(inputs.known_sum)}) / {found.remaining}",
        f"What the samples to come must average.{known}",
    )  # fmt: skip


def _seconds(inputs: Inputs, found: Derivation) -> Step:
    clock = " Seconds count by the multipliers of the variance clock (3.7)." if inputs.pieces else ""
    if found.mean_seconds is None:
        formula, working = "tau", f"sqrt = {sqrt(found.seconds):.4f}"
        words = f"The spot at the close, not the average that is paid on: an approximation to compare with.{clock}"
        return Step("seconds of variance", "3.2", f"{found.seconds:.4f} s", formula, working, words)
    wider = sqrt(found.naive_seconds / found.seconds)
    share = f"({found.remaining}/{inputs.averaging.samples})^2 x {found.mean_seconds:.4f}"
    naive = f"sqrt = {sqrt(found.seconds):.4f}; naive sqrt(tau) = sqrt({number(found.naive_seconds)}) = {sqrt(found.naive_seconds):.4f}"
    return Step(
        "effective seconds", "3.3", f"{found.seconds:.4f} s", "(r/n)^2 q,  q = delta + dt (r-1)(2r-1) / (6 r)",
        f"{share}; {naive}",
        f"An average moves less than its last value: naive sqrt(tau) is {wider:.4g} times as wide.{clock}",
    )  # fmt: skip


def _deviation(inputs: Inputs, found: Derivation) -> Step:
    sigma = f"sigma {inputs.sigma:.5g} per root second, {inputs.sigma * ROOT_YEAR:.1%} a year"
    is_average = inputs.model != "digital"
    noise = f"; level error {inputs.level_error * 1e4:g} bp" if inputs.level_error and is_average else ""
    return Step(
        "standard deviation", "3.4" if is_average else "3.2", f"{found.s:.6g}",
        "s^2 = sigma^2 q + level error^2" if is_average else "s^2 = sigma^2 tau",
        f"{sigma}{noise}", f"Of what is still to come, relative to the spot; {found.deviation:.6g} in what is paid on.",
    )  # fmt: skip


def _distance(inputs: Inputs, found: Derivation) -> Step:
    formula = {
        "digital": "d2 = [ln(S/K_eff) + (mu - sigma^2/2) tau] / (sigma sqrt(tau))",
        "abm_avg": "z = (m_A - K_eff) / s_A",
        "gbm_avg": "z = [ln(M1/K_r) - s^2/2] / s",
    }[inputs.model]
    target = found.strike if found.required is None else found.required
    drift = f", drift {inputs.drift:.4g} a second" if inputs.drift else ""
    section = {"digital": "3.2", "abm_avg": "3.5", "gbm_avg": "3.4"}[inputs.model]
    words = f"So many standard deviations is the strike {'below' if found.z >= 0 else 'above'} what is expected."
    return Step(
        "distance",
        section,
        f"{found.z:+.6f}",
        formula,
        f"S {number(inputs.spot)} against {number(target)}{drift}",
        words,
    )


def _tail(inputs: Inputs, found: Derivation) -> Step:
    tails = inputs.tails
    if tails.kind == NORMAL:
        formula, words = "P = Phi(z)", "Prices have fatter tails than this; it is the plain measure to compare with."
    elif tails.kind == STUDENT:
        formula = f"P = T_nu(z sqrt(nu/(nu-2))), nu = {tails.freedom:g}"
        words = "Fat tails of the same variance: more for the near favourite, less for the far one."
    elif tails.kind == MIXTURE:
        formula = f"P = w Phi(z/a) + (1-w) Phi(z/b), w {tails.weight:g}, a {tails.narrow:.5g}, b {tails.wide:.5g}"
        words = "Mostly calm, now and then wild: two normals of one variance."
    else:
        formula, words = "P = F(z), as found", "The distribution of past residuals, with Student's tails outside."
    return Step("probability of YES", "5.1", f"{found.p_yes:.6f}", formula, f"P(NO) {1.0 - found.p_yes:.6f}", words)


def _tie(inputs: Inputs, found: Derivation) -> Step:
    return Step(
        "exact tie", "3.8", f"{100.0 * (found.tie or 0.0):.4f} c", "F at K - h less F at K + h",
        f"h = {number(half_unit(inputs.decimals))}", "The probability that the rounded value is the strike; it is part of P(YES).",
    )  # fmt: skip


def _slopes(found: Derivation) -> Iterator[Step]:
    yield Step(
        "one second", "3.10", f"{found.second_cents:.3f} c", "dP/dS sigma S",
        f"under the normal {found.normal_second_cents:.3f} c",
        "What one standard deviation of one second moves the fair value: the scale of quotes and of late prices.",
    )  # fmt: skip
    yield Step(
        "one percent of volatility", "3.10", f"{found.volatility_cents:+.4f} c", "dP/d ln(sigma) / 100",
        f"under the normal {found.normal_volatility_cents:+.4f} c",
        "What one percent more of the volatility itself changes: a volatility is rarely known better than to 12 %.",
    )  # fmt: skip


def number(value: float) -> str:
    """Up to twelve digits, no more than it has."""
    return f"{value:.12g}"
