"""The director: the one object the daemon talks to.

It owns the health of every real and knows what the kernel's table should hold; it has neither socket nor clock. The
daemon tells it what happened - a check ended, a deadline passed, the file changed, the kernel refused something - and
gets a list of effects back, to be performed in their order. `now` is monotonic seconds, `table` what the kernel held
when it was read for this call.

It is put together from parts that each own one thing:

    probes         which checks run, and when the next one is due
    farm           the health of every real
    programming    the kernel's table
    announcements  the commands and mails that tell others
    sentinels      idle connections that tell of a death before the next check does
    shortage       our own lack of time or descriptors, for which nobody else is blamed
    word           what counts while this node sees no server and the other one did

Roles. ACTIVE writes the table. STANDBY runs all checks and writes nothing; becoming active writes everything in one
go with what is known by then. Becoming standby removes all our virtuals, also those with cleanstop=no: a node that
gives its addresses away must not keep answering for them. cleanstop=no concerns `stop` alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from ldirector.core import monitor_line, transcript
from ldirector.core.alerts import DaemonState
from ldirector.core.announcements import Announcements
from ldirector.core.events import CheckSpec, Effect, Level, Note, OpFailure, ReadTable
from ldirector.core.farm import Farm
from ldirector.core.model import Member, Role, Table, Virtual, VirtualKey
from ldirector.core.negotiate import Probe
from ldirector.core.probes import Probes
from ldirector.core.programming import Programming
from ldirector.core.sentinels import Sentinels
from ldirector.core.shortage import Shortage
from ldirector.core.status import Snapshot, virtual_status
from ldirector.core.transcript import Transition
from ldirector.core.verdict import OUR_SHORTAGE, Outcome, Reason, Verdict
from ldirector.core.word import Word

LONGEST_RECONCILE = 60.0  # seconds between two looks at the table, however rarely anything is checked


class Configured(Protocol):
    """What the director needs of a configuration. reconcile: compare the kernel's table with ours every interval."""

    @property
    def virtuals(self) -> tuple[Virtual, ...]: ...

    @property
    def reconcile(self) -> bool: ...

    @property
    def emailalertfrom(self) -> str: ...


