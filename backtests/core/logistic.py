"""Weighted logistic regression, with errors that know which cases are not independent of each other."""

from typing import NamedTuple

import numpy as np

from backtests.core.cases import Floats, Whole

MOST_STEPS = 100
ENOUGH = 1e-8
ROUNDING = 1e-11  # of a loss: a step that costs less costs nothing
RIDGE = 0.05
"""A weak wish to stay at what was believed before: it keeps separable cases finite, and at 300 windows weighs nothing."""


class Regression(NamedTuple):
    """Coefficients (k) and their covariance (k x k), clustered."""

    coefficients: Floats
    covariance: Floats


class Question(NamedTuple):
    """P(outcome = 1) = 1 / (1 + exp(-(offset + design @ coefficients))) of n cases.

    `design` is n x k; `offset` n log-odds that are taken as they are; `prior` the k coefficients from which little is
    departed without evidence.
    """

    design: Floats
    outcome: Floats
    weights: Floats
    offset: Floats
    prior: Floats

    def loss(self, coefficients: Floats) -> float:
        """Minus the weighted log-likelihood."""
        eta, far = self.offset + self.design @ coefficients, coefficients - self.prior
        told = np.sum(self.weights * (np.logaddexp(0.0, eta) - self.outcome * eta))
        return float(told + 0.5 * RIDGE * np.sum(far * far))

    def surprises(self, coefficients: Floats) -> tuple[Floats, Floats]:
        """(probability, weighted probability less outcome) of every case."""
        p = chance(self.offset + self.design @ coefficients)
        return p, self.weights * (p - self.outcome)

    def slope(self, coefficients: Floats) -> tuple[Floats, Floats]:
        """Gradient (k) and curvature (k x k) of the loss."""
        p, surprise = self.surprises(coefficients)
        gradient = np.einsum("nk,n->k", self.design, surprise) + RIDGE * (coefficients - self.prior)
        # Not @, whose many threads cost more than such a narrow product
        bent = np.einsum("nk,n,nl->kl", self.design, self.weights * p * (1.0 - p), self.design)
        return gradient, bent + RIDGE * np.eye(len(coefficients))


def logistic(question: Question, cluster: Whole) -> Regression:
    """The likeliest coefficients, by Newton's method. `cluster` (n) numbers what happened together: the sums of scores
    of each cluster make the covariance (the sandwich)."""
    found = question.prior.astype(np.float64)
    loss = question.loss(found)
    for _ in range(MOST_STEPS):
        gradient, curvature = question.slope(found)
        step = np.linalg.solve(curvature, gradient)
        while question.loss(found - step) > loss * (1.0 + ROUNDING) and float(np.max(np.abs(step))) > ENOUGH:
            step = 0.5 * step
        if float(np.max(np.abs(step))) <= ENOUGH:
            break
        found = found - step
        loss = question.loss(found)
    return Regression(found, _sandwich(question, found, cluster))


def mean_loss(log_odds: Floats, outcome: Floats, weights: Floats) -> float:
    """The weighted mean of -ln(probability of what happened)."""
    return float(np.sum(weights * (np.logaddexp(0.0, log_odds) - outcome * log_odds)) / np.sum(weights))


def chance(log_odds: Floats) -> Floats:
    """The probabilities with these log-odds."""
    probability: Floats = np.exp(-np.logaddexp(0.0, -log_odds))
    return probability


def _sandwich(question: Question, found: Floats, cluster: Whole) -> Floats:
    _, place = np.unique(cluster, return_inverse=True)
    count = int(place.max()) + 1
    sums = np.zeros((count, len(found)))
    np.add.at(sums, place, question.design * question.surprises(found)[1][:, None])
    bread = np.linalg.inv(question.slope(found)[1])
    small = count / (count - 1.0) if count > 1 else np.inf  # one cluster alone says nothing of the error
    covariance: Floats = small * (bread @ (sums.T @ sums) @ bread)
    return covariance
