"""Who holds which resource groups, and how they change hands (reference section 5).

"local" are the groups whose haresources line starts with our name, "foreign" all others. Each node tells what it
holds in `resource` messages. What is held is decided, and said, before the work begins; `JobQueue` then does the
work one step at a time. Four things move groups: the start-up (`phase`), the death or stop of the peer, the
standby handshake (`standby`), and our own shutdown.

Every method takes `now` and returns effects; `Say` is completed and signed by the outbox.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hbeat.core.builtin import BUILTIN, LEFT_BEHIND, WARM
from hbeat.core.events import Dismiss, Effect, Exit, Level, Note, Outcome, Prepare, Say
from hbeat.core.failed import START_RETRY, FailedStarts
from hbeat.core.model import Failback, Held, NodeName, Resource, ResourceGroup
from hbeat.core.phase import Event, Phase, following
from hbeat.core.standby import Stage, Standby, Step
from hbeat.core.takeover import Job, JobDone, JobKind, JobQueue

COMMON_START_WAIT = 10.0
READY_LIMIT = 15.0
"""A returning node which is still not ready after this long takes its groups back all the same."""
FAILBACK_RETRY = 1.0
LINGER = 1.0
"""Between `shutdone` and the end: time to answer requests for lost messages."""


class Ownership:
    """The resource side of one node of a pair. peer is None in a cluster of one node."""

    def __init__(
        self, me: NodeName, peer: NodeName | None, groups: Iterable[ResourceGroup], failback: Failback
    ) -> None:
        self.me, self.peer = me, peer
        self.groups = tuple(groups)
        self.failback = failback
        self.phase = Phase.INIT
        self.held = Held.NONE
        self.peer_alive = False
        self.peer_held = Held.NONE
        self.peer_stable = False
        self.standby = Standby()
        self.jobs = JobQueue(BUILTIN)
        self._unready: set[Resource] = set()
        self._failback_due = False
        self._failed = FailedStarts()
        self._phase_until: float | None = None
        self._failback_at: float | None = None
        self._exit_at: float | None = None

    # --- what can be asked ------------------------------------------------------------------------------------

    @property
    def stable(self) -> bool:
        return self.phase is Phase.STABLE

    @property
    def status(self) -> str:
        """What `cl_status rscstatus` prints: the holding, or `transition` while anything is moving."""
        moving = self.standby.under_way or not self.jobs.idle or (self.peer_alive and not self.peer_stable)
        if moving or self.phase not in (Phase.STABLE, Phase.SHUTDOWN):
            return "transition"
        return self.held.value

    def next_deadline(self) -> float | None:
        timers = (
            self._phase_until,
            self._failback_at,
            self._failed.retry_at,
            self._exit_at,
            self.standby.deadline,
            self.jobs.next_deadline(),
        )
        return min((at for at in timers if at is not None), default=None)

    def _of(self, scope: Held) -> tuple[ResourceGroup, ...]:
        return tuple(g for g in self.groups if (scope.local if g.node == self.me else scope.foreign))

    def _report(self, stable: bool | None = None, info: str = "") -> Say:
        isstable = "1" if (self.stable if stable is None else stable) else "0"
        extra = {"info": info} if info else {}
        return Say.of("resource", rsc_hold=self.held.value, rtype="full", isstable=isstable, **extra)

    # --- start ------------------------------------------------------------------------------------------------

    def begin(self, now: float) -> list[Effect]:
        """At daemon start: remove what an earlier life left in the kernel, and warm up what can be warm."""
        warm = self._warm()
        self._unready = set(warm)
        left = tuple(
            replace(g, resources=tuple(r for r in g.resources if r.script in LEFT_BEHIND)) for g in self.groups
        )
        return [*(Prepare(r) for r in warm), *self._job(JobKind.TIDY, left, now)]

    def _warm(self) -> list[Resource]:
        every = (r for g in self.groups for r in g.resources if r.script in WARM)
        return list(dict.fromkeys(every))

    def activated(self, now: float) -> list[Effect]:
        """Communication is up and this node is active."""
        effects = self._enter(Event.ACTIVATED, now)
        if self.phase is Phase.SHUTDOWN:
            return effects
        effects.append(Say.of("starting"))
        if not self.peer_alive:
            effects += self._take_everything(now)
        return effects

    def prepared(self, resource: Resource, ready: bool, now: float) -> list[Effect]:
        """A warm resource has (or has no longer) a verdict for everything it checks."""
        if not ready:
            self._unready.add(resource)
            return []
        self._unready.discard(resource)
        if self._unready or self.phase is not Phase.SETTLING:
            return []
        return self._settled(now)

    def _settled(self, now: float) -> list[Effect]:
        return [*self._enter(Event.READY, now), self._report()]

    def _enter(self, event: Event, now: float) -> list[Effect]:
        """The only door into a phase."""
        before, self.phase = self.phase, following(self.phase, event)
        if self.phase is before:
            return []
        wait = {Phase.RECEIVED: COMMON_START_WAIT, Phase.SETTLING: READY_LIMIT}.get(self.phase)
        self._phase_until = None if wait is None else now + wait
        return [Note(Level.DEBUG, f"resources: {before.value} -> {self.phase.value} ({event.value})")]

    def _take_own(self, now: float) -> list[Effect]:
        self.held |= Held.LOCAL
        return [self._report(), *self._job(JobKind.OWN, self._of(Held.LOCAL), now)]

    # --- what the peer says -----------------------------------------------------------------------------------

    def peer_starting(self, now: float) -> list[Effect]:
        """The peer became active and holds nothing."""
        self.peer_held, self.peer_stable = Held.NONE, False
        self.standby.cancel()
        effects = self._enter(Event.PEER_STARTING, now)
        if self.phase in (Phase.INIT, Phase.SHUTDOWN):
            return effects
        if self.stable and not self.held.local:
            effects += self._take_own(now)  # it restarted while it held our groups: nobody has them
        return [*effects, self._report()]

    def peer_report(self, held: Held, full: bool, stable: bool | None, now: float) -> list[Effect]:
        """A `resource` message. full replaces what we know, otherwise it is added; stable None = not said."""
        self.peer_held = held if full else self.peer_held | held
        if stable is not None:
            self.peer_stable = stable
        if not self.peer_stable:
            event = Event.REPORT_UNSTABLE
        elif self.peer_held.foreign:
            event = Event.REPORT_HOLDING
        else:
            event = Event.REPORT_FREE
        was = self.phase
        effects = self._enter(event, now)
        if self.phase is not was:
            if self.stable:
                effects += self._take_own(now)
            elif self.phase is Phase.SETTLING and not self._unready:
                effects += self._settled(now)
        if self.standby.stage is Stage.PROMISED and stable:
            self.standby.cancel()  # the giver has given it up: it would say that it is not stable
        return effects + self._resolve_conflict(now) + self._maybe_failback(now) + self._offer_failed(now)

    def _resolve_conflict(self, now: float) -> list[Effect]:
        """Both hold the same groups: whoever is not the node that haresources names gives them up."""
        if not (self.stable and self.peer_stable and not self.standby.under_way and self.jobs.idle):
            return []
        if self.held.local and self.peer_held.foreign:
            return [Note(Level.ERROR, "Both machines own our resources!")]
        if self.held.foreign and self.peer_held.local and self._of(Held.FOREIGN):
            note = Note(
                Level.ERROR, "Both machines own foreign resources! Giving them up: the other node is the preferred"
            )
            return [note, *self._yield_foreign(now)]
        return []

    def _yield_foreign(self, now: float) -> list[Effect]:
        self.held -= Held.FOREIGN
        self._failback_due = False
        return [self._report(), *self._job(JobKind.YIELD, self._of(Held.FOREIGN), now)]

    def peer_gone(self, how: str, now: float) -> list[Effect]:
        """The peer is dead (how = "dead"), or has said `shutdone` (how = "stopped")."""
        if how == "dead":
            self.peer_alive = False
        self.peer_held = Held.NONE
        self.peer_stable = False
        self.standby.cancel()
        if self.phase in (Phase.INIT, Phase.SHUTDOWN):
            return []
        return self._take_everything(now)

    def _take_everything(self, now: float) -> list[Effect]:
        effects = self._enter(Event.PEER_GONE, now)
        self._failback_due = True
        if self.held is Held.ALL:
            return effects
        if self.peer is not None:
            effects.append(Note(Level.INFO, f"Resources being acquired from {self.peer}."))
        self.held, self.peer_held = Held.ALL, Held.NONE
        effects.append(self._report(info="req_our_resources()"))
        return effects + self._job(JobKind.TAKE_OVER, self.groups, now)

    def peer_returned(self, healed: bool, now: float) -> list[Effect]:
        """A dead peer is heard again. healed: it was active meanwhile, so each of us thought the other dead.

        Then each keeps its own groups and gives up the foreign ones; nobody goes without service. (Two originals
        release everything and restart, twenty seconds without service: reference section 4.4.) `starting` makes a
        peer which heard us all the time, and noticed nothing, say what it holds.
        """
        self.peer_alive = True
        if not healed or not self.held.foreign or self.phase is not Phase.STABLE:
            return []
        return [Say.of("starting"), *self._yield_foreign(now)]

    # --- standby handshake ------------------------------------------------------------------------------------

    def give(self, scope: Held, why: str, now: float) -> list[Effect]:
        """Begin to hand the groups of scope over. Refused with a note when it cannot be done now."""
        obstacle = self._obstacle()
        if obstacle:
            return [Note(Level.WARNING, f"standby of {scope.value} resources ({why}) refused: {obstacle}")]
        self.standby.step(Step.ASK, now, scope)
        note = Note(Level.INFO, f"standby: offering {scope.value} resources to {self.peer} ({why})")
        return [note, Say.of("ask_resources", rsc_hold=scope.value, info="me")]

    def _obstacle(self) -> str:
        if not self.stable:
            return f"this node is not stable ({self.phase.value})"
        if self.standby.under_way:
            return "another standby is under way"
        if not self.peer_alive:
            return "there is no live peer"
        return "" if self.peer_stable else "the peer is not stable"

    def peer_asks(self, scope: Held, info: str, now: float) -> list[Effect]:
        """An `ask_resources` message of the peer: me, other or done."""
        match info:
            case "me" if self.stable and self.standby.allows(Step.ASKED_BY_PEER):
                self.standby.step(Step.ASKED_BY_PEER, now, scope)
                return [Say.of("ask_resources", rsc_hold=scope.value, info="other")]
            case "other" if self.standby.allows(Step.ANSWERED):
                return self._hand_over(now)
            case "done" if self.standby.allows(Step.PEER_DONE):
                return self._peer_done(now)
        stage = f"standby {self.standby.stage.value}, we are {self.phase.value}"
        note = Note(Level.WARNING, f"ask_resources {scope.value} {info} of {self.peer} ignored: {stage}")
        # too late an `other`: our report tells the peer that nothing will come
        return [note, self._report()] if info == "other" else [note]

    def _hand_over(self, now: float) -> list[Effect]:
        self.standby.step(Step.ANSWERED, now)
        scope = self.standby.scope
        given = self._of(scope)
        self.held -= scope
        if scope.foreign:
            self._failback_due = False
        return [self._report(stable=False, info="standby"), *self._job(JobKind.HAND_OVER, given, now)]

    def _peer_done(self, now: float) -> list[Effect]:
        giving = self.standby.stage is Stage.GIVEN
        self.standby.step(Step.PEER_DONE, now)
        if giving:
            note = Note(Level.INFO, f"remote resource transition completed: {self.peer} has taken the resources")
            return [note, self._report()]
        taken = self.standby.scope.mirrored
        self.held |= taken
        if taken.foreign:
            self._failback_due = False  # it was handed to us on purpose
        return self._job(JobKind.RECEIVE, self._of(taken), now)

    def _maybe_failback(self, now: float) -> list[Effect]:
        self._failback_at = None
        wanted = self._failback_due and self.failback is not Failback.OFF and self.held.foreign
        if not (wanted and self.stable and self.peer_alive and self.peer_stable):
            return []
        if self.standby.under_way or not self.jobs.idle:
            self._failback_at = now + FAILBACK_RETRY
            return []
        return self.give(Held.FOREIGN, "failback", now)

    # --- work -------------------------------------------------------------------------------------------------

    def finished(self, op_id: int, outcome: Outcome, now: float) -> list[Effect]:
        """A resource action has ended."""
        return self._follow(self.jobs.finished(op_id, outcome, now), now)

    def _job(self, kind: JobKind, groups: tuple[ResourceGroup, ...], now: float) -> list[Effect]:
        return self._follow(self.jobs.add(Job(kind, groups)), now)

    def _follow(self, produced: list[Effect | JobDone], now: float) -> list[Effect]:
        effects: list[Effect] = []
        for item in produced:
            if isinstance(item, JobDone):
                done = self._job_done(item.job.kind, now)
                # "completed" is not what an operator wants to read behind a failure
                effects += [e for e in done if not (item.failed and isinstance(e, Note))]
                effects += self._start_failed(item.failed, now)
            else:
                effects.append(item)
        return effects

    def _job_done(self, kind: JobKind, now: float) -> list[Effect]:
        match kind:
            case JobKind.OWN:
                note = Note(Level.INFO, "Local Resource acquisition completed.")
                return [note, self._report(info="req_our_resources()"), *self._maybe_failback(now)]
            case JobKind.TAKE_OVER:
                note = Note(Level.INFO, "mach_down takeover complete.")
                say = Say.of("resource", rsc_hold="foreign", info="mach_down")
                return [note, say, *self._maybe_failback(now)]
            case JobKind.HAND_OVER if self.standby.allows(Step.GAVE):
                self.standby.step(Step.GAVE, now)
                return [Say.of("ask_resources", rsc_hold=self.standby.scope.value, info="done")]
            case JobKind.RECEIVE if self.standby.allows(Step.TOOK):
                self.standby.step(Step.TOOK, now)
                done = Say.of("ask_resources", rsc_hold=self.standby.scope.value, info="done")
                note = Note(Level.INFO, "local resource transition completed: the resources are ours")
                return [note, done, self._report()]
            case JobKind.SHUTDOWN:
                self._exit_at = now + LINGER
                return [Say.of("shutdone", st="dead"), *(Dismiss(r) for r in self._warm())]
        return []

    def _start_failed(self, groups: tuple[ResourceGroup, ...], now: float) -> list[Effect]:
        """Hand a group that does not start here to the peer, now or when it can take it."""
        if not groups or self.phase is Phase.SHUTDOWN:
            return []
        if self._failed.may_go(groups, now) and not self._obstacle():
            return self._give_failed(groups, now)
        self._failed.keep(groups, now)
        text = f"{_keys(groups)} runs nowhere: it did not start here and the peer cannot take it"
        return [Note(Level.CRITICAL, f"{text}; trying again in {START_RETRY:g} s")]

    def _give_failed(self, groups: tuple[ResourceGroup, ...], now: float) -> list[Effect]:
        self._failed.handed_over(groups, now)
        scope = Held.of(any(g.node == self.me for g in groups), any(g.node != self.me for g in groups))
        return self.give(scope, f"{_keys(groups)} did not start here", now)

    def _offer_failed(self, now: float) -> list[Effect]:
        waiting = self._failed.waiting
        if not waiting or self._obstacle() or not self._failed.may_go(waiting, now):
            return []
        return self._give_failed(waiting, now)

    def _retry_failed(self, now: float) -> list[Effect]:
        ours = tuple(g for g in self._failed.take() if g in self._of(self.held))
        return self._job(JobKind.OWN, ours, now) if ours and self.stable else []

    def regroup(self, groups: Iterable[ResourceGroup], now: float) -> list[Effect]:
        """haresources was changed: stop what left a group we hold, start what came; the rest is not touched."""
        before, was_warm = self._of(self.held), self._warm()
        self.groups = tuple(groups)
        after, warm = self._of(self.held), self._warm()
        gone, new = _without(before, after), _without(after, before)
        effects: list[Effect] = [Prepare(r) for r in warm if r not in was_warm]
        effects += [Dismiss(r) for r in was_warm if r not in warm]
        if gone:
            effects += self._job(JobKind.YIELD, gone, now)
        if new and self.stable:
            effects += self._job(JobKind.OWN, new, now)
        return effects

    def shutdown(self, now: float) -> list[Effect]:
        """Release everything, say so, end. Work under way is finished first."""
        if self.phase is Phase.SHUTDOWN:
            return []
        effects = self._enter(Event.STOP, now)
        mine = self._of(self.held) if self.jobs.idle else self.groups  # a dropped job may have had to stop some
        self.jobs.drop_waiting()
        self.standby.cancel()
        self.held = Held.NONE
        effects.append(self._report(stable=False, info="shutdown"))
        return effects + self._job(JobKind.SHUTDOWN, mine, now)

    def handle_timer(self, now: float) -> list[Effect]:
        """Performs all that has become due."""
        effects: list[Effect] = []
        if self._phase_until is not None and now >= self._phase_until:
            effects += self._phase_timeout(now)
        if self.standby.deadline is not None and now >= self.standby.deadline:
            text = f"standby: {self.peer} did not answer in time (stage {self.standby.stage.value}); cancelled"
            self.standby.cancel()
            effects += [Note(Level.WARNING, text), self._report(), *self._maybe_failback(now)]
        if self._failback_at is not None and now >= self._failback_at:
            effects += self._maybe_failback(now)
        if self._failed.retry_at is not None and now >= self._failed.retry_at:
            effects += self._retry_failed(now)
        if self._exit_at is not None and now >= self._exit_at:
            self._exit_at = None
            effects.append(Exit())
        return effects + self._follow(self.jobs.handle_timer(now), now)

    def _phase_timeout(self, now: float) -> list[Effect]:
        self._phase_until = None
        if self.phase is Phase.SETTLING:
            waiting = ", ".join(sorted(r.text for r in self._unready))
            note = Note(Level.WARNING, f"{waiting} is not ready after {READY_LIMIT:g} s; going on without")
            return [note, *self._settled(now)]
        return [*self._enter(Event.WAIT_OVER, now), *self._take_own(now)]


def _without(groups: Iterable[ResourceGroup], others: Iterable[ResourceGroup]) -> tuple[ResourceGroup, ...]:
    """The groups reduced to the resources that are in none of the others."""
    known = {resource for group in others for resource in group.resources}
    reduced = (replace(g, resources=tuple(r for r in g.resources if r not in known)) for g in groups)
    return tuple(group for group in reduced if group.resources)


def _keys(groups: Iterable[ResourceGroup]) -> str:
    return ", ".join(group.key for group in groups)
