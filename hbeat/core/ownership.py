"""Who holds which resource groups, and how they change hands (reference section 5).

"local" are the groups whose haresources line starts with our name, "foreign" all others. Each node tells what it
holds in `resource` messages. What is held is decided, and said, before the work begins; `JobQueue` then does the
work one step at a time. Four things move groups: the start-up (`phase`), the death or stop of the peer, the
standby handshake (`handover`), and our own shutdown.

Every method takes `now` and returns effects; `Say` is completed and signed by the outbox.
"""

from __future__ import annotations

from collections.abc import Iterable

from hbeat.core.events import Dismiss, Effect, Exit, Level, Note, Say
from hbeat.core.handover import Handover
from hbeat.core.holder import COMMON_START_WAIT, LINGER, Holder
from hbeat.core.model import Failback, Held, NodeName, Resource, ResourceGroup
from hbeat.core.phase import Event, Phase, following
from hbeat.core.standby import Stage
from hbeat.core.takeover import Job, JobDone, JobKind


class Ownership(Holder):
    """The resource side of one node of a pair, with auto_failback on or off."""

    def __init__(
        self, me: NodeName, peer: NodeName | None, groups: Iterable[ResourceGroup], failback: Failback
    ) -> None:
        super().__init__(me, peer, groups)
        self.handover = Handover(self, failback, self.report)
        self.standby = self.handover.standby
        self.peer_free: bool | None = None
        """A peer of our kind says that it neither holds nor stops anything of ours; None: an original says nothing."""
        self.peer_left = False
        """It stopped in order, and nothing was heard of its next life."""
        self._own_due = False  # our groups are to be taken as soon as the peer is free
        self._phase_until: float | None = None
        self._exit_at: float | None = None
        self._directors_end = False

    # --- what can be asked ------------------------------------------------------------------------------------

    @property
    def status(self) -> str:
        """What `cl_status rscstatus` prints: the holding, or `transition` while anything is moving."""
        moving = self.standby.under_way or not self.jobs.idle or (self.peer_alive and not self.peer_stable)
        if moving or self.phase not in (Phase.STABLE, Phase.SHUTDOWN):
            return "transition"
        return self.held.value

    @property
    def at_rest(self) -> bool:
        """Stable, and nothing is moving here."""
        return self.stable and self.jobs.idle and not self.standby.under_way

    @property
    def to_give(self) -> Held:
        """What this node holds, as far as there are groups of the kind."""
        own = [group.node == self.me for group in self.groups]
        return Held.of(self.held.local and any(own), self.held.foreign and not all(own))

    @property
    def can_give(self) -> bool:
        """A handshake could begin now."""
        return self.peer_alive and self.stable and self.status != "transition"

    def next_deadline(self) -> float | None:
        timers = (self._phase_until, self._exit_at, self.handover.next_deadline(), self.jobs.next_deadline())
        return min((at for at in timers if at is not None), default=None)

    def report(self, stable: bool | None = None, info: str = "") -> Say:
        """The `resource` message that tells what this node holds, and whether that stays. stable: None = as it is."""
        if stable is None:  # a giver in the middle of it that said so would end the handshake for its taker
            stable = self.stable and not self.standby.giving
        isstable = "1" if stable else "0"
        extra = {"info": info} if info else {}
        return Say.of("resource", rsc_hold=self.held.value, rtype="full", isstable=isstable, **extra)

    # --- start ------------------------------------------------------------------------------------------------

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
            self.handover.priming.died(resource)
            return []
        self._unready.discard(resource)
        if self._unready or self.phase is not Phase.SETTLING:
            return []
        return self._settled(now)

    def _settled(self, now: float) -> list[Effect]:
        return [*self._enter(Event.READY, now), self.report()]

    def _enter(self, event: Event, now: float) -> list[Effect]:
        """The only door into a phase."""
        before, self.phase = self.phase, following(self.phase, event)
        if self.phase is before:
            return []
        wait = {Phase.RECEIVED: COMMON_START_WAIT, Phase.SETTLING: self.ready_limit}.get(self.phase)
        self._phase_until = None if wait is None else now + wait
        return [Note(Level.DEBUG, f"resources: {before.value} -> {self.phase.value} ({event.value})")]

    def _take_own(self, now: float) -> list[Effect]:
        self.held |= Held.LOCAL
        return [self.report(), *self.job(JobKind.OWN, self.of(Held.LOCAL), now)]

    # --- what the peer says -----------------------------------------------------------------------------------

    def peer_starting(self, now: float) -> list[Effect]:
        """The peer became active and holds nothing."""
        self.peer_held, self.peer_stable, self.peer_left = Held.NONE, False, False
        effects = [*self.handover.cancel(now), *self._enter(Event.PEER_STARTING, now)]
        if self.phase in (Phase.INIT, Phase.SHUTDOWN):
            return effects
        if self.stable and not self.held.local:  # it restarted while it held our groups: nobody has them
            if self.peer_free is None:
                effects += self._take_own(now)
            self._own_due = self.peer_free is not None
        return [*effects, self.report(), *self.take_what_is_free(now)]

    def take_what_is_free(self, now: float) -> list[Effect]:
        """Our own groups, when we wait for them and a peer of our kind has just said that it has nothing of them."""
        if not self.peer_free or self.peer_held.foreign:
            return []
        if self.phase in (Phase.BOTH_STARTING, Phase.RECEIVED):
            return [*self._enter(Event.PEER_FREE, now), *self._take_own(now)]
        due, self._own_due = self._own_due, False
        return self._take_own(now) if due and self.stable and not self.held.local else []

    def take_unowned(self, now: float) -> list[Effect]:
        """Our own groups are held by nobody."""
        if not self.of(Held.LOCAL):
            self.held |= Held.LOCAL
            return [self.report()]
        return [Note(Level.ERROR, "No one owns our local resources!"), *self._take_own(now)]

    def give_way(self, now: float) -> list[Effect]:
        """The peer serves our own groups and does not know that we do."""
        self.held -= Held.LOCAL
        return [self.report(), *self.job(JobKind.YIELD, self.of(Held.LOCAL), now)]

    def expect(self, now: float) -> list[Effect]:
        return self.handover.priming.begin(self.others(), now) if self.stable else []

    def peer_report(self, held: Held, full: bool, stable: bool | None, now: float) -> list[Effect]:
        """A `resource` message. full replaces what we know, otherwise it is added; stable None = not said."""
        self.peer_held, self.peer_left = held if full else self.peer_held | held, False
        if stable is not None:
            self.peer_stable = stable
        if self.peer_stable and self.peer_held.foreign:
            event = Event.REPORT_HOLDING
        elif not self.peer_stable or self.peer_free is False:  # what is being stopped there must not start here
            event = Event.REPORT_UNSTABLE
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
        return (
            effects
            + self.take_what_is_free(now)
            + self._resolve_conflict(now)
            + self.handover.maybe_failback(now)
            + self.handover.offer_failed(now)
        )

    def _resolve_conflict(self, now: float) -> list[Effect]:
        """Both hold the same groups: whoever is not the node that haresources names gives them up."""
        if not (self.stable and self.peer_stable and not self.standby.under_way and self.jobs.idle):
            return []
        if self.held.local and self.peer_held.foreign:
            return [Note(Level.ERROR, "Both machines own our resources!")]
        if self.held.foreign and self.peer_held.local and self.of(Held.FOREIGN):
            note = Note(
                Level.ERROR, "Both machines own foreign resources! Giving them up: the other node is the preferred"
            )
            return [note, *self._let_go(Held.FOREIGN, now)]
        return []

    def _let_go(self, scope: Held, now: float) -> list[Effect]:
        """Another node has these groups, or is about to take them."""
        given = self.of(scope)
        self.held -= scope
        self.handover.failback_due = False
        return [self.report(), *self.release_at_once(given, now)]

    def peer_gone(self, how: str, now: float) -> list[Effect]:
        """The peer is dead (how = "dead"), or has said `shutdone` (how = "stopped") and has released everything."""
        if how == "dead":
            self.peer_alive = False
        else:
            self.contested, self.peer_left = False, True
        self.peer_held = Held.NONE
        self.peer_stable = False
        effects = self.handover.cancel(now)
        if self.phase in (Phase.INIT, Phase.SHUTDOWN):
            return effects
        return effects + self._take_everything(now)

    def take(self, now: float) -> list[Effect]:
        self.contested = False
        return self._take_everything(now) if self.take_due else []

    def _take_everything(self, now: float) -> list[Effect]:
        effects = self._enter(Event.PEER_GONE, now)
        self.take_due = self.contested and self.held is not Held.ALL
        if self.take_due:
            return [*effects, self.report()]
        self.handover.failback_due = True
        if self.held is Held.ALL:
            return effects
        if self.peer is not None:
            effects.append(Note(Level.INFO, f"Resources being acquired from {self.peer}."))
        kept = [group for group in self.mine() if not self.handover.has_failed(group)]
        self.held, self.peer_held = Held.ALL, Held.NONE
        effects.append(self.report(info="req_our_resources()"))
        missing = tuple(group for group in self.groups if group not in kept)
        return effects + self.job(JobKind.TAKE_OVER, missing, now, self.handover.priming.used())

    def peer_returned(self, healed: bool, now: float, *, gave_way: bool = False) -> list[Effect]:
        """A dead peer is heard again. healed: it was active meanwhile, so each of us thought the other dead.
        gave_way: it heard us all the time, or it has slept, and left its own groups to us; failback returns them. When
        they wait here for a director without a verdict, that one serves sooner, and they are let go at once.

        Then each keeps its own groups and gives up the foreign ones; nobody goes without service. (Two originals
        release everything and restart, twenty seconds without service: reference section 4.4.) `starting` makes a
        peer which heard us all the time, and noticed nothing, say what it holds. Addresses that stay are announced:
        in the other part of the network the peer was their owner, and has said so.
        """
        self.peer_alive, self.peer_left = True, False
        self.take_due = False
        if not healed or self.phase is not Phase.STABLE:
            return []
        if not self.held.foreign:  # nothing was taken here meanwhile; both have to say again what they hold
            effects: list[Effect] = [Say.of("starting"), self.report()]
        elif gave_way and self._unready.isdisjoint(self.jobs.coming()):
            effects = [self.report()]
        else:
            effects = [Say.of("starting"), *self._let_go(Held.FOREIGN, now)]
        return [*effects, *self.announce()]

    def woke(self, now: float) -> list[Effect]:
        """This node slept for so long that its peer has taken everything, or will: nothing here is ours any more.

        When the peer turns out to be dead, everything is taken as from a dead peer; when it has taken nothing, our own
        groups come back as groups that nobody holds.
        """
        given = self.mine()
        if not self.stable:
            return []
        # what was promised to it, the other one may have taken back; what it gives, it goes on to give
        effects = self.handover.cancel(now) if given or self.standby.taking else []
        self.handover.forget()
        self.jobs.abandon()
        if not given:
            return effects
        self.held = Held.NONE
        self.take_due = not self.peer_alive
        return [*effects, self.report(), *self.job(JobKind.YIELD, given, now)]

    def step_back(self, groups: Iterable[ResourceGroup], now: float) -> list[Effect]:
        """What is held is held by whole scopes: the others of the same scope go, too."""
        concerned = tuple(groups)
        return self._let_go(
            Held.of(any(g.node == self.me for g in concerned), any(g.node != self.me for g in concerned)), now
        )

    def give(self, scope: Held, why: str, now: float) -> list[Effect]:
        """Begin to hand the groups of scope over. Refused with a note when it cannot be done now."""
        return self.handover.give(scope, why, now)

    def peer_asks(self, scope: Held, info: str, now: float) -> list[Effect]:
        """An `ask_resources` message of the peer: me, other or done."""
        return self.handover.peer_asks(scope, info, now)

    # --- work -------------------------------------------------------------------------------------------------

    def _job_done(self, job: Job, now: float) -> list[Effect]:
        match job.kind:
            case JobKind.OWN:
                note = Note(Level.INFO, "Local Resource acquisition completed.")
                return [note, self.report(info="req_our_resources()"), *self.handover.maybe_failback(now)]
            case JobKind.TAKE_OVER:
                note = Note(Level.INFO, "mach_down takeover complete.")
                say = Say.of("resource", rsc_hold="foreign", info="mach_down")
                return [note, say, *self.handover.maybe_failback(now)]
            case JobKind.HAND_OVER:
                return self.handover.gave(now)
            case JobKind.RECEIVE:
                return self.handover.took(now)
            case JobKind.SHUTDOWN:
                self._exit_at = now + LINGER
                directors = self.directors_of(self.groups)
                standby = self.job(JobKind.STAND_BY, directors, now) if directors else []
                return [Say.of("shutdone", st="dead"), *standby]
            case JobKind.YIELD | JobKind.STAND_BY:
                self.handover.priming.stood_by(job.groups)
                if self._exit_at is not None:  # their tables are gone
                    return self._dismiss()
        return []

    def _dismiss(self) -> list[Effect]:
        """The directors end, once."""
        due, self._directors_end = not self._directors_end, True
        return [Dismiss(resource) for resource in self.warm()] if due else []

    def _primed(self, done: JobDone) -> list[Effect]:
        return self.handover.primed(done)

    def _start_failed(self, groups: tuple[ResourceGroup, ...], now: float) -> list[Effect]:
        return self.handover.start_failed(groups, now)

    def shutdown(self, now: float) -> list[Effect]:
        """Release everything, say so, end. Work under way is finished first."""
        if self.phase is Phase.SHUTDOWN:
            return []
        effects = self._enter(Event.STOP, now)
        self.take_due = False
        mine = self.mine() if self.jobs.idle else self.groups  # a dropped job may have had to stop some
        self.jobs.drop_waiting()
        effects += self.handover.cancel(now)
        self.held = Held.NONE
        effects.append(self.report(stable=False, info="shutdown"))
        return effects + self.job(JobKind.SHUTDOWN, self.without_directors(mine), now)

    def handle_timer(self, now: float) -> list[Effect]:
        """Performs all that has become due."""
        effects: list[Effect] = []
        if self._phase_until is not None and now >= self._phase_until:
            effects += self._phase_timeout(now)
        effects += self.handover.handle_timer(now)
        if self._exit_at is not None and now >= self._exit_at:
            self._exit_at = None
            effects += [*self._dismiss(), Exit()]
        return effects + self._follow(self.jobs.handle_timer(now), now)

    def _phase_timeout(self, now: float) -> list[Effect]:
        self._phase_until = None
        if self.phase is Phase.SETTLING:
            waiting = ", ".join(sorted(r.text for r in self._unready))
            note = Note(Level.WARNING, f"{waiting} is not ready after {self.ready_limit:g} s; going on without")
            return [note, *self._settled(now)]
        if self.peer_free is False and self.peer_alive:
            self._phase_until = now + COMMON_START_WAIT
            return [Note(Level.WARNING, f"{self.peer} is still stopping resources: waiting for it before taking ours")]
        return [*self._enter(Event.WAIT_OVER, now), *self._take_own(now)]
