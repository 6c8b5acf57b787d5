"""Known probabilities: those that the pricing notes print, and the table beside them."""

import csv
import os
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import NamedTuple

from trading.core.model import Score, Seen, Terms, effective_strike, half_unit
from trading.core.tails import MIXTURE, NORMAL, STUDENT, Tails, tail_cdf
from trading.core.variants import SCORES

SECOND_NS = 1_000_000_000


def reference_table() -> Path:
    """Beside the recorded data."""
    return Path(os.environ.get("RECORDED_DATA", "../shared/data")).parent / "reference" / "pricing-reference-values.csv"


class Case(NamedTuple):
    """One line of the table; everything it leaves empty has the value of a plain market. sigma, drift and noise are
    absolute for `abm_avg`, relative for the others."""

    name: str
    model: str
    spot: float
    strike: float
    sigma: float
    tau: float
    expected: float
    known: int = 0
    known_sum: float = 0.0
    window: str = "open_right"
    drift: float = 0.0
    decimals: int | None = None
    noise: float = 0.0
    freedom: float = inf
    mixture: tuple[float, float, float] | None = None
    profile: tuple[tuple[float, float, float], ...] = ()
    tolerance: float = 1e-6

    @property
    def scale(self) -> float:
        return self.spot if self.model == "abm_avg" else 1.0

    @property
    def terms(self) -> Terms:
        last_ns = SECOND_NS if self.window == "open_right" else 0
        return Terms(effective_strike(self.strike, half_unit(self.decimals)), 60, SECOND_NS, last_ns)

    @property
    def seen(self) -> Seen:
        return Seen(self.spot, round(self.tau * SECOND_NS), self.known_sum, 0.0, self.noise / self.scale, 0)

    @property
    def tails(self) -> Tails:
        if self.mixture:
            return Tails(MIXTURE, 4.0, *self.mixture)
        return Tails(STUDENT, self.freedom) if self.freedom < inf else Tails(NORMAL)

    @property
    def score(self) -> Score:
        name = "gbm_avg" if self.model.startswith("gbm") else self.model
        return SCORES[name](self.terms, self.seen, self.sigma / self.scale, self.drift / self.scale, self.profile)  # type: ignore[index]

    @property
    def probability(self) -> float:
        return tail_cdf(self.score[0], self.tails, ())


def recorded_cases() -> Iterator[Case]:
    """All rows of the table."""
    with reference_table().open() as lines:
        for row in csv.DictReader(lines):
            number = {name: float(value) for name, value in row.items() if value and _is_number(value)}
            spans = (part.split(":") for part in row["var_profile"].split(";") if part)
            mixture = tuple(number[name] for name in ("mix_w", "mix_a", "mix_b") if name in number)
            yield Case(
                row["case_id"], row["model"], number["spot"], number["strike"], number["sigma"], number["tau_s"],
                number["expected_p_yes"], int(number.get("n_known", 0)), number.get("known_sum", 0.0),
                row["window"] or "open_right", number["drift"], int(row["round_decimals"]) if row["round_decimals"] else None,
                number["level_noise_sd"], number.get("dof", inf), mixture if len(mixture) == 3 else None,
                tuple((float(start), float(end), float(times)) for start, end, times in spans), number["tol"],
            )  # fmt: skip


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


TABLE = [
    Case("D02", "digital", 85_100, 85_000, 8e-5, 900, 0.687475764026),
    Case("D05", "digital", 85_000, 85_000, 8e-5, 0, 1.0),
    Case("D06", "digital", 84_999.99, 85_000, 8e-5, 0, 0.0),
    Case("D07", "digital", 85_000.01, 85_000, 0, 300, 1.0),
    Case("D08", "digital", 1850, 1852, 1e-4, 420, 0.305811039543, drift=1e-7),
    Case("A01", "abm_avg", 85_000, 85_000, 6.8, 900, 0.5),
    Case("A05", "abm_avg", 85_050, 85_000, 6.8, 120, 0.795214986293),
    Case("A07", "abm_avg", 85_050, 85_000, 6.8, 61, 0.943593319807, window="closed_right"),
    Case("A08", "abm_avg", 85_050, 85_000, 6.8, 90.25, 0.851396890250),
    Case("A10", "abm_avg", 85_000, 85_000, 6.8, 900, 0.586314887968, drift=0.05),
    Case("I01", "abm_avg", 85_010, 85_000, 6.8, 60, 0.629174941451, 1, 85_004),
    Case("I02", "abm_avg", 85_010, 85_000, 6.8, 60, 0.627324923235, window="closed_right"),
    Case("I04", "abm_avg", 85_010, 85_000, 6.8, 30, 0.526620595234, 31, 2_634_752),
    Case("I05", "abm_avg", 85_010, 85_000, 6.8, 30, 0.536151469083, 30, 2_549_760, "closed_right"),
    Case("I06", "abm_avg", 85_012.5, 85_000, 6.8, 10.4, 0.580797421634, 50, 4_249_900),
    Case("I09", "abm_avg", 85_100, 85_000, 6.8, 1, 0.0, 60, 5_099_999.940),
    Case("I10", "abm_avg", 84_000, 85_000, 6.8, 0, 1.0, 60, 5_100_000),
    Case("I11", "abm_avg", 85_100, 85_000, 6.8, 1, 0.954598448258, 59, 5_014_911.5, "closed_right"),
    Case("L02", "gbm_avg", 85_100, 85_000, 8e-5, 900, 0.691513131718),
    Case("L05", "gbm_avg", 0.21345, 0.21360, 1.3e-4, 240, 0.355411184008, decimals=5),
    Case("L06", "gbm_avg", 0.21345, 0.21360, 1.3e-4, 240, 0.350674439151),
    Case("L08", "gbm_avg", 85_010, 85_000, 8e-5, 900, 0.519492871184, noise=1.5e-4),
    Case("L09", "gbm_avg", 85_010, 85_000, 8e-5, 30, 0.522891691520, 31, 2_634_752, noise=1.5e-4),
    Case("L10", "gbm_avg", 85_010, 85_000, 0, 30, 1.0, 31, 2_634_752),
    Case("L11", "gbm_avg", 10, 85_000, 8e-5, 20, 1.0, 41, 5_330_000),
    Case("L12", "gbm_avg", 85_120, 85_000, 8e-5, 900, 0.671862729749, profile=((0, 300, 1), (300, 900, 2.25))),
    Case("L13", "gbm_avg", 182.42, 182.31, 1.2e-4, 600, 0.585154683265, drift=2e-8),
    Case("X03", "gbm_exact", 85_000, 85_005, 8e-5, 60, 0.4335818362, 1, 84_999, tolerance=3e-5),
    Case("X05", "gbm_exact", 2.304, 2.306, 3e-4, 90, 0.3401107459, tolerance=3e-5),
    Case("T01", "gbm_avg_t", 85_100, 85_000, 8e-5, 900, 0.726528310162, freedom=5),
    Case("T03", "gbm_avg_t", 85_050, 85_000, 8e-5, 120, 0.845690490280, freedom=4),
    Case("T04", "gbm_avg_t", 85_012.5, 85_000, 8e-5, 10.4, 0.613414497015, 50, 4_249_900, freedom=3.5),
    Case(
        "M01", "gbm_avg_mix", 85_100, 85_000, 8e-5, 900, 0.710256394422,
        mixture=(0.9, 0.8498365855987975, 1.8708286933869707),
    ),
]  # fmt: skip
