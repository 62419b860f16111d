"""The director through reloads, changes of its role and its stop; time is a number."""

from __future__ import annotations

import errno

from ldirector.core.events import (
    ApplyOps,
    DeleteReal,
    DeleteVirtual,
    SetReal,
)
from ldirector.core.model import (
    Role,
    Service,
    VirtualKey,
    VirtualState,
)
from tests.ldirector.core.build import FALLBACK, VIP, real, virtual
from tests.ldirector.core.machine import FOREIGN, GOOD, OTHER, REFUSED, WEB1, WEB2, Machine, masq, reloaded, table_with


def test_reload_keeps_states_and_edits_weights_in_place() -> None:
    machine = Machine(virtual(real(1), real(2), quiescent=True))
    machine.tick()
    machine.report(GOOD, "192.168.2.1")
    machine.report(REFUSED, "192.168.2.2")
    reloaded(machine, virtual(real(1, 9), real(2, 9), quiescent=True))
    assert machine.ops == [SetReal(VIP, WEB1, masq(9))]
    assert machine.notes == ["Changed real server: 192.168.2.1:80 (10.1.1.10:80) (Weight set to 9): reload"]
    assert (machine.state(0), machine.state(1)) == ("up", "down")


def test_reload_keeps_a_check_in_flight_whose_probe_is_the_same() -> None:
    machine = Machine(virtual(real(1)))
    machine.tick()
    reloaded(machine, virtual(real(1, 4)))
    machine.report(GOOD)
    assert machine.weights() == {"192.168.2.1": 4}


def test_reload_cancels_checks_nobody_wants_any_more() -> None:
    machine = Machine(virtual(real(1), real(2)))
    machine.tick()
    cancelled = [check_id for check_id, address in machine.in_flight.items() if address == "192.168.2.2"]
    reloaded(machine, virtual(real(1)))
    assert not set(cancelled) & set(machine.in_flight)
    assert machine.director.finished(cancelled[0], GOOD, machine.now) == []


def test_server_that_was_up_serves_on_when_its_check_changes() -> None:
    machine = Machine(virtual(real(1)))
    machine.round(GOOD)
    reloaded(machine, virtual(real(1), checkport=8080))
    assert machine.ops == []
    assert machine.state() == "up"
    machine.round(REFUSED)
    assert machine.weights() == {}


def test_virtual_that_left_the_file_is_deleted() -> None:
    machine = Machine(virtual(real(1)), virtual(real(2), key=OTHER))
    reloaded(machine, virtual(real(1)))
    assert machine.ops == [DeleteVirtual(OTHER)]
    assert machine.notes == ["Purged virtual server (reload): 10.1.1.10:81"]


def test_real_that_left_the_file_is_deleted_and_a_new_one_is_checked_at_once() -> None:
    machine = Machine(virtual(real(1)))
    machine.round(GOOD)
    reloaded(machine, virtual(real(2)))
    assert machine.ops == [DeleteReal(VIP, WEB1)]
    assert machine.notes == [
        "Purged real server (reload): 192.168.2.1:80 (10.1.1.10:80): it is not in the configuration"
    ]
    assert machine.director.next_deadline() == machine.now


def test_same_configuration_again_changes_nothing() -> None:
    machine = Machine(virtual(real(1), real(2)))
    machine.round(GOOD)
    due = machine.director.next_deadline()
    reloaded(machine, virtual(real(1), real(2)))
    assert (machine.ops, machine.notes) == ([], [])
    assert machine.director.next_deadline() == due


# What an earlier life left in the table

LEFT = {OTHER: Service(VirtualState(), {WEB2: masq(1)}), FOREIGN: Service(VirtualState("rr"), {})}


def test_virtual_of_an_earlier_life_that_is_configured_no_more_is_removed_at_start() -> None:
    gone = VirtualKey("fwm", 4, "", 0, 7)  # somebody deleted it meanwhile
    machine = Machine(virtual(real(1)), table=table_with((WEB1, 1)) | LEFT, left={VIP, OTHER, gone})
    assert machine.ops == [DeleteVirtual(OTHER)]
    assert machine.notes[0].startswith("Virtual server 10.1.1.10:81: an earlier life of this daemon left it")
    assert "Purged virtual server (start): 10.1.1.10:81" in machine.notes
    assert machine.kernel.table().keys() == {VIP, FOREIGN}
    assert machine.state() == "up", "what is configured is adopted"
    assert machine.director.written() == {VIP}


def test_virtual_that_no_earlier_life_wrote_stays_when_it_is_not_configured_and_is_adopted_when_it_is() -> None:
    machine = Machine(virtual(real(1)), table=table_with((WEB1, 1)) | LEFT)
    assert machine.ops == []
    assert machine.kernel.table().keys() == {VIP, OTHER, FOREIGN}
    assert machine.director.written() == {VIP}


def test_standby_removes_at_start_what_an_earlier_life_wrote_and_nothing_else() -> None:
    machine = Machine(
        virtual(real(1)), virtual(real(2), key=OTHER), role=Role.STANDBY, table=table_with((WEB1, 1)) | LEFT, left={VIP}
    )
    assert machine.ops == [DeleteVirtual(VIP)]
    assert machine.kernel.table().keys() == {OTHER, FOREIGN}
    assert not machine.director.written()


