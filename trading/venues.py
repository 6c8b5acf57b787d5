"""Words for where a market or an account is: whose money moves there."""

PRODUCTION, PRACTICE, ELSEWHERE = (
    "production",
    "practice",
    "elsewhere",
)  # of a real market: which exchange said its prices
SIMULATED = "simulated"  # of an account: the exchange of a rehearsal
OF_PRACTICE = frozenset({"demo", "demo-old", PRACTICE})  # of an account: the exchange's practice site
