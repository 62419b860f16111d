"""The director and a table that others change, or that refuses changes; time is a number."""

from __future__ import annotations

import errno
import itertools

from ldirector.core.director import Director
from ldirector.core.events import (
    AddReal,
    AddVirtual,
    DeleteReal,
    DeleteVirtual,
    ReadTable,
    SetReal,
    SetVirtual,
)
from ldirector.core.ledger import LONGEST_RETRY
from ldirector.core.model import (
    CheckType,
    Forwarding,
    RealState,
    Role,
    Service,
    VirtualState,
)
from ldirector.core.plan import virtual_of
from tests.ldirector.core.build import MARK, VIP, Config, real, virtual
from tests.ldirector.core.machine import GOOD, OTHER, REFUSED, WEB1, WEB2, Machine, masq

# Reconciliation


def reconciled(machine: Machine) -> Machine:
    machine.perform(machine.director.reconcile(machine.kernel.table(), machine.now))
    return machine


def test_table_is_read_every_interval_when_the_configuration_asks_for_it() -> None:
    director = Director(Config((virtual(real(1)),), reconcile=True))
    director.start({}, 0.0)
    reads = [now / 2 for now in range(20) if ReadTable() in director.handle_timer(now / 2)]
    assert reads == [2.0, 4.0, 6.0, 8.0]
    assert ReadTable() not in Machine(virtual(real(1))).director.handle_timer(100.0)


def test_what_somebody_deleted_is_put_back() -> None:
    machine = Machine(virtual(real(1, 5), real(2, 5), quiescent=True))
    machine.round(GOOD)
    machine.kernel.apply(DeleteReal(VIP, WEB1))
    assert reconciled(machine).weights() == {"192.168.2.1": 5, "192.168.2.2": 5}
    assert machine.notes[0] == "Virtual server 10.1.1.10:80: somebody deleted 192.168.2.1:80: putting it right"
    machine.kernel.apply(DeleteVirtual(VIP))
    assert reconciled(machine).weights() == {"192.168.2.1": 5, "192.168.2.2": 5}
    assert "somebody deleted it from the table" in machine.notes[0]
    assert reconciled(machine).ops == []


def test_server_that_somebody_added_is_removed_and_foreign_virtuals_stay() -> None:
    machine = Machine(virtual(real(1, 5)))
    machine.round(GOOD)
    machine.kernel.apply(AddReal(VIP, WEB2, masq(1)))
    machine.kernel.apply(AddVirtual(MARK, VirtualState()))
    assert reconciled(machine).weights() == {"192.168.2.1": 5}
    assert MARK in machine.kernel.table()


def test_settings_and_forwarding_that_somebody_changed_are_put_right() -> None:
    machine = Machine(virtual(real(1, 5)))
    machine.round(GOOD)
    machine.kernel.apply(SetVirtual(VIP, VirtualState("rr")))
    machine.kernel.apply(SetReal(VIP, WEB1, RealState(Forwarding.GATE, 5)))
    reconciled(machine)
    assert machine.kernel.table()[VIP] == Service(VirtualState(), {WEB1: masq(5)})


def test_weight_that_somebody_set_is_reported_once_and_left_until_the_server_changes() -> None:
    machine = Machine(virtual(real(1, 5), real(2, 5), quiescent=True))
    machine.round(GOOD)
    machine.kernel.apply(SetReal(VIP, WEB1, masq(1)))
    assert reconciled(machine).weights() == {"192.168.2.1": 1, "192.168.2.2": 5}
    assert "somebody set its weight to 1; it is left so" in machine.notes[0]
    assert reconciled(machine).notes == []
    machine.tick()
    machine.report(REFUSED, "192.168.2.2")
    assert machine.weights() == {"192.168.2.1": 1, "192.168.2.2": 0}
    machine.kernel.apply(DeleteReal(VIP, WEB2))
    assert reconciled(machine).weights()["192.168.2.1"] == 1
    machine.report(REFUSED)
    machine.round(GOOD)
    assert machine.weights()["192.168.2.1"] == 5


