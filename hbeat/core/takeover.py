"""Starting and stopping resource groups: one ordered plan, one step at a time (reference section 6.3).

A job starts groups left to right or stops them right to left. At any moment one step is under way; its outcome
comes back through `finished`. Jobs wait in line, because a node must never start and stop the same thing at once.

    start failed     the whole group is stopped again, and the job ends naming the group as failed
    stop failed      again every second; after the original's ten retries the agent is asked whether the resource
                     still runs. If not, the plan goes on. If so it is retried every ten seconds, for as long as
                     it takes, and nothing after it happens: a resource which may still run here must not be
                     started elsewhere. (The original reboots the machine at this point.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum

from hbeat.core.builtin import WARM
from hbeat.core.events import Action, Effect, Level, Note, Outcome, RunResource
from hbeat.core.model import Resource, ResourceGroup

STOP_RETRIES = 10
STOP_RETRY_PAUSE = 1.0
STUCK_RETRY_PAUSE = 10.0


class JobKind(Enum):
    """Why groups are started or stopped; the owner of the queue learns it back when the job is done."""

    TIDY = "tidy"  # stop what an earlier life of this node left behind
    OWN = "own"  # take our own groups
    TAKE_OVER = "take over"  # from a dead or stopped peer
    PRIME = "prime"  # directors of groups that are about to come here
    RECEIVE = "receive"  # from a peer that hands over
    RESTORE = "restore"  # groups of which an address was lost, while they were ours
    HAND_OVER = "hand over"  # to the peer
    YIELD = "yield"  # foreign groups, after a partition
    STAND_BY = "stand by"  # directors alone, which may be anything while another node serves
    SHUTDOWN = "shutdown"

    @property
    def starts(self) -> bool:
        return self in (JobKind.OWN, JobKind.TAKE_OVER, JobKind.PRIME, JobKind.RECEIVE, JobKind.RESTORE)


@dataclass(frozen=True, slots=True)
class Job:
    """Start or stop these groups, in file order; stopping goes through them backwards.

    untouched: resources that are left as they are: they run already, or another group here needs them. shared: those
    that several groups here need; they stay when one of these fails.
    """

    kind: JobKind
    groups: tuple[ResourceGroup, ...]
    untouched: frozenset[Resource] = frozenset()
    shared: frozenset[Resource] = frozenset()


@dataclass(frozen=True, slots=True)
class JobDone:
    """A job has ended. failed: the groups that could not be started, which are stopped again."""

    job: Job
    failed: tuple[ResourceGroup, ...] = ()


@dataclass(slots=True)
class _Step:
    resource: Resource
    action: Action
    group: ResourceGroup
    attempts: int = 0
    abandoned: bool = False

    @property
    def brings(self) -> bool:
        """It is to be started, or asked for its status for that reason."""
        return self.action is Action.START or (self.action is Action.STATUS and self.attempts == 0)


@dataclass(slots=True)
class _Running:
    job: Job
    steps: deque[_Step]
    failed: list[ResourceGroup] = field(default_factory=list)


class JobQueue:
    """The jobs of one node. builtin: scripts whose start is harmless when running, so no status is asked."""

    def __init__(self, builtin: Iterable[str]) -> None:
        self._builtin = frozenset(builtin)
        self._waiting: deque[Job] = deque()
        self._now_running: _Running | None = None
        self._op_id = 0
        self._retry_at: float | None = None

    @property
    def idle(self) -> bool:
        return self._now_running is None

    @property
    def stopping(self) -> bool:
        """Something that this node does not hold may still run here."""
        running = [] if self._now_running is None else [self._now_running.job]
        return any(not (job.kind.starts or job.kind is JobKind.STAND_BY) for job in (*running, *self._waiting))

    @property
    def under_way(self) -> Resource | None:
        """What is being started or stopped at this moment."""
        return None if self._now_running is None else self._now_running.steps[0].resource

    def add(self, job: Job) -> list[Effect | JobDone]:
        """Puts a job in line; begins it when nothing else is under way."""
        self._waiting.append(job)
        return self._advance() if self.idle else []

    def drop_waiting(self) -> None:
        """Forgets the jobs not begun yet (a shutdown makes them pointless)."""
        self._waiting.clear()

    def abandon(self, groups: Iterable[ResourceGroup] | None = None) -> None:
        """Forgets what would start these groups, or any, and has not been started yet; what has been is to be given up.
        The end of a job of which nothing is left is that of no job which was to bring something. Directors that were
        told to serve before their group came (PRIME) are forgotten only with everything."""
        keys = None if groups is None else {group.key for group in groups}

        def left(job: Job) -> tuple[ResourceGroup, ...]:
            if keys is None:
                return ()
            return job.groups if job.kind is JobKind.PRIME else tuple(g for g in job.groups if g.key not in keys)

        kept = (replace(job, groups=left(job)) if job.kind.starts else job for job in self._waiting)
        self._waiting = deque(job for job in kept if job.groups or not job.kind.starts)
        running = self._now_running
        if running is None or not running.job.kind.starts or (going_on := left(running.job)) == running.job.groups:
            return
        first, *others = running.steps
        first.abandoned = first.group not in going_on
        running.steps = deque([first, *(step for step in others if step.group in going_on)])
        running.failed = [group for group in running.failed if group in going_on]
        job = running.job
        kind = JobKind.STAND_BY if first.resource.script in WARM else JobKind.YIELD
        running.job = replace(job, groups=going_on) if going_on else replace(job, kind=kind)

    def coming(self) -> dict[Resource, JobKind]:
        """What the jobs in line are to start and have not yet, the step under way included."""
        found: dict[Resource, JobKind] = {}
        for job in self._waiting:
            if job.kind.starts:
                found |= {step.resource: job.kind for step in self._steps(job)}
        running = self._now_running
        if running is not None and running.job.kind.starts:
            found |= {step.resource: running.job.kind for step in running.steps if step.brings and not step.abandoned}
        return found

    def next_deadline(self) -> float | None:
        return self._retry_at

    def handle_timer(self, now: float) -> list[Effect | JobDone]:
        if self._retry_at is None or now < self._retry_at or self._now_running is None:
            return []
        self._retry_at = None
        return self._run_first(self._now_running)

    def finished(self, op_id: int, outcome: Outcome, now: float) -> list[Effect | JobDone]:
        """The step under way has ended. A stale op_id is ignored."""
        running = self._now_running
        if running is None or op_id != self._op_id or self._retry_at is not None:
            return []
        step = running.steps[0]
        match step.action:
            case Action.START:
                return self._started(running, step, outcome)
            case Action.STATUS:
                return self._status_known(running, step, outcome, now)
            case Action.STOP:
                return self._stopped(running, step, outcome, now)

    def _started(self, running: _Running, step: _Step, outcome: Outcome) -> list[Effect | JobDone]:
        running.steps.popleft()
        if outcome.ok or step.abandoned or not running.job.kind.starts:
            return self._advance()
        running.failed.append(step.group)
        others = deque(s for s in running.steps if s.group is not step.group)
        running.steps = deque(s for s in _stopping(step.group) if s.resource not in running.job.shared) + others
        note = Note(
            Level.ERROR,
            f"Giving up resources due to failure of {step.resource.text}: {outcome.detail or 'start failed'}; "
            f"stopping the whole group {step.group.key}",
        )
        return [note, *self._advance()]

    def _status_known(self, running: _Running, step: _Step, outcome: Outcome, now: float) -> list[Effect | JobDone]:
        if step.attempts == 0:  # asked beforehand
            wanted = Action.STOP if running.job.kind is JobKind.TIDY else Action.START
            abandoned = wanted is Action.START and (step.abandoned or not running.job.kind.starts)
            if abandoned or outcome.running is (wanted is Action.START):
                running.steps.popleft()
            else:
                step.action = wanted
            return self._advance()
        step.action = Action.STOP  # asked after a stop that would not succeed
        if outcome.ok and not outcome.running:  # a status that could not be had says nothing
            running.steps.popleft()
            text = f"{step.resource.text}: stop fails, but status says not running: probably not LSB-compliant"
            return [Note(Level.ERROR, text), *self._advance()]
        self._retry_at = now + STUCK_RETRY_PAUSE
        text = (
            f"{step.resource.text} cannot be stopped and {'still runs' if outcome.ok else 'may still run'}; "
            f"nothing is handed over until it is: stop it by hand"
        )
        return [Note(Level.CRITICAL, text)]

    def _stopped(self, running: _Running, step: _Step, outcome: Outcome, now: float) -> list[Effect | JobDone]:
        if outcome.ok:
            running.steps.popleft()
            return self._advance()
        step.attempts += 1
        if step.attempts > STOP_RETRIES:
            step.action = Action.STATUS
            return self._run_first(running)
        self._retry_at = now + STOP_RETRY_PAUSE
        text = f"stop of {step.resource.text} failed ({outcome.detail}), attempt {step.attempts}"
        return [Note(Level.ERROR, f"{text} of {STOP_RETRIES + 1}: again in {STOP_RETRY_PAUSE:g} s")]

    def _advance(self) -> list[Effect | JobDone]:
        """Runs the next step, or ends the job and begins the next one."""
        effects: list[Effect | JobDone] = []
        while True:
            running = self._now_running
            if running is not None:
                if running.steps:
                    return effects + self._run_first(running)
                self._now_running = None
                effects.append(JobDone(running.job, tuple(running.failed)))
            if not self._waiting:
                return effects
            job = self._waiting.popleft()
            self._now_running = _Running(job, deque(self._steps(job)))

    def _run_first(self, running: _Running) -> list[Effect | JobDone]:
        step = running.steps[0]
        self._op_id += 1
        return [RunResource(self._op_id, step.resource, step.action)]

    def _steps(self, job: Job) -> Iterable[_Step]:
        if job.kind is JobKind.TIDY:
            for step in (s for group in reversed(job.groups) for s in _stopping(group)):
                yield step if step.resource.script in self._builtin else replace(step, action=Action.STATUS)
            return
        if not job.kind.starts:
            for group in reversed(job.groups):
                yield from (step for step in _stopping(group) if step.resource not in job.untouched)
            return
        for group in job.groups:
            for resource in (r for r in group.resources if r not in job.untouched):
                first = Action.START if resource.script in self._builtin else Action.STATUS
                yield _Step(resource, first, group)


def _stopping(group: ResourceGroup) -> Iterable[_Step]:
    for resource in reversed(group.resources):
        yield _Step(resource, Action.STOP, group)
