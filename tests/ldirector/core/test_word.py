"""A director that comes to serve and sees no server, with and without the other node's word."""

from __future__ import annotations

import pytest

from ldirector.core.model import CheckType, Role
from tests.ldirector.core.build import FALLBACK, VIP, real, virtual
from tests.ldirector.core.machine import GOOD, OTHER, REFUSED, WEB1, WEB2, Machine, reloaded, table_with

ONE, TWO = "192.168.2.1", "192.168.2.2"


def make_active(machine: Machine, vouched: bool = True) -> None:
    table = machine.kernel.table()
    machine.perform(machine.director.set_role(Role.ACTIVE, table, machine.now, vouched))


def blind(quiescent: bool = True) -> Machine:
    """A standby whose two servers are down for it, each in a virtual with a fallback."""
    first = virtual(real(1, 5), fallback=FALLBACK, quiescent=quiescent)
    second = virtual(real(2, 6), key=OTHER, fallback=FALLBACK, quiescent=quiescent)
    machine = Machine(first, second, role=Role.STANDBY)
    machine.round(REFUSED)
    return machine


@pytest.mark.parametrize("quiescent", [True, False])
def test_blind_director_serves_all_servers_with_their_weights_on_the_word_of_the_other_node(quiescent: bool) -> None:
    machine = blind(quiescent)
    make_active(machine)
    assert machine.notes[0].startswith("No real server is seen from here, but the other node saw some: 2 of them")
    for _ in range(3):
        assert (machine.weights(), machine.weights(OTHER)) == ({ONE: 5}, {TWO: 6})
        assert machine.director.snapshot().vouched
        machine.round(REFUSED)
        assert machine.ops == []


def test_without_the_word_what_is_down_is_down() -> None:
    machine = blind()
    make_active(machine, vouched=False)
    assert machine.weights() == {ONE: 0, "127.0.0.1": 1}
    machine.round(REFUSED)
    assert machine.weights() == {ONE: 0, "127.0.0.1": 1}
    assert not machine.director.snapshot().vouched


def test_virtual_whose_servers_are_down_while_others_live_is_down_whatever_the_other_node_says() -> None:
    machine = blind()
    machine.tick()
    machine.report(GOOD, TWO)
    make_active(machine)
    machine.round(REFUSED)
    assert machine.weights() == {ONE: 0, "127.0.0.1": 1}


def test_checks_go_on_at_once_and_from_the_first_good_one_each_server_is_what_its_next_check_says() -> None:
    machine = blind()
    make_active(machine)
    assert machine.next_in() == 0
    machine.tick(0)
    machine.report(GOOD, TWO)
    assert "A real server is seen from here: this node's own checks count again" in machine.notes
    assert (machine.weights(), machine.weights(OTHER)) == ({ONE: 5}, {TWO: 6})
    machine.report(REFUSED, ONE)  # it was on its way already
    machine.tick(0)
    machine.report(REFUSED, ONE)
    assert (machine.weights(), machine.weights(OTHER)) == ({ONE: 0, "127.0.0.1": 1}, {TWO: 6})
    machine.round(REFUSED)
    assert (machine.weights(), machine.weights(OTHER)) == ({ONE: 0, "127.0.0.1": 1}, {TWO: 0, "127.0.0.1": 1})


def test_fallback_waits_for_the_last_server_that_serves_on_a_word() -> None:
    machine = Machine(
        virtual(real(1, 5), real(2, 6), fallback=FALLBACK), virtual(real(3), key=OTHER), role=Role.STANDBY
    )
    machine.round(REFUSED)
    make_active(machine)
    machine.tick()
    machine.report(GOOD, "192.168.2.3")
    machine.report(REFUSED, ONE)
    assert machine.weights() == {TWO: 6}
    machine.report(REFUSED, TWO)
    assert machine.weights() == {"127.0.0.1": 1}


def test_good_check_makes_every_other_one_due_at_once() -> None:
    machine = blind()
    make_active(machine)
    machine.round(REFUSED)
    machine.tick()
    machine.report(REFUSED, ONE)
    assert machine.next_in() > 0
    machine.report(GOOD, TWO)
    assert machine.next_in() == 0


def test_servers_in_maintenance_and_those_that_are_off_do_not_serve_on_a_word() -> None:
    off = virtual(real(3), key=OTHER, checktype=CheckType.OFF)
    machine = Machine(virtual(real(1, 5), real(2, 6)), off, role=Role.STANDBY, maintained=[(VIP, WEB2)])
    machine.round(REFUSED)
    make_active(machine)
    assert (machine.weights(), machine.weights(OTHER)) == ({ONE: 5}, {})
    machine.maintain((VIP, WEB1), (VIP, WEB2))
    assert machine.weights() == {}


def test_standby_forgets_the_word() -> None:
    machine = blind()
    make_active(machine)
    machine.perform(machine.director.set_role(Role.STANDBY, machine.kernel.table(), machine.now))
    assert machine.kernel.table() == {}
    make_active(machine, vouched=False)
    assert machine.weights() == {ONE: 0, "127.0.0.1": 1}


def test_word_that_is_withdrawn_counts_no_more() -> None:
    machine = blind()
    make_active(machine)
    machine.perform(machine.director.unvouch(machine.now))
    assert machine.weights() == {ONE: 0, "127.0.0.1": 1}
    machine.round(REFUSED)
    assert machine.weights() == {ONE: 0, "127.0.0.1": 1}


def test_director_that_is_started_to_go_on_serving_takes_the_word_when_it_finds_itself_blind() -> None:
    machine = Machine(virtual(real(1, 5), real(2, 6), quiescent=True), table=table_with((WEB1, 5), (WEB2, 6)))
    make_active(machine)
    machine.round(REFUSED)
    assert machine.weights() == {ONE: 5, TWO: 6}
    assert any("No real server is seen from here" in note for note in machine.notes)


def test_word_is_void_once_a_server_was_seen() -> None:
    machine = Machine(virtual(real(1, 5), real(2, 6), quiescent=True), table=table_with((WEB1, 5), (WEB2, 6)))
    make_active(machine)
    machine.round(GOOD)
    machine.round(REFUSED)
    assert machine.weights() == {ONE: 0, TWO: 0}


def test_reload_takes_nobody_out_who_serves_on_a_word() -> None:
    machine = Machine(virtual(real(1, 5), quiescent=True), role=Role.STANDBY)
    machine.round(REFUSED)
    make_active(machine)
    reloaded(machine, virtual(real(1, 7), quiescent=True, checkport=8080))
    machine.round(REFUSED)
    assert machine.weights() == {ONE: 7}


def test_entry_that_somebody_deletes_is_put_back_while_its_server_serves_on_a_word() -> None:
    machine = Machine(virtual(real(1, 5), readdquiescent=False), role=Role.STANDBY)
    machine.round(REFUSED)
    make_active(machine)
    machine.perform(machine.director.reconcile(table_with(), machine.now))
    assert [type(op).__name__ for op in machine.ops] == ["AddReal"]
