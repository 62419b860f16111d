"""The director: the one object the daemon talks to.

It owns the health of every real and knows what the kernel's table should hold; it has neither socket nor clock. The
daemon tells it what happened - a check ended, a deadline passed, the file changed, the kernel refused something - and
gets a list of effects back, to be performed in their order. `now` is monotonic seconds, `table` what the kernel held
when it was read for this call.

The director remembers the table as it should be after its own operations and plans against that, so that a change of
one real costs one small operation and no reading. When an operation fails the daemon reads the table and reports it,
and the virtuals concerned - those only - are planned again: at once the first time, then after pauses that double up
to a minute, because a scheduler the kernel does not know will not appear by asking faster.

Roles. ACTIVE writes the table. STANDBY runs all checks and writes nothing; becoming active writes everything in one
go with what is known by then. Becoming standby removes all our virtuals, also those with cleanstop=no: a node that
gives its addresses away must not keep answering for them. cleanstop=no concerns `stop` alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ldirector.core import pool, transcript
from ldirector.core.events import ApplyOps, Effect, Level, Note, OpFailure, SetReal
from ldirector.core.health import Event, Health, State
from ldirector.core.model import (
    Real,
    RealKey,
    Role,
    Service,
    Table,
    Virtual,
    VirtualKey,
    real_name,
    virtual_name,
)
from ldirector.core.negotiate import Probe, Standing, choose
from ldirector.core.plan import applied, plan, virtual_of
from ldirector.core.probes import Member, Probes, Run
from ldirector.core.status import RealStatus, Snapshot, VirtualStatus
from ldirector.core.transcript import Transition
from ldirector.core.verdict import Outcome, Verdict

LONGEST_RETRY = 60.0
"""Seconds between attempts at a virtual that the kernel keeps refusing."""


class Configured(Protocol):
    """What the director needs of a configuration."""

    @property
    def virtuals(self) -> tuple[Virtual, ...]: ...


@dataclass(slots=True)
class _Retry:
    """A virtual the kernel refused. at: when to plan it again, None once that was done and no refusal came since."""

    attempts: int
    at: float | None
    last: float


class Director:
    """States, table and schedule of one configuration."""

    def __init__(self, config: Configured, role: Role = Role.ACTIVE) -> None:
        self._role = role
        self._virtuals: dict[VirtualKey, Virtual] = {virtual.key: virtual for virtual in config.virtuals}
        self._checks: dict[Member, Probe | Standing] = {}
        self._health: dict[VirtualKey, dict[RealKey, Health]] = {}
        self._table: dict[VirtualKey, Service] = {}
        self._removing: set[VirtualKey] = set()
        self._left_out: dict[VirtualKey, set[RealKey]] = {}
        self._retries: dict[VirtualKey, _Retry] = {}
        self._probes = Probes()
        self._running = False

    # The verbs

    def start(self, table: Table, now: float) -> list[Effect]:
        """Adopt what the kernel holds of our virtuals, write the rest, and begin to check."""
        self._running = True
        return self._enter(table, now, "start")

    def next_deadline(self) -> float | None:
        """When handle_timer wants to be called; None while there is nothing to wait for."""
        if not self._running:
            return None
        retries = [retry.at for retry in self._retries.values() if retry.at is not None]
        due = self._probes.next_due()
        return min(retries if due is None else [*retries, due], default=None)

    def handle_timer(self, now: float) -> list[Effect]:
        """Start the checks that are due and plan again what the kernel refused."""
        if not self._running:
            return []
        effects = self._probes.start_due(now)
        due = [key for key, retry in self._retries.items() if retry.at is not None and retry.at <= now]
        for key in due:
            self._retries[key].at = None
        return effects + (self._write(due, "again") if due else [])

    def finished(self, check_id: int, verdict: Verdict, now: float) -> list[Effect]:
        """A check ended. Exactly one result is due for each StartCheck that was not cancelled; others are ignored."""
        was_short = self._probes.is_short()
        run = self._probes.finished(check_id, verdict, now)
        if run is None:
            return []
        if verdict.outcome is Outcome.NOT_RUN:
            return [] if was_short else [self._shortage_note(run, verdict)]
        passed = verdict.outcome is Outcome.PASS
        notes: list[Effect] = []
        if was_short and not self._probes.is_short():
            notes.append(Note(Level.INFO, "All checks are being made again"))
        transitions = []
        for member in run.members:
            transition = self._judge(member, passed, transcript.reason_words(verdict), now, notes)
            if transition:
                transitions.append(transition)
        if not transitions:
            return notes
        changed = list(dict.fromkeys(transition.virtual for transition in transitions))
        return self._write(changed, "check", transitions) + notes

    def reload(self, config: Configured, table: Table, now: float) -> list[Effect]:
        """Put another configuration into force.

        Reals whose check is the same keep their health and their place in the schedule. One that serves and is to be
        checked differently goes on serving until its first new result, adopted as at start. Virtuals that are no longer
        configured are deleted; results of probes that are no longer wanted are not awaited.
        """
        before = set(self._virtuals)
        self._virtuals = {virtual.key: virtual for virtual in config.virtuals}
        if self._role is Role.ACTIVE:
            self._removing = (self._removing | before) - set(self._virtuals)
        return self._enter(table, now, "reload")

    def table_failed(self, failures: Sequence[OpFailure], table: Table, now: float) -> list[Effect]:
        """The kernel refused operations of an ApplyOps; table was read afterwards."""
        by_virtual: dict[VirtualKey, list[OpFailure]] = {}
        for failure in failures:
            by_virtual.setdefault(virtual_of(failure.op), []).append(failure)
        self._removing |= {key for key in by_virtual if key not in self._virtuals or self._role is Role.STANDBY}
        self._read(table)
        notes: list[Effect] = []
        at_once = []
        for key, its_failures in by_virtual.items():
            notes += self._leave_out(key, its_failures)
            pause = self._pause(key, now)
            notes.append(transcript.failure_note(its_failures, pause))
            if not pause:
                at_once.append(key)
        return notes + (self._write(at_once, "again") if self._running else [])

    def set_role(self, role: Role, table: Table, now: float) -> list[Effect]:
        """Become active (write the whole table) or standby (remove our virtuals). The same role again: nothing."""
        if role is self._role or not self._running:
            self._role = role
            return []
        self._role = role
        self._retries.clear()
        self._left_out.clear()
        effects: list[Effect] = [Note(Level.INFO, f"Role is now {role.value}")]
        if role is Role.ACTIVE:
            self._removing -= set(self._virtuals)
            self._read(table)
            return effects + self._write([*self._virtuals, *self._removing], "role active", self._adopt(now))
        self._removing |= set(self._virtuals)
        self._read(table)
        return effects + self._write(self._removing, "role standby")

    def stop(self, now: float) -> list[Effect]:
        """Cancel all checks and remove the virtuals with cleanstop=yes; the others stay exactly as they are."""
        effects = self._probes.replace({}, now)
        if self._role is Role.ACTIVE:
            self._removing |= {key for key, virtual in self._virtuals.items() if virtual.cleanstop}
        effects += self._write(self._removing, "stop")
        self._running = False
        return effects

    # Views

    def is_ready(self) -> bool:
        """Each real that is probed has had a verdict: what a takeover would write is no longer a guess."""
        return self._running and self._probes.all_answered()

    def snapshot(self) -> Snapshot:
        """Everything a status command shows."""
        virtuals = tuple(self._virtual_status(virtual) for virtual in self._virtuals.values())
        return Snapshot(self._role.value, self.is_ready(), virtuals)

    # What the verbs are made of

    def _enter(self, table: Table, now: float, occasion: str) -> list[Effect]:
        """Bring health, probes and table in line with self._virtuals."""
        old_checks, old_health = self._checks, self._health
        self._checks = {}
        self._health = {}
        sharing: dict[Probe, list[Member]] = {}
        for key, virtual in self._virtuals.items():
            self._health[key] = {}
            for real in virtual.reals:
                check = choose(virtual, real).check
                member = (key, real.key)
                self._checks[member] = check
                if isinstance(check, Probe):
                    sharing.setdefault(check, []).append(member)
                before = old_health.get(key, {}).get(real.key)
                unchanged = old_checks.get(member) == check
                self._health[key][real.key] = self._first_health(check, before, unchanged, now)
        self._left_out.clear()
        self._retries.clear()
        self._read(table)
        transitions = self._adopt(now)
        concerned = [*self._virtuals, *self._removing]
        return self._probes.replace(sharing, now) + self._write(concerned, occasion, transitions)

    def _first_health(self, check: Probe | Standing, before: Health | None, unchanged: bool, now: float) -> Health:
        if before and unchanged:
            return before
        if check is Standing.OFF:
            return Health(State.DOWN, now, reason="checktype=off")
        if isinstance(check, Standing):
            return Health(State.UP, now, reason="checktype=on" if check is Standing.ON else "unchecked")
        return Health(State.UNKNOWN, now, reason="not checked yet")

    def _adopt(self, now: float) -> list[Transition]:
        """Unknown reals that the kernel's table gives a weight serve now: they are taken as up."""
        if self._role is not Role.ACTIVE:
            return []
        transitions = []
        for key, health in self._health.items():
            present = self._table[key].reals if key in self._table else {}
            for real, its_health in health.items():
                if its_health.state is State.UNKNOWN and real in present and present[real].weight > 0:
                    why = f"in the table with weight {present[real].weight}"
                    health[real] = its_health.after(Event.ADOPTED, now, why)
                    transitions.append(Transition(key, real, State.UNKNOWN, State.UP, why))
        return transitions

    def _judge(self, member: Member, passed: bool, why: str, now: float, notes: list[Effect]) -> Transition | None:
        """Apply one result to one real; the transition, if its state changed. Soft failures go to notes."""
        key, real = member
        health = self._health[key][real]
        failurecount = self._virtuals[key].failurecount
        event = health.event_of(passed, failurecount)
        after = self._health[key][real] = health.after(event, now, why)
        if event is Event.FAILED_SOFTLY:
            notes.append(transcript.soft_failure_note(member, after.failures, failurecount, why))
        elif passed and health.failures:
            notes.append(transcript.soft_reset_note(member))
        if after.state is health.state:
            return None
        if after.state is State.UP:
            self._left_out.get(key, set()).discard(real)
        return Transition(key, real, health.state, after.state, why)

    def _shortage_note(self, run: Run, verdict: Verdict) -> Note:
        """Our own shortage moves no state. One line an episode, however many checks it hits."""
        key, real = run.members[0]
        text = f"Check of {real_name(real)} ({virtual_name(key)}) could not be made: {transcript.reason_words(verdict)}"
        return Note(Level.ERROR, f"{text}: states are left as they are until checks are made again")

    def _read(self, table: Table) -> None:
        """Take over what the kernel holds of the virtuals that are ours."""
        self._table = {key: table[key] for key in (*self._virtuals, *sorted(self._removing)) if key in table}
        self._removing &= set(self._table)

    def _write(
        self, keys: Iterable[VirtualKey], occasion: str, transitions: Collection[Transition] = ()
    ) -> list[Effect]:
        """The operations that bring these virtuals in line, or remove them, with a line for each."""
        keys = list(keys)
        gone = self._removing.intersection(keys)
        wanted = {}
        if self._role is Role.ACTIVE:
            wanted = {key: self._wanted(key) for key in keys if key in self._virtuals and key not in gone}
        ops = plan(wanted, self._table, gone)
        self._table = applied(ops, self._table)
        self._removing &= set(self._table)
        effects: list[Effect] = [ApplyOps(tuple(ops))] if ops else []
        remark = "standby, not written" if self._role is Role.STANDBY else "the table stays as it is"
        return effects + list(transcript.op_notes(ops, transitions, self._virtuals, occasion, remark))

    def _wanted(self, key: VirtualKey) -> Service:
        states = {real: health.state for real, health in self._health[key].items()}
        return pool.wanted(self._virtuals[key], states, self._left_out.get(key, ()))

    def _pause(self, key: VirtualKey, now: float) -> float:
        """Count a refusal and set the time of the next attempt; 0 means at once."""
        retry = self._retries.get(key)
        if retry is None or now - retry.last > 2 * LONGEST_RETRY:
            self._retries[key] = _Retry(1, None, now)
            return 0.0
        pause = min(LONGEST_RETRY, 2.0 ** (retry.attempts - 1))
        self._retries[key] = _Retry(retry.attempts + 1, now + pause, now)
        return pause

    def _leave_out(self, key: VirtualKey, failures: Iterable[OpFailure]) -> list[Effect]:
        """Reals that somebody deleted by hand: with readdquiescent=no they stay out until they come up."""
        virtual = self._virtuals.get(key)
        service = self._table.get(key)
        if virtual is None or service is None or virtual.readdquiescent:
            return []
        notes: list[Effect] = []
        for failure in failures:
            op = failure.op
            if not isinstance(op, SetReal) or op.key in service.reals or op.key not in self._health[key]:
                continue
            if self._health[key][op.key].state is not State.UP:
                self._left_out.setdefault(key, set()).add(op.key)
                place = f"{real_name(op.key)} ({virtual_name(key)})"
                text = f"Real server: {place}: somebody deleted it from the table; it stays out until it is up"
                notes.append(Note(Level.WARNING, f"{text} (readdquiescent=no)"))
        return notes

    def _virtual_status(self, virtual: Virtual) -> VirtualStatus:
        service = self._table.get(virtual.key)
        present: Mapping[RealKey, object] = service.reals if service else {}
        fallback = virtual.fallback
        return VirtualStatus(
            name=virtual_name(virtual.key),
            protocol=virtual.key.protocol,
            scheduler=virtual.state.scheduler,
            in_table=service is not None,
            reals=tuple(self._real_status(virtual, real, service) for real in virtual.reals),
            fallback=real_name(fallback.key) if fallback else "",
            fallback_active=fallback is not None and fallback.key in present and self._none_up(virtual.key),
            retrying=virtual.key in self._retries and self._retries[virtual.key].at is not None,
        )

    def _none_up(self, key: VirtualKey) -> bool:
        return all(health.state is not State.UP for health in self._health.get(key, {}).values())

    def _real_status(self, virtual: Virtual, real: Real, service: Service | None) -> RealStatus:
        health = self._health[virtual.key][real.key]
        entry = service.reals.get(real.key) if service else None
        check = self._checks[virtual.key, real.key]
        return RealStatus(
            name=real_name(real.key),
            state=health.state.value,
            since=health.since,
            reason=health.reason,
            weight=entry.weight if entry else None,
            configured_weight=real.weight,
            forwarding=real.forwarding.value,
            check=check.value if isinstance(check, Standing) else f"{check.spec.method} {check.spec.service}".strip(),
            failures=health.failures,
        )
