"""What a person asks to be priced, in words of the command line: read, or refused with what to write instead."""

from typing import NamedTuple

from markets.core.contract import Averaging, Contract, FeeTerms
from markets.core.units import SECOND_NS, YEAR_S, price_text
from trading.core.parameters import ModelName, Parameters, TailName
from trading.core.variants import Shapes, chosen, shapes_of
from trading.core.volatility import ROOT_YEAR, prior
from trading.derivation import Inputs
from trading.price_numbers import OptionProblem, Options, count_of, number_of, price_of, rate_of
from trading.reference import nanoseconds, profile_of, samples_known

DECIMALS = {"BTC": 2, "ETH": 2, "BNB": 2, "SOL": 4, "XRP": 4, "HYPE": 4, "NEAR": 4, "ZEC": 4, "DOGE": 7}
"""What the settlement averages are rounded to (section 1.1)."""
MOST_DECIMALS = 12
MOST_VOLATILITY = 100.0  # a year
LEAST_LIKELY, MOST_LIKELY = 0.5, 2.0  # a mean of known samples is no further from the strike than that


class Asked(NamedTuple):
    """A contract to price; bid and ask are those of YES, in Price, None where not said. `notes` say what was supposed."""

    inputs: Inputs
    asset: str
    ticker: str
    parameters: Parameters
    shapes: Shapes
    fees: FeeTerms
    bid: int | None
    ask: int | None
    size: int
    notes: tuple[str, ...]


def asked(options: Options, contract: Contract | None = None, now_ns: int = 0) -> Asked:
    """Read all options; a `contract` fills in what it knows, with the time left counted from `now_ns`. Raises OptionProblem."""
    notes: list[str] = []
    asset = contract.asset if contract else _asset(options)
    tau_ns = _tau(options, contract, now_ns)
    averaging = _averaging(options, contract)
    strike = _strike(options, contract)
    parameters = _parameters(options, averaging)
    shapes = shapes_of(parameters, tau_ns)
    inputs = Inputs(
        spot=number_of(options, "spot", "the index now, like 85100"),
        strike=strike,
        sigma=_sigma(options, asset, notes),
        tau_ns=tau_ns,
        decimals=_decimals(options, asset, contract),
        averaging=averaging,
        known_sum=_known_sum(options, averaging, tau_ns, strike),
        model=parameters.model,
        tails=chosen(parameters, shapes),
        drift=parameters.drift / YEAR_S,
        level_error=parameters.level_noise_bp * 1e-4,
        pieces=_pieces(options),
    )
    if asset == "DOGE" and strike == round(strike, 6):
        notes.append(
            "DOGE's printed strike is cut to 6 decimals, and 7 are compared: give the last settlement in full."
        )
    bid, ask = _sides(options)
    fees = contract.fees if contract else FeeTerms()
    ticker = contract.ticker if contract else ""
    return Asked(inputs, asset, ticker, parameters, shapes, fees, bid, ask, count_of(options), tuple(notes))


def _asset(options: Options) -> str:
    asset = (options.get("asset") or "").strip().upper()
    if not asset:
        raise OptionProblem(
            f"--asset says which coin ({', '.join(DECIMALS)}), or --ticker which market of the database"
        )
    if not asset.isalnum():
        raise OptionProblem(f"--asset {asset}: write the coin alone, like BTC")
    return asset


def _tau(options: Options, contract: Contract | None, now_ns: int) -> int:
    text = options.get("seconds")
    if text is not None:
        try:
            return nanoseconds(text)
        except ValueError as error:
            raise OptionProblem(f"--seconds {error}") from None
    if contract is None:
        raise OptionProblem("--seconds says how long it is to the close, like 300 or 10.4")
    if contract.close_ns < now_ns:
        ago = (now_ns - contract.close_ns) // SECOND_NS
        raise OptionProblem(f"{contract.ticker} closed {ago} s ago; --seconds prices it as of so long before its close")
    return contract.close_ns - now_ns


def _averaging(options: Options, contract: Contract | None) -> Averaging:
    averaging, window = contract.averaging if contract else Averaging(), options.get("window")
    if window is None:
        return averaging
    if window not in ("open_right", "closed_right"):
        raise OptionProblem(
            f"--window {window}: it is open_right (samples 60 to 1 s before the close) or closed_right (59 to 0)"
        )
    return Averaging(averaging.samples, averaging.step_ns, "open_right" if window == "open_right" else "closed_right")


def _strike(options: Options, contract: Contract | None) -> float:
    if options.get("strike") is None and contract is not None:
        if contract.strike is None:
            raise OptionProblem(f"{contract.ticker} has no strike yet; give the one you expect as --strike")
        return contract.strike
    return number_of(options, "strike", "what the average must reach, like 85000")


def _decimals(options: Options, asset: str, contract: Contract | None) -> int | None:
    text = options.get("decimals")
    if text == "none":
        return None
    if text is not None:
        if not (text.isascii() and text.isdecimal() and int(text) <= MOST_DECIMALS):
            raise OptionProblem(f"--decimals {text}: a whole number from 0 to {MOST_DECIMALS}, or none for no rounding")
        return int(text)
    if contract is not None:
        return contract.decimals
    if asset not in DECIMALS:
        raise OptionProblem(
            f"to how many decimals {asset} is rounded is not known here (it is of {', '.join(DECIMALS)}); "
            "say it as --decimals, or --decimals none for no rounding"
        )
    return DECIMALS[asset]


