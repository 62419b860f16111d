"""The verbs of the director, one fact a test; time is a number."""

from __future__ import annotations

import errno
import itertools
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldirector.core import pool
from ldirector.core.director import Director
from ldirector.core.events import (
    AddReal,
    AddVirtual,
    ApplyOps,
    CancelCheck,
    CloseSentinel,
    Command,
    DeleteReal,
    DeleteVirtual,
    Effect,
    Mail,
    MonitorLine,
    Note,
    OpenSentinel,
    OpFailure,
    ReadTable,
    SetReal,
    SetVirtual,
    StartCheck,
    TableOp,
)
from ldirector.core.health import State
from ldirector.core.ledger import LONGEST_RETRY
from ldirector.core.model import (
    CheckType,
    Forwarding,
    Member,
    Policy,
    RealKey,
    RealState,
    Role,
    Service,
    Virtual,
    VirtualKey,
    VirtualState,
)
from ldirector.core.plan import virtual_of
from ldirector.core.probes import MOST_STARTS
from ldirector.core.schedule import FIRST_SPREAD
from ldirector.core.sentinels import MAX_BLAMES
from ldirector.core.shortage import QUIET
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.core.build import FALLBACK, MARK, VIP, Config, real, virtual
from tests.ldirector.core.strategies import virtuals
from tests.ldirector.world import Kernel

GOOD = Verdict(Outcome.PASS, Reason.OK, took=0.003)
REFUSED = Verdict(Outcome.FAIL, Reason.CONNECT_REFUSED, took=0.001)
NOT_RUN = Verdict(Outcome.NOT_RUN, Reason.NO_DESCRIPTORS)
WEB1, WEB2 = RealKey("192.168.2.1", 80), RealKey("192.168.2.2", 80)
OTHER = VirtualKey("tcp", 4, "10.1.1.10", 81)
FOREIGN = VirtualKey("tcp", 4, "10.9.9.9", 99)


class Machine:
    """A director, a kernel that does what it is told, and no clock."""

    def __init__(
        self,
        *of: Virtual,
        role: Role = Role.ACTIVE,
        table: dict[VirtualKey, Service] | None = None,
        maintained: Iterable[Member] = (),
    ) -> None:
        self.kernel = Kernel()
        for key, service in (table or {}).items():
            self.kernel.apply(AddVirtual(key, service.state))
            for real_key, state in service.reals.items():
                self.kernel.apply(AddReal(key, real_key, state))
        self.now = 0.0
        self.director = Director(Config(of), role)
        self.in_flight: dict[int, str] = {}
        self.sentinels: dict[int, tuple[str, int]] = {}
        self.ops: list[TableOp] = []
        self.notes: list[str] = []
        self.perform(self.director.start(self.kernel.table(), self.now, maintained))

    def perform(self, effects: list[Effect]) -> None:
        self.ops, self.notes = [], []
        self._perform(effects)

    def _perform(self, effects: list[Effect]) -> None:
        failures = []
        for effect in effects:
            match effect:
                case StartCheck():
                    self.in_flight[effect.check_id] = effect.spec.address
                case CancelCheck():
                    del self.in_flight[effect.check_id]
                case ApplyOps():
                    self.ops += effect.ops
                    for op in effect.ops:
                        if number := self.kernel.apply(op):
                            failures.append(OpFailure(op, number, errno.errorcode[number]))
                case OpenSentinel():
                    self.sentinels[effect.sentinel_id] = (effect.address, effect.port)
                case CloseSentinel():
                    del self.sentinels[effect.sentinel_id]
                case Note():
                    self.notes.append(effect.text)
        if failures:
            self._perform(self.director.table_failed(failures, self.kernel.table(), self.now))

    def tick(self, seconds: float = 2.0) -> None:
        """Let time pass to the next deadline and on, so that every idle probe is started once."""
        self.now += seconds
        self.perform(self.director.handle_timer(self.now))

    def report(self, verdict: Verdict, address: str = "") -> None:
        """End all checks in flight, or those of one server."""
        ended = [check_id for check_id, spec in self.in_flight.items() if not address or spec == address]
        effects: list[Effect] = []
        for check_id in ended:
            del self.in_flight[check_id]
            effects += self.director.finished(check_id, verdict, self.now)
        self.perform(effects)

    def round(self, verdict: Verdict) -> None:
        self.tick()
        self.report(verdict)

    def next_in(self) -> float:
        """Seconds until the next deadline."""
        deadline = self.director.next_deadline()
        assert deadline is not None
        return deadline - self.now

    def lose(self, address: str) -> None:
        """The sentinel of a server ends."""
        (lost,) = [number for number, target in self.sentinels.items() if target[0] == address]
        del self.sentinels[lost]
        self.perform(self.director.sentinel_lost(lost, self.now))

    def maintain(self, *members: Member) -> None:
        self.perform(self.director.maintain(members, self.now))

    def weights(self, key: VirtualKey = VIP) -> dict[str, int]:
        return {real_key.address: state.weight for real_key, state in self.kernel.table()[key].reals.items()}

    def state(self, index: int = 0) -> str:
        return self.director.snapshot().virtuals[0].reals[index].state


