"""What the exchange answers to each call, as its documentation (or a capture of the live exchange) has it."""

import copy
from typing import Any

TICKER = "KXBTC15M-26NOV221200-00"
EVENT = "KXBTC15M-26NOV221200"
ORDER_ID = "3b23c1c7-f4ef-4f0d-8b9a-9e53c61f1a0d"
CLIENT_ID = "8c35ecb3-328f-4f52-8c7c-0f4b9862f8d1"
GROUP_ID = "9a1c3f52-7a40-4f2c-9d7e-0f3c8f2b6a11"
TRANSFER_ID = "5f3a8f0e-6f5f-4f0b-9f9a-2f6f1f0f7a10"

# Captured on 17 August 2026.
MARKET: dict[str, Any] = {
    "ticker": "KXBTC15M-26AUG170100-00",
    "event_ticker": "KXBTC15M-26AUG170100",
    "market_type": "binary",
    "title": "BTC price up in next 15 mins?",
    "yes_sub_title": "Target Price: $63,441.03",
    "no_sub_title": "Target price: TBD",
    "open_time": "2026-08-17T04:45:00Z",
    "close_time": "2026-08-17T05:00:00Z",
    "expected_expiration_time": "2026-08-17T05:05:00Z",
    "latest_expiration_time": "2026-08-24T05:00:00Z",
    "updated_time": "2026-08-17T04:45:00.7Z",
    "settlement_timer_seconds": 1,
    "can_close_early": True,
    "strike_type": "greater_or_equal",
    "floor_strike": 63441.03,
    "custom_strike": {"round_digits": "2"},
    "price_level_structure": "tapered_deci_cent",
    "price_ranges": [
        {"start": "0.0000", "end": "0.1000", "step": "0.0010"},
        {"start": "0.1000", "end": "0.9000", "step": "0.0100"},
        {"start": "0.9000", "end": "1.0000", "step": "0.0010"},
    ],
    "yes_bid_dollars": "0.9520",
    "yes_ask_dollars": "0.9530",
    "yes_bid_size_fp": "8.00",
    "yes_ask_size_fp": "813.44",
    "volume_fp": "1575916.05",
    "status": "active",
    "result": "",
    "expiration_value": "",
    "exchange_index": 0,
}
TRADE = {
    "trade_id": "d91bc706-ee49-470d-82d8-11418bda6fed",
    "ticker": TICKER,
    "count_fp": "136.00",
    "yes_price_dollars": "0.3600",
    "no_price_dollars": "0.6400",
    "taker_outcome_side": "no",
    "taker_book_side": "ask",
    "taker_side": "no",
    "created_time": "2026-11-22T16:52:01.123456Z",
    "is_block_trade": False,
}
FILL = {
    "fill_id": "c4900f62-152d-5d4e-8a8b-85801750a983",
    "trade_id": "c4900f62-152d-5d4e-8a8b-85801750a983",
    "order_id": "4f5004c8-8de0-4824-bb91-2ed5f15aa607",
    "ticker": "KXSOL15M-26AUG051915-15",
    "market_ticker": "KXSOL15M-26AUG051915-15",
    "exchange_index": 0,
    "outcome_side": "no",
    "book_side": "ask",
    "action": "sell",
    "side": "no",
    "count_fp": "20.00",
    "yes_price_dollars": "0.2100",
    "no_price_dollars": "0.7900",
    "is_taker": False,
    "fee_cost": "0.000000",
    "created_time": "2026-08-05T23:01:06.658536Z",
    "ts": 1785970866,
    "subaccount_number": 0,
}
POSITION = {
    "ticker": TICKER,
    "exchange_index": 2,
    "position_fp": "-10.00",
    "total_traded_dollars": "3.0000",
    "market_exposure_dollars": "3.0000",
    "realized_pnl_dollars": "0.0000",
    "fees_paid_dollars": "0.1470",
    "last_updated_ts": "2026-11-22T16:52:01Z",
}
SETTLEMENT = {
    "ticker": TICKER,
    "exchange_index": 2,
    "event_ticker": EVENT,
    "market_result": "no",
    "yes_count_fp": "0.00",
    "yes_total_cost_dollars": "0.0000",
    "no_count_fp": "10.00",
    "no_total_cost_dollars": "3.0000",
    "revenue": 1000,
    "value": 0,
    "fee_cost": "0.1470",
    "settled_time": "2026-11-22T17:00:12Z",
}
ORDER = {
    "order_id": "ee587a1c-8b87-4dcf-b721-9f6f790619fa",
    "user_id": "b2d5f0f0-0000-4000-8000-000000000001",
    "client_order_id": CLIENT_ID,
    "ticker": TICKER,
    "outcome_side": "yes",
    "book_side": "bid",
    "type": "limit",
    "status": "resting",
    "yes_price_dollars": "0.5600",
    "no_price_dollars": "0.4400",
    "fill_count_fp": "2.00",
    "remaining_count_fp": "8.00",
    "initial_count_fp": "10.00",
    "taker_fill_cost_dollars": "0.000000",
    "maker_fill_cost_dollars": "1.120000",
    "taker_fees_dollars": "0.000000",
    "maker_fees_dollars": "0.000000",
    "expiration_time": None,
    "created_time": "2026-11-22T16:50:00.1Z",
    "last_update_time": "2026-11-22T16:50:09.7Z",
    "self_trade_prevention_type": "taker_at_cross",
    "order_group_id": None,
    "cancel_order_on_pause": False,
    "subaccount_number": 0,
    "exchange_index": 2,
}
SERIES = {
    "ticker": "KXBTC15M",
    "title": "BTC 15 minutes",
    "frequency": "fifteen_min",
    "category": "Crypto",
    "categories": ["Crypto"],
    "tags": ["BTC"],
    "settlement_sources": [{"name": "CF Benchmarks", "url": "https://www.cfbenchmarks.com"}],
    "contract_url": "",
    "contract_terms_url": "https://assets.kalshi.com/contract_terms/CRYPTO15M.pdf",
    "fee_type": "quadratic",
    "fee_multiplier": 1,
    "exchange_index": 2,
}
EVENT_DATA = {
    "event_ticker": EVENT,
    "series_ticker": "KXBTC15M",
    "title": "BTC price up in next 15 mins?",
    "sub_title": "",
    "collateral_return_type": "",
    "mutually_exclusive": False,
    "strike_date": None,
    "fee_type_override": None,
    "fee_multiplier_override": None,
    "settlement_sources": None,
    "exchange_index": 2,
}
_SHARD = {"exchange_active": True, "trading_active": True, "intra_exchange_transfers_active": True}
_QUOTES = {"open_dollars": "0.4000", "low_dollars": "0.3900", "high_dollars": "0.4500", "close_dollars": "0.4400"}
_BOOK = {
    "yes_dollars": [["0.4100", "10.00"], ["0.4200", "13.00"]],
    "no_dollars": [["0.4500", "20.00"], ["0.5600", "17.00"]],
}
CANDLE = {
    "end_period_ts": 1795365960,
    "yes_bid": _QUOTES,
    "yes_ask": _QUOTES,
    "price": {**_QUOTES, "mean_dollars": "0.418766", "previous_dollars": "0.4000"},
    "volume_fp": "120.50",
    "open_interest_fp": "80.00",
}
_OLD_QUOTES = {name.removesuffix("_dollars"): text for name, text in _QUOTES.items()}
OLD_CANDLE = {
    "end_period_ts": 1795365960,
    "yes_bid": _OLD_QUOTES,
    "yes_ask": _OLD_QUOTES,
    "price": {**_OLD_QUOTES, "mean": "0.418766", "previous": "0.4000"},
    "volume": "120.50",
    "open_interest": "80.00",
}
TRANSFER = {
    "transfer_id": TRANSFER_ID,
    "client_transfer_id": "7f0c0a53-2f0e-4f8b-8d0e-3a52b0a9d111",
    "source": "event_contract",
    "destination": "event_contract",
    "source_exchange_shard": 0,
    "destination_exchange_shard": 2,
    "amount": "200.0000",
    "status": "pending",
    "created_ts": 1795366000,
}
GROUP = {"id": GROUP_ID, "contracts_limit_fp": "150.00", "is_auto_cancel_enabled": True, "exchange_index": 2}
CREATED = {
    "order_id": ORDER_ID,
    "client_order_id": CLIENT_ID,
    "fill_count": "0.00",
    "remaining_count": "10.00",
    "ts_ms": 1795366000123,
}
CANCELLED = {"order_id": ORDER_ID, "client_order_id": CLIENT_ID, "reduced_by": "10.00", "ts_ms": 1795366000456}

