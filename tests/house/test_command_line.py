"""`kalshi-bot` as a process: help a person can read, one sentence and an exit code for what cannot be."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kalshi_site import cli
from tests.house.whole_system import own_environment

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parent.parent.parent


def told(home: Path, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """What a person gets for these words."""
    return subprocess.run(
        [Path(sys.executable).with_name("kalshi-bot"), *words],
        cwd=ROOT, env=own_environment(home) | environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("name", cli.ALIASES)
def test_every_command_says_what_it_does_without_the_options_of_django(tmp_path: Path, name: str) -> None:
    shown = told(tmp_path, name, "--help")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith(f"usage: kalshi-bot {name} [-h]")
    assert not any(option in shown.stdout for option in cli.DJANGOS_OWN)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("trade", 2, "unknown command 'trade'"),
        ("backtest", 2, "one of the arguments --tape --show is required"),
        ("backtest --show 7 --tape nowhere", 2, "not allowed with argument"),
        ("backtest --show nothing", 2, "'nothing' is no run; give its number"),
        ("backtest --show 7 --edge 4", 2, "--show plays nothing: leave out --edge"),
        ("backtest --show 7", 1, "`make migrate` makes its tables"),
        ("backtest --tape nowhere", 2, "kalshi-bot: There is no tape 'nowhere'"),
        ("backtest --tape nowhere --capital lots", 2, "'lots' is not an amount in dollars"),
        ("backtest --tape nowhere --from yesterday", 2, "'yesterday' is not a day"),
        ("sweep", 2, "Say which tapes"),
        ("sweep --tape nowhere", 2, "Say what to try"),
        ("sweep --tape nowhere --try edge=1..6", 2, "edge=1..6/STEP"),
        ("sweep --tape nowhere --try edges=1", 2, "did you mean edge?"),
        ("sweep --tape nowhere --try edge=1,2", 2, "There is no tape 'nowhere'"),
        ("sweep --tape nowhere --try edge=1,2 --jobs 0", 2, "--jobs is 1 to 256"),
        ("sweep --tape nowhere --try kelly=1..9 --search optuna", 2, "needs a budget"),
        ("sweep --show 7", 1, "`make migrate` makes its tables"),
        ("walkforward --tape nowhere --try edge=1,2 --train many", 2, "'many' is no whole number"),
        ("versus --tape nowhere --a edge=3 --b edge=3", 2, "Both sides are the same"),
        ("audit --tapes nowhere", 2, "kalshi-bot: There is no tape 'nowhere'"),
        ("audit --tapes all --account demo", 2, "--tapes or --account: one of them"),
        ("volatility", 2, "the following arguments are required: --recorded"),
        ("volatility --recorded nowhere", 2, "name the folder of the recorded data"),
        ("audit --window middle", 2, "invalid choice: 'middle'"),
        ("skill --tapes nowhere", 2, "kalshi-bot: There is no tape 'nowhere'"),
        ("skill --settled nowhere", 2, "nowhere/kalshi_settled_15m.parquet is not there"),
        ("skill --since yesterday", 2, "'yesterday' is not a day"),
        ("skill --tapes all --settled here", 2, "not allowed with argument"),
        ("skill", 1, "`make migrate` makes its tables"),
        ("gates --since yesterday", 2, "'yesterday' is not a day"),
        ("gates --since 2026-05-14 --until 2026-05-13", 2, "--since 2026-05-14 is after --until 2026-05-13"),
        ("gates --tape nowhere", 2, "kalshi-bot: There is no tape 'nowhere'"),
        ("gates --tape nowhere --asset BTC", 2, "--asset is for the evaluations of an account"),
        ("gates --tape nowhere --set edges=4", 2, "--set 'edges=4' is no setting"),
        ("gates --set edge=4", 2, "--set is for --tape"),
        ("prove-runs nowhere", 2, "kalshi-bot: There is no tape 'nowhere'"),
        ("backtest --tape nowhere --check-future many", 2, "invalid int value: 'many'"),
        ("lane --tape nowhere", 2, "kalshi-bot: There is no tape 'nowhere'"),
        ("lane --tape nowhere --sets 0", 2, "A sweep has one setting or more"),
        ("paper --tape nowhere", 1, "TAPE=nowhere: there is no such tape"),
        ("paper --speed fast", 1, "SPEED=fast is not a speed"),
        ("paper --speeed 10", 2, "unrecognized arguments: --speeed"),
        ("import-recording nowhere", 1, "name the folder of a recording"),
        ("fit --settled nowhere", 2, "nowhere"),
        ("fit --settled nowhere --show", 2, "--settled goes without --account and --show"),
        ("tapes", 1, "`make migrate` makes its tables"),
        ("record --venues krakn", 2, "no venue is called krakn: there are "),
        ("record --venues coinbase,coinbase_exchange", 2, "several doors"),
        ("record --market demo --assets FOO", 2, "the demo market has BTC, ETH, SOL at coinbase"),
        ("paper --speed 500", 1, "set SPEED to 100 or less"),
        ("paper --market real --speed 2", 1, "SPEED is for the demo market and for tapes"),
        ("paper --market real --series BTC", 1, "SERIES: 'BTC' is not a quarter-hour series such as KXBTC15M"),
        ("bench-orders --orders 3", 2, "--orders is 100 or more"),
        ("bench-orders --tape nowhere", 2, "There is no tape at nowhere"),
        ("bench-backtests --events 10", 2, "'10' is no number of events: 1000 or more"),
        ("bench-backtests --tape nowhere", 2, "There is no tape 'nowhere'"),
        ("bench-backtests --runs 0", 2, "--runs and --processes must be 1 or more"),
        ("bench-kalshi --orders 3", 2, "--orders is 100 or more"),
        ("acceptance --markdown", 2, "--markdown goes with --list, and not with --json"),
        ("exchange --seed -1", 2, "--seed is 0 or more"),
        ("account", 2, "there is no API key; set KALSHI_KEY_ID"),
        ("account --env test", 2, "invalid choice: 'test'"),
        ("acceptance --env production", 2, "the acceptance list is never tried on production"),
        ("acceptance --env mars", 2, "--env mars: it is sim or demo"),
        ("acceptance --env demo", 1, "there is no key: make one on demo.kalshi.co"),
        ("acceptance --only A00", 2, "no case and no theme is called 'a00'"),
        ("acceptance --size 0.5", 2, "--size 0.5: one contract or more"),
        ("prove-orders --schedules -1", 2, "--schedules, --processes and --seed are 0 or more"),
        ("prove-orders --break nothing", 2, "invalid choice: 'nothing'"),
        ("download mtgox trades --asset BTC", 2, "mtgox"),
        ("exchange --speed 1000", 2, "--speed is above 0, and 100 at most"),
        ("exchange --assets BTC,FOO", 2, "the demo market knows BTC, ETH, SOL, not FOO"),
        ("exchange --tape nowhere", 2, "There is no tape 'nowhere'. Looked for "),
        ("exchange --cash lots", 2, "'lots' is not an amount in dollars"),
        ("exchange --faults nowhere.json", 1, "No such file or directory: nowhere.json"),
        ("price", 2, "kalshi-bot: --asset says which coin"),
        ("price --asset BTC --spot 0 --strike 85000 --seconds 300", 2, "kalshi-bot: --spot 0: it is above 0"),
        ("price --asset BTC --spot 1 --strike 1 --seconds 300 --volatility -45%", 2, "--volatility -45%: it is 0 to"),
        (
            "price --ticker KXBTC15M-26AUG171530-30 --spot 1",
            2,
            "the database cannot be asked for KXBTC15M-26AUG171530-30",
        ),
        ("price --asset BTC --spot 1 --strike 1 --seconds 1e12", 2, "0 or more, and 10,000,000 at most"),
        ("price --check nowhere.csv", 2, "kalshi-bot: nowhere.csv cannot be read: No such file or directory."),
        ("forecasts --since yesterday", 2, "'yesterday' is not a day or a time"),
        ("forecasts --since 2026-05-13 --until 2026-05-12", 2, "--since has to be before --until"),
        ("forecasts", 1, "`make migrate` makes its tables"),
        ("live", 2, "kalshi-bot: live trading is not possible. What is missing:\n  - an API key: set KALSHI_KEY_ID"),
        ("live --env mars", 2, "invalid choice: 'mars'"),
        ("live --market tape", 2, "invalid choice: 'tape'"),
        ("halt --policy panic", 2, "invalid choice: 'panic'"),
        ("resume", 1, "the database does not answer"),
        ("arm", 1, "`make migrate` makes its tables"),
        ("arm --hours many", 2, "invalid float value: 'many'"),
        ("disarm", 1, "`make migrate` makes its tables"),
        ("promotion", 1, "`make migrate` makes its tables"),
        ("watchdog", 1, "ORDERS=paper: nothing of ours rests at an exchange"),
        ("divergence", 1, "`make migrate` makes its tables"),
        ("divergence --session first", 2, "invalid int value: 'first'"),
        ("latency", 1, "`make migrate` makes its tables"),
    ],
)
def test_what_cannot_be_ends_in_a_sentence_and_a_code(tmp_path: Path, words: str, code: int, sentence: str) -> None:
    shown = told(tmp_path, *words.split())
    assert (shown.returncode, sentence in shown.stderr) == (code, True), shown.stderr
    assert "Traceback" not in shown.stderr


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a bot whose tables are there, and empty."""
    home = tmp_path_factory.mktemp("fresh")
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(migrate, cwd=ROOT, env=own_environment(home), check=True, timeout=120)
    return home


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("divergence", "kalshi-bot: No session of the account 'demo' has sent an order."),
        (
            "latency",
            (
                "kalshi-bot: Of 0 orders it is known how long they took at an exchange; 100 are needed. Let a rehearsal trade "
                "(`kalshi-bot live --market demo`), or choose another treatment of orders, such as stated."
            ),
        ),
        ("divergence --account paper", "kalshi-bot: No session of the account 'paper' has sent an order."),
        ("divergence --session 7", "kalshi-bot: There is no session 7."),
        ("divergence --session 7 --json", "kalshi-bot: There is no session 7."),
    ],
)
def test_what_is_not_in_the_tables_yet_is_said_in_a_sentence(fresh: Path, words: str, sentence: str) -> None:
    shown = told(fresh, *words.split())
    assert (shown.returncode, shown.stdout, shown.stderr) == (2, "", f"{sentence}\n")


