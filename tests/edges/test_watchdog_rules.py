"""When the watchdog takes back what rests: the rules, without I/O."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.beats import Beat, Process
from trading.kill_file import Killed
from trading.watchdog_rules import FILE_S, HALTED_S, SILENT_S, STOPPED_S, Seen, is_watched_closely, why_cancel

WELL = Seen(Beat(7, 1, Process(42, "1", "here")), "running", 0.5)
LEFT = Beat(7, 1, Process(42, "1", "here"), is_over=True)


def code(seen: Seen) -> str:
    why = why_cancel(seen)
    return why.code if why else ""


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(WELL, "", id="all-is-well"),
        pytest.param(WELL._replace(silent_s=SILENT_S - 0.1), "", id="silent-but-not-for-long"),
        pytest.param(WELL._replace(silent_s=SILENT_S), "silent", id="silent"),
        pytest.param(WELL._replace(state="unknown", silent_s=SILENT_S), "silent", id="silent-in-another-container"),
        pytest.param(WELL._replace(beat=None, silent_s=SILENT_S), "silent", id="never-there"),
        pytest.param(WELL._replace(state="dead"), "dead", id="dead-at-once"),
        pytest.param(WELL._replace(state="stopped", stopped_s=STOPPED_S / 2), "", id="held-for-a-moment"),
        pytest.param(WELL._replace(state="stopped", stopped_s=STOPPED_S), "stopped", id="stopped"),
        pytest.param(WELL._replace(beat=LEFT, state="dead"), "", id="left-in-order"),
        pytest.param(WELL._replace(beat=LEFT, state="dead", silent_s=SILENT_S), "left", id="left-orders-behind"),
        pytest.param(WELL._replace(killed=Killed(), killed_s=FILE_S - 0.1), "", id="the-file-is-new"),
        pytest.param(WELL._replace(killed=Killed(), killed_s=FILE_S), "file", id="the-file-is-not-heeded"),
        pytest.param(WELL._replace(killed=Killed("flatten"), killed_s=FILE_S), "file", id="the-file-says-flatten"),
        pytest.param(WELL._replace(killed=Killed("hold"), killed_s=99.0), "", id="the-file-says-hold"),
        pytest.param(WELL._replace(halted_policy="cancel", halted_s=HALTED_S - 0.1), "", id="a-halt-is-new"),
        pytest.param(WELL._replace(halted_policy="cancel", halted_s=HALTED_S), "mode", id="a-halt-is-not-heeded"),
        pytest.param(WELL._replace(halted_policy="hold", halted_s=99.0), "", id="a-halt-that-holds"),
    ],
)
def test_each_reason_and_no_other(seen: Seen, expected: str) -> None:
    assert code(seen) == expected


@given(
    st.sampled_from(["running", "stopped", "dead", "unknown"]),
    st.floats(0, 60),
    st.sampled_from([None, Killed("cancel"), Killed("hold")]),
    st.sampled_from(["", "cancel", "hold", "flatten"]),
    st.booleans(),
)
def test_a_trader_that_may_come_back_is_locked_out_and_one_that_is_told_to_halt_is_not(
    state: str, silent_s: float, killed: Killed | None, policy: str, has_left: bool
) -> None:
    beat = LEFT if has_left else WELL.beat
    seen = Seen(beat, state, silent_s, 2.0 if state == "stopped" else None, killed, 9.0 if killed else None, policy, 9.0 if policy else None)  # type: ignore[arg-type]  # fmt: skip
    why = why_cancel(seen)
    if why is not None:
        assert why.is_lost == (why.code in {"dead", "stopped", "silent"})
        assert is_watched_closely(seen)
    if silent_s >= SILENT_S:
        assert why is not None  # nothing excuses silence: orders that nobody looks after are taken back
