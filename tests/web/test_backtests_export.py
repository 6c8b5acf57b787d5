"""What can be taken away of a run: the same numbers in each form, exact, and nothing of ours beside them."""

import csv
import io
import json
import re
import zipfile
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client

from backtests import services
from backtests.export_html import html_of
from backtests.export_tables import COLUMNS, Table, csv_of, table_of
from backtests.exports import WORDS, export_of
from backtests.models import BacktestRun
from markets.models import Tape
from markets.services import tape_register
from tests.builders_backtests import finished, queued
from tests.rising import write_tape

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The runs that were handed to a worker, instead of a worker."""
    handed: list[int] = []
    monkeypatch.setattr(services, "_hand_over", handed.append)
    return handed


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    return tape_register(write_tape(tmp_path / "rising.tape"))


@pytest.fixture
def run(tape: Tape) -> BacktestRun:
    found = finished()
    services.run_annotate(found.pk, by=None, label="A & <b>", note="why <script>alert(1)</script>")
    found.refresh_from_db()
    return found


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_every_file_is_handed_out_by_page_and_api_alike(as_bob: Client, run: BacktestRun) -> None:
    for what in WORDS:
        page = as_bob.get(f"/backtests/{run.pk}/{what}")
        answer = as_bob.get(f"/api/v1/backtests/{run.pk}/files/{what}/")
        assert (page.status_code, answer.status_code) == (200, 200), what
        assert page.content == answer.content
        assert page["Content-Disposition"].startswith('attachment; filename="backtest-')
        assert page["Content-Type"] == answer["Content-Type"]
        assert page["X-Content-Type-Options"] == "nosniff"
    assert as_bob.get(f"/backtests/{run.pk}/orders.csv").status_code == 404
    missing = as_bob.get(f"/api/v1/backtests/{run.pk}/files/orders.csv/")
    assert (missing.status_code, "it has result.json" in missing.json()["detail"]) == (404, True)
    waiting = queued()
    assert as_bob.get(f"/api/v1/backtests/{waiting.pk}/files/trades.csv/").json() == {
        "detail": "This run has no result."
    }


def test_the_tables_carry_the_numbers_of_the_report_to_the_last_digit(run: BacktestRun) -> None:
    assert run.result is not None
    for name in COLUMNS:
        rows = rows_of(export_of(run, f"{name}.csv").content)
        assert len(rows) == len(run.result[name])
    windows = rows_of(export_of(run, "windows.csv").content)
    assert [row["net"] for row in windows] == [window["net"] for window in run.result["windows"]]
    days = rows_of(export_of(run, "daily.csv").content)
    assert sum(Decimal(row["net"]) for row in days) == Decimal(run.result["net"])
    equity = rows_of(export_of(run, "equity.csv").content)
    assert [[int(row["unix_ms"]), row["equity"]] for row in equity] == run.result["equity"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", equity[0]["time"])


def test_parquet_has_the_rows_of_the_csv_with_types(run: BacktestRun, tmp_path: Path) -> None:
    archive = zipfile.ZipFile(io.BytesIO(export_of(run, "parquet.zip").content))
    assert sorted(archive.namelist()) == sorted(f"{name}.parquet" for name in COLUMNS)
    for name in COLUMNS:
        (tmp_path / name).write_bytes(archive.read(f"{name}.parquet"))
        table = pq.read_table(tmp_path / name)
        rows = rows_of(export_of(run, f"{name}.csv").content)
        assert table.column_names == list(rows[0])
        for number, row in enumerate(table.to_pylist()):
            assert {key: "" if value is None else str(value) for key, value in row.items()} == rows[number]
    trades = pq.read_schema(tmp_path / "trades")
    assert [str(trades.field(name).type) for name in ("net", "price", "order", "fair")] == [
        "string",
        "string",
        "int64",
        "double",
    ]


@pytest.mark.parametrize("name", ["=1+1", "+SUM(A1)", "-2+3", "@here", "\t=1", " =1", "\r=1"])
def test_no_cell_of_a_csv_is_a_formula(name: str) -> None:
    table = Table("windows", {"ticker": "text", "net": "text", "mid": "ratio"}, [{"ticker": name, "net": "-1.50"}])
    row = next(csv.reader(io.StringIO(csv_of(table).partition("\r\n")[2], newline="")))
    assert row == [f"'{name}", "-1.50", ""]


def test_a_run_without_a_trade_has_tables_with_heads(tape: Tape) -> None:
    quiet = finished(max_daily_loss="0")
    assert export_of(quiet, "trades.csv").content.decode().strip() == ",".join(COLUMNS["trades"])
    table = table_of(quiet.result or {}, "trades")
    assert table.rows == []
    assert export_of(quiet, "parquet.zip").content[:2] == b"PK"


def test_the_same_run_gives_the_same_bytes(run: BacktestRun) -> None:
    for what in WORDS:
        assert export_of(run, what).content == export_of(run, what).content, what


# The page as one file ---------------------------------------------------------------------------------------------


class Links(HTMLParser):
    """Whatever a page would fetch, run or lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.text: list[str] = []
        self.is_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "link", "img", "form", "iframe", "object", "input", "button", "base"}:
            self.found.append(tag)
        self.is_style = tag == "style"
        for name, value in attrs:
            if name in {"src", "href", "action", "style", "srcset"} and not (value or "").startswith("#"):
                self.found.append(f"{name}={value}")
            if name.startswith("on"):
                self.found.append(name)

    def handle_data(self, data: str) -> None:
        if not self.is_style:
            self.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        self.is_style = False


