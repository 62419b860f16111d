"""Programming the kernel: from the farm's health to operations, and from the kernel's answers back.

A change of health changes the entry of that real, and of the fallback with the first and the last real, nothing else.
Whole virtuals are planned when a role or a configuration comes into force, when the kernel refused something, and when
somebody else edited the table: what was deleted, added or changed is mended; a weight that somebody set is reported
and left, until that server's next change of health.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from ldirector.core import transcript
from ldirector.core.events import ApplyOps, Effect, OpFailure, SetReal, TableOp
from ldirector.core.farm import Farm
from ldirector.core.ledger import Drift, Ledger
from ldirector.core.model import Member, RealKey, RealState, Role, Service, Table, VirtualKey
from ldirector.core.plan import virtual_of
from ldirector.core.transcript import Transition


class Programming:
    """The table side of the director, for one farm."""

    def __init__(self, farm: Farm, role: Role) -> None:
        self.role = role
        self._farm = farm
        self._ledger = Ledger()
        self._left_out: dict[VirtualKey, set[RealKey]] = {}
        self._foreign_weights: dict[Member, RealState] = {}

    def enter(
        self,
        table: Table,
        gone: Iterable[VirtualKey],
        transitions: Sequence[Transition],
        now: float,
        occasion: str,
        left: Collection[VirtualKey] = (),
    ) -> list[Effect]:
        """A configuration comes into force.

        gone: virtuals it no longer has; transitions: what came with it; left: virtuals that an earlier life wrote. A
        standby removes all of those, because it serves nothing.
        """
        if self.role is Role.ACTIVE:
            self._ledger.removing = (self._ledger.removing | {*gone, *left}) - self._farm.virtuals.keys()
        else:
            self._ledger.removing |= set(left)
        self._begin(table)
        return self._write(
            [*self._farm.virtuals, *self._ledger.removing], occasion, [*transitions, *self._adopt(table, now)]
        )

    def set_role(self, role: Role, table: Table, now: float) -> list[Effect]:
        """Write everything as active, remove everything as standby."""
        self.role = role
        if role is Role.ACTIVE:
            self._ledger.removing -= self._farm.virtuals.keys()
            self._begin(table)
            keys = [*self._farm.virtuals, *self._ledger.removing]
            return self._write(keys, "role active", self._adopt(table, now))
        self._ledger.removing |= self._farm.virtuals.keys()
        self._begin(table)
        return self._write(set(self._ledger.removing), "role standby")

    def rewrite(self, occasion: str) -> list[Effect]:
        """Every virtual as it should be now, while this node serves."""
        return self._write(self._farm.virtuals, occasion)

    def stop(self) -> list[Effect]:
        """Remove the virtuals with cleanstop=yes; the others stay exactly as they are."""
        if self.role is Role.ACTIVE:
            self._ledger.removing |= {key for key, virtual in self._farm.virtuals.items() if virtual.cleanstop}
        return self._write(set(self._ledger.removing), "stop")

    def change(self, transitions: Collection[Transition], occasion: str) -> list[Effect]:
        """The health of these reals changed."""
        if not transitions:
            return []
        by_virtual: dict[VirtualKey, list[Transition]] = {}
        for transition in transitions:
            by_virtual.setdefault(transition.virtual, []).append(transition)
            self._foreign_weights.pop((transition.virtual, transition.real), None)
            if self._farm.is_up((transition.virtual, transition.real)):
                self._left_out.get(transition.virtual, set()).discard(transition.real)
        if self.role is not Role.ACTIVE:
            return self._notes((), transitions, occasion)
        effects: list[Effect] = []
        for key, its_transitions in by_virtual.items():
            effects += self._change_one(key, its_transitions, occasion)
        return effects

    def refused(self, failures: Sequence[OpFailure], table: Table, now: float, again: bool) -> list[Effect]:
        """The kernel refused operations; table was read afterwards. again: plan these virtuals anew."""
        by_virtual: dict[VirtualKey, list[OpFailure]] = {}
        for failure in failures:
            by_virtual.setdefault(virtual_of(failure.op), []).append(failure)
        standby = self.role is Role.STANDBY
        self._ledger.removing |= {key for key in by_virtual if key not in self._farm.virtuals or standby}
        self._ledger.read(table, self._farm.virtuals)
        effects: list[Effect] = []
        at_once = []
        for key, its_failures in by_virtual.items():
            effects += self._leave_out(key, [op.key for each in its_failures if isinstance(op := each.op, SetReal)])
            pause = self._ledger.refused(key, now)
            effects.append(transcript.failure_note(its_failures, pause))
            if not pause:
                at_once.append(key)
        return effects + self._write(at_once if again else (), "again")

    def reconcile(self, table: Table) -> list[Effect]:
        """Mend or report what somebody else did to our virtuals."""
        if self.role is not Role.ACTIVE:
            return []
        effects: list[Effect] = []
        for key in self._farm.virtuals:
            if self._ledger.is_retrying(key):
                continue
            drift = self._ledger.compare(key, self._wanted(key), table.get(key))
            if drift:
                effects += self._mend(key, drift)
        return effects

    # retries of what the kernel refused

    def next_deadline(self) -> float | None:
        return self._ledger.next_retry()

    def handle_timer(self, now: float) -> list[Effect]:
        due = self._ledger.take_retries(now)
        return self._write(due, "again") if due else []

    # views

    def written(self) -> Collection[VirtualKey]:
        """The virtuals in the table that are ours: those that are served, and those that are yet to be removed."""
        return self._ledger.keys() if self.role is Role.ACTIVE else self._ledger.removing

    def present(self, key: VirtualKey) -> Mapping[RealKey, RealState] | None:
        """The reals of a virtual in the table, None when it is not there."""
        return self._ledger.reals(key)

    def is_retrying(self, key: VirtualKey) -> bool:
        return self._ledger.is_retrying(key)

    # what the verbs are made of

    def _begin(self, table: Table) -> None:
        self._left_out.clear()
        self._foreign_weights.clear()
        self._ledger.forget_refusals()
        self._ledger.read(table, self._farm.virtuals)

    def _adopt(self, table: Table, now: float) -> list[Transition]:
        return self._farm.adopt(table, now) if self.role is Role.ACTIVE else []

    def _wanted(self, key: VirtualKey) -> Service:
        return self._farm.wanted(key, self._left_out.get(key, ()))

    def _write(
        self, keys: Iterable[VirtualKey], occasion: str, transitions: Collection[Transition] = ()
    ) -> list[Effect]:
        """The operations that bring these virtuals in line, or remove them, with a line for each."""
        keys = list(keys)
        gone = self._ledger.removing.intersection(keys)
        wanted = {}
        if self.role is Role.ACTIVE:
            wanted = {key: self._wanted(key) for key in keys if key in self._farm.virtuals and key not in gone}
        return self._effects(self._ledger.write(wanted, gone), transitions, occasion)

    def _change_one(self, key: VirtualKey, transitions: Collection[Transition], occasion: str) -> list[Effect]:
        """Only the entries concerned, where they can be told apart from the others."""
        fallback = self._farm.virtuals[key].fallback
        overlaps = fallback is not None and (key, fallback.key) in self._farm.reals
        if self._ledger.reals(key) is None or key in self._ledger.removing or overlaps:
            return self._write([key], occasion, transitions)
        reals = [transition.real for transition in transitions]
        entries = self._farm.wanted_reals(key, reals, self._left_out.get(key, ()))
        return self._effects(self._ledger.write_reals(key, entries), transitions, occasion)

    def _effects(self, ops: Sequence[TableOp], transitions: Collection[Transition], occasion: str) -> list[Effect]:
        effects: list[Effect] = [ApplyOps(tuple(ops))] if ops else []
        return effects + self._notes(ops, transitions, occasion)

    def _notes(self, ops: Sequence[TableOp], transitions: Collection[Transition], occasion: str) -> list[Effect]:
        remark = "standby, not written" if self.role is Role.STANDBY else "the table stays as it is"
        return list(transcript.op_notes(ops, transitions, self._farm.virtuals, self._farm.reals, occasion, remark))

    def _mend(self, key: VirtualKey, drift: Drift) -> list[Effect]:
        """Say what somebody did to this virtual and put it right, all but the weights."""
        effects = self._leave_out(key, drift.lost)
        for real, state in drift.weighed:
            if self._foreign_weights.get((key, real)) != state:
                self._foreign_weights[key, real] = state
                effects.append(transcript.foreign_weight_note((key, real), state))
        lost = [real for real in drift.lost if real not in self._left_out.get(key, ())]
        said = transcript.drift_note(key, drift, lost)
        if said is None:
            return effects
        wanted = self._wanted(key)
        kept = {real: state for real, state in drift.weighed if real in wanted.reals}
        ops = self._ledger.write({key: Service(wanted.state, {**wanted.reals, **kept})})
        return [*effects, said, *self._effects(ops, (), "reconciled")]

    def _leave_out(self, key: VirtualKey, missing: Iterable[RealKey]) -> list[Effect]:
        """Reals that somebody deleted by hand: with readdquiescent=no they stay out until they come up."""
        virtual = self._farm.virtuals.get(key)
        present = self._ledger.reals(key)
        if virtual is None or present is None or virtual.readdquiescent:
            return []
        effects: list[Effect] = []
        left_out = self._left_out.setdefault(key, set())
        for real in missing:
            if real in present or (key, real) not in self._farm.reals or real in left_out:
                continue
            if not self._farm.serves((key, real)):
                left_out.add(real)
                effects.append(transcript.left_out_note((key, real)))
        return effects