def _sigma(options: Options, asset: str, notes: list[str]) -> float:
    text = options.get("volatility")
    if text is None:
        supposed = prior(asset)
        notes.append(
            f"No --volatility was given: {supposed:.0%} a year is what {asset} starts from before anything is heard."
        )
        return supposed / ROOT_YEAR
    sigma = rate_of(
        text, "--volatility", 1.0 / ROOT_YEAR, "45% for a year of 365 days, or 8e-5/s for the root of a second"
    )
    if not 0.0 <= sigma * ROOT_YEAR <= MOST_VOLATILITY:
        raise OptionProblem(f"--volatility {text}: it is 0 to {MOST_VOLATILITY:.0%} a year; 45% a year is 8e-5/s")
    return sigma


def _known_sum(options: Options, averaging: Averaging, tau_ns: int, strike: float) -> float:
    """The sum of the samples already taken: their number follows from the time left, and what is told must agree."""
    own, told = samples_known(averaging, tau_ns), options.get("known")
    left = f"with {tau_ns / SECOND_NS:g} s to the close ({averaging.window})"
    if told is not None and told != str(own):
        raise OptionProblem(
            f"--known {told}: {left} {own} of the {averaging.samples} samples are known; leave it out or say {own}"
        )
    total, mean = options.get("known_sum"), options.get("known_mean")
    if total is not None and mean is not None:
        raise OptionProblem("--known-sum and --known-mean say the same: give one of them")
    if own == 0:
        if (total or mean or "0") != "0":
            raise OptionProblem(
                f"{left} no sample is known, so there is no sum; leave --known-sum and --known-mean out"
            )
        return 0.0
    if total is None and mean is None:
        raise OptionProblem(
            f"{left} {own} samples are known; say what they add up to as --known-sum, or average as --known-mean"
        )
    how = f"of {own} samples, a number above 0"
    found = (
        number_of(options, "known_sum", f"the sum {how}")
        if mean is None
        else own * number_of(options, "known_mean", f"the mean {how}")
    )
    if not LEAST_LIKELY * strike <= found / own <= MOST_LIKELY * strike:
        raise OptionProblem(
            f"the {own} known samples add up to {found:.12g}, {found / own:.6g} each, and the strike is {strike:.12g}: "
            "--known-sum is the sum of all, --known-mean their mean"
        )
    return found


def _parameters(options: Options, averaging: Averaging) -> Parameters:
    """Model and tails as they are configured live, with what is asked for instead."""
    plain = Parameters()
    name = options.get("tails") or plain.tails
    if options.get("freedom") is not None and name != "student_t":
        raise OptionProblem(f"--freedom is for --tails student_t, and not for {name}")
    freedom, short = plain.degrees_of_freedom, plain.short_degrees_of_freedom
    if options.get("freedom") is not None:
        freedom = short = number_of(options, "freedom", "degrees of freedom, like 4", above=2.0)
    drift = rate_of(options.get("drift") or "0%", "--drift", 1.0 / YEAR_S, "100% for a year, or 1e-7/s for a second")
    return Parameters(
        model=_model(options),
        tails=_tails(name),
        degrees_of_freedom=freedom,
        short_degrees_of_freedom=short,
        level_noise_bp=number_of(options, "level_noise", "basis points, like 0.8", "0", least=0.0, most=1_000.0),
        drift=drift * YEAR_S,
        settlement_window=averaging.window,
        pooling_weight=number_of(options, "weight", "our share", f"{plain.pooling_weight:g}", least=0.0, most=1.0),
    )


def _model(options: Options) -> ModelName:
    named: dict[str, ModelName] = {"gbm_avg": "gbm_avg", "abm_avg": "abm_avg", "digital": "digital"}
    model = options.get("model") or "gbm_avg"
    if model not in named:
        raise OptionProblem(f"--model {model}: there are {', '.join(named)}; how fat its tails are says --tails")
    return named[model]


def _tails(name: str) -> TailName:
    named: dict[str, TailName] = {"student_t": "student_t", "normal": "normal", "mixture": "mixture"}
    if name == "empirical":
        raise OptionProblem(
            "--tails empirical: it is fitted on past windows, and this command knows none; try student_t"
        )
    if name not in named:
        raise OptionProblem(f"--tails {name}: there are {', '.join(named)}")
    return named[name]


def _pieces(options: Options) -> tuple[tuple[float, float, float], ...]:
    try:
        return profile_of(options.get("profile") or "")
    except ValueError as error:
        raise OptionProblem(f"--profile {error}") from None


def _sides(options: Options) -> tuple[int | None, int | None]:
    bid, ask = price_of(options, "bid"), price_of(options, "ask")
    if bid is not None and ask is not None and bid >= ask:
        raise OptionProblem(
            f"--bid {price_text(bid)} --ask {price_text(ask)}: the bid for YES is below what is asked for it"
        )
    return bid, ask
