"""The ledger: what the kernel holds of our virtuals, as far as we know, and what is to become of it.

After each operation the ledger says what the kernel should hold, so that the change of one real costs one small
operation and no reading. Reality comes back in two ways: the kernel refused operations (`refused`), or the table was
read (`compare`) and somebody else had edited it.

A virtual that the kernel keeps refusing is planned again at once the first time, then after pauses that double up to
a minute, because a scheduler the kernel does not know will not appear by asking faster.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ldirector.core.events import (
    AddReal,
    AddVirtual,
    DeleteReal,
    DeleteVirtual,
    SetReal,
    SetVirtual,
    TableOp,
)
from ldirector.core.model import RealKey, RealState, Service, Table, VirtualKey, VirtualState
from ldirector.core.plan import plan, plan_reals, virtual_of

LONGEST_RETRY = 60.0
"""Seconds between attempts at a virtual that the kernel keeps refusing."""


@dataclass(slots=True)
class _Entry:
    """One virtual."""

    state: VirtualState
    reals: dict[RealKey, RealState]


@dataclass(slots=True)
class _Retry:
    """A virtual the kernel refused. at: when to plan it again, None once that was done and no refusal came since."""

    attempts: int
    at: float | None
    last: float


@dataclass(frozen=True, slots=True)
class Drift:
    """How one virtual differs from what it should be: what somebody else did to it.

    gone: the whole virtual is missing. changed: its scheduler, persistence or flags are others. lost: reals that are
    missing. foreign: reals that are not ours. altered: reals with another forwarding method. weighed: reals where only
    weight or thresholds differ, with what they hold now.
    """

    gone: bool = False
    changed: bool = False
    lost: tuple[RealKey, ...] = ()
    foreign: tuple[RealKey, ...] = ()
    altered: tuple[RealKey, ...] = ()
    weighed: tuple[tuple[RealKey, RealState], ...] = ()


class Ledger:
    """removing: virtuals of ours that are still in the table and are to leave it."""

    def __init__(self) -> None:
        self.removing: set[VirtualKey] = set()
        self._table: dict[VirtualKey, _Entry] = {}
        self._retries: dict[VirtualKey, _Retry] = {}

    def reals(self, key: VirtualKey) -> Mapping[RealKey, RealState] | None:
        """The reals of a virtual, None when it is not in the table."""
        entry = self._table.get(key)
        return entry.reals if entry else None

    def keys(self) -> Collection[VirtualKey]:
        """Those in the table."""
        return self._table.keys()

    def read(self, table: Table, ours: Iterable[VirtualKey]) -> None:
        """Take over what the kernel holds of our virtuals and of those to be removed."""
        self._table = {}
        for key in (*ours, *sorted(self.removing)):
            if key in table:
                self._table[key] = _Entry(table[key].state, dict(table[key].reals))
        self.removing &= set(self._table)

    def write(self, wanted: Table, gone: Collection[VirtualKey] = ()) -> list[TableOp]:
        """The operations that bring these virtuals in line and remove others; the ledger takes them as done."""
        actual = {key: Service(entry.state, entry.reals) for key in wanted if (entry := self._table.get(key))}
        actual |= {key: Service(self._table[key].state, {}) for key in gone if key in self._table}
        ops = plan(wanted, actual, gone)
        self._take_as_done(ops)
        self.removing &= set(self._table)
        return ops

    def write_reals(self, key: VirtualKey, wanted: Mapping[RealKey, RealState | None]) -> list[TableOp]:
        """As write, for some reals of a virtual that is in the table."""
        ops = plan_reals(key, wanted, self._table[key].reals)
        self._take_as_done(ops)
        return ops

    def compare(self, key: VirtualKey, wanted: Service, actual: Service | None) -> Drift | None:
        """How this virtual differs from what it should be; None when it does not. The ledger then holds the truth."""
        if actual is None:
            self._table.pop(key, None)
            return Drift(gone=True)
        if actual.state == wanted.state and actual.reals == wanted.reals:
            return None
        self._table[key] = _Entry(actual.state, dict(actual.reals))
        kept = [(real, wanted.reals[real], now) for real, now in actual.reals.items() if real in wanted.reals]
        return Drift(
            changed=actual.state != wanted.state,
            lost=tuple(sorted(wanted.reals.keys() - actual.reals.keys())),
            foreign=tuple(sorted(actual.reals.keys() - wanted.reals.keys())),
            altered=tuple(real for real, right, now in kept if right.forwarding != now.forwarding),
            weighed=tuple(
                (real, now) for real, right, now in kept if right != now and right.forwarding == now.forwarding
            ),
        )

    # what the kernel refused

    def refused(self, key: VirtualKey, now: float) -> float:
        """Count a refusal; seconds until this virtual is to be planned again, 0 = now."""
        retry = self._retries.get(key)
        if retry is None or now - retry.last > 2 * LONGEST_RETRY:
            self._retries[key] = _Retry(1, None, now)
            return 0.0
        pause = min(LONGEST_RETRY, 2.0 ** (retry.attempts - 1))
        self._retries[key] = _Retry(retry.attempts + 1, now + pause, now)
        return pause

    def is_retrying(self, key: VirtualKey) -> bool:
        """The kernel refused this virtual and it waits for its next attempt."""
        return key in self._retries and self._retries[key].at is not None

    def next_retry(self) -> float | None:
        return min((retry.at for retry in self._retries.values() if retry.at is not None), default=None)

    def take_retries(self, now: float) -> list[VirtualKey]:
        """The virtuals whose next attempt is due."""
        due = [key for key, retry in self._retries.items() if retry.at is not None and retry.at <= now]
        for key in due:
            self._retries[key].at = None
        return due

    def forget_refusals(self) -> None:
        self._retries.clear()

    def _take_as_done(self, ops: Iterable[TableOp]) -> None:
        for op in ops:
            key = virtual_of(op)
            match op:
                case DeleteVirtual():
                    del self._table[key]
                case AddVirtual():
                    self._table[key] = _Entry(op.state, {})
                case SetVirtual():
                    self._table[key].state = op.state
                case AddReal() | SetReal():
                    self._table[key].reals[op.key] = op.state
                case DeleteReal():
                    del self._table[key].reals[op.key]
