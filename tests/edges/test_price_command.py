"""`kalshi-bot price`: the derivation a person gets, every refusal, and tables of known prices."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from backtests.compiled_rows import compiled_prices
from markets.core.units import SECOND_NS
from markets.services import market_upsert
from tests.builders import CLOSE_NS, TICKER, contract
from trading.core.fair_value import Pricer
from trading.core.model import PricingError, Seen
from trading.core.parameters import Parameters
from trading.derivation import derive, side_by_side
from trading.derivation_steps import steps_of
from trading.price_numbers import OptionProblem
from trading.price_offer import offer_of
from trading.price_options import asked
from trading.price_text import document_of, text_of
from trading.reference import COLUMNS, UnreadableTable, read_table, rows_of
from trading.reference_check import Verdict, report, verdicts, verdicts_by

REFERENCE = settings.RECORDED_DATA.parent / "reference" / "pricing-reference-values.csv"
BTC = ("--asset", "BTC", "--spot", "85100", "--strike", "85000", "--volatility", "8e-5/s")
OPEN = (*BTC, "--seconds", "300")
LATE = (*BTC, "--seconds", "30", "--known-sum", "2634752")


def said(*words: str) -> str:
    out = StringIO()
    call_command("price", *words, stdout=out)
    return out.getvalue()


def told(*words: str) -> Any:
    return json.loads(said(*words, "--json"))


def refusal(*words: str) -> tuple[int, str]:
    with pytest.raises(CommandError) as refused:
        said(*words)
    return refused.value.returncode, str(refused.value)


# One contract ----------------------------------------------------------------------------------------------


def test_the_printed_steps_carry_the_known_price() -> None:
    text = said(*BTC, "--seconds", "900", "--tails", "normal", "--decimals", "none")
    assert text.startswith("P(YES) 0.6915    P(NO) 0.3085\n")
    assert "    gbm_avg      0.691513 " in text
    assert "    digital      0.687476 " in text
    assert "(60/60)^2 x 859.5028; sqrt = 29.3173; naive sqrt(tau) = sqrt(900) = 30.0000" in text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((*BTC, "--seconds", "900", "--freedom", "5"), 0.726528310162),
        ((*BTC, "--seconds", "900", "--model", "digital"), 0.687475764026),
        (("--asset", "BTC", "--spot", "85010", "--strike", "85000", "--volatility", "8e-5/s", "--seconds", "30",
          "--known", "31", "--known-sum", "2634752", "--level-noise", "1.5", "--tails", "normal"), 0.522891691520),
        (("--asset", "BTC", "--spot", "85120", "--strike", "85000", "--volatility", "8e-5/s", "--seconds", "900",
          "--profile", "0:300:1;300:900:2.25", "--tails", "normal"), 0.671862729749),
        (("--asset", "SOL", "--spot", "182.42", "--strike", "182.31", "--volatility", "1.2e-4/s", "--seconds", "600",
          "--drift", "2e-8/s", "--tails", "normal"), 0.585154683265),
    ],
)  # fmt: skip
def test_it_prices_the_rows_of_the_reference(words: tuple[str, ...], expected: float) -> None:
    assert told(*words, "--decimals", "none")["derivation"]["p_yes"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("words", [OPEN, LATE, (*LATE, "--model", "abm_avg", "--drift", "-50%"), (*OPEN, "--level-noise", "0.8"),
                                   (*OPEN, "--tails", "mixture"), (*OPEN, "--window", "closed_right", "--freedom", "6")])  # fmt: skip
def test_its_numbers_are_those_of_the_engine(words: tuple[str, ...]) -> None:
    named = dict(zip(words[::2], words[1::2], strict=True))
    question = asked({name.removeprefix("--").replace("-", "_"): value for name, value in named.items()})
    seen = Seen(85_100.0, question.inputs.tau_ns, float(named.get("--known-sum", 0)), 0.0, question.inputs.level_error)
    pricer = Pricer(contract(strike=85_000.0), question.parameters)
    p, z, s = pricer.price(seen, 8e-5)
    found = told(*words)
    assert [found["derivation"][name] for name in ("p_yes", "z", "s")] == [p, z, s]
    assert found["models"] == pricer.side_by_side(seen, 8e-5)._asdict()


def test_the_document_has_every_part() -> None:
    found = told(*OPEN, "--bid", "0.70", "--ask", "0.71", "--count", "100")
    assert set(found) == {"inputs", "derivation", "steps", "models", "market", "notes"}
    assert set(found["inputs"]) == {
        "ticker", "asset", "spot", "strike", "sigma", "volatility", "seconds", "decimals", "window", "samples",
        "known_sum", "model", "tails", "freedom", "drift", "level_error", "profile", "size",
    }  # fmt: skip
    assert set(found["derivation"]) == {
        "strike", "remaining", "known", "until_s", "required", "mean_seconds", "seconds", "naive_seconds", "s",
        "deviation", "z", "p_yes", "tie", "second_cents", "volatility_cents", "normal_second_cents",
        "normal_volatility_cents", "certain",
    }  # fmt: skip
    assert [set(step) for step in found["steps"]] == [{"name", "section", "value", "formula", "working", "words"}] * 10
    assert set(found["models"]) == {"digital", "abm_avg", "gbm_avg", "gbm_avg_t", "gbm_avg_mix", "gbm_avg_emp"}
    assert set(found["market"]) == {"own", "mid", "weight", "pooled", "error", "yes", "no"}
    assert set(found["market"]["yes"]) == {"price", "fee", "cost", "edge", "pooled_edge", "confidence"}
    assert found["inputs"]["size"] == 100
    assert found["notes"] == []


def test_what_is_infinite_is_null_in_the_document() -> None:
    found = told("--asset", "BTC", "--spot", "85100", "--strike", "85000", "--seconds", "1", "--known-mean", "84999.9")
    assert found["derivation"]["z"] is None
    assert (found["derivation"]["p_yes"], found["steps"][-1]["section"]) == (0.0, "3.9")
    assert "all 60 samples are known" in found["derivation"]["certain"]


def test_the_market_is_heard_by_its_weight() -> None:
    market = told(*OPEN, "--bid", "0.70", "--ask", "0.71", "--weight", "0")["market"]
    assert (market["mid"], market["pooled"]) == pytest.approx((0.705, 0.705))
    assert told(*OPEN, "--bid", "0.70", "--ask", "0.71", "--weight", "1")["market"]["pooled"] == pytest.approx(
        market["own"]
    )


def test_section_7_the_worked_edge_and_confidence() -> None:
    """p 0.84 at one deviation has an error of 3.3 c; an edge of 3 c is then worth 82."""
    ahead = 85_000 * (1 + 8e-5 * 859.5028**0.5)
    words = ("--asset", "BTC", "--spot", str(ahead), "--strike", "85000", "--volatility", "8e-5/s", "--seconds", "900")
    market = told(*words, "--tails", "normal", "--decimals", "none", "--ask", "0.80")["market"]
    assert market["own"] == pytest.approx(0.841, abs=0.001)
    assert 100 * market["error"] == pytest.approx(3.3, abs=0.05)
    assert market["yes"]["cost"] == pytest.approx(0.80 + 0.0112)
    assert market["yes"]["edge"] == pytest.approx(0.030, abs=0.001)
    assert market["yes"]["confidence"] == pytest.approx(82, abs=1)
    assert (market["no"], market["mid"], market["pooled"]) == (None, None, market["own"])


def test_without_a_volatility_that_of_the_asset_is_supposed_and_said() -> None:
    found = told("--asset", "eth", "--spot", "3120.55", "--strike", "3118.20", "--seconds", "180")
    assert found["inputs"]["volatility"] == pytest.approx(0.60)
    assert "60% a year is what ETH starts from" in found["notes"][0]


def test_a_strike_of_dogecoin_that_was_cut_is_told() -> None:
    assert (
        "cut to 6 decimals"
        in told("--asset", "DOGE", "--spot", "0.21", "--strike", "0.21", "--seconds", "90")["notes"][-1]
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "--asset says which coin"),
        (("--asset", "B T C"), "write the coin alone"),
        (("--asset", "BTC"), "--seconds says how long it is to the close"),
        ((*BTC, "--seconds", "-1"), "what has closed is settled and not priced"),
        ((*BTC, "--seconds", "soon"), "'soon' is not a number of seconds"),
        ((*BTC, "--seconds", "nan"), "'nan' is not a number of seconds"),
        ((*OPEN, "--spot", "0"), "--spot 0: it is above 0"),
        ((*OPEN, "--spot", "-5"), "--spot -5: it is above 0"),
        ((*OPEN, "--spot", "inf"), "--spot inf: it is above 0"),
        ((*OPEN, "--spot", "much"), "--spot much: the index now, like 85100"),
        ((*OPEN, "--strike", "0"), "--strike 0: it is above 0"),
        (("--asset", "BTC", "--spot", "1", "--seconds", "1"), "--strike is missing: what the average must reach"),
        (("--asset", "BTC", "--strike", "1", "--seconds", "100"), "--spot is missing"),
        ((*OPEN, "--volatility", "-45%"), "--volatility -45%: it is 0 to 10000% a year"),
        ((*OPEN, "--volatility", "-8e-5/s"), "45% a year is 8e-5/s"),
        ((*OPEN, "--volatility", "45/s"), "45% a year is 8e-5/s"),
        ((*OPEN, "--volatility", "45"), "write 45% for a year of 365 days, or 8e-5/s"),
        ((*OPEN, "--volatility", "x%"), "write 45% for a year"),
        ((*OPEN, "--volatility", "nan%"), "write 45% for a year"),
        ((*OPEN, "--drift", "fast"), "--drift fast: write 100% for a year"),
        ((*OPEN, "--drift", "1e15%"), "the drift is more than can be meant"),
        ((*BTC, "--seconds", "30"), "31 samples are known; say what they add up to"),
        ((*LATE, "--known", "30"), "31 of the 60 samples are known; leave it out or say 31"),
        ((*LATE, "--window", "closed_right", "--known", "31"), "30 of the 60 samples are known"),
        ((*LATE, "--known-mean", "85000"), "give one of them"),
        ((*BTC, "--seconds", "30", "--known-sum", "85000"), "2741.94 each, and the strike is 85000"),
        ((*BTC, "--seconds", "30", "--known-sum", "-1"), "--known-sum -1: it is above 0"),
        ((*BTC, "--seconds", "30", "--known-mean", "nan"), "--known-mean nan: it is above 0"),
        ((*OPEN, "--known-sum", "85000"), "no sample is known, so there is no sum"),
        ((*OPEN, "--known-mean", "nan"), "no sample is known, so there is no sum"),
        ((*OPEN, "--known", "5"), "0 of the 60 samples are known"),
        ((*OPEN, "--decimals", "two"), "a whole number from 0 to 12, or none"),
        ((*OPEN, "--decimals", "13"), "a whole number from 0 to 12, or none"),
        (("--asset", "ADA", "--spot", "1", "--strike", "1", "--seconds", "90"), "decimals ADA is rounded is not known"),
        ((*OPEN, "--window", "both"), "it is open_right (samples 60 to 1 s before the close) or closed_right"),
        ((*OPEN, "--model", "heston"), "there are gbm_avg, abm_avg, digital"),
        ((*OPEN, "--tails", "cauchy"), "there are student_t, normal, mixture"),
        ((*OPEN, "--tails", "empirical"), "fitted on past windows"),
        ((*OPEN, "--freedom", "2"), "--freedom 2: it is above 2"),
        ((*OPEN, "--freedom", "5", "--tails", "normal"), "--freedom is for --tails student_t"),
        ((*OPEN, "--level-noise", "-1"), "--level-noise -1: it is 0 to 1000"),
        ((*OPEN, "--profile", "0:300"), "'0:300' is not FROM:TO:MULTIPLIER"),
        ((*OPEN, "--profile", "0:300:1;200:900:2"), "spans rise without overlap"),
        ((*OPEN, "--profile", "0:300:-1"), "a multiplier is 0 or more"),
        ((*OPEN, "--bid", "0.7", "--ask", "0.6"), "the bid for YES is below what is asked for it"),
        ((*OPEN, "--bid", "70c"), "a price of YES in dollars, like 0.55"),
        ((*OPEN, "--ask", "1"), "leave out a side that nobody offers"),
        ((*OPEN, "--ask", "0.555"), "prices move by a cent from 0.10 to 0.90"),
        ((*OPEN, "--weight", "1.5"), "--weight 1.5: it is 0 to 1"),
        ((*OPEN, "--ask", "0.5", "--count", "0"), "--count 0: whole contracts"),
        ((*OPEN, "--compiled"), "--compiled goes with --check"),
    ],
)  # fmt: skip
def test_what_cannot_be_priced_is_refused_with_what_to_write(words: tuple[str, ...], sentence: str) -> None:
    code, text = refusal(*words)
    assert (code, sentence in text) == (2, True), text


# A market of the database -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_market_of_the_database_lacks_spot_and_volatility_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    market_upsert(contract(), is_simulated=False)
    monkeypatch.setattr("time.time_ns", lambda: CLOSE_NS - 300 * SECOND_NS)
    found = told("--ticker", TICKER, "--spot", "80000", "--volatility", "45%")
    terms = contract()
    assert (found["inputs"]["ticker"], found["inputs"]["strike"]) == (TICKER, terms.strike)
    assert (found["inputs"]["seconds"], found["inputs"]["decimals"]) == (300.0, terms.decimals)
    seen = Seen(80_000.0, 300 * SECOND_NS)
    expected, _, _ = Pricer(terms, Parameters(level_noise_bp=0.0)).price(seen, found["inputs"]["sigma"])
    assert found["derivation"]["p_yes"] == expected


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "words", "sentence"),
    [
        ({}, ("--ticker", "KXBTC15M-NONE", "--spot", "1"), "the database has no market KXBTC15M-NONE"),
        ({}, ("--ticker", TICKER, "--asset", "BTC", "--spot", "1"), "leave --asset out"),
        ({"strike": None}, ("--ticker", TICKER, "--spot", "1", "--seconds", "300"), "has no strike yet; give the one you expect"),
        ({}, ("--ticker", TICKER, "--spot", "1"), "closed 60 s ago; --seconds prices it"),
    ],
)  # fmt: skip
def test_a_market_that_cannot_be_priced_says_why(
    changes: dict[str, Any], words: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    market_upsert(contract(**changes), is_simulated=False)
    monkeypatch.setattr("time.time_ns", lambda: CLOSE_NS + 60 * SECOND_NS)
    code, text = refusal(*words)
    assert (code, sentence in text) == (2, True), text


# A table of known prices -------------------------------------------------------------------------------------

HEAD = ",".join(COLUMNS)
ROWS = [
    "D02,digital,85100,85000,0.00008,rel_per_sqrt_s,0,900,,,,,,,,0,,,,,0.687475764026,1e-6",
    "A05,abm_avg,85050,85000,6.8,abs_per_sqrt_s,0,120,60,1,open_right,0,0,,,0,,,,,0.795214986293,1e-6",
    "I05,abm_avg,85010,85000,6.8,abs_per_sqrt_s,0,30,60,1,closed_right,30,2549760,,,0,,,,,0.536151469083,1e-6",
    "I09,abm_avg,85100,85000,6.8,abs_per_sqrt_s,0,1,60,1,open_right,60,5099999.940,,,0,,,,,0.0,1e-6",
    "L05,gbm_avg,0.21345,0.21360,0.00013,rel_per_sqrt_s,0,240,60,1,open_right,0,0,5,,0,,,,,0.355411184008,1e-6",
    "L12,gbm_avg,85120,85000,0.00008,rel_per_sqrt_s,0,900,60,1,open_right,0,0,,0:300:1;300:900:2.25,0,,,,,0.671862729749,1e-6",
    "X03,gbm_exact,85000,85005,0.00008,rel_per_sqrt_s,0,60,60,1,open_right,1,84999,,,0,,,,,0.4335818362,3e-5",
    "T04,gbm_avg_t,85012.5,85000,0.00008,rel_per_sqrt_s,0,10.4,60,1,open_right,50,4249900,,,0,3.5,,,,0.613414497015,1e-6",
    "M02,gbm_avg_mix,85012.5,85000,0.00008,rel_per_sqrt_s,0,10.4,60,1,open_right,50,4249900,,,0,,0.9,0.8498365855987975,1.8708286933869707,0.589637729952,1e-6",
]  # fmt: skip
WriteTable = Callable[..., Path]


@pytest.fixture
def table(tmp_path: Path) -> WriteTable:
    def write(*rows: str, head: str = HEAD) -> Path:
        path = tmp_path / "known.csv"
        path.write_text("\n".join([head, *rows, ""]), encoding="utf-8")
        return path

    return write


def test_a_table_that_holds_is_counted_by_model(table: WriteTable) -> None:
    text = said("--check", str(table(*ROWS)))
    assert "abm_avg         3 of    3 within tolerance" in text
    assert "live: 9 rows, none above tolerance; the worst error is " in text
    assert "(X03)" in text


def test_a_price_that_is_off_is_named_and_ends_with_one(table: WriteTable) -> None:
    out = StringIO()
    with pytest.raises(CommandError, match="1 prices are off") as failed:
        call_command("price", "--check", str(table(*ROWS, ROWS[0].replace("0.6874", "0.6974"))), stdout=out)
    assert failed.value.returncode == 1
    assert out.getvalue().startswith(
        "D02 (line 11, digital): expected 0.697475764026, priced 0.687475764026, off by 0.01, "
    )
    assert "digital         1 of    2 within tolerance, worst error 1.0e-02" in out.getvalue()


def test_the_approximation_must_come_near_the_exact_average(table: WriteTable) -> None:
    assert not any(each.holds for each in verdicts(read_table(table(ROWS[6].replace("3e-5", "1e-6")))))


def test_a_row_that_the_models_refuse_is_told_and_not_within_tolerance(table: WriteTable) -> None:
    refused = ROWS[4].replace("rel_per_sqrt_s,0,240", "rel_per_sqrt_s,1,240")
    (found,) = verdicts(read_table(table(refused)))
    assert (found.own, found.holds, found.words) == (None, False, "the drift is more than can be meant")


def test_a_price_that_is_no_number_does_not_hold(table: WriteTable) -> None:
    (row,) = read_table(table(ROWS[0]))
    assert not Verdict(row, float("nan")).holds


@pytest.mark.slow
def test_the_compiled_lane_gives_the_same(table: WriteTable) -> None:
    rows = read_table(table(*ROWS))
    live, compiled = verdicts(rows), verdicts_by(rows, compiled_prices)
    assert all(each.holds for each in compiled)
    for one, other in zip(live, compiled, strict=True):
        assert other.own == pytest.approx(one.own, abs=1e-12)


@pytest.mark.slow
def test_a_row_that_cannot_be_priced_does_not_keep_the_others_from_the_compiled_lane(table: WriteTable) -> None:
    out = StringIO()
    refused = ROWS[4].replace("rel_per_sqrt_s,0,240", "rel_per_sqrt_s,1,240")
    with pytest.raises(CommandError, match="1 prices are off"):
        call_command("price", "--check", str(table(ROWS[0], refused)), "--compiled", stdout=out)
    assert "L05 (line 3, gbm_avg): expected 0.355411184008, cannot be priced: the drift is more" in out.getvalue()
    assert "compiled: 1 rows, none above tolerance" in out.getvalue()


@pytest.mark.recorded
def test_all_reference_values_hold() -> None:
    text = said("--check", str(REFERENCE))
    assert "live: 54 rows, none above tolerance" in text


def test_spare_columns_and_another_order_are_fine(table: WriteTable) -> None:
    names = [*reversed(COLUMNS), "note"]
    cells = dict(zip(COLUMNS, ROWS[1].split(","), strict=True)) | {"note": '"a, b"'}
    assert "1 of    1" in said("--check", str(table(",".join(cells[name] for name in names), head=",".join(names))))


def changed(row: int, **cells: str) -> str:
    return ",".join((dict(zip(COLUMNS, ROWS[row].split(","), strict=True)) | cells).values())


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (changed(0, model="heston"), "line 2, column model: 'heston' is not digital or abm_avg or"),
        (changed(0, spot="lots"), "line 2, column spot: 'lots' is not a number"),
        (changed(0, spot="0"), "line 2, column spot: 0 must be above 0"),
        (changed(0, spot="nan"), "line 2, column spot: nan must be above 0"),
        (changed(0, sigma="-1"), "line 2, column sigma: -1 must be 0 or more"),
        (changed(0, sigma_units="per_year"), "line 2, column sigma_units: 'per_year' is not rel_per_sqrt_s"),
        (changed(1, sigma_units="rel_per_sqrt_s"), "line 2, column sigma_units: 'rel_per_sqrt_s' is not abs_per_sqrt_s"),
        (changed(0, drift="inf"), "line 2, column drift: inf must be a finite number"),
        (changed(1, tau_s="-1"), "line 2, column tau_s: -1 s to the close"),
        (changed(1, tau_s="x"), "line 2, column tau_s: 'x' is not a number of seconds"),
        (changed(1, n_samples="0"), "line 2, column n_samples: '0' is not a whole number from 1"),
        (changed(1, sample_dt_s="0"), "line 2, column sample_dt_s: samples are more than 0 s apart"),
        (changed(1, window="both"), "line 2, column window: 'both' is not open_right or closed_right"),
        (changed(2, n_known="31"), "line 2, column n_known: the table counts 31 known samples, and 30 s before the close (closed_right) there are 30"),
        (changed(0, n_known="3"), "line 2, column n_known: the table counts 3 known samples"),
        (changed(1, n_known="-1"), "line 2, column n_known: '-1' is not a whole number"),
        (changed(4, round_decimals="99"), "line 2, column round_decimals: '99' is not a whole number from 0 to 12"),
        (changed(5, var_profile="0:300"), "line 2, column var_profile: '0:300' is not FROM:TO:MULTIPLIER"),
        (changed(5, var_profile="0:300:1;100:900:2"), "line 2, column var_profile: '100:900:2': spans rise"),
        (changed(7, dof="2"), "line 2, column dof: 2 must be above 2"),
        (changed(7, dof=""), "line 2, column dof: '' is not a number"),
        (changed(8, mix_b="2"), "line 2, column mix_b: w a^2 + (1 - w) b^2 is 1.05, and must be 1"),
        (changed(0, expected_p_yes="1.1"), "line 2, column expected_p_yes: 1.1 must be 0 to 1"),
        (changed(0, tol=""), "line 2, column tol: '' is not a number"),
        ("D02,digital", "line 2, column spot: the line ends before this column"),
        (f"{ROWS[0]},a,b", "line 2, column (after the last): more fields than columns: 'a, b'"),
        ('D02,"digital', "line 2: not CSV"),
    ],
)  # fmt: skip
def test_every_mistake_in_a_table_is_named_by_line_and_column(table: WriteTable, row: str, sentence: str) -> None:
    code, text = refusal("--check", str(table(row)))
    assert (code, sentence in text) == (2, True), text


def test_all_mistakes_are_told_at_once(table: WriteTable) -> None:
    _, text = refusal("--check", str(table(ROWS[0], changed(1, spot="x"), changed(2, window="y"))))
    assert [line.partition(", ")[2].partition(":")[0] for line in text.splitlines()] == [
        "line 3, column spot",
        "line 4, column window",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "t.csv is empty; its first line names the columns"),
        (f"{HEAD}\n", "t.csv has a head and no rows"),
        ("case_id,model\nD02,digital\n", "line 1: no column spot, strike, sigma"),
        (f"{HEAD},tol\n", "line 1: the column tol is there twice"),
    ],
)
def test_a_file_without_a_table_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(UnreadableTable) as refused:
        rows_of(text, "t.csv")
    assert sentence in str(refused.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    assert refusal("--check", str(tmp_path / "none.csv"))[0] == 2
    assert "Is a directory" in refusal("--check", str(tmp_path))[1]
    assert "not text in UTF-8 (byte 0)" in refusal("--check", str(tmp_path / "bytes.csv"))[1]


def test_a_check_takes_no_contract(table: WriteTable) -> None:
    assert refusal("--check", str(table(*ROWS)), "--spot", "1", "--bid", "0.5") == (
        2,
        "--check goes without --spot, --bid",
    )
    assert refusal("--check", str(table(*ROWS)), "--json") == (2, "--check goes without --json")


# Anything at all --------------------------------------------------------------------------------------------

SENSE = {
    "asset": "BTC", "spot": "85100", "strike": "85000", "volatility": "45%", "seconds": "30", "known_mean": "85000",
    "bid": "0.5", "ask": "0.6",
}  # fmt: skip
NONSENSE = ["0", "-1", "1e308", "1e-308", "nan", "inf", "-inf", "", " ", "%", "/s", "1e400", "٣", "²", "1_0", "0x1", "1e9%", "1e-320/s",
            "0:1:1", ":::", "0:1e308:1e308", "none", "digital", "abm_avg", "normal", "mixture", "closed_right", "30", "0.5"]  # fmt: skip
OPTIONS = [
    "asset", "spot", "strike", "volatility", "seconds", "known", "known_sum", "known_mean", "decimals", "window", "model",
    "tails", "freedom", "drift", "level_noise", "profile", "bid", "ask", "weight", "count",
]  # fmt: skip
LETTERS = "0123456789.eE+-_%/s:; nif²٣"
words = st.sampled_from(NONSENSE) | st.floats().map(repr) | st.text(LETTERS, max_size=8)


@given(st.dictionaries(st.sampled_from(OPTIONS), st.none() | words, max_size=6))
def test_whatever_is_written_is_priced_or_refused_in_words(changes: dict[str, str | None]) -> None:
    try:
        question = asked(SENSE | changes)
        found = derive(question.inputs)
        models = side_by_side(question.inputs, question.shapes)
        offer = offer_of(question, found)
    except (OptionProblem, PricingError):
        return
    assert all(0.0 <= p <= 1.0 for p in models if p is not None)
    assert 0.0 <= found.p_yes <= 1.0
    steps = steps_of(question.inputs, found)
    json.dumps(document_of(question, found, steps, models, offer), allow_nan=False)
    assert text_of(question, found, steps, models, offer)


cells = st.sampled_from([*NONSENSE, '"', "a,b"]) | st.text(LETTERS, max_size=5)


@given(st.integers(0, len(ROWS) - 1), st.dictionaries(st.sampled_from(COLUMNS), cells, max_size=4))
def test_whatever_a_table_holds_it_is_priced_or_refused_in_words(row: int, changes: dict[str, str]) -> None:
    try:
        found = verdicts(rows_of(f"{HEAD}\n{changed(row, **changes)}\n", "t.csv"))
    except UnreadableTable:
        return
    assert all(each.own is None or 0.0 <= each.own <= 1.0 for each in found)
    assert list(report(found, "live"))
