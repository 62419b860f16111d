"""The probes in force: which virtuals share each one, which runs now, and whose result still counts.

A probe is made once however many virtuals want it (vector 17: two virtuals, one connect per round), and never twice
at a time. Each check carries an id that is used once; a result whose id is not in flight any more - cancelled by a
reload, or reported twice - is stale and ignored. checktype=N lives here too: after a success of the first kind of
check come N of the second, and a failure of either makes the next one the first kind again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ldirector.core.events import CancelCheck, Effect, StartCheck
from ldirector.core.model import RealKey, VirtualKey
from ldirector.core.negotiate import Probe
from ldirector.core.schedule import Schedule
from ldirector.core.verdict import Outcome, Verdict

Member = tuple[VirtualKey, RealKey]


@dataclass(slots=True)
class Run:
    """One probe at work. check_id: the check in flight. answered: a verdict (not NOT_RUN) came since it is in force."""

    probe: Probe
    members: tuple[Member, ...]
    check_id: int | None = None
    connects_left: int = 0
    answered: bool = False


class Probes:
    """All probes with their schedule."""

    def __init__(self) -> None:
        self._runs: dict[Probe, Run] = {}
        self._in_flight: dict[int, Run] = {}
        self._schedule: Schedule[Probe] = Schedule()
        self._short: set[Probe] = set()
        self._last_id = 0

    def replace(self, wanted: Mapping[Probe, Iterable[Member]], now: float) -> list[Effect]:
        """Put these probes into force; those that stay keep their phase, their check in flight and their count."""
        effects: list[Effect] = []
        for probe in [probe for probe in self._runs if probe not in wanted]:
            effects += self._cancel(self._runs.pop(probe))
            self._schedule.remove(probe)
            self._short.discard(probe)
        fresh = []
        for probe, members in wanted.items():
            if run := self._runs.get(probe):
                run.members = tuple(members)
            else:
                self._runs[probe] = Run(probe, tuple(members))
                fresh.append((probe, probe.interval))
        self._schedule.add(fresh, now)
        return effects

    def start_due(self, now: float) -> list[Effect]:
        """One StartCheck for each probe whose time has come."""
        effects: list[Effect] = []
        for probe in self._schedule.take_due(now):
            run = self._runs[probe]
            self._last_id += 1
            run.check_id = self._last_id
            self._in_flight[run.check_id] = run
            spec = probe.connect if probe.connect and run.connects_left else probe.spec
            effects.append(StartCheck(run.check_id, spec))
        return effects

    def finished(self, check_id: int, verdict: Verdict, now: float) -> Run | None:
        """Note the end of a check and set the time of the next; None when the result is stale."""
        run = self._in_flight.pop(check_id, None)
        if run is None:
            return None
        run.check_id = None
        self._schedule.again(run.probe, run.probe.interval, now)
        if verdict.outcome is Outcome.NOT_RUN:
            self._short.add(run.probe)
            return run
        self._short.discard(run.probe)
        run.answered = True
        if verdict.outcome is Outcome.FAIL:
            run.connects_left = 0
        elif run.connects_left:
            run.connects_left -= 1
        else:
            run.connects_left = run.probe.connects
        return run

    def next_due(self) -> float | None:
        return self._schedule.next_due()

    def all_answered(self) -> bool:
        """Every probe in force has said at least once whether its server is well."""
        return all(run.answered for run in self._runs.values())

    def is_short(self) -> bool:
        """Some probe's last check could not be made."""
        return bool(self._short)

    def _cancel(self, run: Run) -> list[Effect]:
        if run.check_id is None:
            return []
        del self._in_flight[run.check_id]
        return [CancelCheck(run.check_id)]
