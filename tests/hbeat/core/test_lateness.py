"""How late the loop was, of late and ever."""

from __future__ import annotations

from hbeat.core.lateness import RECENT, Lateness


def test_loop_that_met_no_deadline_was_never_late() -> None:
    assert (Lateness().worst, Lateness().recent(1000.0)) == (0.0, 0.0)


def test_worst_of_a_second_counts_for_a_minute_and_the_worst_of_all_for_ever() -> None:
    lateness = Lateness()
    for at, late in ((100.1, 0.003), (100.2, 0.05), (100.3, 0.001), (130.0, 0.02)):
        lateness.met(late, at)
    assert lateness.recent(131.0) == 0.05
    assert lateness.recent(100.3 + RECENT) == 0.02
    assert lateness.recent(300.0) == 0.0
    assert lateness.worst == 0.05
