"""The director and its sentinel connections; time is a number."""

from __future__ import annotations

from ldirector.core.model import (
    Policy,
)
from ldirector.core.probes import MOST_STARTS
from ldirector.core.schedule import FIRST_SPREAD
from ldirector.core.sentinels import MAX_BLAMES
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.core.build import MARK, Config, real, virtual
from tests.ldirector.core.machine import GOOD, OTHER, REFUSED, Machine

WATCHED = Policy(sentinel=True)


def test_server_that_is_up_gets_a_sentinel_and_one_that_falls_loses_it() -> None:
    machine = Machine(virtual(real(1), policy=WATCHED))
    assert machine.sentinels == {}
    machine.round(GOOD)
    assert list(machine.sentinels.values()) == [("192.168.2.1", 80)]
    machine.round(REFUSED)
    assert machine.sentinels == {}


def test_lost_sentinel_has_its_server_checked_at_once_and_weight_follows() -> None:
    machine = Machine(virtual(real(1, 5), real(2, 5), quiescent=True, policy=WATCHED))
    machine.round(GOOD)
    machine.lose("192.168.2.1")
    assert machine.next_in() == 0.0
    machine.tick(0.0)
    assert list(machine.in_flight.values()) == ["192.168.2.1"]
    machine.report(REFUSED)
    assert machine.weights() == {"192.168.2.1": 0, "192.168.2.2": 5}


def test_many_sentinels_lost_at_one_instant_start_their_checks_in_doses() -> None:
    machine = Machine(virtual(*map(real, range(1, 2 * MOST_STARTS)), policy=WATCHED))
    machine.now = FIRST_SPREAD
    machine.round(GOOD)
    machine.round(GOOD)
    for number in range(1, 2 * MOST_STARTS):
        machine.lose(f"192.168.2.{number}")
    machine.tick(0.0)
    assert len(machine.in_flight) == MOST_STARTS
    assert machine.next_in() == 0.0
    machine.tick(0.0)
    assert len(machine.in_flight) == 2 * MOST_STARTS - 1


def test_server_that_serves_one_connection_at_a_time_gets_no_sentinel_after_the_second_flap() -> None:
    machine = Machine(virtual(real(1), policy=WATCHED))
    failures = 0
    for _ in range(20):
        busy = bool(machine.sentinels)
        machine.round(Verdict(Outcome.FAIL, Reason.READ_TIMEOUT) if busy else GOOD)
        failures += busy
    assert failures == MAX_BLAMES
    assert machine.weights() == {"192.168.2.1": 1}
    machine.perform(
        machine.director.reload(Config((virtual(real(1), policy=WATCHED),)), machine.kernel.table(), machine.now)
    )
    assert machine.sentinels


def test_sentinel_that_is_closed_by_a_healthy_server_changes_nothing_and_reopens_ever_later() -> None:
    machine = Machine(virtual(real(1), policy=WATCHED))
    machine.round(GOOD)
    pauses = []
    for _ in range(10):
        lost_at = machine.now
        machine.lose("192.168.2.1")
        assert machine.ops == []
        while not machine.sentinels:
            machine.now = machine.director.next_deadline() or 0.0
            machine.perform(machine.director.handle_timer(machine.now))
            machine.report(GOOD)
        pauses.append(machine.now - lost_at)
    assert pauses == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    assert machine.weights() == {"192.168.2.1": 1}


def test_check_that_was_in_flight_when_the_sentinel_was_lost_is_made_once_more() -> None:
    machine = Machine(virtual(real(1), policy=WATCHED))
    machine.round(GOOD)
    machine.tick()
    machine.lose("192.168.2.1")
    machine.report(GOOD)
    assert machine.next_in() == 0.0


def test_two_virtuals_share_one_sentinel_and_one_without_the_policy_has_none() -> None:
    machine = Machine(
        virtual(real(1), policy=WATCHED), virtual(real(1), key=OTHER, policy=WATCHED), virtual(real(2), key=MARK)
    )
    machine.round(GOOD)
    assert list(machine.sentinels.values()) == [("192.168.2.1", 80)]


def test_sentinels_end_with_a_reload_that_does_not_want_them_and_with_stop() -> None:
    machine = Machine(virtual(real(1), policy=WATCHED))
    machine.round(GOOD)
    machine.perform(machine.director.reload(Config((virtual(real(1)),)), machine.kernel.table(), machine.now))
    assert machine.sentinels == {}
    machine.perform(
        machine.director.reload(Config((virtual(real(1), policy=WATCHED),)), machine.kernel.table(), machine.now)
    )
    assert len(machine.sentinels) == 1
    machine.perform(machine.director.stop(machine.now))
    assert machine.sentinels == {}
