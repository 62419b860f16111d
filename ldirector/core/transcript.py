"""Operations and changes of health -> lines for the operator.

One line for each change of the table, beginning as the original's line does because monitoring searches for those
words, and ending with the transition and its reason. A change of health that leaves the table as it is (an unknown
server found dead, a standby) has a line of its own.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ldirector.core.events import (
    AddReal,
    AddVirtual,
    DeleteReal,
    DeleteVirtual,
    Level,
    Note,
    OpFailure,
    SetReal,
    SetVirtual,
    TableOp,
)
from ldirector.core.health import State
from ldirector.core.ledger import Drift
from ldirector.core.model import Member, RealKey, RealState, Virtual, VirtualKey, real_name, virtual_label
from ldirector.core.plan import virtual_of
from ldirector.core.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Transition:
    """One real's change of state. why: the reason in words."""

    virtual: VirtualKey
    real: RealKey
    before: State
    after: State
    why: str

    def __str__(self) -> str:
        return f"{self.before.value} -> {self.after.value} ({self.why})"

    @property
    def level(self) -> Level:
        return Level.WARNING if self.after is State.DOWN else Level.INFO


def reason_words(verdict: Verdict) -> str:
    """`receive did not match, body starts b'...', 12 ms`."""
    detail = f", {verdict.detail}" if verdict.detail else ""
    return f"{verdict.reason.value}{detail}, {verdict.took * 1000:.0f} ms"


def op_notes(
    ops: Iterable[TableOp],
    transitions: Iterable[Transition],
    virtuals: Mapping[VirtualKey, Virtual],
    reals: Container[Member],
    occasion: str,
    remark: str,
) -> list[Note]:
    """A line for each operation, then one with the remark for each transition that needed none.

    reals: all that are configured. occasion: "start", "reload", "check" ...
    """
    pending = {(transition.virtual, transition.real): transition for transition in transitions}
    notes = []
    for op in ops:
        if isinstance(op, AddVirtual | SetVirtual | DeleteVirtual):
            notes.append(_virtual_note(op, occasion))
        else:
            transition = pending.pop((op.virtual, op.key), None)
            configured = (op.virtual, op.key) in reals
            notes.append(_real_note(op, transition, virtuals.get(op.virtual), configured, occasion))
    notes += [_quiet_note(transition, remark) for transition in pending.values()]
    return notes


def _quiet_note(transition: Transition, remark: str) -> Note:
    """A transition without a change of the table."""
    place = f"{real_name(transition.real)} ({virtual_label(transition.virtual)})"
    return Note(transition.level, f"Real server: {place}: {transition}: {remark}")


def soft_failure_note(member: Member, failures: int, failurecount: int, why: str) -> Note:
    return Note(
        Level.WARNING, f"Soft failure real server: {_soft_name(member)} failure {failures}/{failurecount} ({why})"
    )


def soft_reset_note(member: Member) -> Note:
    return Note(Level.INFO, f"Resetting soft failure count: {_soft_name(member)}")


def soft_success_note(member: Member, successes: int, rise: int) -> Note:
    return Note(Level.INFO, f"Soft success real server: {_soft_name(member)} success {successes}/{rise}")


def not_run_note(member: Member, verdict: Verdict) -> Note:
    """A check that could not be made for a reason of its own; the state stays."""
    return Note(
        Level.ERROR, f"Check of {_place(member)} could not be made: {reason_words(verdict)}: its state is left as it is"
    )


def sentinel_given_up_note(member: Member) -> Note:
    """A server that serves one connection at a time, and had ours."""
    return Note(
        Level.WARNING,
        f"No sentinel connection is kept to {_place(member)} any more: it does not answer checks while there is one",
    )


def shortage_note(member: Member, verdict: Verdict) -> Note:
    """The alarm of an episode of our own shortage."""
    text = f"Check of {_place(member)} could not be made: {reason_words(verdict)}"
    return Note(
        Level.ERROR, f"{text}: no server is taken down and checks slow down until this machine has caught its breath"
    )


def left_out_note(member: Member) -> Note:
    return Note(
        Level.WARNING,
        f"Real server: {_place(member)}: somebody deleted it from the table; it stays out until it is up "
        "(readdquiescent=no)",
    )


def foreign_weight_note(member: Member, state: RealState) -> Note:
    limits = f", thresholds {state.lower} to {state.upper}" if state.upper or state.lower else ""
    return Note(
        Level.WARNING,
        f"Real server: {_place(member)}: somebody set its weight to {state.weight}{limits}; it is left so until the "
        "server's state changes",
    )


