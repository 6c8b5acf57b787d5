"""Every call once, with all that it can be given."""

from collections.abc import Callable
from typing import Any

from markets.kalshi.requests import AmendOrder, CancelOrder, CreateOrder, DecreaseOrder, Transfer
from tests.kalshi_rest_documents import CLIENT_ID, EVENT, GROUP_ID, ORDER_ID, TICKER, TRANSFER_ID

SERIES_TICKER = "KXBTC15M"
OTHER_ID = "a6d6010d-6d5f-40a1-a7e7-5501386bb621"
OTHER_CLIENT_ID = "2a0e3fc9-b593-4aa3-96e5-82f7f7566c2a"


def an_order(**changes: Any) -> CreateOrder:
    """The documented order."""
    values: dict[str, Any] = {
        "ticker": TICKER,
        "client_order_id": CLIENT_ID,
        "is_bid": True,
        "price": 5_600,
        "count": 1_000,
        "shard": 2,
        "expires_s": 1_795_366_740,
        "is_post_only": True,
        "is_cancelled_on_pause": True,
        "subaccount": 0,
    }
    return CreateOrder(**(values | changes))


AMEND = AmendOrder(
    order_id=ORDER_ID,
    ticker=TICKER,
    is_bid=True,
    price=5_700,
    count=1_000,
    shard=2,
    client_order_id=CLIENT_ID,
    new_client_order_id=OTHER_CLIENT_ID,
    expires_s=0,
    subaccount=0,
)
DECREASE = DecreaseOrder(order_id=ORDER_ID, shard=2, reduce_by=200, subaccount=0)
TRANSFER = Transfer(
    client_transfer_id="7f0c0a53-2f0e-4f8b-8d0e-3a52b0a9d111",
    from_shard=0,
    to_shard=2,
    amount=200_000_000,
    from_subaccount=0,
    to_subaccount=0,
)
IOC = an_order(
    client_order_id=OTHER_CLIENT_ID,
    is_bid=False,
    price=7_000,
    expires_s=0,
    is_post_only=False,
    is_reduce_only=True,
    time_in_force="immediate_or_cancel",
    self_trade="maker",
    group_id=GROUP_ID,
)

# A call of either face: what it returns is the result, or what is to be awaited for it.
EVERY_CALL: dict[str, Callable[[Any], Any]] = {
    "exchange_status": lambda rest: rest.exchange_status(),
    "exchange_schedule": lambda rest: rest.exchange_schedule(),
    "user_data_timestamp": lambda rest: rest.user_data_timestamp(),
    "series": lambda rest: rest.series(SERIES_TICKER),
    "series_list": lambda rest: rest.series_list(category="Crypto", tags=["BTC"], include_volume=True),
    "series_fee_changes": lambda rest: rest.series_fee_changes(SERIES_TICKER, is_historical=True),
    "event_fee_changes": lambda rest: rest.event_fee_changes(EVENT),
    "events": lambda rest: rest.events(
        series_ticker=SERIES_TICKER, status="open", with_nested_markets=True, min_close_ts=1, limit=5
    ),
    "event": lambda rest: rest.event(EVENT, with_markets=True),
    "markets": lambda rest: rest.markets(series_ticker=SERIES_TICKER, tickers=[TICKER, "B"], mve_filter="exclude"),
    "market": lambda rest: rest.market(TICKER),
    "orderbook": lambda rest: rest.orderbook(TICKER, 10),
    "orderbooks": lambda rest: rest.orderbooks([TICKER, "KXETH15M-26NOV221200-00"]),
    "candlesticks": lambda rest: rest.candlesticks(TICKER, 1_795_365_900, 1_795_366_800, 1, with_before=True),
    "trades": lambda rest: rest.trades(ticker=TICKER, min_ts=1, max_ts=2, is_block_trade=False),
    "historical_cutoff": lambda rest: rest.historical_cutoff(),
    "historical_markets": lambda rest: rest.historical_markets(series_ticker=SERIES_TICKER, mve_filter="exclude"),
    "historical_market": lambda rest: rest.historical_market(TICKER),
    "historical_candlesticks": lambda rest: rest.historical_candlesticks(TICKER, 1, 2, 60),
    "historical_trades": lambda rest: rest.historical_trades(ticker=TICKER),
    "historical_fills": lambda rest: rest.historical_fills(ticker=TICKER, min_ts=1, subaccount=0),
    "historical_orders": lambda rest: rest.historical_orders(ticker=TICKER, max_ts=2),
    "historical_positions": lambda rest: rest.historical_positions(event_ticker=EVENT),
    "account_limits": lambda rest: rest.account_limits(),
    "endpoint_costs": lambda rest: rest.endpoint_costs(),
    "balance": lambda rest: rest.balance(subaccount=0, shard=2),
    "positions": lambda rest: rest.positions(
        ticker=TICKER, count_filter=["position", "total_traded"], settlement_status="all", exchange_index=2
    ),
    "fills": lambda rest: rest.fills(ticker=[TICKER], order_id=ORDER_ID, min_ts=1, max_ts=2, exchange_index=2),
    "settlements": lambda rest: rest.settlements(ticker=TICKER, min_ts=1, max_ts=2),
    "orders": lambda rest: rest.orders(ticker=TICKER, status="resting", min_ts=1, exchange_index=2),
    "order": lambda rest: rest.order(ORDER_ID),
    "queue_position": lambda rest: rest.queue_position(ORDER_ID),
    "queue_positions": lambda rest: rest.queue_positions([TICKER, "B"], subaccount=0),
    "create_order": lambda rest: rest.create_order(an_order()),
    "create_orders": lambda rest: rest.create_orders([an_order(), IOC]),
    "cancel_order": lambda rest: rest.cancel_order(ORDER_ID, 2, subaccount=0),
    "cancel_orders": lambda rest: rest.cancel_orders([CancelOrder(ORDER_ID, 2), CancelOrder(OTHER_ID, 2, 0)]),
    "cancel_all": lambda rest: rest.cancel_all(subaccount=0),
    "amend_order": lambda rest: rest.amend_order(AMEND),
    "decrease_order": lambda rest: rest.decrease_order(DECREASE),
    "create_group": lambda rest: rest.create_group(15_000, 2, subaccount=0),
    "groups": lambda rest: rest.groups(subaccount=0),
    "group": lambda rest: rest.group(GROUP_ID, subaccount=0),
    "delete_group": lambda rest: rest.delete_group(GROUP_ID, 2, subaccount=0),
    "reset_group": lambda rest: rest.reset_group(GROUP_ID, 2),
    "trigger_group": lambda rest: rest.trigger_group(GROUP_ID, 2),
    "set_group_limit": lambda rest: rest.set_group_limit(GROUP_ID, 20_000, 2),
    "transfer": lambda rest: rest.transfer(TRANSFER),
    "transfer_state": lambda rest: rest.transfer_state(TRANSFER_ID),
    "transfers": lambda rest: rest.transfers(limit=3),
}
