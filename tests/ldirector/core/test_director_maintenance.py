"""The director and servers in maintenance; time is a number."""

from __future__ import annotations

import pytest

from ldirector.core.events import (
    AddReal,
    SetReal,
)
from ldirector.core.model import (
    CheckType,
)
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.core.build import VIP, Config, real, virtual
from tests.ldirector.core.machine import GOOD, OTHER, REFUSED, WEB1, WEB2, Machine, table_with


def test_server_in_maintenance_is_down_at_once_and_not_probed_until_it_is_put_back() -> None:
    machine = Machine(virtual(real(1), real(2), quiescent=True, failurecount=9))
    machine.round(GOOD)
    machine.maintain((VIP, WEB1))
    assert machine.weights() == {"192.168.2.1": 0, "192.168.2.2": 1}
    assert "up -> down (Server in maintenance)" in machine.notes[0]
    machine.tick()
    assert list(machine.in_flight.values()) == ["192.168.2.2"]
    machine.report(GOOD)
    machine.maintain()
    machine.perform(machine.director.handle_timer(machine.now))
    assert list(machine.in_flight.values()) == ["192.168.2.1"]
    machine.report(GOOD)
    assert machine.weights() == {"192.168.2.1": 1, "192.168.2.2": 1}


def test_result_of_a_check_that_was_in_flight_when_maintenance_began_is_ignored() -> None:
    machine = Machine(virtual(real(1), quiescent=True))
    machine.tick()
    machine.maintain((VIP, WEB1))
    machine.report(GOOD)
    assert machine.weights() == {"192.168.2.1": 0}


def test_maintenance_in_one_virtual_leaves_the_shared_server_to_the_other() -> None:
    machine = Machine(virtual(real(1)), virtual(real(1), key=OTHER))
    machine.round(GOOD)
    machine.maintain((VIP, WEB1))
    machine.round(GOOD)
    assert (machine.weights(VIP), machine.weights(OTHER)) == ({}, {"192.168.2.1": 1})


def test_server_that_is_in_maintenance_at_the_start_never_gets_a_weight() -> None:
    machine = Machine(virtual(real(1, 5), real(2, 5), quiescent=True, checktype=CheckType.ON), maintained=[(VIP, WEB1)])
    assert [op.state.weight for op in machine.ops if isinstance(op, AddReal)] == [0, 5]
    assert not [op for op in machine.ops if isinstance(op, SetReal)]
    assert machine.weights() == {"192.168.2.1": 0, "192.168.2.2": 5}


def test_after_the_stop_neither_a_reload_nor_maintenance_writes_anything() -> None:
    machine = Machine(virtual(real(1), checktype=CheckType.ON))
    machine.perform(machine.director.stop(machine.now))
    assert machine.kernel.table() == {}
    other = Config((virtual(real(1), real(2), checktype=CheckType.ON),))
    assert machine.director.reload(other, machine.kernel.table(), machine.now) == []
    assert machine.director.maintain([(VIP, WEB1)], machine.now) == []


def test_a_kind_of_check_that_has_no_thread_left_does_not_excuse_the_others() -> None:
    machine = Machine(virtual(real(1), real(2)), table=table_with((WEB1, 1), (WEB2, 1)))
    machine.tick()
    machine.report(Verdict(Outcome.NOT_RUN, Reason.NO_THREAD), "192.168.2.1")
    machine.report(REFUSED, "192.168.2.2")
    assert machine.weights() == {"192.168.2.1": 1}


def test_maintenance_survives_a_reload() -> None:
    machine = Machine(virtual(real(1)))
    machine.round(GOOD)
    machine.maintain((VIP, WEB1))
    other = Config((virtual(real(1), checkport=81),))
    machine.perform(machine.director.reload(other, machine.kernel.table(), machine.now))
    machine.tick()
    assert (machine.in_flight, machine.state()) == ({}, "down")


@pytest.mark.parametrize(("checktype", "state"), [(CheckType.ON, "up"), (CheckType.OFF, "down")])
def test_server_without_checks_is_what_its_checktype_says_after_maintenance(checktype: CheckType, state: str) -> None:
    machine = Machine(virtual(real(1), checktype=checktype))
    machine.maintain((VIP, WEB1))
    assert machine.state() == "down"
    machine.maintain()
    assert machine.state() == state