def words(page: str, since: str) -> list[str]:
    """The text of a page from a heading on, without what only leads elsewhere."""
    reader = Links()
    reader.feed(page)
    whole = " ".join(" ".join(reader.text).split())
    return whole[whole.index(since) :].split(" ")


def test_the_file_needs_nothing_and_leads_nowhere(run: BacktestRun) -> None:
    page = html_of(run)
    reader = Links()
    reader.feed(page)
    assert reader.found == []
    assert "url(" not in page
    assert "@import" not in page
    assert "http://" not in page
    assert "https://" not in page
    assert page.count("<style>") == 1
    assert "default-src &#x27;none&#x27;; style-src &#x27;sha256-" in page
    assert "why &lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "A &amp; &lt;b&gt;" in page


def test_the_file_has_the_content_of_the_page(as_bob: Client, run: BacktestRun) -> None:
    page = as_bob.get(f"/backtests/{run.pk}/").content.decode()
    assert run.result is not None
    alone = html_of(run)
    assert run.result["digest"] in alone
    assert alone.count("<svg") == page.count("<svg")
    assert alone.count("<table") == page.count("<table")
    assert words(alone, "Total P&L")[:400] == words(page, "Total P&L")[:400]
    assert 'viewBox="0 0 1000 300" preserveAspectRatio="none"' in alone


def test_no_file_tells_a_secret_or_a_path(run: BacktestRun, tape: Tape) -> None:
    for what in WORDS:
        content = export_of(run, what).content
        for secret in (settings.SECRET_KEY, str(settings.BOT_HOME), tape.path, str(Path.home())):
            assert secret.encode() not in content, what


# The command ------------------------------------------------------------------------------------------------------


def told(*line: str) -> str:
    out, error = io.StringIO(), io.StringIO()
    call_command("backtest", *line, stdout=out, stderr=error)
    return out.getvalue()


def test_the_command_writes_the_same_files(run: BacktestRun, tape: Tape, tmp_path: Path) -> None:
    bold = ("--edge", "1", "--confidence", "0", "--margin", "0", "--pooling", "off")
    report = json.loads(
        told("--tape", tape.path, *bold, "--json", "--html", str(tmp_path / "r.html"), "--csv", str(tmp_path / "c"),
             "--parquet", str(tmp_path / "p"), "--label", "from a terminal")
    )  # fmt: skip
    assert report == run.result
    for name in COLUMNS:
        assert (tmp_path / "c" / f"{name}.csv").read_bytes() == export_of(run, f"{name}.csv").content
        assert (tmp_path / "p" / f"{name}.parquet").read_bytes() == export_of(run, f"{name}.parquet").content
    page = (tmp_path / "r.html").read_text()
    assert "from a terminal" in page
    assert report["digest"] in page
    assert str(tmp_path) not in page


def test_a_kept_run_is_shown_by_number_and_by_digest(run: BacktestRun) -> None:
    shown = told("--show", str(run.pk))
    assert run.digest in shown
    assert told("--show", f"#{run.pk}") == told("--show", run.digest[:12]) == shown
    assert json.loads(told("--show", str(run.pk), "--json")) == run.result


def test_a_run_that_cannot_be_shown_is_refused_in_words(tape: Tape) -> None:
    waiting = queued()
    for line, sentence in (
        (("--show", "99999"), "There is no run 99999"),
        (("--show", "best"), "'best' is no run; give its number"),
        (("--show", str(waiting.pk)), f"Run {waiting.pk} is queued and has no result."),
        (("--show", "1", "--edge", "3", "--bounds"), "leave out --bounds, --edge"),
    ):
        with pytest.raises(CommandError, match=re.escape(sentence)) as caught:
            told(*line)
        assert caught.value.returncode == 2


def test_a_place_that_cannot_be_written_is_one_sentence(run: BacktestRun, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written") as caught:
        told("--show", str(run.pk), "--html", str(tmp_path / "none" / "r.html"))
    assert caught.value.returncode == 2