def stale_note(key: VirtualKey) -> Note:
    """A virtual that an earlier life of this daemon wrote and that is not served now."""
    return Note(
        Level.INFO,
        f"Virtual server {virtual_label(key)}: an earlier life of this daemon left it in the table, and it is not "
        "served any more: removing it",
    )


def drift_note(key: VirtualKey, drift: Drift, lost: Sequence[RealKey]) -> Note | None:
    """What somebody else did to a virtual and is mended now; None when nothing has to be. lost: those to be added."""
    name = virtual_label(key)
    if drift.gone:
        return Note(Level.WARNING, f"Virtual server {name}: somebody deleted it from the table: adding it again")
    parts = [
        f"{what} {_names(reals)}"
        for what, reals in (("deleted", lost), ("added", drift.foreign), ("changed", drift.altered))
        if reals
    ]
    if drift.changed:
        parts.insert(0, "changed its settings")
    if not parts:
        return None
    return Note(Level.WARNING, f"Virtual server {name}: somebody {', '.join(parts)}: putting it right")


def failure_note(failures: list[OpFailure], retry_in: float) -> Note:
    """The kernel refused operations on one virtual; retry_in: seconds until it is planned anew, 0 = now."""
    first = failures[0]
    others = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
    when = f"in {retry_in:g} s" if retry_in else "now"
    name = virtual_label(virtual_of(first.op))
    return Note(
        Level.ERROR,
        f"Virtual server {name}: the kernel refused {op_words(first.op)}: {first.text} (errno {first.errno}){others}: "
        f"planning it again {when}",
    )


def op_words(op: TableOp) -> str:
    """The operation as an operator would say it."""
    match op:
        case AddVirtual() | SetVirtual():
            verb = "adding" if isinstance(op, AddVirtual) else "changing"
            return f"{verb} the virtual with scheduler {op.state.scheduler}"
        case DeleteVirtual():
            return "deleting the virtual"
        case AddReal() | SetReal():
            verb = "adding" if isinstance(op, AddReal) else "changing"
            return f"{verb} {real_name(op.key)} ({op.state.forwarding.value}, weight {op.state.weight})"
        case DeleteReal():
            return f"deleting {real_name(op.key)}"


def _virtual_note(op: AddVirtual | SetVirtual | DeleteVirtual, occasion: str) -> Note:
    name = virtual_label(op.key)
    if isinstance(op, AddVirtual):
        return Note(Level.INFO, f"Added virtual server: {name}")
    if isinstance(op, SetVirtual):
        return Note(Level.INFO, f"Changed virtual server: {name}")
    return Note(Level.INFO, f"Purged virtual server ({occasion}): {name}")


def _real_note(
    op: AddReal | SetReal | DeleteReal,
    transition: Transition | None,
    virtual: Virtual | None,
    configured: bool,
    occasion: str,
) -> Note:
    is_fallback = virtual is not None and virtual.fallback is not None and virtual.fallback.key == op.key
    place = f"{real_name(op.key)} ({virtual_label(op.virtual)})"
    if transition is None and is_fallback:
        return _fallback_note(op, place)
    if isinstance(op, DeleteReal):
        if transition is None and not configured:
            return Note(Level.INFO, f"Purged real server ({occasion}): {place}: it is not in the configuration")
        text = f"Deleted real server: {place}"
    else:
        text = f"{_verb(op, transition)} real server: {place} (Weight set to {op.state.weight})"
    if transition is None:
        return Note(Level.INFO, f"{text}: {occasion}")
    return Note(transition.level, f"{text}: {transition}")


def _verb(op: AddReal | SetReal, transition: Transition | None) -> str:
    if isinstance(op, AddReal):
        return "Added"
    if op.state.weight == 0:
        return "Quiescent"
    return "Restored" if transition else "Changed"


def _fallback_note(op: AddReal | SetReal | DeleteReal, place: str) -> Note:
    if isinstance(op, DeleteReal):
        return Note(Level.INFO, f"Deleted fallback server: {place}: a real server is up")
    verb = "Added" if isinstance(op, AddReal) else "Changed"
    return Note(
        Level.WARNING, f"{verb} fallback server: {place} (Weight set to {op.state.weight}): no real server is up"
    )


def _place(member: Member) -> str:
    virtual, real = member
    return f"{real_name(real)} ({virtual_label(virtual)})"


def _names(reals: Sequence[RealKey]) -> str:
    """A few of them by name, the others by number."""
    shown = ", ".join(real_name(real) for real in reals[:3])
    return f"{shown} and {len(reals) - 3} more" if len(reals) > 3 else shown


def _soft_name(member: Member) -> str:
    virtual, real = member
    return f"{real_name(real)} ({virtual.protocol}:{virtual_label(virtual)})"