class Director:
    """States, table and schedule of one configuration. host: the name of this machine, for mails."""

    def __init__(self, config: Configured, role: Role = Role.ACTIVE, host: str = "localhost") -> None:
        self._config = config
        self._farm = Farm()
        self._table = Programming(self._farm, role)
        self._announcements = Announcements(self._farm, host)
        self._probes = Probes()
        self._sentinels: Sentinels[Member] = Sentinels()
        self._shortage = Shortage()
        self._word = Word(self._farm)
        self._reconcile_at: float | None = None
        self._running = False

    # The verbs

    def start(
        self, table: Table, now: float, maintained: Iterable[Member] = (), left: Collection[VirtualKey] = ()
    ) -> list[Effect]:
        """Adopt what the kernel holds of our virtuals, write the rest, and begin to check.

        maintained: reals in maintenance, see maintain(); they get no weight for a moment even. left: virtuals that an
        earlier life of this daemon wrote; those that are not served now are removed.
        """
        self._running = True
        served = {virtual.key for virtual in self._config.virtuals} if self.role is Role.ACTIVE else set()
        stale = [key for key in sorted(left) if key in table and key not in served]
        notes: list[Effect] = [transcript.stale_note(key) for key in stale]
        return notes + self._enter(table, now, maintained, "start", DaemonState.STARTING, stale)

    def next_deadline(self) -> float | None:
        """When handle_timer wants to be called; None while there is nothing to wait for."""
        if not self._running:
            return None
        deadlines = (
            self._probes.next_due(),
            self._table.next_deadline(),
            self._announcements.next_deadline(),
            self._sentinels.next_deadline(),
            self._shortage.next_deadline(),
            self._reconcile_at,
        )
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def handle_timer(self, now: float) -> list[Effect]:
        """Start the checks that are due, and whatever else waited for its time."""
        if not self._running:
            return []
        effects = self._table.handle_timer(now) + self._probes.start_due(now) + self._sentinels.handle_timer(now)
        if self._shortage.handle_timer(now):
            effects.append(Note(Level.INFO, "All checks are being made again"))
        if self._reconcile_at is not None and self._reconcile_at <= now:
            self._reconcile_at = now + self._reconcile_interval()
            effects.append(ReadTable())
        return effects + self._announcements.handle_timer(now)

    def finished(self, check_id: int, verdict: Verdict, now: float) -> list[Effect]:
        """A check ended. Exactly one result is due for each StartCheck that was not cancelled; others are ignored."""
        if not self._probes.is_in_flight(check_id):
            return []
        if verdict.outcome is Outcome.FAIL and self._shortage.is_on:
            return self._uncounted(check_id, verdict, now)
        if verdict.outcome is Outcome.NOT_RUN:
            return self._not_run(check_id, verdict, now)
        run = self._probes.finished(check_id, verdict, now, self._shortage.stretch)
        why = transcript.reason_words(verdict)
        transitions: list[Transition] = []
        notes: list[Effect] = []
        for member in run.members:
            if verdict.reason is Reason.READ_TIMEOUT and self._sentinels.blame(member):
                notes.append(transcript.sentinel_given_up_note(member))
            changes, soft = self._farm.judge(member, verdict.outcome is Outcome.PASS, why, now)
            transitions += changes
            notes += soft + self._monitor(member, verdict)
        effects = self._change(transitions, "check", now) + notes + self._settle(run.members, now)
        if self._word.matters:
            effects += self._weigh_word(run.members, verdict.outcome is Outcome.PASS, why, now)
        if self._probes.all_answered():
            self._announcements.is_settled()
        return effects

    def sentinel_lost(self, sentinel_id: int, now: float) -> list[Effect]:
        """An OpenSentinel could not be opened, or its connection ended: the checks of those servers are due now.

        handle_timer starts them, in doses, however many connections end in the same turn of the loop.
        """
        members = self._sentinels.lost(sentinel_id, now)
        for member in members:
            check = self._farm.checks[member]
            if isinstance(check, Probe):
                self._probes.doubt(check, now)
        return []

    def maintain(self, members: Iterable[Member], now: float) -> list[Effect]:
        """These reals are in maintenance, and no others: down at once and not probed, until the operator says else."""
        if not self._running:
            return []
        transitions = self._farm.maintain(members, now)
        self._rest(now)
        concerned = [(transition.virtual, transition.real) for transition in transitions]
        return self._maintenance_lines() + self._change(transitions, "maintenance", now) + self._settle(concerned, now)

    def reload(
        self, config: Configured, table: Table, now: float, maintained: Iterable[Member] | None = None
    ) -> list[Effect]:
        """Put another configuration into force.

        Reals whose check is the same keep their health and their place in the schedule. One that serves and is to be
        checked differently goes on serving until its first new result, adopted as at start. Virtuals that are no longer
        configured are deleted; results of probes that are no longer wanted are not awaited. After stop() nothing is.
        maintained: reals in maintenance; None: those that are.
        """
        if not self._running:
            return []
        self._config = config
        if maintained is None:
            maintained = self._farm.maintained
        return self._enter(table, now, maintained, "reload", DaemonState.RELOADING)

    def table_failed(self, failures: Sequence[OpFailure], table: Table, now: float) -> list[Effect]:
        """The kernel refused operations of an ApplyOps; table was read afterwards."""
        return self._table.refused(failures, table, now, again=self._running)

    def reconcile(self, table: Table, now: float) -> list[Effect]:
        """The table as it is, read for a ReadTable: what somebody else did to our virtuals is mended or reported."""
        return self._table.reconcile(table) if self._running else []

    def set_role(self, role: Role, table: Table, now: float, vouched: bool = False) -> list[Effect]:
        """Become active (write the whole table) or standby (remove our virtuals). The same role again: nothing.

        vouched: the other node's director saw servers while this one saw none; to be said again to a director that was
        started to go on serving.
        """
        if role is self._table.role or not self._running:
            self._table.role = role
            return self._believe(self._word.given(self.is_ready()), now) if vouched and self._running else []
        self._word.forgotten()
        if role is Role.ACTIVE and self.is_blind():  # what was wrong here may be over by now
            self._check_all(now)
        effects: list[Effect] = [*(self._word.given(self.is_ready()) if vouched else [])]
        effects += self._table.set_role(role, table, now)
        effects.append(Note(Level.INFO, f"Role is now {role.value}"))
        return effects + self._announce(now, None, effects, "role active") + self._settle(self._farm.reals, now)

    def unvouch(self, now: float) -> list[Effect]:
        """The other node sees no server any more: what is down here is down."""
        return self._change(self._word.withdrawn(), "role active", now) if self._running else []

    def stop(self, now: float) -> list[Effect]:
        """Cancel all checks and remove the virtuals with cleanstop=yes; the others stay exactly as they are."""
        effects = self._probes.replace({}, now) + self._sentinels.keep_only(()) + self._table.stop()
        self._running = False
        return effects + self._announcements.stop(now)

    # Views

    @property
    def role(self) -> Role:
        return self._table.role

    def is_ready(self) -> bool:
        """Each real that is probed has had a verdict: what a takeover would write is no longer a guess."""
        return self._running and self._probes.all_answered()

    def is_blind(self) -> bool:
        """Servers are checked, and every one is down: more likely a failure of this machine's network than of all."""
        return self._running and self._farm.sees_nothing()

    def written(self) -> Collection[VirtualKey]:
        """The virtuals in the kernel's table that are ours, as far as we know."""
        return self._table.written()

    def snapshot(self) -> Snapshot:
        """Everything a status command shows; before the start there are no virtuals."""
        farm = self._farm
        virtuals = tuple(
            virtual_status(
                virtual,
                self._table.present(key),
                [(real, farm.health((key, real.key)), farm.checks[key, real.key]) for real in virtual.reals],
                self._table.is_retrying(key),
            )
            for key, virtual in farm.virtuals.items()
        )
        return Snapshot(self._table.role.value, self.is_ready(), self._word.counts, virtuals)

    # What the verbs are made of

    def _enter(
        self,
        table: Table,
        now: float,
        maintained: Iterable[Member],
        occasion: str,
        state: DaemonState,
        left: Collection[VirtualKey] = (),
    ) -> list[Effect]:
        """Bring health, probes and table in line with the configuration."""
        gone = set(self._farm.virtuals)
        effects = self._probes.replace(self._farm.replace(self._config.virtuals, now), now)
        transitions = self._farm.maintain(maintained, now)
        effects += self._maintenance_lines()
        edits = self._table.enter(table, gone, transitions, now, occasion, left)
        self._rest(now)
        self._reconcile_at = now + self._reconcile_interval() if self._config.reconcile else None
        effects += edits + self._announce(now, state, edits, occasion) + self._announcements.changed(transitions, now)
        return effects + self._sentinels.keep_only(self._farm.reals) + self._settle(self._farm.reals, now)

    def _announce(self, now: float, state: DaemonState | None, edits: Iterable[Effect], occasion: str) -> list[Effect]:
        """Tell whoever is to be told that this node serves, or that it does not. edits: of the table, for this."""
        if self._table.role is Role.ACTIVE:
            return self._announcements.serve(self._config.emailalertfrom, now, state, edits, occasion)
        return self._announcements.rest(now)

    def _change(self, transitions: list[Transition], occasion: str, now: float) -> list[Effect]:
        """Health changed: first the table, then those who want to know."""
        return self._table.change(transitions, occasion) + self._announcements.changed(transitions, now)

    def _weigh_word(self, members: Iterable[Member], passed: bool, why: str, now: float) -> list[Effect]:
        """What a check means for those that serve on the other node's word."""
        seen, released = self._word.judged(members, passed, why)
        if seen:
            self._check_all(now)
        return [*seen, *self._change(released, "check", now), *self._believe(self._word.look(), now)]

    def _believe(self, begun: Sequence[Note], now: float) -> list[Effect]:
        """Servers serve on the other node's word from now on, if it begins to count."""
        if not begun:
            return []
        edits = self._table.rewrite("the other node's word")
        return [*begun, *edits, *self._announce(now, None, edits, "role active")]

    def _check_all(self, now: float) -> None:
        for check in self._farm.checks.values():
            if isinstance(check, Probe):
                self._probes.doubt(check, now)

    def _maintenance_lines(self) -> list[Effect]:
        """For the monitorfiles: who is in maintenance."""
        farm = self._farm
        return [
            monitor_line.maintained(farm.virtuals[member[0]], farm.reals[member])
            for member in sorted(farm.maintained)
            if farm.virtuals[member[0]].monitorfile
        ]

    def _monitor(self, member: Member, verdict: Verdict) -> list[Effect]:
        """The line of the virtual's monitorfile, if it has one."""
        virtual = self._farm.virtuals[member[0]]
        if not virtual.monitorfile or member in self._farm.maintained:
            return []
        return [monitor_line.checked(virtual, self._farm.reals[member], verdict)]

    def _reconcile_interval(self) -> float:
        """As often as the most eager virtual is checked."""
        return min((virtual.checkinterval for virtual in self._config.virtuals), default=LONGEST_RECONCILE)

    def _not_run(self, check_id: int, verdict: Verdict, now: float) -> list[Effect]:
        """Our own trouble moves no state. One line an episode, however many checks it hits; a new try comes soon."""
        if verdict.reason not in OUR_SHORTAGE:
            run = self._probes.finished(check_id, verdict, now, self._shortage.stretch)
            return [transcript.not_run_note(run.members[0], verdict)]
        begins = self._shortage.sign(now)
        run = self._probes.finished(check_id, verdict, now, self._shortage.stretch)
        self._probes.hurry(run.probe, now + self._shortage.stretch)
        return [transcript.shortage_note(run.members[0], verdict)] if begins else []

    def _uncounted(self, check_id: int, verdict: Verdict, now: float) -> list[Effect]:
        """It may have failed because of us, so it is made again as soon as we can be trusted.

        No sign of shortage: dead servers go on failing, and would keep each other from ever being taken down.
        """
        run = self._probes.finished(check_id, verdict.not_run(), now, self._shortage.stretch)
        self._probes.hurry(run.probe, self._shortage.trusted_at or now)
        return []

    def _settle(self, members: Iterable[Member], now: float) -> list[Effect]:
        """What follows from the health of these reals: faster checks while it moves, a sentinel while it is up."""
        effects: list[Effect] = []
        for member in members:
            check, policy = self._farm.checks[member], self._farm.virtuals[member[0]].policy
            if not isinstance(check, Probe):
                continue
            if policy.fast_interval and self._farm.health(member).is_moving:
                self._probes.hurry(check, now + policy.fast_interval * self._shortage.stretch)
            target = _target(check.spec) if policy.sentinel and self._farm.is_up(member) else None
            effects += self._sentinels.watch(member, target, now)
        return effects

    def _rest(self, now: float) -> None:
        """Probes that only reals in maintenance want are not made."""
        farm = self._farm
        idle: set[Probe] = set()
        if farm.maintained:
            awake = {check for member, check in farm.checks.items() if member not in farm.maintained}
            idle = {check for check in farm.checks.values() if isinstance(check, Probe)} - awake
        self._probes.rest(idle, now)


def _target(spec: CheckSpec) -> tuple[str, int] | None:
    """Where a sentinel can be kept: the checked TCP port."""
    return (spec.address, spec.port) if spec.protocol == "tcp" and spec.port else None
