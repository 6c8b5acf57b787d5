"""What a session opens with, from the rows; and after an unclean end, the rows from the session's tape."""

import logging
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db.models import Max

from markets.core.events import MarketListed
from markets.core.units import DAY_NS, SECOND_NS
from markets.tape import PLAIN, TapeError, files_of, is_complete, read_header, read_tape
from markets.tapes.parts import tape_find
from trading import carried, halt_rows, ledger, records, selectors, services
from trading.alone import beating_elsewhere
from trading.core import events
from trading.core.decision import NOTHING, Decision
from trading.core.events import Event, HeldPosition, Opening
from trading.models import Fill, Order, Position, Settlement, TradingSession
from trading.playback import INVENTED
from trading.services import Progress
from trading.thinning import Thinning, entry

logger = logging.getLogger(__name__)

BATCH = 1_000
LATE_NS = 3_600 * SECOND_NS


class Recovered(NamedTuple):
    """What the tape of a session that ended uncleanly held, and how many of its orders nobody will answer."""

    session_id: int
    steps: int
    orders_ended: int


def opening(account: str, now_ns: int) -> Opening:
    """What `account` holds, and what it made or lost on the UTC day of `now_ns`. Raises Account.DoesNotExist.

    Markets that were closed out are carried too while they may trade, and for an hour after, when a fill may still become
    known: their profit and fees go on counting. So are orders at an exchange whose end nobody has told, and what breakers go on counting from.
    """
    day_ns = now_ns // DAY_NS * DAY_NS
    day = selectors.day_totals(account, day_ns, day_ns + DAY_NS)
    closes = dict(Position.objects.filter(account=account).values_list("ticker", "close_ns"))
    held = []
    for ticker, position in sorted(ledger.holdings(account).items()):
        position.close_ns = closes.get(ticker, 0)
        if position.count or position.close_ns > now_ns - LATE_NS:
            held.append(position.held())
    last = Order.objects.filter(account=account).aggregate(last=Max("number"))["last"]
    return Opening(
        received_ns=now_ns,
        cash=ledger.ledger(account).cash,
        positions=tuple(held),
        realised_today=day.realised,
        fees_today=day.fees,
        orders_sent=0 if last is None else last,
        orders=carried.orders(account),
        trade_ids=carried.trade_ids(account),
        sent_ns=carried.sent_ns(account, now_ns),
        peak_equity=carried.peak_equity(account),
        losing_streak=carried.losing_streak(account),
        tripped=halt_rows.latched(account),
        settled=carried.settled(account),
        matched=carried.matched(account, now_ns),
    )


def recover_all(account: str) -> list[Recovered]:
    """Bring the rows of every session of `account` that never ended up to its tape, and end it.

    Only while no trader of this account runs: a session that lives in another place is left alone. A tape that is missing or unreadable becomes a Discrepancy.
    """
    recovered = []
    living = set(beating_elsewhere(account).values_list("pk", flat=True))
    for session in TradingSession.objects.filter(account=account, ended_at__isnull=True).order_by("id"):
        if session.pk in living:
            continue
        try:
            recovered.append(recover(session, _tape_path(session)))
        except TapeError as error:
            services.discrepancy_open("session", f"{account} {session.pk}", f"not recovered: {error}")
            _end(session, None)
    return recovered


def recover(session: TradingSession, tape: Path) -> Recovered:
    """Write what the tape knows and the rows do not; doing it twice changes nothing. Raises TapeError.

    Of a tape in parts those are read that the session had not reported as written to the rows.
    """
    files = _unwritten(tape, session.last_event_ns)
    subject = records.Subject(session.pk, session.account, read_header(files[0]).grade == INVENTED)
    steps = _Steps(files)
    while batch := list(islice(steps, BATCH)):
        records.write(subject, batch)
    _rebuild_positions(session.account, steps.tickers, steps.closes, steps.last_ns or 0)
    # How many decisions there were, and their digest, the tape does not tell: it leaves out those without effect.
    count, first_ns = max(steps.count, session.steps), session.first_event_ns or steps.first_ns
    ended = _end(session, Progress(count, session.decisions, "", first_ns, steps.last_ns))
    logger.warning("session %d ended uncleanly; recovered %d steps from its tape", session.pk, steps.count)
    return Recovered(session.pk, steps.count, ended)


