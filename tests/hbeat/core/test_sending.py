from __future__ import annotations

from hbeat.core.sending import Sending


def test_first_failure_is_told_and_so_is_the_end_when_it_lasts() -> None:
    sending = Sending("eth0")
    assert sending.result("", 0.0) == ""
    assert sending.result("Network is unreachable", 1.0) == "cannot send on eth0: Network is unreachable"
    assert sending.result("Network is unreachable", 2.0) == ""
    assert [sending.result("", at) for at in (3.0, 11.9)] == ["", ""]
    assert sending.result("", 12.0) == "sending on eth0 works again (2 not sent)"
    assert sending.result("", 13.0) == ""


def test_another_problem_is_told_after_a_while_of_the_first() -> None:
    sending = Sending("eth0")
    sending.result("No buffer space available", 0.0)
    assert sending.result("Operation not permitted", 1.0) == ""
    assert sending.result("Operation not permitted", 11.5) == "cannot send on eth0: Operation not permitted"


def test_datagrams_lost_half_of_the_time_fill_no_disk() -> None:
    sending = Sending("eth0")
    lines = [sending.result("Operation not permitted" if beat % 2 else "", beat / 10) for beat in range(36_000)]
    assert len([line for line in lines if line]) == 1


def test_alternating_problems_fill_no_disk() -> None:
    sending = Sending("eth0")
    lines = [sending.result(("a", "b")[beat % 2], beat / 10) for beat in range(36_000)]
    assert len([line for line in lines if line]) <= 361
