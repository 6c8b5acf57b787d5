"""What the evidence grade of a tape means, in words for people."""

GRADES = {
    "A": "complete: every book of the exchange and every spot trade, as they were received, without a gap",
    "B": "received by us, with gaps: a book lost for a while, a market without one, or a price in samples",
    "C": "not received by us, or without books: downloaded history, by the venue's own times. Orders trade on nothing here",
    "invented": "no real market: made by the demo, and proof of nothing but the program",
    "": "not graded: a session's or a recorder's own tape; what it lacks is in its gaps",
}


def meaning(grade: str) -> str:
    """A sentence for any grade."""
    return GRADES.get(grade, "unknown to this program")