DOCUMENTED: dict[str, tuple[int, Any]] = {
    "exchange_status": (
        200,
        {
            **_SHARD,
            "exchange_estimated_resume_time": None,
            "exchange_index_statuses": [
                {"exchange_index": 0, "description": "Default", **_SHARD},
                {"exchange_index": 2, "description": "Crypto", **_SHARD, "trading_active": False},
            ],
        },
    ),
    "exchange_schedule": (
        200,
        {
            "schedule": {
                "standard_hours": [
                    {
                        "start_time": "2026-11-02T05:00:00Z",
                        "end_time": "2027-03-14T07:00:00Z",
                        **{
                            day: [{"open_time": "00:00", "close_time": "00:00"}]
                            for day in ("monday", "tuesday", "wednesday", "friday", "saturday", "sunday")
                        },
                        "thursday": [
                            {"open_time": "00:00", "close_time": "03:00"},
                            {"open_time": "05:00", "close_time": "00:00"},
                        ],
                    }
                ],
                "maintenance_windows": [
                    {"start_datetime": "2026-11-26T08:00:00Z", "end_datetime": "2026-11-26T10:00:00Z"}
                ],
            }
        },
    ),
    "user_data_timestamp": (200, {"as_of_time": "2026-11-22T16:52:01.5Z"}),
    "series": (200, {"series": SERIES}),
    "series_list": (200, {"series": [SERIES]}),
    "series_fee_changes": (
        200,
        {
            "series_fee_change_arr": [
                {
                    "id": "1",
                    "series_ticker": "KXBTC15M",
                    "fee_type": "quadratic",
                    "fee_multiplier": 1.5,
                    "scheduled_ts": "2026-12-01T05:00:00Z",
                }
            ]
        },
    ),
    "event_fee_changes": (
        200,
        {
            "event_fee_changes": [
                {
                    "id": "2",
                    "event_ticker": EVENT,
                    "series_ticker": "KXBTC15M",
                    "fee_type_override": None,
                    "fee_multiplier_override": None,
                    "scheduled_ts": "2026-12-01T05:00:00Z",
                }
            ],
            "cursor": "",
        },
    ),
    "events": (200, {"events": [EVENT_DATA], "cursor": ""}),
    "event": (200, {"event": EVENT_DATA, "markets": [MARKET]}),
    "markets": (200, {"markets": [MARKET], "cursor": ""}),
    "market": (200, {"market": MARKET}),
    "orderbook": (200, {"orderbook_fp": _BOOK}),
    "orderbooks": (200, {"orderbooks": [{"ticker": TICKER, "orderbook_fp": _BOOK}]}),
    "candlesticks": (200, {"ticker": TICKER, "candlesticks": [CANDLE]}),
    "trades": (200, {"trades": [TRADE], "cursor": ""}),
    "historical_cutoff": (
        200,
        {
            "market_settled_ts": "2026-07-19T00:00:00Z",
            "trades_created_ts": "2026-07-19T00:00:00Z",
            "orders_updated_ts": "2026-07-19T00:00:00Z",
        },
    ),
    "historical_markets": (200, {"markets": [MARKET], "cursor": ""}),
    "historical_market": (200, {"market": MARKET}),
    "historical_candlesticks": (200, {"ticker": TICKER, "candlesticks": [OLD_CANDLE]}),
    "historical_trades": (200, {"trades": [TRADE], "cursor": ""}),
    "historical_fills": (200, {"fills": [FILL], "cursor": ""}),
    "historical_orders": (200, {"orders": [ORDER], "cursor": ""}),
    "historical_positions": (200, {"market_positions": [POSITION], "event_positions": [], "cursor": ""}),
    "account_limits": (
        200,
        {
            "usage_tier": "basic",
            "read": {"refill_rate": 200, "bucket_capacity": 600},
            "write": {"refill_rate": 100, "bucket_capacity": 100},
            "grants": [{"exchange_instance": "event_contract", "level": "basic", "source": "default"}],
        },
    ),
    "endpoint_costs": (
        200,
        {
            "default_cost": 10,
            "endpoint_costs": [
                {"method": "DELETE", "path": "/trade-api/v2/portfolio/events/orders/:order_id", "cost": 2},
                {"method": "GET", "path": "/trade-api/v2/cfbenchmarks/values", "cost": 50},
            ],
        },
    ),
    "balance": (
        200,
        {
            "balance": 150042,
            "balance_dollars": "1500.4217",
            "portfolio_value": 12000,
            "updated_ts": 1795300000,
            "balance_breakdown": [
                {"exchange_index": 0, "balance": "1300.4217"},
                {"exchange_index": 2, "balance": "200.0000"},
            ],
        },
    ),
    "positions": (200, {"market_positions": [POSITION], "event_positions": [], "cursor": ""}),
    "fills": (200, {"fills": [FILL], "cursor": ""}),
    "settlements": (200, {"settlements": [SETTLEMENT], "cursor": ""}),
    "orders": (200, {"orders": [ORDER], "cursor": ""}),
    "order": (200, {"order": ORDER}),
    "queue_position": (200, {"queue_position_fp": "120.00"}),
    "queue_positions": (
        200,
        {"queue_positions": [{"order_id": ORDER_ID, "market_ticker": TICKER, "queue_position_fp": "120.00"}]},
    ),
    "create_order": (201, CREATED),
    "create_orders": (
        201,
        {
            "orders": [
                CREATED,
                {
                    "order_id": "",
                    "client_order_id": None,
                    "fill_count": None,
                    "remaining_count": None,
                    "ts_ms": None,
                    "error": {"code": "insufficient_balance", "message": "insufficient balance"},
                },
            ]
        },
    ),
    "cancel_order": (200, CANCELLED),
    "cancel_orders": (
        200,
        {
            "orders": [
                CANCELLED,
                {
                    "order_id": "a6d6010d-6d5f-40a1-a7e7-5501386bb621",
                    "reduced_by": "0.00",
                    "error": {"code": "not_found", "message": "not found"},
                },
            ]
        },
    ),
    "cancel_all": (204, None),
    "amend_order": (
        200,
        {
            "order_id": ORDER_ID,
            "client_order_id": CLIENT_ID,
            "remaining_count": "8.00",
            "fill_count": None,
            "average_fill_price": None,
            "average_fee_paid": None,
            "ts_ms": 1795366000789,
        },
    ),
    "decrease_order": (
        200,
        {"order_id": ORDER_ID, "client_order_id": CLIENT_ID, "remaining_count": "6.00", "ts_ms": 1795366000790},
    ),
    "create_group": (201, {"order_group_id": GROUP_ID, "subaccount": 0, "exchange_index": 2}),
    "groups": (200, {"order_groups": [GROUP]}),
    "group": (
        200,
        {"is_auto_cancel_enabled": True, "contracts_limit_fp": "150.00", "orders": [ORDER_ID], "exchange_index": 2},
    ),
    "delete_group": (200, {}),
    "reset_group": (200, {}),
    "trigger_group": (200, {}),
    "set_group_limit": (200, {}),
    "transfer": (200, {"transfer_id": TRANSFER_ID}),
    "transfer_state": (200, {"transfer": TRANSFER}),
    "transfers": (200, {"transfers": [TRANSFER], "cursor": ""}),
}


def market(**changes: Any) -> dict[str, Any]:
    """The captured market with changes; ... takes a field away."""
    told = copy.deepcopy(MARKET) | changes
    return {name: value for name, value in told.items() if value is not ...}
