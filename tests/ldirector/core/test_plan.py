from __future__ import annotations

from hypothesis import given

from ldirector.core.events import AddReal, AddVirtual, DeleteReal, DeleteVirtual, SetReal, SetVirtual, TableOp
from ldirector.core.model import Forwarding, RealKey, RealState, Service, VirtualKey, VirtualState
from ldirector.core.plan import plan, plan_reals, virtual_of
from tests.ldirector.core.build import FALLBACK, MARK, VIP
from tests.ldirector.core.strategies import tables
from tests.ldirector.world import Kernel

A, B, C = (RealKey(f"192.168.2.{number}", 80) for number in (1, 2, 3))
MASQ = Forwarding.MASQ


def service(**weights: int) -> Service:
    names = {"a": A, "b": B, "c": C}
    return Service(VirtualState(), {names[name]: RealState(MASQ, weight) for name, weight in weights.items()})


def test_table_that_is_right_needs_nothing() -> None:
    assert plan({VIP: service(a=1)}, {VIP: service(a=1)}) == []


def test_missing_virtual_is_added_before_its_reals() -> None:
    assert plan({VIP: service(a=1)}, {}) == [AddVirtual(VIP, VirtualState()), AddReal(VIP, A, RealState(MASQ, 1))]


def test_virtual_is_edited_in_place() -> None:
    before = Service(VirtualState("rr", 50), service(a=1).reals)
    assert plan({VIP: service(a=1)}, {VIP: before}) == [SetVirtual(VIP, VirtualState())]


def test_servers_that_gain_come_before_servers_that_lose() -> None:
    ops = plan({VIP: service(a=0, b=3)}, {VIP: service(a=1, b=0, c=5)})
    assert ops == [SetReal(VIP, B, RealState(MASQ, 3)), SetReal(VIP, A, RealState(MASQ, 0)), DeleteReal(VIP, C)]


def test_virtual_that_is_gone_is_deleted_once_and_only_when_it_is_there() -> None:
    assert plan({}, {VIP: service(a=1)}, gone=[VIP, MARK]) == [DeleteVirtual(VIP)]


def test_foreign_virtuals_are_left_alone() -> None:
    assert plan({VIP: service()}, {VIP: service(), MARK: service(a=1)}) == []


@given(tables, tables)
def test_plan_gives_the_wanted_table_and_touches_nothing_else(
    wanted: dict[VirtualKey, Service], actual: dict[VirtualKey, Service]
) -> None:
    ops = plan(wanted, actual)
    after = performed(ops, actual)
    assert {key: after[key] for key in wanted} == wanted
    assert {key: entry for key, entry in after.items() if key not in wanted} == {
        key: entry for key, entry in actual.items() if key not in wanted
    }
    assert {virtual_of(op) for op in ops} <= set(wanted)
    assert plan(wanted, after) == []


@given(tables, tables)
def test_kernel_accepts_every_operation_of_a_plan(
    wanted: dict[VirtualKey, Service], actual: dict[VirtualKey, Service]
) -> None:
    kernel = Kernel()
    for op in plan(actual, {}):
        assert kernel.apply(op) == 0
    for op in plan(wanted, kernel.table(), gone=set(actual) - set(wanted)):
        assert kernel.apply(op) == 0
    assert kernel.table() == wanted


@given(tables, tables)
def test_virtual_that_had_and_keeps_a_server_is_never_without_one(
    wanted: dict[VirtualKey, Service], actual: dict[VirtualKey, Service]
) -> None:
    table = dict(actual)
    for op in plan(wanted, actual):
        table = performed([op], table)
        for key in set(wanted) & set(actual):
            if serves(wanted[key]) and serves(actual[key]):
                assert serves(table[key])


def serves(entry: Service) -> bool:
    return any(state.weight > 0 for state in entry.reals.values())


def test_change_of_some_reals_leaves_the_others_alone() -> None:
    present = service(a=1, b=0, c=5).reals
    wanted = {A: RealState(MASQ, 0), B: RealState(MASQ, 3), FALLBACK.key: None, C: None}
    assert plan_reals(VIP, wanted, present) == [
        SetReal(VIP, B, RealState(MASQ, 3)),
        SetReal(VIP, A, RealState(MASQ, 0)),
        DeleteReal(VIP, C),
    ]


def performed(ops: list[TableOp], table: dict[VirtualKey, Service]) -> dict[VirtualKey, Service]:
    """The table after these operations, each of them accepted."""
    kernel = Kernel()
    for key, entry in table.items():
        assert not kernel.apply(AddVirtual(key, entry.state))
        for real, state in entry.reals.items():
            assert not kernel.apply(AddReal(key, real, state))
    for op in ops:
        assert not kernel.apply(op)
    return kernel.table()
