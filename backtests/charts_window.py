"""One window as a drawing: what the book and our fair value did, where we entered and left, and what it came to."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.utils.html import escape
from django.utils.safestring import SafeString

from backtests.charts_frame import Frame, area, curve, down, frame_of, moment, picture

TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
NOBODY_ASKS = 1.0
HOLE_MS = 11_000  # two points that were not there
Row = TypeVar("Row", tuple[int, float], tuple[int, float, float])


def window_chart(window: dict[str, Any], path: Sequence[Sequence[Any]], trades: Sequence[dict[str, Any]]) -> SafeString:
    """`window` and `trades` are rows of a report, `path` its [unix ms, bid, ask, fair] in order. "" without a path."""
    if not path:
        return SafeString("")
    close = _ms(window["close"])
    fills = [(_ms(trade["time"]), _yes_price(trade), trade) for trade in trades]
    frame = frame_of([int(path[0][0]), max(int(path[-1][0]), close, *(at for at, *_ in fills))], 0.0, 1.0)
    books = [
        (int(at), float(bid), float(ask)) for at, bid, ask, _ in path if 0.0 < float(bid) < float(ask) < NOBODY_ASKS
    ]
    curves = "".join(_book(frame, part) for part in _parts(books))
    said = [(int(at), float(value)) for at, _, _, value in path if value is not None]
    curves += "".join(curve("fair", frame, part) for part in _parts(said))
    marks = _end(frame, close, window) + "".join(_fill(frame, *fill) for fill in fills)
    words = (f"{window['ticker']}: bid, ask, fair value and our fills", _words(window, path, fills))
    return picture("window", words, frame, curves, marks, ticks=TICKS, label=lambda value: f"{value * 100:g} ¢")


def _book(frame: Frame, part: Sequence[tuple[int, float, float]]) -> str:
    """Bid and ask where somebody stood on both sides."""
    bids, asks = [(at, bid) for at, bid, _ in part], [(at, ask) for at, _, ask in part]
    return area("book", frame, bids, asks) + curve("bid", frame, bids) + curve("ask", frame, asks)


def _parts(points: Sequence[Row]) -> list[list[Row]]:
    """Points without a hole between them: where nothing was known nothing is drawn."""
    parts: list[list[Row]] = []
    for point in points:
        if parts and point[0] - parts[-1][-1][0] <= HOLE_MS:
            parts[-1].append(point)
        else:
            parts.append([point])
    return parts


def _fill(frame: Frame, at_ms: int, price: float, trade: dict[str, Any]) -> str:
    """A triangle: up where YES was bought, down where NO was. It stands in a box of its own, so that it is not stretched."""
    yes = trade["side"] == "YES"
    shape = "0,-7 6,5 -6,5" if yes else "0,7 6,-5 -6,-5"
    words = (
        f"{trade['time'][11:19]} bought {trade['contracts']} {trade['side']} at {trade['price']}, fee {trade['fee']}"
    )
    return (
        f'<svg x="{frame.x(at_ms):.2%}" y="{down(frame.y(price)):.2f}%" overflow="visible">'
        f'<polygon class="{"bought" if yes else "sold"}" points="{shape}"><title>{escape(words)}</title></polygon></svg>'
    )


def _end(frame: Frame, close_ms: int, window: dict[str, Any]) -> str:
    x = frame.x(close_ms)
    said = {"scalar": "voided"}.get(window["result"], str(window["result"]).upper())
    return (
        f'<line class="close" x1="{x:.2%}" x2="{x:.2%}" y1="{down(0.0)}%" y2="{down(1.0)}%"/>'
        f'<text class="result" x="{x:.2%}" y="5%" text-anchor="end">{escape(said)}</text>'
    )


def _words(window: dict[str, Any], path: Sequence[Sequence[Any]], fills: Sequence[tuple[int, float, Any]]) -> str:
    told = [f"{moment(at)} {trade['side']} {trade['contracts']} at {trade['price']}" for at, _, trade in fills[:20]]
    more = f" and {len(fills) - 20} more" if len(fills) > 20 else ""
    quoted = [(float(bid) + float(ask)) / 2 for _, bid, ask, _ in path if float(bid) > 0 and float(ask) < NOBODY_ASKS]
    middle = f"The middle went from {quoted[0]:.2f} to {quoted[-1]:.2f}. " if quoted else "Nobody quoted both sides. "
    return f"{middle}Fills: {'; '.join(told)}{more}. Result: {window['result']}."


def _yes_price(trade: dict[str, Any]) -> float:
    own = float(trade["price"])
    return own if trade["side"] == "YES" else 1.0 - own


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
