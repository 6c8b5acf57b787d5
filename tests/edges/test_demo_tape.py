"""An hour of the demo market as a tape: the same bytes each time, whole windows, registered."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from markets.models import Tape
from markets.tape import read_header, read_tape
from trading.core.events import Event
from trading.playback import INVENTED
from trading.simulator.taping import tape_demo


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    written = [tape_demo(tmp_path / str(number), seed=seed, hours=1) for number, seed in enumerate((7, 7, 8))]
    first, again, other = (path.read_bytes() for path in written)
    assert first == again
    assert first != other
    assert read_header(written[0]).grade == INVENTED


def test_every_window_it_opens_is_settled_on_it(tmp_path: Path) -> None:
    told = [
        each for each in read_tape(tape_demo(tmp_path, seed=7, hours=1), Event) if type(each).__name__ == "MarketStatus"
    ]
    closed = {each.ticker for each in told if each.status == "closed"}
    assert len(closed) >= 3 * 4  # three coins, four windows, and those that had just closed
    assert closed <= {each.ticker for each in told if each.status == "settled"}


@pytest.mark.django_db
def test_the_command_registers_the_tape(tmp_path: Path, settings: object, capsys: pytest.CaptureFixture[str]) -> None:
    settings.TAPES_DIR = tmp_path  # type: ignore[attr-defined]
    call_command("demo_tape", seed=3)
    assert Tape.objects.get().name == "demo-seed3-1h"
    assert "demo-seed3-1h" in capsys.readouterr().out


def test_hours_that_make_no_sense_are_refused() -> None:
    with pytest.raises(CommandError, match="--hours is 1 to"):
        call_command("demo_tape", hours=0)