def masq(weight: int) -> RealState:
    return RealState(Forwarding.MASQ, weight)


def table_with(*entries: tuple[RealKey, int], state: VirtualState | None = None) -> dict[VirtualKey, Service]:
    return {VIP: Service(state or VirtualState(), {key: masq(weight) for key, weight in entries})}


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


# Sentinels

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


# Maintenance


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


# Reload


def reloaded(machine: Machine, *of: Virtual) -> None:
    machine.perform(machine.director.reload(Config(of), machine.kernel.table(), machine.now))


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


# Whatever happens


@settings(max_examples=60, deadline=None)
@given(virtuals(), virtuals(), st.data())
def test_table_is_what_the_pool_says_after_any_course_of_events(
    first: tuple[Virtual, ...], second: tuple[Virtual, ...], data: st.DataObject
) -> None:
    foreign = {FOREIGN: Service(VirtualState("rr"), {WEB1: masq(1)})}
    machine = Machine(*first, table=foreign)
    current = first
    for _ in range(data.draw(st.integers(0, 12))):
        event = data.draw(st.sampled_from(["tick", "tick", "tick", "report", "report", "report", "reload", "role"]))
        if event == "tick":
            machine.tick()
        elif event == "report" and machine.in_flight:
            address = data.draw(st.sampled_from(sorted(set(machine.in_flight.values()))))
            machine.report(data.draw(st.sampled_from([GOOD, REFUSED, NOT_RUN])), address)
        elif event == "reload":
            current = second if current is first else first
            reloaded(machine, *current)
        elif event == "role":
            role = data.draw(st.sampled_from(list(Role)))
            machine.perform(machine.director.set_role(role, machine.kernel.table(), machine.now))
        assert machine.kernel.table() == {**foreign, **expected_table(machine.director, current)}


def expected_table(director: Director, of: tuple[Virtual, ...]) -> dict[VirtualKey, Service]:
    """What the pool says about the states that the snapshot shows."""
    shown = director.snapshot()
    if shown.role == "standby":
        return {}
    wanted = {}
    for one, status in zip(of, shown.virtuals, strict=True):
        states = {each.key: State(seen.state) for each, seen in zip(one.reals, status.reals, strict=True)}
        wanted[one.key] = pool.wanted(one, states)
    return wanted


@settings(max_examples=40, deadline=None)
@given(virtuals(), st.data())
def test_result_of_a_probe_touches_only_virtuals_of_its_server(of: tuple[Virtual, ...], data: st.DataObject) -> None:
    machine = Machine(*[replace(one, failurecount=1) for one in of])
    machine.tick()
    while machine.in_flight:
        address = data.draw(st.sampled_from(sorted(set(machine.in_flight.values()))))
        machine.report(data.draw(st.sampled_from([GOOD, REFUSED])), address)
        users = {one.key for one in of if any(each.key.address == address for each in one.reals)}
        assert {virtual_of(op) for op in machine.ops} <= users


# Those who are told


def words_of(effects: list[Effect]) -> list[str]:
    return [" ".join(effect.argv) for effect in effects if isinstance(effect, Command)]


WITH_COMMAND = virtual(real(1), real(2), fallback=FALLBACK, fallbackcommand="/bin/fb own")


