"""The director: its start, what checks lead to, what it shows; one fact a test, time is a number."""

from __future__ import annotations

import itertools

import pytest

from ldirector.core.events import (
    AddReal,
    AddVirtual,
    DeleteReal,
    DeleteVirtual,
    SetReal,
)
from ldirector.core.model import (
    CheckType,
    Forwarding,
    Policy,
    RealKey,
    RealState,
    Service,
    VirtualKey,
    VirtualState,
)
from ldirector.core.shortage import QUIET
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.core.build import FALLBACK, MARK, VIP, real, virtual
from tests.ldirector.core.machine import FOREIGN, GOOD, NOT_RUN, OTHER, REFUSED, WEB1, WEB2, Machine, masq, table_with

# Start


def test_unknown_server_gets_its_weight_with_its_first_good_check() -> None:
    machine = Machine(virtual(real(1, 5), quiescent=True))
    assert machine.weights() == {"192.168.2.1": 0}
    machine.round(GOOD)
    assert machine.weights() == {"192.168.2.1": 5}
    assert machine.notes == [
        "Restored real server: 192.168.2.1:80 (10.1.1.10:80) (Weight set to 5): unknown -> up (ok, 3 ms)"
    ]


def test_unknown_server_is_absent_without_quiescent() -> None:
    machine = Machine(virtual(real(1)))
    assert machine.weights() == {}
    machine.round(GOOD)
    assert machine.weights() == {"192.168.2.1": 1}


def test_table_left_by_an_earlier_run_is_adopted_without_an_operation() -> None:
    machine = Machine(virtual(real(1, 3)), table=table_with((WEB1, 3)))
    assert machine.ops == []
    assert machine.state() == "up"


def test_existing_virtual_is_edited_and_its_servers_keep_serving() -> None:
    before = table_with((WEB1, 2), (WEB2, 0), (RealKey("192.168.2.200", 80), 5), state=VirtualState("rr", 50))
    machine = Machine(virtual(real(1, 3), real(2), quiescent=True), table=before)
    assert machine.weights() == {"192.168.2.1": 3, "192.168.2.2": 0}
    assert machine.kernel.table()[VIP].state == VirtualState()
    assert not any(isinstance(op, AddVirtual | DeleteVirtual) for op in machine.ops)


def test_adopted_server_that_is_dead_falls_at_its_first_check() -> None:
    machine = Machine(virtual(real(1)), table=table_with((WEB1, 1)))
    machine.round(REFUSED)
    assert machine.weights() == {}


def test_foreign_virtual_is_never_touched() -> None:
    foreign = {FOREIGN: Service(VirtualState("rr"), {WEB1: masq(1)})}
    machine = Machine(virtual(real(1)), table=foreign)
    machine.round(GOOD)
    machine.perform(machine.director.stop(machine.now))
    assert machine.kernel.table() == foreign


# Checks


def test_failed_server_is_quiesced_with_the_words_monitoring_looks_for_and_the_reason() -> None:
    machine = Machine(virtual(real(1), quiescent=True))
    machine.round(GOOD)
    machine.round(REFUSED)
    assert machine.ops == [SetReal(VIP, WEB1, masq(0))]
    assert machine.notes == [
        "Quiescent real server: 192.168.2.1:80 (10.1.1.10:80) (Weight set to 0): up -> down (connection refused, 1 ms)"
    ]


def test_failed_server_is_deleted_without_quiescent() -> None:
    machine = Machine(virtual(real(1)))
    machine.round(GOOD)
    machine.round(REFUSED)
    assert machine.ops == [DeleteReal(VIP, WEB1)]
    assert machine.notes[0].startswith("Deleted real server: 192.168.2.1:80 (10.1.1.10:80): up -> down")


def test_fallback_enters_before_the_last_server_leaves_and_leaves_after_the_first_is_back() -> None:
    machine = Machine(virtual(real(1), quiescent=True, fallback=FALLBACK), table=table_with((WEB1, 1)))
    machine.round(REFUSED)
    assert machine.ops == [AddReal(VIP, FALLBACK.key, RealState(Forwarding.GATE, 1)), SetReal(VIP, WEB1, masq(0))]
    machine.round(GOOD)
    assert machine.ops == [SetReal(VIP, WEB1, masq(1)), DeleteReal(VIP, FALLBACK.key)]
    assert machine.notes[1] == "Deleted fallback server: 127.0.0.1:80 (10.1.1.10:80): a real server is up"


