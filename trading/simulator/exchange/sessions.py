"""One WebSocket connection without its socket: commands in, frames out, its subscriptions and what waits to be sent."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import msgspec

from markets.core.units import MILLISECOND_NS, SECOND_NS
from trading.simulator.exchange.house_rows import KeyRow
from trading.simulator.exchange.ws_commands import (
    ALL,
    BY_INDEX,
    BY_MARKET,
    CHANNELS,
    ERRORS,
    INDEX_ACTIONS,
    MARKET_ACTIONS,
    Command,
    Complaint,
    Params,
    read_command,
)
from trading.simulator.exchange.ws_subscription import Subscription

if TYPE_CHECKING:
    from trading.simulator.exchange.ws_board import Switchboard

WAITING_FRAMES = 20_000  # of one subscription, not yet sent: then it is over
WAITING_BYTES = 16 * 1024 * 1024  # of one connection: then the subscription that says most is over
MOST_MARKETS = 500_000  # of one connection
COMMANDS_PER_SECOND = 10_000
encode = msgspec.json.Encoder().encode


class Session:
    """Who is connected with which key, and all that was asked for. `out` holds the frames that wait; `wake` is called
    when there is one, `drop` when the connection has to be cut without a word."""

    def __init__(self, board: "Switchboard", key: KeyRow) -> None:
        self.board, self.key, self.account = board, key, key.account
        self.out: deque[tuple[Subscription | None, bytes]] = deque()
        self.out_bytes = 0
        self.subscriptions: dict[int, Subscription] = {}
        self.wake: Callable[[], None] = lambda: None
        self.drop: Callable[[], None] = lambda: None
        self._sid = self._commands = 0
        self._second = 0
        self._markets = 0

    # Frames out ----------------------------------------------------------------------------------------------

    def send(self, frame: bytes, subscription: Subscription | None = None) -> None:
        """Put a frame behind what waits already; a subscription that its hearer does not read is over."""
        self.out.append((subscription, frame))
        self.out_bytes += len(frame)
        if subscription is not None:
            subscription.waiting += 1
            if subscription.waiting > WAITING_FRAMES:
                self.overflow(subscription)
            elif self.out_bytes > WAITING_BYTES:
                self.overflow(max(self.subscriptions.values(), key=lambda each: each.waiting))
        self.wake()

    def take(self, most_bytes: int) -> list[bytes]:
        """The next frames to write, about so many bytes of them."""
        frames, size = [], 0
        while self.out and size < most_bytes:
            subscription, frame = self.out.popleft()
            if subscription is not None:
                subscription.waiting -= 1
            size += len(frame)
            frames.append(frame)
        self.out_bytes -= size
        return frames

    def end(self) -> None:
        """The connection is gone."""
        for subscription in tuple(self.subscriptions.values()):
            self._remove(subscription)
        self.out.clear()

    def overflow(self, subscription: Subscription) -> None:
        """Terminal: what waits of it is thrown away, and it has to be asked for again."""
        self._remove(subscription)
        self.out = deque(item for item in self.out if item[0] is not subscription)
        self.out_bytes = sum(len(frame) for _, frame in self.out)
        self._complain(25, 0, subscription)

    def _reply(self, kind: str, number: int, **rest: object) -> None:
        reply: dict[str, object] = {"id": number} if number else {}
        self.send(encode({**reply, "type": kind, "sending_ts_ms": self.now_ms(), **rest}))

    def _complain(self, code: int, number: int, subscription: Subscription | None = None) -> None:
        where: dict[str, object] = {}
        if subscription is not None:
            where["sid"] = subscription.sid
            if subscription.is_sequenced:
                subscription.seq += 1
                where["seq"] = subscription.seq
        self._reply("error", number, **where, msg={"code": code, "msg": ERRORS[code]})

    def now_ms(self) -> int:
        """The exchange's time in milliseconds."""
        return self.board.house.now_ns() // MILLISECOND_NS

    # Commands in ---------------------------------------------------------------------------------------------

    def hear(self, frame: str | bytes) -> None:
        """Do what the client commands, and answer."""
        command, number, code = read_command(frame)
        if command is None:
            self._complain(code, number)
        elif self._is_hurried():
            self._complain(27, number)
        else:
            try:
                self._obey(command)
            except Complaint as complaint:
                self._complain(complaint.code, number)

    def _is_hurried(self) -> bool:
        second = self.board.wall_ns() // SECOND_NS
        if second != self._second:
            self._second, self._commands = second, 0
        self._commands += 1
        return self._commands > COMMANDS_PER_SECOND

    def _obey(self, command: Command) -> None:
        if command.cmd == "subscribe":
            self._subscribe(command.id, command.needed())
        elif command.cmd == "unsubscribe":
            self._unsubscribe(command.id, command.needed())
        elif command.cmd == "update_subscription":
            self._update(command.id, command.needed())
        elif command.cmd == "list_subscriptions":
            listed = [{"channel": each.channel, "sid": each.sid} for each in self.subscriptions.values()]
            self._reply("ok", command.id, msg=listed)
        else:
            raise Complaint(5)

    def _subscribe(self, number: int, params: Params) -> None:
        if not params.channels:
            raise Complaint(3)
        for channel in params.channels:
            try:
                self._join(number, channel, params)
            except Complaint as complaint:
                self._complain(complaint.code, number)

    def _join(self, number: int, channel: str, params: Params) -> None:
        """One more subscription; the same channel may be heard more than once."""
        if channel not in CHANNELS:
            raise Complaint(8)
        tickers = self._tickers(channel, params) if channel in BY_MARKET else None
        if channel == "orderbook_delta" and not tickers:
            raise Complaint(14)
        self._count_markets(len(tickers or ()))
        self._sid += 1
        joined = self.subscriptions[self._sid] = Subscription(self, self._sid, channel, params, tickers)
        self.board.join(joined)
        self._reply("subscribed", number, msg={"channel": channel, "sid": joined.sid})
        self._open(joined, joined.tickers or (), params)

    def _open(self, joined: Subscription, tickers: Iterable[str], params: Params) -> None:
        """Say what newly heard markets begin with."""
        for ticker in tickers:
            if joined.channel == "orderbook_delta":
                self.board.say_book(joined, ticker)
            elif joined.channel == "ticker" and params.send_initial_snapshot:
                self.board.say_ticker(joined, ticker)

    def _tickers(self, channel: str, params: Params) -> list[str] | None:
        ids = params.named_ids
        if ids is None:
            return params.tickers
        if channel != "ticker":
            raise Complaint(14 if channel == "orderbook_delta" else 11)
        return self.board.tickers_of(ids)

    def _count_markets(self, more: int) -> None:
        if self._markets + more > MOST_MARKETS:
            raise Complaint(26)
        self._markets += more

    def _unsubscribe(self, number: int, params: Params) -> None:
        if not params.sids:
            raise Complaint(4)
        for sid in params.sids:
            left = self.subscriptions.get(sid)
            if left is None:
                self._complain(7, number)
                continue
            self._remove(left)
            left.seq += 1  # its last word is counted, too
            self._reply("unsubscribed", number, sid=sid, seq=left.seq)

    def _remove(self, subscription: Subscription) -> None:
        self.board.leave(subscription)
        self._markets -= len(subscription.tickers or ())
        subscription.is_over = True
        self.subscriptions.pop(subscription.sid, None)

    def _update(self, number: int, params: Params) -> None:
        subscription = self.subscriptions.get(params.only_sid())
        if subscription is None:
            raise Complaint(7)
        if not params.action:
            raise Complaint(15)
        try:
            self._act(number, subscription, params, params.action)
        except Complaint as complaint:
            self._complain(complaint.code, number, subscription)

    def _act(self, number: int, subscription: Subscription, params: Params, action: str) -> None:
        channel = subscription.channel
        if action in MARKET_ACTIONS and channel in BY_MARKET:
            self._change_markets(number, subscription, params, is_added=action == "add_markets")
        elif action == "get_snapshot" and channel == "orderbook_delta":
            for ticker in self._named(channel, params):
                self.board.say_book(subscription, ticker, number=number)
        elif action in INDEX_ACTIONS and channel in BY_INDEX:
            self._change_indices(number, subscription, params, is_added=action == "subscribe_indices")
        elif action == "indexlist" and channel in BY_INDEX:
            body = encode({"index_ids": self.board.house.index.ids})
            subscription.say(f"{channel}_indexlist", body, self.now_ms(), number=number)
        else:
            raise Complaint(13)

    def _named(self, channel: str, params: Params) -> list[str]:
        tickers = self._tickers(channel, params)
        if not tickers:
            raise Complaint(14)
        return tickers

    def _change_markets(self, number: int, subscription: Subscription, params: Params, *, is_added: bool) -> None:
        named = self._named(subscription.channel, params)
        before = subscription.tickers
        if before is None:  # all of them, and so it stays
            self._ok(number, subscription, {})
            return
        new = [ticker for ticker in dict.fromkeys(named) if (ticker in before) != is_added]
        if is_added:
            self._count_markets(len(new))
            before.update(dict.fromkeys(new))
            self.board.add(subscription, new)
        else:
            self._markets -= len(new)
            for ticker in new:
                del before[ticker]
            self.board.delete(subscription, new)
        self._ok(number, subscription, {} if subscription.is_quiet else {"market_tickers": list(before)})
        if is_added:
            self._open(subscription, new, params)

    def _change_indices(self, number: int, subscription: Subscription, params: Params, *, is_added: bool) -> None:
        if not params.index_ids:
            raise Complaint(24)
        for name in params.index_ids:
            if name == ALL:
                subscription.has_all_indices = is_added
            elif is_added:
                subscription.indices[name] = None
            else:
                subscription.indices.pop(name, None)
        shown = [ALL] if subscription.has_all_indices else list(subscription.indices)
        self._ok(number, subscription, {"index_ids": shown})

    def _ok(self, number: int, subscription: Subscription, body: dict[str, object]) -> None:
        """On a channel with numbers this is numbered, too."""
        subscription.say("ok", encode(body), self.now_ms(), number=number)
