"""The checker on timelines made by hand: what it says of each invariant when it is broken, and when it is not."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from tests.faults.checker import CALM_GAP, HANDOVER, MEMORY_SLACK, ORDERLY, STILL_GAP, UNSEEN, Bounds, check
from tests.faults.timeline import (
    Answer,
    Change,
    Finding,
    Kind,
    Mark,
    Process,
    Request,
    Serving,
    Timeline,
    Weight,
)

VIP = "10.1.1.10"
MOVING = Bounds(outage=1.0, moves=2)


def came(at: float, node: str) -> Change:
    return Change(at, VIP, node, True)


def went(at: float, node: str) -> Change:
    return Change(at, VIP, node, False)


def line(*changes: Change, ended: float = 30.0, fault: float | None = 5.0, healed: float | None = None) -> Timeline:
    """From 0 on, the first node has the address from the beginning."""
    marks = [] if fault is None else [Mark(fault, Kind.FAULT, "a fault")]
    marks += [] if healed is None else [Mark(healed, Kind.HEALED, "its repair")]
    return Timeline(0.0, ended, (VIP,), tuple(marks), (came(0.0, "a"), *changes))


def invariants(timeline: Timeline, bounds: Bounds = MOVING) -> list[str]:
    return [violation.invariant for violation in check(timeline, bounds)]


def served(*gaps: tuple[float, float], ended: float = 30.0) -> tuple[Request, ...]:
    """A good answer every 10 ms, but in these times."""
    times = [number / 100 for number in range(int(ended * 100))]
    return tuple(Request(at, at + 0.001, not any(begin <= at < end for begin, end in gaps)) for at in times)


def test_calm_breaks_nothing() -> None:
    assert invariants(line(fault=None), Bounds()) == []
    assert invariants(replace(line(fault=None), requests=served()), Bounds()) == []


def test_takeover_and_failback_within_the_bounds_break_nothing() -> None:
    seen = line(went(5.1, "a"), came(5.9, "b"), went(12, "b"), came(12.2, "a"), healed=8.0)
    assert invariants(replace(seen, requests=served((5.1, 5.9), (12, 12.2)))) == []


@pytest.mark.parametrize(
    ("seconds", "healed", "broken"),
    [
        (UNSEEN / 2, None, []),
        (2 * UNSEEN, None, ["I1"]),
        (ORDERLY * 0.9, 5.5, []),
        (ORDERLY * 1.1, 5.5, ["I1"]),
    ],
)
def test_i1_two_owners_are_forgiven_around_an_orderly_handover_alone(
    seconds: float, healed: float | None, broken: list[str]
) -> None:
    assert invariants(line(came(6, "b"), went(6 + seconds, "a"), healed=healed)) == broken


def test_i1_two_owners_again_and_again_are_no_handover() -> None:
    there = [change for n in range(20) for change in (came(6 + n, "b"), went(6.04 + n, "a"))]
    back = [change for n in range(20) for change in (came(6.5 + n, "a"), went(6.54 + n, "b"))]
    often = sorted(there + back, key=lambda change: change.at)
    assert invariants(line(*often[:2], healed=5.5), Bounds(moves=2)) == []
    assert "I1" in invariants(line(*often, healed=5.5), Bounds(moves=2))


def test_i1_address_that_its_owner_keeps_is_not_handed_over() -> None:
    assert invariants(line(came(6, "b"), went(6 + ORDERLY * 0.9, "b"), healed=5.5)) == ["I1"]


def test_i3_address_that_comes_and_goes_after_the_repair() -> None:
    def flapping(times: int) -> Timeline:
        gaps = [(9.1 + n, 9.9 + n) for n in range(times)]
        changes = [change for begin, end in gaps for change in (went(begin, "a"), came(end, "a"))]
        return replace(line(*changes, healed=8.0), requests=served(*gaps))

    assert invariants(flapping(1)) == []
    assert invariants(flapping(15)) == ["I3", "I3"]


def test_i1_two_kernels_that_cannot_know_of_each_other_are_forgiven_until_they_can() -> None:
    split = Bounds(outage=1.0, moves=2, split=True)
    assert invariants(line(came(6, "b"), went(10.5, "b"), healed=10.0), split) == []
    assert invariants(line(came(6, "b"), went(11.5, "b"), healed=10.0), split) == ["I1", "I3"]
    assert "I1" in invariants(line(came(4, "b"), went(10.5, "b"), healed=10.0), split)


def test_i1_two_kernels_are_forgiven_until_one_that_hears_the_other_has_given_way() -> None:
    one_way = Bounds(outage=1.0, moves=2, split=True, agrees=2.0)
    assert invariants(line(came(6, "b"), went(6.9, "a"), came(10.5, "a"), went(10.9, "b"), healed=10.0), one_way) == []
    assert invariants(line(came(6, "b"), went(7.1, "a"), healed=10.0), one_way) == ["I1"]


def test_i1_two_machines_that_answer_in_turn() -> None:
    ticks = count()
    answers = [Answer(6 + next(ticks) * 0.004, VIP, mac) for mac in ("aa", "aa", "bb", "aa", "bb")]
    assert invariants(replace(line(), answers=tuple(answers))) == ["I1"]
    handover = [Answer(6 + number * 0.004, VIP, "aa" if number < 9 else "bb") for number in range(20)]
    assert invariants(replace(line(), answers=tuple(handover))) == []


def test_i1_address_that_is_ordered_back_at_once_is_not_answered_for_in_turn() -> None:
    there_and_back = tuple(Answer(6 + number * 0.01, VIP, "a" if number in (0, 7) else "b") for number in range(8))
    timeline = replace(line(), answers=there_and_back)
    assert invariants(timeline) == ["I1"]
    order = Mark(6.05, Kind.ORDER, "hb_takeover")
    assert invariants(replace(timeline, marks=(*timeline.marks, order))) == []


def test_i1_answers_of_two_that_have_just_found_each_other_are_forgiven_from_the_repair_on() -> None:
    answers = tuple(Answer(9.998 + number * 0.004, VIP, "ab"[number % 2]) for number in range(6))
    split = Bounds(outage=1.0, moves=2, split=True)
    assert invariants(replace(line(healed=10.0), answers=answers), split) == []
    assert "I1" in invariants(replace(line(healed=12.0), answers=answers), split)


def test_i2_nobody_for_longer_than_the_bound() -> None:
    assert invariants(line(went(5.1, "a"), came(6.0, "b"))) == []
    assert invariants(line(went(5.1, "a"), came(6.2, "b"))) == ["I2"]


def test_i2_without_a_fault_there_is_no_gap_at_all() -> None:
    assert invariants(line(went(2.0, "a"), came(2.1, "a"), fault=5.0)) == ["I2"]


def test_i2_nothing_is_asked_of_nodes_that_nobody_can_reach() -> None:
    cut = Bounds(outage=None, moves=2)
    assert invariants(line(went(5.1, "a"), came(10.5, "a"), healed=10.0), cut) == []
    assert invariants(line(went(5.1, "a"), came(13.0, "a"), healed=10.0), cut) == ["I2", "I3"]


def test_i2_client_is_not_served_by_an_owner_that_is_there() -> None:
    longest = 1.0 + CALM_GAP
    assert invariants(replace(line(), requests=served((6.0, 6.0 + longest * 0.9)))) == []
    assert "I2" in invariants(replace(line(), requests=served((6.0, 6.0 + longest * 1.1))))


def test_i2_client_of_a_pair_in_which_nothing_is_to_move_is_always_served() -> None:
    still = Bounds(moves=0)
    assert invariants(replace(line(), requests=served((6.0, 6.0 + STILL_GAP * 0.9))), still) == []
    assert "I2" in invariants(replace(line(), requests=served((6.0, 6.0 + STILL_GAP * 1.1))), still)


def test_i3_one_owner_and_a_client_that_is_served_after_the_repair() -> None:
    split = Bounds(outage=None, moves=2, split=True)
    assert invariants(line(came(6, "b"), healed=10.0), split) == ["I1", "I3"]
    seen = replace(line(healed=10.0), requests=served((5.0, 13.0)))
    assert invariants(seen, Bounds(outage=None)) == ["I2", "I3"]


def test_i3_handover_under_way_at_that_instant_is_no_failure() -> None:
    begun = 11.0 - HANDOVER / 2
    assert invariants(line(went(begun, "a"), came(begun + HANDOVER * 0.9, "b"), healed=10.0)) == []


def test_i3_cannot_be_seen_on_a_timeline_that_ends_too_early() -> None:
    assert invariants(line(healed=10.0, ended=10.5)) == ["I3"]


def weighed(*weights: tuple[float, int | None], dead: tuple[float, float]) -> Timeline:
    return replace(
        line(),
        weights=tuple(Weight(at, "a", "192.168.2.1:80", weight) for at, weight in weights),
        servings=(Serving(dead[0], "192.168.2.1", False), Serving(dead[1], "192.168.2.1", True)),
    )


def test_i4_dead_server_with_weight() -> None:
    bounds = Bounds(dead_weight=3.0)
    assert invariants(weighed((0, 1), (12.9, 0), dead=(10, 20)), bounds) == []
    assert invariants(weighed((0, 1), (12.9, None), dead=(10, 20)), bounds) == []
    assert invariants(weighed((0, 1), (13.1, 0), dead=(10, 20)), bounds) == ["I4"]
    assert invariants(weighed((0, 1), dead=(10, 20)), bounds) == ["I4"]
    assert invariants(weighed((0, 1), dead=(10, 12)), bounds) == []


def test_i4_is_judged_from_the_beginning_of_the_part_that_is_judged() -> None:
    bounds = Bounds(dead_weight=3.0)
    assert invariants(weighed((0, 1), (9, 0), dead=(2, 20)).since(10), bounds) == []
    assert invariants(weighed((0, 1), dead=(2, 20)).since(10), bounds) == ["I4"]


def test_i5_what_is_left() -> None:
    left = replace(line(), left=(Finding(9.0, "a", "address 10.1.1.10"),))
    assert invariants(left) == ["I5"]
    assert invariants(left.since(10)) == []


def looked(values: list[tuple[int, int]], born: float = 0.0) -> Timeline:
    looks = (Process(6.0 + at, "a", "hbeat", 1, memory, fds, born) for at, (memory, fds) in enumerate(values))
    return replace(line(), processes=tuple(looks))


def test_i6_growth() -> None:
    level = [(40_000 + number % 7, 30 + number % 3) for number in range(16)]
    assert invariants(looked(level)) == []
    assert invariants(
        looked([(memory + number * MEMORY_SLACK // 8, fds) for number, (memory, fds) in enumerate(level)])
    ) == ["I6"]
    assert invariants(looked([(memory, fds + 2 * number) for number, (memory, fds) in enumerate(level)])) == ["I6"]
    young = [(20_000, 20)] * 5 + level
    assert invariants(looked(young, born=5.5)) == []
    assert invariants(looked(young, born=2.5)) == ["I6"]
    leaking = looked([(memory, fds + number // 4) for number, (memory, fds) in enumerate(level)])
    assert invariants(leaking) == []
    assert invariants(leaking, replace(MOVING, descriptors=0)) == ["I6"]
    growing = looked([(memory + 100 * number, fds) for number, (memory, fds) in enumerate(level)])
    assert invariants(growing) == []
    assert invariants(growing, replace(MOVING, memory=500)) == ["I6"]
    once = [(90_000, 90) if number == 14 else look for number, look in enumerate(level)]
    assert invariants(looked(once)) == []


def test_i7_tracebacks_and_processes_that_end() -> None:
    written = replace(line(), tracebacks=(Finding(9.0, "a", "Traceback"),))
    assert invariants(written) == ["I7"]
    assert invariants(written.since(10)) == []
    looks = tuple(Process(6.0 + number, "a", "hbeat", 1 if number < 5 else 2, 1, 1) for number in range(10))
    assert invariants(replace(line(), processes=looks)) == ["I7"]
    assert invariants(replace(line(), processes=looks), Bounds(1.0, moves=2, ends=True)) == []


def test_i8_change_of_owner_before_any_cause() -> None:
    assert invariants(line(went(3.0, "a"), came(3.001, "b"))) == ["I8"]
    assert invariants(line(went(26.0, "a"), came(26.001, "b"), ended=40)) == ["I8"]


def test_i8_more_changes_than_the_cause_accounts_for() -> None:
    moves = (went(6, "a"), came(6.001, "b"), went(8, "b"), came(8.001, "a"), went(9, "a"), came(9.001, "b"))
    assert invariants(line(*moves[:4])) == []
    assert invariants(line(*moves)) == ["I8"]


def test_i8_address_that_is_away_for_a_moment_has_not_moved() -> None:
    assert invariants(line(went(6, "a"), came(6.5, "a")), Bounds(outage=1.0, moves=0)) == []


def test_part_of_a_timeline_has_the_owners_of_before() -> None:
    part = line(went(6, "a"), came(6.5, "b")).since(10.0)
    assert part.owners(VIP) == [((10.0, 30.0), frozenset({"b"}))]
    assert part.marks == ()