def test_soft_failures_are_counted_and_reset() -> None:
    machine = Machine(virtual(real(1), failurecount=2), table=table_with((WEB1, 1)))
    machine.round(REFUSED)
    assert machine.ops == []
    assert machine.notes == [
        "Soft failure real server: 192.168.2.1:80 (tcp:10.1.1.10:80) failure 1/2 (connection refused, 1 ms)"
    ]
    machine.round(GOOD)
    assert machine.notes == ["Resetting soft failure count: 192.168.2.1:80 (tcp:10.1.1.10:80)"]
    machine.round(REFUSED)
    machine.round(REFUSED)
    assert machine.weights() == {}


def test_checks_that_could_not_be_made_move_no_state_and_are_one_line_an_episode() -> None:
    machine = Machine(virtual(real(1), real(2)), table=table_with((WEB1, 1), (WEB2, 1)))
    machine.round(NOT_RUN)
    assert machine.weights() == {"192.168.2.1": 1, "192.168.2.2": 1}
    assert machine.notes == [
        "Check of 192.168.2.1:80 (10.1.1.10:80) could not be made: out of file descriptors, 0 ms: "
        "no server is taken down and checks slow down until this machine has caught its breath"
    ]
    assert not machine.director.is_ready()
    machine.tick(1.0)
    machine.report(GOOD)
    machine.tick(QUIET)
    assert machine.notes == ["All checks are being made again"]
    machine.report(NOT_RUN)
    assert len(machine.notes) == 1


def test_no_failed_check_counts_while_this_machine_is_short_of_something() -> None:
    machine = Machine(virtual(real(1), real(2)), table=table_with((WEB1, 1), (WEB2, 1)))
    machine.tick()
    machine.report(NOT_RUN, "192.168.2.1")
    machine.report(REFUSED, "192.168.2.2")
    assert machine.weights() == {"192.168.2.1": 1, "192.168.2.2": 1}
    machine.tick(QUIET)
    machine.report(REFUSED, "192.168.2.2")
    assert machine.weights() == {"192.168.2.1": 1}


def test_dead_servers_do_not_prolong_the_shortage_and_are_down_when_it_is_over() -> None:
    machine = Machine(virtual(*map(real, range(1, 6)), checkinterval=60), table=table_with((WEB1, 1), (WEB2, 1)))
    machine.tick()
    machine.report(NOT_RUN, "192.168.2.1")
    sign = machine.now
    machine.report(REFUSED)
    while len(machine.weights()) > 1 and machine.now < sign + 60:
        machine.now = machine.director.next_deadline() or 0.0
        machine.perform(machine.director.handle_timer(machine.now))
        machine.report(GOOD, "192.168.2.1")
        machine.report(REFUSED)
    assert machine.weights() == {"192.168.2.1": 1}
    assert machine.now == sign + QUIET


def test_checks_slow_down_while_the_shortage_lasts() -> None:
    machine = Machine(virtual(real(1)))
    starts: list[float] = []
    while len(starts) < 6:
        machine.now = machine.director.next_deadline() or 0.0
        machine.perform(machine.director.handle_timer(machine.now))
        if machine.in_flight:
            starts.append(machine.now)
            machine.report(NOT_RUN)
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert gaps == [1.0, 2.0, 4.0, 8.0, 8.0]


def test_bug_in_a_check_moves_no_state_and_slows_nothing_down() -> None:
    machine = Machine(virtual(real(1), real(2)), table=table_with((WEB1, 1), (WEB2, 1)))
    machine.tick()
    machine.report(Verdict(Outcome.NOT_RUN, Reason.INTERNAL), "192.168.2.1")
    assert "internal error" in machine.notes[0]
    machine.report(REFUSED, "192.168.2.2")
    assert machine.weights() == {"192.168.2.1": 1}


# rise, fall, fast_interval


def test_fall_of_the_policy_wins_over_failurecount() -> None:
    machine = Machine(virtual(real(1), failurecount=1, policy=Policy(fall=2)))
    machine.round(GOOD)
    machine.round(REFUSED)
    assert machine.weights() == {"192.168.2.1": 1}
    machine.round(REFUSED)
    assert machine.weights() == {}


