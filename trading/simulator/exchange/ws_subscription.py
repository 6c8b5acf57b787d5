"""Subscription: one channel that one connection hears, and the numbers of its frames."""

from typing import TYPE_CHECKING

from trading.simulator.exchange.ws_commands import ALL, SEQUENCED, Params

if TYPE_CHECKING:
    from trading.simulator.exchange.sessions import Session


class Subscription:
    """One channel that one connection hears. `tickers` None is all markets; `seq` counts what was said on it."""

    __slots__ = (
        "_heads",
        "channel",
        "has_all_indices",
        "indices",
        "is_over",
        "is_quiet",
        "is_sequenced",
        "seq",
        "session",
        "sid",
        "tickers",
        "use_yes_price",
        "waiting",
    )

    def __init__(self, session: "Session", sid: int, channel: str, params: Params, tickers: list[str] | None) -> None:
        self.session, self.sid, self.channel = session, sid, channel
        self.tickers: dict[str, None] | None = None if tickers is None else dict.fromkeys(tickers)
        self.indices = dict.fromkeys(name for name in params.index_ids or () if name != ALL)
        self.has_all_indices = ALL in (params.index_ids or ())
        self.use_yes_price, self.is_quiet = params.use_yes_price, params.skip_ticker_ack
        self.is_sequenced = channel in SEQUENCED
        self.seq = self.waiting = 0
        self.is_over = False
        self._heads: dict[str, bytes] = {}

    def wants(self, ticker: str) -> bool:
        """Whether it is about this market."""
        return self.tickers is None or ticker in self.tickers

    def say(self, kind: str, body: bytes, at_ms: int, *, number: int = 0) -> None:
        """Say a frame of this kind with this `msg`; `number` is the id of the command that it answers."""
        head = self._heads.get(kind)
        if head is None:
            head = self._heads[kind] = f'{{"type":"{kind}","sid":{self.sid},"sending_ts_ms":'.encode()
        answers = b',"id":%d' % number if number else b""
        if self.is_sequenced:
            self.seq += 1
            frame = b'%b%d,"seq":%d%b,"msg":%b}' % (head, at_ms, self.seq, answers, body)
        else:
            frame = b'%b%d%b,"msg":%b}' % (head, at_ms, answers, body)
        self.session.send(frame, self)
