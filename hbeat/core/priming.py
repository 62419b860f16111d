"""Make before break: the directors of groups that are about to come here serve before the other node stops anything.

A director that serves without its virtual address hurts nobody, its table waits. So a node that is offered groups,
hears that its peer is about to stop or has lost a cable, or hears nothing of it at all, has the table written first;
what is left for the time in which nobody serves are the addresses. A director that was told to serve in vain stands by
again once nothing is moving.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from hbeat.core.builtin import WARM
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
        self._look_at: float | None = None

    def next_deadline(self) -> float | None:
        return self._look_at

    def begin(self, groups: Iterable[ResourceGroup], now: float) -> list[Effect]:
        """Their directors are to serve; the job is a PRIME, if one is needed."""
        missing = directors_of(self.missing(groups), besides=self._told)
        if not missing:
            return []
        self._look_at = now + LOOK_AGAIN
        self._told |= resources_of(missing)
        return self._holder.job(JobKind.PRIME, missing, now)

    def missing(self, groups: Iterable[ResourceGroup]) -> tuple[ResourceGroup, ...]:
        """Their directors that do not serve yet."""
        return directors_of(groups, besides=resources_of(self._holder.mine()) | self._serving)

    def done(self, done: JobDone) -> None:
        """A PRIME has ended."""
        self._told -= resources_of(done.job.groups)
        self._serving |= resources_of(group for group in done.job.groups if group not in done.failed)

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
        spare = directors_of(holder.others(), besides=resources_of(holder.mine()))
        return holder.job(JobKind.YIELD, spare, now) if spare else []


def resources_of(groups: Iterable[ResourceGroup]) -> frozenset[Resource]:
    """Everything in them."""
    return frozenset(resource for group in groups for resource in group.resources)


def directors_of(groups: Iterable[ResourceGroup], besides: Collection[Resource] = ()) -> tuple[ResourceGroup, ...]:
    """The groups, reduced to their directors, without `besides`."""
    return _reduced((g, [r for r in g.resources if r.script in WARM and r not in besides]) for g in groups)


def without_directors(groups: Iterable[ResourceGroup]) -> tuple[ResourceGroup, ...]:
    """The groups, reduced to all else: what has to be stopped here before it may be started elsewhere."""
    return _reduced((g, [r for r in g.resources if r.script not in WARM]) for g in groups)


def _reduced(groups: Iterable[tuple[ResourceGroup, list[Resource]]]) -> tuple[ResourceGroup, ...]:
    return tuple(replace(group, resources=tuple(resources)) for group, resources in groups if resources)
