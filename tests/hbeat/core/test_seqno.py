from __future__ import annotations

from random import Random

from hbeat.core.seqno import MAX_MISSING, Seen, Tracker


def tracker(*numbers: int, generation: int = 5) -> Tracker:
    t = Tracker(0.25, Random(1))
    for number in numbers:
        t.observe(generation, number, True, "eth0", 0.0)
    return t


def test_copy_from_the_other_link_is_a_duplicate() -> None:
    assert tracker(1, 2).observe(5, 2, True, "eth1", 0.0) is Seen.DUPLICATE


def test_copies_of_a_burst_are_duplicates_on_a_link_that_has_not_had_them() -> None:
    t = tracker(1, 2, 3)
    assert [t.observe(5, n, True, "eth1", 0.0) for n in (1, 2, 3)] == [Seen.DUPLICATE] * 3
    assert t.observe(5, 2, True, "eth1", 0.0) is Seen.OLD_SEQUENCE


def test_recording_on_the_same_link_is_old() -> None:
    t = tracker(1, 2, 3)
    assert t.observe(5, 1, True, "eth0", 0.0) is Seen.OLD_SEQUENCE


def test_lower_generation_is_old_for_every_type() -> None:
    t = tracker(7)
    assert t.observe(4, 8, True, "eth0", 0.0) is Seen.OLD_GENERATION
    assert t.observe(4, 8, False, "eth0", 0.0) is Seen.OLD_GENERATION


def test_only_a_status_opens_a_new_generation() -> None:
    t = tracker(7)
    assert t.observe(6, 1, False, "eth0", 0.0) is Seen.OLD_SEQUENCE
    assert t.observe(6, 1, True, "eth0", 0.0) is Seen.RESTARTED


def test_gap_is_asked_for_within_a_quarter_second_and_again_until_it_comes() -> None:
    t = tracker(1)
    assert t.observe(5, 4, True, "eth0", 10.0) is Seen.NEW
    assert t.gap == 2
    assert not t.complete
    assert t.due(10.0) == []
    assert t.due(10.26) == [2, 3]
    assert t.due(10.30) == []
    assert t.observe(5, 2, True, "eth0", 10.31) is Seen.LATE
    assert t.due(10.6) == [3]
    assert t.give_up(3)
    assert t.complete


def test_gap_of_more_than_250_starts_over() -> None:
    t = tracker(1)
    t.observe(5, MAX_MISSING + 3, True, "eth0", 0.0)
    assert t.complete
    assert t.next_deadline() is None


def test_past_of_a_node_that_was_given_up_stays_the_past() -> None:
    t = tracker(1, 2, 3)
    t.forget()
    assert t.observe(5, 3, True, "eth0", 1.0) is Seen.OLD_SEQUENCE
    assert t.observe(5, 9, True, "eth0", 1.0) is Seen.NEW
    assert t.complete
