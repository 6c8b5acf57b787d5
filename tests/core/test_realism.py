"""Realism as a value: what cannot be, the presets, what the parameters fill in, and its two bounds."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from trading.core.evidence import EVIDENCE, grade_of, words_of
from trading.core.parameters import Parameters
from trading.core.realism import FIXED, PRESETS, STATED, Realism, in_force, optimistic, pessimistic, realism_of

MS = 1_000_000
HOPS = ("order", "cancel", "reply", "compute")


@pytest.mark.parametrize("name", list(PRESETS))
def test_every_preset_can_be(name: str) -> None:
    assert PRESETS[name].problems() == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"order_median_ns": 5, "order_p95_ns": 4}, "the 95th percentile of an order must not be below its median"),
        ({"reply_median_ns": 0, "reply_p95_ns": 4}, "the 95th percentile of an answer needs a median"),
        ({"cancel_median_ns": -2, "cancel_p95_ns": -2}, "a hop takes 0 ms to an hour"),
        ({"order_median_ns": 1, "order_p95_ns": 10**13}, "a hop takes 0 ms to an hour"),
        ({"compute_median_ns": -1, "compute_p95_ns": -1}, "our own work cannot take less than nothing"),
        ({"added_ns": -1}, "a delay must be 0 to an hour"),
        ({"settle_delay_ns": 10**13}, "a delay must be 0 to an hour"),
        ({"queue": "first"}, "the queue is pessimistic or proportional"),
        ({"trade_through": "some"}, "a trade through our price fills what was printed, or in full"),
        ({"snapshots": "after"}, "snapshots are believed before an order, or before and after"),
        ({"reject_rate": 1.1}, "the share of refused orders must be 0 to 1"),
        ({"unknown_rate": float("nan")}, "the share of orders without an answer must be 0 to 1"),
        ({"seed": -1}, "the seed must be a whole number, 0 or more"),
        ({"seed": 2**63}, "the seed must be a whole number, 0 or more"),
    ],
)
def test_what_cannot_be_is_said(changes: dict[str, object], sentence: str) -> None:
    assert sentence in replace(FIXED, **changes).problems()


def test_the_default_is_what_the_parameters_say() -> None:
    parameters = Parameters(order_latency_ns=70 * MS, reply_latency_ns=30 * MS)
    now = in_force(FIXED, parameters)
    assert (now.order_median_ns, now.order_p95_ns, now.cancel_median_ns, now.reply_p95_ns) == (
        *(70 * MS, 70 * MS, 70 * MS),
        30 * MS,
    )
    assert in_force(now, Parameters()) == now


@st.composite
def realisms(draw: st.DrawFn) -> Realism:
    fields: dict[str, object] = {}
    for hop in HOPS:
        median = draw(st.sampled_from([-1, 0, 1, 40 * MS, 90 * MS, 700 * MS]) if hop != "compute" else st.just(9 * MS))
        times = draw(st.floats(1, 9))
        fields |= {f"{hop}_median_ns": median, f"{hop}_p95_ns": int(median * times) if median > 0 else median}
    fields["reject_rate"] = draw(st.floats(0, 0.3))
    return Realism(**fields)  # type: ignore[arg-type]


@given(realisms())
def test_the_bounds_lie_on_either_side_of_it(realism: Realism) -> None:
    parameters = Parameters()
    now, best, worst = in_force(realism, parameters), optimistic(realism, parameters), pessimistic(realism, parameters)
    assert realism.problems() == best.problems() == worst.problems() == []
    for hop in HOPS:
        fast, slow = getattr(best, f"{hop}_p95_ns"), getattr(worst, f"{hop}_median_ns")
        assert fast <= getattr(now, f"{hop}_median_ns") <= getattr(now, f"{hop}_p95_ns") <= slow
    assert (best.queue, worst.queue) == ("proportional", "pessimistic")
    assert best.reject_rate == 0 <= worst.reject_rate == realism.reject_rate


@given(realisms())
def test_its_fields_by_name_give_it_back(realism: Realism) -> None:
    named = {name: getattr(realism, name) for name in realism.__struct_fields__}
    assert realism_of(msgspec.json.decode(msgspec.json.encode(named))) == realism


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ([1, 2], "it is no object with fields"),
        ({"speed": 3}, "it has no field speed"),
        ({"order_median_ns": "fast"}, "Expected `int`, got `str`"),
        ({"queue": "first"}, "Invalid enum value 'first'"),
        ({"reject_rate": 2}, "the share of refused orders must be 0 to 1"),
    ],
)
def test_settings_that_say_no_realism_are_refused(settings: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        realism_of(settings)


def test_a_field_that_is_not_named_is_as_built_in() -> None:
    assert realism_of({}) == FIXED
    assert realism_of({"queue": "proportional"}) == replace(FIXED, queue="proportional")


@pytest.mark.parametrize(
    ("evidence", "tape", "grade"),
    [
        ("venue", "", "A"),
        ("book", "A", "A"),
        ("book", "B", "B"),
        ("book", "C", "C"),
        ("book", "invented", "C"),
        ("trade_through", "", "A"),
        ("through_in_full", "A", "B"),
        ("queue", "A", "B"),
        ("queue", "C", "C"),
        ("crossed", "B", "B"),
        ("two_snapshots", "A", "B"),
        ("one_snapshot", "A", "C"),
        ("hearsay", "A", "C"),
    ],
)
def test_a_fill_is_graded_by_why_it_is_believed_and_by_its_tape(evidence: str, tape: str, grade: str) -> None:
    assert grade_of(evidence, tape) == grade
    assert words_of(evidence, tape)


def test_no_tape_makes_evidence_better() -> None:
    for evidence in EVIDENCE:
        assert all(grade_of(evidence, tape) >= grade_of(evidence) for tape in ("A", "B", "C", "invented", ""))


def test_stated_are_the_numbers_of_the_pricing_notes() -> None:
    told = [
        getattr(STATED, f"{hop}_{what}_ns") // MS
        for hop in ("compute", "order", "cancel")
        for what in ("median", "p95")
    ]
    assert told == [5, 20, 60, 250, 60, 250]
