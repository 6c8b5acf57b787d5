"""The exchange's messages, all of them under one name."""

from markets.kalshi.messages_account import *  # noqa: F403
from markets.kalshi.messages_market import *  # noqa: F403
