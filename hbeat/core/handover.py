"""Giving groups to the peer and taking them from it: hb_standby, hb_takeover, failback, and groups that fail here.

The messages are those of the standby handshake (`standby`, reference section 5.4). This side decides who may begin
one, stops or starts the groups in the middle of it, and says in the end what is held.
"""

from __future__ import annotations

from collections.abc import Callable

from hbeat.core.events import Effect, Level, Note, Say
from hbeat.core.failed import START_RETRY
from hbeat.core.holder import Holder, keys_of
from hbeat.core.model import Failback, Held, ResourceGroup
from hbeat.core.phase import Phase
from hbeat.core.priming import Priming, resources_of
from hbeat.core.standby import Stage, Standby, Step
from hbeat.core.takeover import JobDone, JobKind

FAILBACK_RETRY = 1.0
PRIME_WAIT, HASTE = 8.0, 1.0
"""Seconds for the directors of offered groups to have their tables, before the offer is answered all the same: the
giver serves meanwhile, and waits for ten (`standby`). One that is worse off than we are may serve nobody."""

Report = Callable[..., Say]


class Handover:
    """The handshake of one node. report: the message that tells what it holds (`Ownership.report`)."""

    def __init__(self, holder: Holder, failback: Failback, report: Report) -> None:
        self.failback = failback
        self.standby = Standby()
        self.failback_due = False
        self._held_back: set[str] = set()
        self._holder = holder
        self._report = report
        self._offered: tuple[ResourceGroup, ...] = ()  # failed here, and not taken yet
        self._failback_at: float | None = None
        self._answer_at: float | None = None  # an offer is accepted, its giver does not know yet
        self.priming = Priming(holder)

    def next_deadline(self) -> float | None:
        timers = (
            *(self._failback_at, self._holder.failed.retry_at, self.standby.deadline, self._answer_at),
            self.priming.next_deadline(),
        )
        return min((at for at in timers if at is not None), default=None)

    def handle_timer(self, now: float) -> list[Effect]:
        effects: list[Effect] = []
        if self.standby.deadline is not None and now >= self.standby.deadline:
            stage = self.standby.stage.value
            text = f"standby: {self._holder.peer} did not answer in time (stage {stage}); cancelled"
            effects += [Note(Level.WARNING, text), *self.cancel(now), self._report(), *self.maybe_failback(now)]
        if self._failback_at is not None and now >= self._failback_at:
            effects += self.maybe_failback(now)
        effects += self._retry_failed(now)
        if self._answer_at is not None and now >= self._answer_at:
            effects += self._answer()
        return effects + self.priming.look(now, expected=self.standby.under_way)

    # --- the handshake ----------------------------------------------------------------------------------------

    def give(self, scope: Held, why: str, now: float) -> list[Effect]:
        """Begin to hand the groups of scope over. Refused with a note when it cannot be done now."""
        obstacle = self.obstacle()
        if obstacle:
            return [Note(Level.WARNING, f"standby of {scope.value} resources ({why}) refused: {obstacle}")]
        self.standby.step(Step.ASK, now, scope)
        note = Note(Level.INFO, f"standby: offering {scope.value} resources to {self._holder.peer} ({why})")
        return [note, Say.of("ask_resources", rsc_hold=scope.value, info="me")]

    def obstacle(self) -> str:
        """Why nothing can be handed over now; empty when it can."""
        holder = self._holder
        if not holder.stable:
            return f"this node is not stable ({holder.phase.value})"
        if self.standby.under_way:
            return "another standby is under way"
        if not holder.peer_alive:
            return "there is no live peer"
        return "" if holder.peer_stable else "the peer is not stable"

    def peer_asks(self, scope: Held, info: str, now: float) -> list[Effect]:
        """An `ask_resources` message of the peer: me, other or done."""
        match info:
            case "me" if self._holder.stable and self.standby.allows(Step.ASKED_BY_PEER) and self._yields():
                withdrawn = self.cancel(now)
                self.standby.step(Step.ASKED_BY_PEER, now, scope)
                return [*withdrawn, *self._accept(scope, now)]
            case "other" if self.standby.allows(Step.ANSWERED):
                return self._hand_over(now)
            case "done" if self.standby.allows(Step.PEER_DONE):
                return self._peer_done(now)
        stage = f"standby {self.standby.stage.value}, we are {self._holder.phase.value}"
        note = Note(Level.WARNING, f"ask_resources {scope.value} {info} of {self._holder.peer} ignored: {stage}")
        # too late an `other`: our report tells the peer that nothing will come
        return [note, self._report()] if info == "other" else [note]

    def _yields(self) -> bool:
        """Of two offers that cross, that of the node whose name comes first stands."""
        return not self.standby.under_way or self._holder.me > (self._holder.peer or "")

    def _accept(self, scope: Held, now: float) -> list[Effect]:
        offered = self._holder.of(scope.mirrored)
        self._answer_at = now + (HASTE if self._held_back else PRIME_WAIT)
        return self.priming.begin(offered, now) if self.priming.missing(offered) else self._answer()

    def primed(self, done: JobDone) -> list[Effect]:
        """Directors of groups that are expected here serve."""
        self.priming.done(done)
        return self._answer()

    def _answer(self) -> list[Effect]:
        """The directors of what was offered serve, or take too long: the giver may begin."""
        due, self._answer_at = self._answer_at is not None, None
        if not due or self.standby.stage is not Stage.PROMISED:
            return []
        return [Say.of("ask_resources", rsc_hold=self.standby.scope.value, info="other")]

    def forget(self) -> None:
        """What failed here, or was to be ready here, is no matter any more: this node holds nothing."""
        self._holder.failed.take()
        self.priming.forget()

    def cancel(self, now: float) -> list[Effect]:
        """The handshake is over before its end. A failed group that was on offer is ours to start again."""
        self.standby.cancel()
        self._answer_at = None
        offered, self._offered = self._offered, ()
        return self._keep_failed(offered, now)

    def _hand_over(self, now: float) -> list[Effect]:
        self.standby.step(Step.ANSWERED, now)
        self._offered = ()
        scope = self.standby.scope
        given = self._holder.of(scope)
        self._holder.held -= scope
        if scope.foreign:
            self.failback_due = False
        report = self._report(stable=False, info="standby")
        directors = self._holder.directors_of(given, besides=resources_of(self._holder.mine()))
        effects = [report, *self._holder.job(JobKind.HAND_OVER, self._holder.without_directors(given), now)]
        return effects + (self._holder.job(JobKind.STAND_BY, directors, now) if directors else [])

    def gave(self, now: float) -> list[Effect]:
        """The groups that were asked for are stopped here."""
        if not self.standby.allows(Step.GAVE):
            return []
        self.standby.step(Step.GAVE, now)
        return [Say.of("ask_resources", rsc_hold=self.standby.scope.value, info="done")]

    def withdraw(self, why: str, now: float) -> list[Effect]:
        """What we have offered stays here; our report tells the peer, if it has accepted."""
        note = Note(Level.INFO, f"standby: {self._holder.peer} has not answered, and {why}: nothing is handed over")
        return [note, *self.cancel(now), self._report()]

    def taker_left(self, holds: Held, now: float) -> list[Effect]:
        """The taker is in no handshake any more, and holds this."""
        if holds | self.standby.scope.mirrored == holds:
            return self._peer_done(now)
        text = f"standby: {self._holder.peer} has left the handover without taking the resources; cancelled"
        return [Note(Level.WARNING, text), *self.cancel(now), self._report()]

    def _peer_done(self, now: float) -> list[Effect]:
        giving = self.standby.stage is Stage.GIVEN
        self.standby.step(Step.PEER_DONE, now)
        holder = self._holder
        if giving:
            text = f"remote resource transition completed: {holder.peer} has taken the resources"
            return [Note(Level.INFO, text), self._report()]
        taken = self.standby.scope.mirrored
        holder.held |= taken
        if taken.foreign:
            self.failback_due = False  # it was handed to us on purpose
        return holder.job(JobKind.RECEIVE, holder.of(taken), now, self.priming.used())

    def took(self, now: float) -> list[Effect]:
        """The groups that were handed to us are started."""
        if not self.standby.allows(Step.TOOK):
            return []
        self.standby.step(Step.TOOK, now)
        done = Say.of("ask_resources", rsc_hold=self.standby.scope.value, info="done")
        note = Note(Level.INFO, "local resource transition completed: the resources are ours")
        return [note, done, self._report()]

    def hold_back(self, reason: str, on: bool) -> None:
        """No failback for now: the peer is worse off, by one who watches that (its name is the reason)."""
        if on:
            self._held_back.add(reason)
        else:
            self._held_back.discard(reason)

    def is_held_back(self, besides: str) -> bool:
        """Somebody else holds it back."""
        return bool(self._held_back - {besides})

    def is_held_back_by(self, reason: str) -> bool:
        return reason in self._held_back

    # --- failback, and groups that fail here ------------------------------------------------------------------

    @property
    def wants_failback(self) -> bool:
        """Foreign groups are here until their node is there to serve."""
        return self.failback_due and self.failback is not Failback.OFF and self._holder.held.foreign

    def maybe_failback(self, now: float) -> list[Effect]:
        """Foreign groups go home when their node is there to serve."""
        self._failback_at = None
        holder = self._holder
        if not (self.wants_failback and holder.stable and holder.peer_alive and holder.peer_stable):
            return []
        if self.standby.under_way or not holder.jobs.idle or self._held_back:
            self._failback_at = now + FAILBACK_RETRY
            return []
        return self.give(Held.FOREIGN, "failback", now)

    def start_failed(self, groups: tuple[ResourceGroup, ...], now: float) -> list[Effect]:
        """Hand groups that do not start here to the peer, now or when it can take them."""
        if groups and self._holder.stable and self._holder.failed.may_go(groups, now) and not self.obstacle():
            return self._give_failed(groups, now)
        return self._keep_failed(groups, now)

    def _keep_failed(self, groups: tuple[ResourceGroup, ...], now: float) -> list[Effect]:
        if not groups or self._holder.phase is Phase.SHUTDOWN:
            return []
        self._holder.failed.keep(groups, now)
        if self._holder.peer_alive and self._holder.failed.may_go(groups, now):
            text = f"{keys_of(groups)} did not start here; it is offered to the peer as soon as that can take it"
            return [Note(Level.WARNING, text)]
        text = f"{keys_of(groups)} runs nowhere: it did not start here and the peer cannot take it"
        return [Note(Level.CRITICAL, f"{text}; trying again in {START_RETRY:g} s")]

    def _give_failed(self, groups: tuple[ResourceGroup, ...], now: float) -> list[Effect]:
        self._holder.failed.handed_over(groups, now)
        self._offered = groups
        me = self._holder.me
        scope = Held.of(any(g.node == me for g in groups), any(g.node != me for g in groups))
        return self.give(scope, f"{keys_of(groups)} did not start here", now)

    def has_failed(self, group: ResourceGroup) -> bool:
        """It did not start here, and waits for its next attempt."""
        return group in self._holder.failed.waiting

    def offer_failed(self, now: float) -> list[Effect]:
        """The peer has news: perhaps it can take now what failed here."""
        waiting = self._holder.failed.waiting
        if not waiting or self.obstacle() or not self._holder.failed.may_go(waiting, now):
            return []
        return self._give_failed(waiting, now)

    def _retry_failed(self, now: float) -> list[Effect]:
        holder = self._holder
        again, effects = holder.failed.due(holder.mine(), now)
        return effects + (holder.job(JobKind.OWN, again, now) if again and holder.stable else [])