def test_fallbackcommand_follows_the_fallback_and_every_start_gets_its_stop() -> None:
    director = Director(Config((WITH_COMMAND,)))
    said = words_of(director.start({}, 0.0))
    said += ["first up", *words_of(answered(director, GOOD, 1.0))]
    said += ["both down", *words_of(answered(director, REFUSED, 10.0))]
    said += ["stop", *words_of(director.stop(11.0))]
    start, stop = (f"/bin/fb own {verb} 10.1.1.10:80 tcp" for verb in ("start", "stop"))
    assert said == [start, "first up", stop, "both down", start, "stop", stop]


def test_fallbackcommand_is_quiet_on_a_standby_and_speaks_with_the_role() -> None:
    director = Director(Config((WITH_COMMAND,)), Role.STANDBY)
    assert words_of(director.start({}, 0.0)) == []
    assert words_of(director.set_role(Role.ACTIVE, {}, 1.0)) == ["/bin/fb own start 10.1.1.10:80 tcp"]
    assert words_of(director.set_role(Role.STANDBY, {}, 2.0)) == ["/bin/fb own stop 10.1.1.10:80 tcp"]


def answered(director: Director, verdict: Verdict, now: float) -> list[Effect]:
    """Make every check that is due and end it with this verdict."""
    effects = director.handle_timer(now)
    for effect in list(effects):
        if isinstance(effect, StartCheck):
            effects += director.finished(effect.check_id, verdict, now)
    return effects


def mails_in(effects: list[Effect]) -> list[Mail]:
    return [effect for effect in effects if isinstance(effect, Mail)]


def test_mail_tells_of_a_server_that_fell_and_says_what_the_daemon_was_doing() -> None:
    director = Director(Config((virtual(real(1), emailalert="a@example.test", quiescent=True),)), host="lvs1")
    director.start({}, 0.0)
    answered(director, GOOD, 0.5)
    mails = mails_in(answered(director, GOOD, 9.0))
    assert [(mail.subject, "Daemon-Status: starting" in mail.body) for mail in mails] == [
        ("Restored real server: 192.168.2.1:80 (10.1.1.10:80) (Weight set to 1)", True)
    ]
    answered(director, REFUSED, 20.0)
    (mail,) = mails_in(answered(director, REFUSED, 29.0))
    assert mail.subject == "Quiescent real server: 192.168.2.1:80 (10.1.1.10:80) (Weight set to 0)"
    assert mail.sender == "ldirectord@lvs1"
    assert "Daemon-Status: running" in mail.body


def mailed(director: Director, verdict: Verdict, now: float) -> list[str]:
    """The log messages of the mails that are due, without their reasons; checks that are due get this verdict."""
    lines = [line for mail in mails_in(answered(director, verdict, now)) for line in mail.body.splitlines()]
    return [": ".join(line.split(": ")[1:3]) for line in lines if line.startswith("Log-Message: ")]


def test_mail_tells_of_servers_that_left_the_file_if_they_were_in_the_table() -> None:
    """As observed with ldirectord 4.12: of those that were down, too; of none whose virtual left as a whole."""
    several = virtual(real(1), real(2), emailalert="a@example.test", quiescent=True)
    gone = replace(several, key=OTHER)
    director = Director(Config((several, gone)))
    table = table_with((WEB1, 1), (WEB2, 0))
    director.start(table | {OTHER: table[VIP]}, 0.0)
    answered(director, GOOD, 9.0)
    answered(director, GOOD, 99.0)
    director.reload(Config((replace(several, reals=(real(3),)),)), table | {OTHER: table[VIP]}, 100.0)
    assert mailed(director, REFUSED, 200.0) == [
        "Purged real server (reload): 192.168.2.1:80 (10.1.1.10:80)",
        "Purged real server (reload): 192.168.2.2:80 (10.1.1.10:80)",
    ]


def test_mail_tells_of_no_server_that_left_the_file_and_was_absent() -> None:
    both = virtual(real(1), real(2), emailalert="a@example.test", quiescent=False)
    director = Director(Config((both,)))
    director.start({}, 0.0)
    answered(director, REFUSED, 9.0)
    answered(director, REFUSED, 99.0)
    director.reload(Config((replace(both, reals=(real(1),)),)), table_with(), 100.0)
    assert mailed(director, REFUSED, 200.0) == []


