"""Why an evaluation did or did not lead to an order: the codes, each with a sentence for a person."""

TRADED = "TRADED"
REASONS: dict[str, str] = {
    TRADED: "an order was sent",
    "HALTED": "trading is halted",
    "NO_STRIKE": "the exchange has not written the strike yet",
    "NOT_OPEN": "the market is not open for trading",
    "OPENING": "too soon after the open",
    "CLOSING": "too close to the close",
    "FEED_LOST": "the book of this market lost messages and waits for a snapshot",
    "BOOK_CROSSED": "the book is crossed",
    "BOOK_EMPTY": "nobody offers the side we would take",
    "NO_SPOT": "no spot venue has a fresh price",
    "SAMPLES_MISSING": "a value of the settlement average was missed",
    "ORDER_WORKING": "an order of ours in this market is still unanswered",
    "EDGE_BELOW_THRESHOLD": "the edge after fees is below the threshold",
    "CONFIDENCE_LOW": "the confidence in the edge is below the gate",
    "SIZE_ZERO": "the wanted size is smaller than one contract",
    "POSITION_FULL": "we already hold what the edge is worth",
    "MARKET_EXPOSURE": "the limit for one market is used up",
    "CLOSE_EXPOSURE": "the limit for all markets with this close is used up",
    "TOTAL_EXPOSURE": "the limit for everything open is used up",
    "DAILY_LOSS": "the daily loss limit leaves no room",
    "CASH": "there is not enough cash",
    "ORDER_COUNT": "the order would be larger than one order may be",
    "ORDER_RATE": "too many orders in the last minute",
    "REDUCING_ONLY": "only orders that close what is held may be sent",
}
