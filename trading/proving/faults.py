"""The faults of a schedule by name, where a trader can be killed, and one fault of one schedule."""

import msgspec

WIRE = {
    "lost_before": "the connection breaks, and the request never arrives",
    "lost_after": "the request is carried out, and its answer is lost",
    "late": "no answer, and the request arrives seconds later all the same",
    "twice": "the request arrives twice, and the answer to the second is what is heard",
    "error_before": "an error of the 500s, and nothing was done",
    "error_after": "an error of the 500s, though it was done",
    "throttled": "429, and nothing was done",
    "refused": "there is no connection: not a byte leaves",
    "slow": "everything takes seconds",
    "stale": "what is read is seconds old",
}
NOTES = {
    "notes_lost": "notes of fills and orders do not come",
    "notes_twice": "they come twice",
    "notes_late": "they come seconds late",
    "notes_shuffled": "they come in another order",
    "socket_loss": "the socket is lost, and comes back",
}
HERE = {
    "database_locked": "the database takes nothing",
    "disk_full": "the tape cannot be written",
    "clock_jump": "the clock of the machine jumps",
}
EXCHANGE = {
    "market_paused": "the exchange pauses a market, and goes on",
    "group_triggered": "the exchange's brake on our orders triggers",
    "cancelled_there": "an order is cancelled by somebody else",
}
PEOPLE = {
    "halt": "a person halts trading, and goes on later",
    "reduce": "a person lets it reduce only, and goes on later",
}
KINDS = WIRE | NOTES | HERE | EXCHANGE | PEOPLE

POINTS = {
    "random": "at a random time",
    "tape_append": "before something is added to the tape",
    "tape_flush": "before the tape is handed to the operating system",
    "tape_flushed": "after that, before anything leaves",
    "leaving": "when a request is about to leave",
    "sent": "when it has left, and nobody has it yet",
    "accepted": "when the exchange has carried it out",
    "answered": "when the answer is here, and nothing is written of it",
    "note": "when a note of a fill or an order is here, and nothing is written of it",
    "rows": "between two statements of a transaction",
    "rows_done": "when a transaction is committed",
    "reading": "while it is asked what the exchange has, such as in a reconciliation",
    "starting": "while it starts",
    "power": "at a random time, and the last seconds of the tape are gone, as in a power cut",
}


class Fault(msgspec.Struct, frozen=True):
    """One thing that goes wrong: `at_s` after the beginning, for `seconds`, with this probability where it has a choice.
    `size` is of the kind: seconds of a jump or a delay."""

    kind: str
    at_s: float
    seconds: float
    probability: float = 1.0
    size: float = 0.0


class Kill(msgspec.Struct, frozen=True):
    """The trader is killed: the `nth` time it passes `point` in this life (for "random" and "power": after `at_s`), and
    started again `down_s` later."""

    point: str
    nth: int
    at_s: float
    down_s: float
