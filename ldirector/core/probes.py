"""The probes in force: which virtuals share each one, which runs now, and whose result still counts.

A probe is made once however many virtuals want it (vector 17: two virtuals, one connect per round), and never twice
at a time. Each check carries an id that is used once; a result whose id is not in flight any more - cancelled by a
reload, or reported twice - is stale and ignored. checktype=N lives here too: after a success of the first kind of
check come N of the second, and a failure of either makes the next one the first kind again.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from ldirector.core.events import CancelCheck, Effect, StartCheck
from ldirector.core.model import Member
from ldirector.core.negotiate import Probe
from ldirector.core.schedule import Schedule
from ldirector.core.verdict import Outcome, Verdict

MOST_STARTS = 20
"""Checks that one step starts. When a thousand sentinels are lost at one instant, the loop must go on turning: its own
lateness would be taken for a shortage of this machine, and nobody would be taken down."""


@dataclass(slots=True, eq=False)  # itself and no other: what it is keyed by is cheap to hash, a whole Probe is not
class Run:
    """One probe at work. check_id: the check in flight.

    answered: a verdict (not NOT_RUN) came since it is in force. once_more: something happened to the server while the
    check was in flight, so its result may be older than that. idle: it has its turns but no check is made.
    """

    probe: Probe
    members: tuple[Member, ...]
    check_id: int | None = None
    connects_left: int = 0
    answered: bool = False
    once_more: bool = False
    idle: bool = False


class Probes:
    """All probes with their schedule."""

    def __init__(self) -> None:
        self._runs: dict[Probe, Run] = {}
        self._in_flight: dict[int, Run] = {}
        self._schedule: Schedule[Run] = Schedule()
        self._unanswered: set[Run] = set()
        self._last_id = 0

    def replace(self, wanted: Mapping[Probe, Iterable[Member]], now: float) -> list[Effect]:
        """Put these probes into force; those that stay keep their phase, their check in flight and their count."""
        effects: list[Effect] = []
        for probe in [probe for probe in self._runs if probe not in wanted]:
            run = self._runs.pop(probe)
            effects += self._cancel(run)
            self._schedule.remove(run)
            self._unanswered.discard(run)
        fresh: list[tuple[Run, float]] = []
        processes: list[tuple[Run, float]] = []
        for probe, members in wanted.items():
            if known := self._runs.get(probe):
                known.members = tuple(members)
            else:
                run = self._runs[probe] = Run(probe, tuple(members))
                self._unanswered.add(run)
                (processes if _is_process(probe) else fresh).append((run, probe.interval))
        self._schedule.add(fresh, now)
        self._schedule.add(processes, now, burst=1)  # what a process costs is no smaller in company
        return effects

    def start_due(self, now: float) -> list[Effect]:
        """One StartCheck for each probe whose time has come, MOST_STARTS at most; the others stay due."""
        effects: list[Effect] = []
        for run in self._schedule.take_due(now, MOST_STARTS):
            probe = run.probe
            if run.idle:
                self._schedule.again(run, probe.interval, now)
                continue
            self._last_id += 1
            run.check_id = self._last_id
            self._in_flight[run.check_id] = run
            spec = probe.connect if probe.connect and run.connects_left else probe.spec
            effects.append(StartCheck(run.check_id, spec))
        return effects

    def is_in_flight(self, check_id: int) -> bool:
        """Its result still counts."""
        return check_id in self._in_flight

    def finished(self, check_id: int, verdict: Verdict, now: float, turns: int = 1) -> Run:
        """Note the end of a check in flight and set the time of the next.

        turns: how many of its intervals the probe waits, more than one when this machine is short of something.
        """
        run = self._in_flight.pop(check_id)
        run.check_id = None
        self._schedule.again(run, run.probe.interval, now, turns)
        if run.once_more:
            run.once_more = False
            self._schedule.hurry(run, now)
        if verdict.outcome is Outcome.NOT_RUN:
            return run
        run.answered = True
        self._unanswered.discard(run)
        if verdict.outcome is Outcome.FAIL:
            run.connects_left = 0
        elif run.connects_left:
            run.connects_left -= 1
        else:
            run.connects_left = run.probe.connects
        return run

    def hurry(self, probe: Probe, due: float) -> None:
        """Let the next check of this probe come by then; a check in flight is left to end first."""
        run = self._runs.get(probe)
        if run and run.check_id is None:
            self._schedule.hurry(run, due)

    def doubt(self, probe: Probe, now: float) -> None:
        """Something happened to the server: check it now, and once more if a check is in flight that began before."""
        run = self._runs.get(probe)
        if run is None:
            return
        if run.check_id is None:
            self._schedule.hurry(run, now)
        else:
            run.once_more = True

    def rest(self, idle: Container[Probe], now: float) -> None:
        """These probes are not made, all others are; one that was at rest has its turn now."""
        for probe, run in self._runs.items():
            was_idle, run.idle = run.idle, probe in idle
            if run.idle:
                self._unanswered.discard(run)
            elif was_idle:
                self._schedule.hurry(run, now)
                if not run.answered:
                    self._unanswered.add(run)

    def next_due(self) -> float | None:
        return self._schedule.next_due()

    def all_answered(self) -> bool:
        """Every probe in force has said at least once whether its server is well."""
        return not self._unanswered

    def _cancel(self, run: Run) -> list[Effect]:
        if run.check_id is None:
            return []
        del self._in_flight[run.check_id]
        return [CancelCheck(run.check_id)]


def _is_process(probe: Probe) -> bool:
    """Whether each check is a process of its own."""
    return probe.spec.method == "external" or probe.spec.service == "oracle"