def test_server_that_was_down_needs_rise_good_checks_in_a_row() -> None:
    machine = Machine(virtual(real(1), policy=Policy(rise=3)))
    machine.round(REFUSED)
    for number in (1, 2):
        machine.round(GOOD)
        assert machine.notes == [f"Soft success real server: 192.168.2.1:80 (tcp:10.1.1.10:80) success {number}/3"]
        assert machine.weights() == {}
    machine.round(GOOD)
    assert machine.weights() == {"192.168.2.1": 1}


def test_checks_come_faster_while_a_server_falls_or_rises_and_not_longer() -> None:
    policy = Policy(rise=2, fall=2, fast_interval=0.25)
    machine = Machine(virtual(real(1), policy=policy))
    machine.round(GOOD)
    assert machine.next_in() == 2.0
    machine.tick(2.0)
    machine.report(REFUSED)
    assert machine.next_in() == 0.25
    machine.tick(0.25)
    machine.report(REFUSED)
    assert machine.state() == "down"
    assert machine.next_in() > 0.25
    machine.tick()
    machine.report(GOOD)
    assert machine.next_in() == 0.25
    machine.tick(0.25)
    machine.report(GOOD)
    assert machine.state() == "up"
    assert machine.next_in() > 0.25


def test_stale_or_repeated_result_is_ignored() -> None:
    machine = Machine(virtual(real(1)))
    machine.tick()
    (check_id,) = machine.in_flight
    assert machine.director.finished(check_id + 1, GOOD, machine.now) == []
    assert machine.director.finished(check_id, GOOD, machine.now)
    assert machine.director.finished(check_id, REFUSED, machine.now) == []
    assert machine.state() == "up"


def test_shared_server_is_probed_once_and_judged_in_each_virtual() -> None:
    machine = Machine(virtual(real(1)), virtual(real(1, 7), key=OTHER))
    machine.tick()
    assert len(machine.in_flight) == 1
    machine.report(GOOD)
    assert (machine.weights(VIP), machine.weights(OTHER)) == ({"192.168.2.1": 1}, {"192.168.2.1": 7})


def test_shared_server_falls_in_each_virtual_by_that_virtuals_failurecount() -> None:
    machine = Machine(virtual(real(1), failurecount=2), virtual(real(1), key=OTHER))
    machine.round(GOOD)
    machine.round(REFUSED)
    assert (machine.weights(VIP), machine.weights(OTHER)) == ({"192.168.2.1": 1}, {})


@pytest.mark.parametrize(("checktype", "state", "weight"), [(CheckType.ON, "up", 1), (CheckType.OFF, "down", 0)])
def test_reals_that_are_not_probed_stand_from_the_start(checktype: CheckType, state: str, weight: int) -> None:
    udp = VirtualKey("udp", 4, "10.1.1.10", 53)
    machine = Machine(virtual(real(1), key=udp, checktype=checktype, quiescent=True))
    assert (machine.state(), machine.weights(udp)) == (state, {"192.168.2.1": weight})
    assert machine.director.next_deadline() is None
    assert machine.director.is_ready()


def test_next_deadline_is_the_next_check() -> None:
    machine = Machine(virtual(real(1)))
    assert machine.director.next_deadline() == 0.0
    machine.tick(0.0)
    assert machine.director.next_deadline() is None
    machine.now = 0.1
    machine.report(GOOD)
    assert machine.director.next_deadline() == 2.0


# Views


def test_ready_when_every_probed_server_has_had_a_verdict() -> None:
    machine = Machine(virtual(real(1), real(2)))
    machine.tick()
    machine.report(GOOD, "192.168.2.1")
    assert not machine.director.is_ready()
    machine.report(REFUSED, "192.168.2.2")
    assert machine.director.is_ready()


def test_snapshot_shows_state_reason_and_weight() -> None:
    machine = Machine(virtual(real(1, 4), quiescent=True, fallback=FALLBACK))
    machine.round(REFUSED)
    (status,) = machine.director.snapshot().virtuals
    (server,) = status.reals
    assert (status.name, status.in_table, status.fallback, status.fallback_active) == (
        "10.1.1.10:80",
        True,
        "127.0.0.1:80",
        True,
    )
    assert (server.name, server.state, server.since, server.weight) == ("192.168.2.1:80", "down", 2.0, 0)
    assert (server.configured_weight, server.forwarding, server.check) == (4, "masq", "connect")
    assert server.reason == "connection refused, 1 ms"


def test_mark_is_shown_by_its_number() -> None:
    assert Machine(virtual(real(1), key=MARK)).director.snapshot().virtuals[0].name == "7"