class _Steps:
    """The steps on a tape as entries (without positions), and what was seen on the way."""

    def __init__(self, files: list[Path]) -> None:
        newest = selectors.parameters_newest()
        self._thinning = Thinning(newest.version if newest else 0)  # a later part does not say which were in force
        self.count = 0
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self.closes: dict[str, int] = {}
        self.tickers: dict[str, None] = {}
        self._messages = _told(files)
        self._entries = self._read()

    def __iter__(self) -> Iterator[records.Entry]:
        return self._entries

    def _read(self) -> Iterator[records.Entry]:
        for event, decision in _paired(self._messages):
            self._note(event)
            kept = entry(event, decision, self._thinning)
            if kept is not None:
                # Positions follow at the end, from the fills: half way through a tape they are old news.
                yield kept._replace(positions=())

    def _note(self, event: Event) -> None:
        self.count += 1
        self.first_ns = event.received_ns if self.first_ns is None else self.first_ns
        self.last_ns = event.received_ns
        if isinstance(event, MarketListed):
            self.closes[event.contract.ticker] = event.contract.close_ns
        elif isinstance(event, (events.Fill, events.Settled)):
            self.tickers[event.ticker] = None


def _unwritten(tape: Path, written_ns: int | None) -> list[Path]:
    """The parts of a tape that may hold what the rows lack, when all steps before one at `written_ns` are in the rows:
    a part is known from end to end as soon as the next one began before that. Raises TapeError."""
    files = files_of(tape)
    for number in range(len(files) - 1, 0, -1):
        if 0 < _begun_ns(files[number]) < (written_ns or 0):
            return files[number:]
    return files


def _begun_ns(part: Path) -> int:
    """The time of the first event in it, 0 when there is none."""
    messages = _told([part])
    first = next(messages, None)
    return 0 if first is None else int(first.received_ns)


def _told(files: list[Path]) -> Iterator[Event | Decision]:
    """All that is in these parts, each once; what the first repeats at its beginning is harmless, and perhaps news.
    Raises TapeError."""
    for number, file in enumerate(files):
        [now, *_] = files_of(file)  # it may have been sealed since
        if number + 1 < len(files) and now.name.endswith(PLAIN) and not is_complete(now):
            raise TapeError(f"{now} has no end, though the recording goes on after it: some of it was lost.")
        yield from read_tape(now, Event | Decision, skip_preface=number > 0)


def _paired(messages: Iterator[Event | Decision]) -> Iterator[tuple[Event, Decision]]:
    """Each event with the decision that follows it on the tape, or NOTHING."""
    event: Event | None = None
    for message in messages:
        if isinstance(message, Decision):
            if event is not None:
                yield event, message
            event = None
            continue
        if event is not None:
            yield event, NOTHING
        event = message
    if event is not None:
        yield event, NOTHING


def _rebuild_positions(account: str, tickers: dict[str, None], closes: dict[str, int], at_ns: int) -> None:
    """The positions of these markets, as the values that fills and settlements lead to."""
    known = dict(Position.objects.filter(account=account, ticker__in=tickers).values_list("ticker", "close_ns"))
    results = {row.ticker: row for row in Settlement.objects.filter(account=account, ticker__in=tickers)}
    fills = Fill.objects.filter(account=account, ticker__in=tickers).order_by("event_ns", "id")
    held: list[HeldPosition] = []
    for ticker, position in ledger.replayed(fills).items():
        position.close_ns = closes.get(ticker) or known.get(ticker, 0)
        if ticker in results:
            position.settle(results[ticker].result, results[ticker].yes_pays)
        held.append(position.held())
    records.upsert_positions(account, held, at_ns)


def _end(session: TradingSession, progress: Progress | None) -> int:
    subject = records.Subject(session.pk, session.account, session.market_source == "demo")
    last_ns = progress.last_event_ns if progress else session.last_event_ns
    ended = records.end_orders(subject, last_ns or 0)
    services.session_finish(session.pk, progress, is_clean=False)
    return ended


def _tape_path(session: TradingSession) -> Path:
    """Where the tape of a session is; of one in parts the first that is left. Raises TapeError when there is none."""
    path = tape_find(Path(settings.TAPES_DIR), session.tape_name) if session.tape_name else None
    if path is None:
        raise TapeError(
            f"the tape {session.tape_name!r} of session {session.pk} is missing; put it back to recover it."
        )
    return path
