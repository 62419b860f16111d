from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirector.core.schedule import BURST, FIRST_SPREAD, Schedule


def times_due(
    count: int, interval: float, until: float, duration: float = 0.0, burst: int = 1
) -> dict[int, list[float]]:
    """When each of so many items comes due, each check lasting `duration`."""
    schedule: Schedule[int] = Schedule()
    schedule.add([(item, interval) for item in range(count)], 0.0, burst)
    seen: dict[int, list[float]] = {item: [] for item in range(count)}
    while (due := schedule.next_due()) is not None and due <= until:
        for item in schedule.take_due(due):
            seen[item].append(due)
            schedule.again(item, interval, due + duration)
    return seen


def test_everything_is_checked_at_once_at_start_but_not_in_the_same_moment() -> None:
    first = [moments[0] for moments in times_due(100, 10.0, 30.0).values()]
    assert min(first) == 0.0
    assert max(first) < FIRST_SPREAD
    assert len(set(first)) == 100


def test_checks_are_spread_evenly_over_the_interval() -> None:
    seen = times_due(10, 10.0, 30.0)
    inside = sorted(moment for moments in seen.values() for moment in moments if 10.5 < moment <= 20.5)
    assert inside == pytest.approx([11.0 + step for step in range(10)])


def test_checks_share_their_wake_ups_and_the_bursts_are_spread_over_the_interval() -> None:
    seen = times_due(4 * BURST, 10.0, 30.0, burst=BURST)
    inside = sorted(moment for moments in seen.values() for moment in moments if 10.5 < moment <= 20.5)
    assert inside[0] == inside[BURST - 1]
    assert inside[::BURST] == pytest.approx([inside[0] + 2.5 * step for step in range(4)])


def test_checks_of_one_item_are_one_interval_apart() -> None:
    for moments in times_due(7, 5.0, 60.0).values():
        gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
        assert gaps[0] <= 5.0 + 1e-9
        assert gaps[1:] == pytest.approx([5.0] * (len(gaps) - 1))


def test_item_is_not_due_while_its_check_runs() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.add([("a", 1.0)], 0.0)
    assert schedule.take_due(0.0) == ["a"]
    assert schedule.next_due() is None
    assert schedule.take_due(100.0) == []


def test_check_longer_than_the_interval_skips_turns() -> None:
    moments = times_due(1, 1.0, 10.0, duration=2.5)[0]
    assert moments == pytest.approx([0.0, 3.0, 6.0, 9.0])


def test_loop_that_woke_late_does_not_catch_up() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.add([("a", 1.0)], 0.0)
    schedule.take_due(0.0)
    schedule.again("a", 1.0, 1000.2)
    assert schedule.next_due() == pytest.approx(1001.0)


def test_removed_item_is_never_due() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.add([("a", 1.0), ("b", 1.0)], 0.0)
    schedule.remove("a")
    assert schedule.take_due(10.0) == ["b"]


@given(st.integers(1, 50), st.floats(0.1, 100.0), st.floats(0.0, 50.0))
def test_next_check_is_always_in_the_future_and_within_one_interval(
    count: int, interval: float, duration: float
) -> None:
    schedule: Schedule[int] = Schedule()
    schedule.add([(item, interval) for item in range(count)], 0.0)
    (item, *_) = schedule.take_due(0.0)
    schedule.again(item, interval, duration)
    while (due := schedule.next_due()) is not None:
        if item in schedule.take_due(due):
            assert duration < due <= duration + interval * (1 + 1e-9)
            return


def test_of_many_that_are_due_the_earliest_are_taken_and_the_others_stay_due() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.add([("a", 10.0), ("b", 10.0), ("c", 10.0)], 0.0)
    assert schedule.take_due(1.0, most=2) == ["a", "b"]
    assert schedule.next_due() == pytest.approx(1 / 3)
    assert schedule.take_due(1.0, most=2) == ["c"]
