"""Wanted and actual table -> the operations that turn one into the other, in an order that leaves no gap.

Only virtuals named by the caller are touched; everything else in the kernel belongs to somebody else. Within a
virtual, servers that gain weight come first and servers that lose it last, so that there is no moment without any:
a fallback enters before the last real is quiesced, and leaves after the first real has its weight. Entries that are
right already cause no operation, which is how a restarted daemon adopts the table it left behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ldirector.core.events import AddReal, AddVirtual, DeleteReal, DeleteVirtual, SetReal, SetVirtual, TableOp
from ldirector.core.model import RealKey, RealState, Service, Table, VirtualKey


def plan(wanted: Table, actual: Table, gone: Iterable[VirtualKey] = ()) -> list[TableOp]:
    """The smallest list of operations after which the wanted virtuals are as wanted and those in `gone` are gone."""
    ops: list[TableOp] = []
    for key, service in wanted.items():
        ops += _one_virtual(key, service, actual.get(key))
    ops += [DeleteVirtual(key) for key in sorted(gone) if key in actual]
    return ops


def virtual_of(op: TableOp) -> VirtualKey:
    """The virtual an operation is about."""
    return op.virtual if isinstance(op, AddReal | SetReal | DeleteReal) else op.key


def plan_reals(
    key: VirtualKey, wanted: Mapping[RealKey, RealState | None], present: Mapping[RealKey, RealState]
) -> list[TableOp]:
    """The operations for these reals of a virtual that is there; None: the real is to be absent. The others stay."""
    gaining: list[TableOp] = []
    losing: list[TableOp] = []
    for real, state in wanted.items():
        before = present.get(real)
        if state is None:
            losing += [DeleteReal(key, real)] if before else []
        elif before is None:
            gaining.append(AddReal(key, real, state))
        elif before != state:
            (losing if state.weight < before.weight else gaining).append(SetReal(key, real, state))
    return gaining + losing


def _one_virtual(key: VirtualKey, wanted: Service, actual: Service | None) -> list[TableOp]:
    ops: list[TableOp] = []
    if actual is None:
        ops.append(AddVirtual(key, wanted.state))
    elif actual.state != wanted.state:
        ops.append(SetVirtual(key, wanted.state))
    present = actual.reals if actual else {}
    surplus = dict.fromkeys(sorted(present.keys() - wanted.reals.keys()))
    return ops + plan_reals(key, {**wanted.reals, **surplus}, present)