def test_server_that_leaves_the_table_and_stays_in_the_file_is_not_called_purged() -> None:
    quiescent = virtual(real(1), real(2), fallback=FALLBACK, emailalert="a@example.test", quiescent=True)
    director = Director(Config((quiescent,)))
    director.start(table_with((WEB1, 0), (WEB2, 0), (FALLBACK.key, 1)), 0.0)
    answered(director, REFUSED, 9.0)
    answered(director, REFUSED, 99.0)
    deleting = replace(quiescent, quiescent=False)
    director.reload(Config((deleting,)), table_with((WEB1, 0), (WEB2, 0), (FALLBACK.key, 1)), 100.0)
    assert mailed(director, REFUSED, 200.0) == []


def test_mail_tells_of_strangers_that_a_start_found_in_our_virtuals() -> None:
    director = Director(Config((virtual(real(1), emailalert="a@example.test"),)))
    director.start(table_with((WEB1, 1), (RealKey("192.168.2.9", 80), 0)), 0.0)
    assert mailed(director, GOOD, 9.0) == ["Purged real server (start): 192.168.2.9:80 (10.1.1.10:80)"]


def test_mail_tells_of_the_fallback_that_comes_with_the_last_server_and_goes_with_the_first() -> None:
    director = Director(Config((virtual(real(1), fallback=FALLBACK, emailalert="a@example.test", quiescent=True),)))
    director.start({}, 0.0)
    answered(director, GOOD, 0.5)
    assert mailed(director, GOOD, 9.0) == ["Restored real server: 192.168.2.1:80 (10.1.1.10:80) (Weight set to 1)"]
    answered(director, REFUSED, 20.0)
    assert mailed(director, REFUSED, 29.0) == [
        "Quiescent real server: 192.168.2.1:80 (10.1.1.10:80) (Weight set to 0)",
        "Added fallback server: 127.0.0.1:80 (10.1.1.10:80) (Weight set to 1)",
    ]
    answered(director, GOOD, 40.0)
    assert mailed(director, GOOD, 49.0) == [
        "Restored real server: 192.168.2.1:80 (10.1.1.10:80) (Weight set to 1)",
        "Deleted fallback server: 127.0.0.1:80 (10.1.1.10:80)",
    ]


def test_mail_tells_of_the_fallback_of_a_node_that_takes_over_only() -> None:
    of = virtual(real(1), fallback=FALLBACK, emailalert="a@example.test")
    director = Director(Config((of,)), Role.STANDBY)
    director.start({}, 0.0)
    answered(director, REFUSED, 0.5)
    assert mailed(director, REFUSED, 9.0) == []
    director.set_role(Role.ACTIVE, {}, 10.0)
    assert mailed(director, REFUSED, 19.0) == ["Added fallback server: 127.0.0.1:80 (10.1.1.10:80) (Weight set to 1)"]


def test_mails_of_a_stop_are_not_lost() -> None:
    director = Director(Config((virtual(real(1), emailalert="a@example.test"),), emailalertfrom="b@example.test"))
    director.start({}, 0.0)
    answered(director, GOOD, 0.5)
    answered(director, GOOD, 9.0)
    (mail,) = mails_in(director.stop(10.0))
    assert mail.subject == "Purged real server (stop): 192.168.2.1:80 (10.1.1.10:80)"
    assert (mail.sender, "Daemon-Status: stopping" in mail.body) == ("b@example.test", True)


def test_monitorfile_gets_a_line_for_each_result_and_for_each_server_in_maintenance() -> None:
    director = Director(Config((virtual(real(1), monitorfile="/run/mon"),)))
    director.start({}, 0.0)
    lines = [effect for effect in answered(director, GOOD, 0.0) if isinstance(effect, MonitorLine)]
    lines += [effect for effect in director.maintain([(VIP, WEB1)], 1.0) if isinstance(effect, MonitorLine)]
    name = "connect tcp 192.168.2.1 80 1 masq"
    assert lines == [
        MonitorLine("/run/mon", f"{name} [up] -"),
        MonitorLine("/run/mon", f"{name} [down] Server in maintenance"),
    ]