def test_virtual_of_an_earlier_life_that_cannot_be_removed_remains_ours() -> None:
    machine = Machine(virtual(real(1)), role=Role.STANDBY)
    machine.kernel.refusing = lambda op: errno.EBUSY if isinstance(op, DeleteVirtual) else 0
    machine.kernel.load(["-A -t 10.1.1.10:81 -s wrr"])
    machine.perform(machine.director.start(machine.kernel.table(), machine.now, left={OTHER}))
    assert machine.director.written() == {OTHER}
    machine.kernel.refusing = lambda op: 0
    machine.tick()
    assert machine.kernel.table() == {}
    assert not machine.director.written()


# Roles


def test_standby_checks_everything_and_writes_nothing() -> None:
    machine = Machine(virtual(real(1), fallback=FALLBACK), role=Role.STANDBY)
    machine.round(GOOD)
    assert machine.kernel.table() == {}
    assert machine.state() == "up"
    assert machine.notes == [
        "Real server: 192.168.2.1:80 (10.1.1.10:80): unknown -> up (ok, 3 ms): standby, not written"
    ]
    assert machine.director.is_ready()


def test_becoming_active_writes_the_whole_table_in_one_batch_with_only_healthy_servers() -> None:
    machine = Machine(virtual(real(1, 5), real(2, 5), quiescent=True), virtual(key=OTHER), role=Role.STANDBY)
    machine.tick()
    machine.report(GOOD, "192.168.2.1")
    machine.report(REFUSED, "192.168.2.2")
    effects = machine.director.set_role(Role.ACTIVE, {}, machine.now)
    assert sum(isinstance(effect, ApplyOps) for effect in effects) == 1
    machine.perform(effects)
    assert machine.weights() == {"192.168.2.1": 5, "192.168.2.2": 0}
    assert OTHER in machine.kernel.table()


def test_becoming_standby_removes_all_our_virtuals_whatever_cleanstop_says() -> None:
    foreign = {FOREIGN: Service(VirtualState("rr"), {})}
    machine = Machine(virtual(real(1), cleanstop=False), virtual(key=OTHER), table=foreign)
    machine.round(GOOD)
    machine.perform(machine.director.set_role(Role.STANDBY, machine.kernel.table(), machine.now))
    assert machine.kernel.table() == foreign
    machine.round(REFUSED)
    assert machine.kernel.table() == foreign
    assert machine.state() == "down"


def test_removal_on_the_way_to_standby_is_tried_until_it_succeeds() -> None:
    machine = Machine(virtual(real(1)))
    machine.kernel.refusing = lambda op: errno.EBUSY if isinstance(op, DeleteVirtual) else 0
    machine.perform(machine.director.set_role(Role.STANDBY, machine.kernel.table(), machine.now))
    machine.kernel.refusing = lambda op: 0
    machine.tick()
    assert machine.kernel.table() == {}


def test_same_role_again_does_nothing() -> None:
    machine = Machine(virtual(real(1)))
    assert machine.director.set_role(Role.ACTIVE, {}, machine.now) == []


def test_active_again_adopts_what_still_serves() -> None:
    machine = Machine(virtual(real(1)), role=Role.STANDBY)
    machine.perform(machine.director.set_role(Role.ACTIVE, table_with((WEB1, 1)), machine.now))
    assert machine.state() == "up"


def test_reload_on_standby_writes_nothing() -> None:
    machine = Machine(virtual(real(1)), role=Role.STANDBY)
    reloaded(machine, virtual(real(2)))
    assert machine.ops == []


# Stop


def test_stop_removes_virtuals_with_cleanstop_and_leaves_the_others_exactly_as_they_are() -> None:
    machine = Machine(virtual(real(1, 3), cleanstop=False), virtual(real(1), key=OTHER))
    machine.round(GOOD)
    machine.tick()
    machine.perform(machine.director.stop(machine.now))
    assert machine.kernel.table() == {VIP: Service(VirtualState(), {WEB1: masq(3)})}
    assert machine.in_flight == {}
    assert machine.director.next_deadline() is None
    assert machine.director.handle_timer(machine.now + 100) == []


def test_stop_on_standby_writes_nothing() -> None:
    machine = Machine(virtual(real(1)), role=Role.STANDBY, table=table_with((WEB1, 1)))
    machine.perform(machine.director.stop(machine.now))
    assert machine.ops == []


def test_director_is_blind_while_every_server_it_checks_is_down() -> None:
    machine = Machine(virtual(real(1), real(2)), role=Role.STANDBY)
    assert not machine.director.is_blind()  # it does not know yet
    machine.round(REFUSED)
    assert machine.director.is_blind()
    machine.maintain((VIP, WEB1))
    assert machine.director.is_blind()
    machine.tick()
    machine.report(GOOD, "192.168.2.2")
    assert not machine.director.is_blind()
    machine.maintain((VIP, WEB1), (VIP, WEB2))
    assert not machine.director.is_blind()  # nothing is checked any more


def test_director_that_comes_to_serve_blind_checks_every_server_at_once() -> None:
    for verdict, waits in ((REFUSED, False), (GOOD, True)):
        machine = Machine(virtual(real(1), real(2)), role=Role.STANDBY)
        machine.round(verdict)
        machine.perform(machine.director.set_role(Role.ACTIVE, {}, machine.now))
        assert (machine.next_in() > 0) is waits
