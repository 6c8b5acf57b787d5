"""`kalshi-bot volatility`: on a folder by hand, on the recorded data, and what it says of a folder that holds neither."""

import json
import os
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command

from tests.recordings import WrittenRecording

RECORDED = Path(os.environ.get("RECORDED_DATA", "../shared/data"))


def said(folder: Path, *options: str) -> str:
    out = StringIO()
    call_command("volatility", "--recorded", str(folder), *options, stdout=out)
    return out.getvalue()


def settled(folder: Path, count: int, coin: str = "ETH") -> None:
    closes = [datetime(2026, 6, 1, tzinfo=UTC) + timedelta(minutes=15 * place) for place in range(count)]
    values = [3_000.0 * (1 + 0.001 * ((place * 7) % 11)) for place in range(count)]
    table = pa.table(
        {
            "ticker": [f"K-{place}" for place in range(count)], "coin": [coin] * count,
            "close_utc": pa.array(closes, pa.timestamp("us", "UTC")), "floor_strike": values, "settle_value": values,
            "result": ["yes"] * count,
        }
    )  # fmt: skip
    pq.write_table(table, folder / "kalshi_settled_15m.parquet")


def test_a_folder_by_hand(tmp_path: Path) -> None:
    recording = WrittenRecording()
    for number in range(1_500):
        recording.trade(number + 0.4, number, 80_000.0 + (number * 13) % 7)
    recording.trade(1_600, 7, 1.0, last=True)
    recording.sample(1_601, 1_601, 1.0, origin="v28_context_tailer_seed")
    recording.write(tmp_path / "kalshi_ws_btc15m_2026-05")
    settled(tmp_path, 140)
    tables = json.loads(said(tmp_path, "--json"))
    assert [(each["asset"], each["forecasts"]) for each in tables] == [
        ("BTC", 0),
        ("BTC", 9),
        ("BTC", 13),
        ("ETH", 43),
    ]
    assert [len(each["scores"]) for each in tables] == [0, 0, 0, 6]
    text = said(tmp_path)
    assert text.count("not enough data") == 3
    assert "ETH  settle to settle, the next 15 min: 43 forecasts in 1 days" in text
    assert tables[3]["scores"][1]["error"] is None


def test_a_folder_that_holds_neither_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="name the folder of the recorded data"):
        said(tmp_path)
    (tmp_path / "kalshi_settled_15m.parquet").write_text("not parquet")
    with pytest.raises(CommandError, match="cannot be read"):
        said(tmp_path)


@pytest.mark.recorded
def test_on_the_recorded_days_the_blend_is_better_than_the_prior_and_than_one_half_life() -> None:
    tables = json.loads(said(RECORDED, "--json"))
    seconds = [each for each in tables if each["title"].startswith("Coinbase seconds")]
    assert [each["forecasts"] for each in seconds] == [55, 674, 1_061]
    for each in seconds:
        worse = {score["name"]: score["worse"] for score in each["scores"]}
        assert worse["prior"] > 0.1
        assert worse["single 30 min"] > 0.0
    assert {each["asset"] for each in tables} == {"BNB", "BTC", "DOGE", "ETH", "HYPE", "NEAR", "SOL", "XRP", "ZEC"}
