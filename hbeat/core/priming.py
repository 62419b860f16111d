"""Make before break: the directors of groups that are about to come here serve before the other node stops anything.

A director that serves without its virtual address hurts nobody, its table waits. So a node that is offered groups,
hears that its peer is about to stop or has lost a cable, or hears nothing of it at all, has the table written first;
what is left for the time in which nobody serves are the addresses. A director that was told to serve in vain stands by
again once nothing is moving.
"""

from __future__ import annotations

from collections.abc import Iterable

from hbeat.core.events import Effect
from hbeat.core.holder import Holder
from hbeat.core.model import Resource, ResourceGroup
from hbeat.core.takeover import JobDone, JobKind

LOOK_AGAIN = 1.0
"""Seconds until the first look, and between two, at what was told to serve in vain."""


class Priming:
    """The directors of one node that have no addresses yet."""

    def __init__(self, holder: Holder) -> None:
        self._holder = holder
        self._told: frozenset[Resource] = frozenset()
        self._serving: frozenset[Resource] = frozenset()
        self._unstopped: frozenset[Resource] = frozenset()  # told to serve, well or not, and not stopped since
        self._look_at: float | None = None

    def next_deadline(self) -> float | None:
        return self._look_at

    def begin(self, groups: Iterable[ResourceGroup], now: float) -> list[Effect]:
        """Their directors are to serve; the job is a PRIME, if one is needed."""
        missing = self._holder.directors_of(self.missing(groups), besides=self._told)
        if not missing:
            return []
        self._look_at = now + LOOK_AGAIN
        self._told |= resources_of(missing)
        self._unstopped |= resources_of(missing)
        return self._holder.job(JobKind.PRIME, missing, now)

    def missing(self, groups: Iterable[ResourceGroup]) -> tuple[ResourceGroup, ...]:
        """Their directors that do not serve yet."""
        holder = self._holder
        return holder.directors_of(groups, besides=resources_of(holder.mine()) | self._serving)

    def done(self, done: JobDone) -> None:
        """A PRIME has ended. What came here meanwhile has its director as any other group."""
        self._told -= resources_of(done.job.groups)
        serving = resources_of(group for group in done.job.groups if group not in done.failed)
        self._serving |= serving - resources_of(self._holder.mine())

    def stood_by(self, groups: Iterable[ResourceGroup]) -> None:
        """What is in these was stopped."""
        self._serving -= resources_of(groups)
        self._unstopped -= resources_of(groups)

    def forget(self) -> None:
        """What is told, or serves, in vain is stopped with everything else."""
        self._told = self._serving = frozenset()

    def died(self, resource: Resource) -> None:
        self._serving -= {resource}

    def used(self) -> frozenset[Resource]:
        """The directors that serve already, for a job that starts what they belong to; then they are as others."""
        serving, self._serving = self._serving, frozenset()
        return serving

    def look(self, now: float, *, expected: bool) -> list[Effect]:
        """What serves in vain stands by, unless groups are expected here still or something is moving."""
        if self._look_at is None or now < self._look_at:
            return []
        self._look_at = None
        holder = self._holder
        if expected or holder.abandoned or not (holder.stable and holder.jobs.idle):
            self._look_at = now + LOOK_AGAIN
            return []
        self._told = self._serving = frozenset()
        spare = holder.directors_of(holder.others(), besides=resources_of(holder.mine()))
        in_vain = tuple(group for group in spare if not self._unstopped.isdisjoint(group.resources))
        return holder.job(JobKind.STAND_BY, in_vain, now) if in_vain else []


def resources_of(groups: Iterable[ResourceGroup]) -> frozenset[Resource]:
    """Everything in them."""
    return frozenset(resource for group in groups for resource in group.resources)