def test_a_contract_is_priced_without_a_database_redis_or_network(tmp_path: Path) -> None:
    words = "price --asset BTC --spot 85100 --strike 85000 --volatility 45% --seconds 300 --bid 0.70 --ask 0.71"
    shown = told(
        tmp_path, *words.split(), DATABASE_URL="sqlite:////nowhere/at/all.sqlite3", REDIS_URL="redis://127.0.0.1:1/0"
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("P(YES) 0.8663    P(NO) 0.1337\n")


@pytest.mark.parametrize(
    "words",
    ["price --asset BTC --spot 85100 --strike 85000 --seconds 300 --json", "help"],
    ids=["a table", "the overview"],
)
def test_a_reader_who_leaves_is_no_error(tmp_path: Path, words: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        left = subprocess.run(
            [Path(sys.executable).with_name("kalshi-bot"), *words.split()],
            cwd=ROOT, env=own_environment(tmp_path), stdout=writing, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
        )  # fmt: skip
    finally:
        os.close(writing)
    assert (left.returncode, left.stderr) == (141, "")


def heeds_ctrl_c() -> None:
    """Who starts the tests in the background ignores Ctrl-C, and so would their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize(("told_to", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_command_that_is_told_to_end_does_so_without_a_word(tmp_path: Path, told_to: int, code: int) -> None:
    table = tmp_path / "endless.csv"
    os.mkfifo(table)
    command = subprocess.Popen(
        [Path(sys.executable).with_name("kalshi-bot"), "price", "--check", str(table)],
        cwd=ROOT, env=own_environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=heeds_ctrl_c,  # noqa: PLW1509  # no threads yet
    )  # fmt: skip
    with table.open("w"):  # which waits until it is being read
        command.send_signal(told_to)
        said = command.communicate(timeout=30)
    assert (command.returncode, *said) == (code, "", "")


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"REDIS_URL": "redis://:hidden@127.0.0.1:1/0"}, "the Redis of REDIS_URL does not answer at 127.0.0.1:1 "),
        ({"DATABASE_URL": "postgres://bot:hidden@127.0.0.1:1/none"}, "the database cannot be used: "),
        ({"DATABASE_URL": "mongo"}, "DATABASE_URL is not usable"),
        ({"MARKET": "tape", "TAPE": "nowhere"}, "TAPE=nowhere: there is no such tape. Looked for "),
        ({"KALSHI_REST_URL": "http://127.0.0.1:1"}, "KALSHI_REST_URL and KALSHI_WS_URL go together"),
        ({"KALSHI_REST_URL": "127.0.0.1:1"}, "KALSHI_REST_URL=127.0.0.1:1 is not an address"),
        ({"KALSHI_ENV": "test"}, "KALSHI_ENV=test is unknown"),
        ({"PORT": "seven"}, "PORT=seven is not a whole number"),
    ],
)
def test_up_refuses_in_one_line_before_it_starts_anything(
    tmp_path: Path, environment: dict[str, str], sentence: str
) -> None:
    shown = told(tmp_path, "up", **environment)
    assert shown.returncode == 1
    assert shown.stderr.startswith(f"kalshi-bot: {sentence}")
    assert shown.stderr.count("\n") == 1
    assert "hidden" not in shown.stderr + shown.stdout
    assert not (tmp_path / "redis").exists()


def test_production_settings_pass_the_checks_of_a_deployment(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT, env=own_environment(tmp_path) | {"HTTPS": "1", "DEBUG": "0", "SECRET_KEY": os.urandom(40).hex()},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
