"""Wanted and actual table -> the operations that turn one into the other, in an order that leaves no gap.

Only virtuals named by the caller are touched; everything else in the kernel belongs to somebody else. Within a
virtual, servers that gain weight come first and servers that lose it last, so that there is no moment without any:
a fallback enters before the last real is quiesced, and leaves after the first real has its weight. Entries that are
right already cause no operation, which is how a restarted daemon adopts the table it left behind.
"""

from __future__ import annotations

from collections.abc import Iterable

from ldirector.core.events import AddReal, AddVirtual, DeleteReal, DeleteVirtual, SetReal, SetVirtual, TableOp
from ldirector.core.model import RealKey, RealState, Service, Table, VirtualKey


def plan(wanted: Table, actual: Table, gone: Iterable[VirtualKey] = ()) -> list[TableOp]:
    """The smallest list of operations after which the wanted virtuals are as wanted and those in `gone` are gone."""
    ops: list[TableOp] = []
    for key, service in wanted.items():
        ops += _one_virtual(key, service, actual.get(key))
    ops += [DeleteVirtual(key) for key in sorted(gone) if key in actual]
    return ops


def applied(ops: Iterable[TableOp], table: Table) -> dict[VirtualKey, Service]:
    """The table as it is when all these operations succeed; the one given is left as it is."""
    result = dict(table)
    copies: dict[VirtualKey, dict[RealKey, RealState]] = {}
    for op in ops:
        key = virtual_of(op)
        if isinstance(op, DeleteVirtual):
            result.pop(key, None)
            copies.pop(key, None)
            continue
        if key not in copies:
            copies[key] = dict(result[key].reals) if key in result else {}
            if key in result:
                result[key] = Service(result[key].state, copies[key])
        match op:
            case AddVirtual() | SetVirtual():
                result[key] = Service(op.state, copies[key])
            case AddReal() | SetReal():
                copies[key][op.key] = op.state
            case DeleteReal():
                copies[key].pop(op.key, None)
    return result


def virtual_of(op: TableOp) -> VirtualKey:
    """The virtual an operation is about."""
    return op.virtual if isinstance(op, AddReal | SetReal | DeleteReal) else op.key


def _one_virtual(key: VirtualKey, wanted: Service, actual: Service | None) -> list[TableOp]:
    ops: list[TableOp] = []
    if actual is None:
        ops.append(AddVirtual(key, wanted.state))
    elif actual.state != wanted.state:
        ops.append(SetVirtual(key, wanted.state))
    present = actual.reals if actual else {}
    gaining: list[TableOp] = []
    losing: list[TableOp] = []
    for real, state in wanted.reals.items():
        before = present.get(real)
        if before is None:
            gaining.append(AddReal(key, real, state))
        elif before != state:
            (losing if _loses(before, state) else gaining).append(SetReal(key, real, state))
    surplus: list[TableOp] = [DeleteReal(key, real) for real in sorted(present.keys() - wanted.reals.keys())]
    return ops + gaining + losing + surplus


def _loses(before: RealState, after: RealState) -> bool:
    return after.weight < before.weight