def test_quiesced_server_that_somebody_deleted_stays_out_with_readdquiescent_no() -> None:
    machine = Machine(virtual(real(1), real(2), quiescent=True))
    machine.round(GOOD)
    machine.round(REFUSED)
    machine.kernel.apply(DeleteReal(VIP, WEB1))
    assert reconciled(machine).weights() == {"192.168.2.2": 0}
    assert "it stays out until it is up" in machine.notes[0]
    assert reconciled(machine).notes == []
    machine.round(GOOD)
    assert machine.weights() == {"192.168.2.1": 1, "192.168.2.2": 1}


def test_standby_does_not_look_at_the_table() -> None:
    machine = Machine(virtual(real(1)), role=Role.STANDBY)
    machine.round(GOOD)
    assert reconciled(machine).kernel.table() == {}


def test_virtual_that_the_kernel_keeps_refusing_is_left_to_its_retries() -> None:
    machine = Machine(virtual(real(1), state=VirtualState("typo")))
    machine.round(GOOD)
    machine.notes = []
    assert reconciled(machine).ops == []


# Refusals of the kernel


def test_refused_operation_is_planned_again_at_once_and_then_with_growing_pauses() -> None:
    machine = Machine(virtual(real(1)), virtual(real(2), key=OTHER))
    machine.kernel.refusing = lambda op: errno.EINVAL if virtual_of(op) == VIP else 0
    machine.round(GOOD)
    assert machine.weights(OTHER) == {"192.168.2.2": 1}
    attempts = []
    machine.in_flight.clear()
    while machine.now < 400:
        due = machine.director.next_deadline()
        assert due is not None
        machine.now = due
        machine.perform(machine.director.handle_timer(due))
        if machine.ops:
            attempts.append(due)
        machine.report(GOOD)
    gaps = [round(later - earlier) for earlier, later in itertools.pairwise(attempts)]
    assert gaps[:6] == [2, 4, 8, 16, 32, 60]
    assert set(gaps[6:]) <= {LONGEST_RETRY}
    assert machine.weights(OTHER) == {"192.168.2.2": 1}


def test_refusal_is_reported_with_the_operation_and_the_errno() -> None:
    machine = Machine(virtual(real(1), state=VirtualState("nosuch"), checktype=CheckType.ON))
    assert machine.kernel.table() == {}
    assert (
        "Virtual server 10.1.1.10:80: the kernel refused adding the virtual with scheduler nosuch: "
        "ENOENT (errno 2) (and 1 more): planning it again now"
    ) in machine.notes


def test_virtual_is_repaired_when_the_kernel_accepts_again() -> None:
    machine = Machine(virtual(real(1)))
    machine.kernel.refusing = lambda op: errno.EINVAL
    machine.round(GOOD)
    machine.kernel.refusing = lambda op: 0
    machine.tick()
    assert machine.weights() == {"192.168.2.1": 1}


def test_entry_deleted_by_hand_stays_out_until_it_is_up() -> None:
    machine = Machine(virtual(real(1), real(2), quiescent=True))
    machine.round(GOOD)
    machine.kernel.apply(DeleteReal(VIP, WEB1))
    machine.round(REFUSED)
    assert machine.weights() == {"192.168.2.2": 0}
    assert any("somebody deleted it from the table" in note for note in machine.notes)
    machine.round(GOOD)
    assert machine.weights() == {"192.168.2.1": 1, "192.168.2.2": 1}
    machine.round(REFUSED)
    assert machine.weights() == {"192.168.2.1": 0, "192.168.2.2": 0}


def test_entry_deleted_by_hand_is_put_back_at_weight_zero_with_readdquiescent() -> None:
    machine = Machine(virtual(real(1), quiescent=True, readdquiescent=True))
    machine.round(GOOD)
    machine.kernel.apply(DeleteReal(VIP, WEB1))
    machine.round(REFUSED)
    assert machine.weights() == {"192.168.2.1": 0}


def test_removal_that_was_refused_is_tried_again() -> None:
    machine = Machine(virtual(real(1)), virtual(key=OTHER))
    machine.kernel.refusing = lambda op: errno.EBUSY if isinstance(op, DeleteVirtual) else 0
    machine.perform(machine.director.reload(Config((virtual(real(1)),)), machine.kernel.table(), machine.now))
    assert OTHER in machine.kernel.table()
    machine.kernel.refusing = lambda op: 0
    machine.tick()
    assert OTHER not in machine.kernel.table()
