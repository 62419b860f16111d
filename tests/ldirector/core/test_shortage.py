from __future__ import annotations

from ldirector.core.shortage import MAX_STRETCH, QUIET, RECOVERY, Shortage


def test_all_is_calm_without_a_sign() -> None:
    shortage = Shortage()
    assert (shortage.is_on, shortage.stretch, shortage.next_deadline()) == (False, 1, None)
    assert not shortage.handle_timer(100.0)


def test_single_sign_is_over_after_quiet_seconds() -> None:
    shortage = Shortage()
    assert shortage.sign(10.0)
    assert (shortage.is_on, shortage.stretch, shortage.next_deadline()) == (True, 1, 10.0 + QUIET)
    assert not shortage.handle_timer(10.0 + QUIET - 0.01)
    assert shortage.handle_timer(10.0 + QUIET)
    assert not shortage.is_on


def test_intervals_double_once_a_second_at_most_and_up_to_a_limit() -> None:
    shortage = Shortage()
    stretches = []
    for tenth in range(100):
        shortage.sign(tenth / 10)
        stretches.append(shortage.stretch)
    assert stretches[::10] == [1, 2, 4, 8, 16, 16, 16, 16, 16, 16]
    assert max(stretches) == MAX_STRETCH
    assert sorted(stretches) == stretches


def test_failed_checks_count_again_before_the_intervals_are_as_they_should_be() -> None:
    shortage = Shortage()
    shortage.sign(0.0)
    shortage.sign(1.0)
    shortage.sign(2.0)
    assert shortage.stretch == 4
    assert not shortage.handle_timer(2.0 + QUIET)
    assert (shortage.is_on, shortage.stretch) == (False, 4)
    assert not shortage.handle_timer(2.0 + QUIET + RECOVERY)
    assert shortage.stretch == 2
    assert shortage.handle_timer(2.0 + QUIET + 2 * RECOVERY)
    assert (shortage.stretch, shortage.next_deadline()) == (1, None)


def test_sign_while_recovering_is_no_new_episode() -> None:
    shortage = Shortage()
    shortage.sign(0.0)
    shortage.sign(1.0)
    shortage.handle_timer(1.0 + QUIET)
    assert not shortage.sign(4.0)
    assert (shortage.is_on, shortage.stretch) == (True, 4)


def test_loop_that_slept_through_it_all_finds_it_over() -> None:
    shortage = Shortage()
    for second in range(5):
        shortage.sign(float(second))
    assert shortage.handle_timer(1000.0)
