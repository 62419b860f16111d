"""auto_failback legacy: each node always serves its own groups (reference section 5.6).

No node says what it holds; there is no handshake and no wait at a common start. Who becomes active takes its own
groups, and asks for each of them first when the other node is active and may have it:

    returning node                              the one that serves
      ip-request ipaddr=KEY         ------>
                                                (stops the group, if it has it)
                                    <------     ip-request-resp ipaddr=KEY weown=yes|no ok=OK
      (starts the group)

A death or a stop of the peer makes its groups ours. hb_standby has no message here and moves nothing. KEY is the first
resource of the group's line. Ours on top of it: the question waits until our own health checks have a verdict, as
failback does; it is asked again when it stays unanswered; an answer is not sent once the group is ours again, and not
before it is stopped here. Two that thought each other dead give up what is not theirs, and ask for what is.
"""

from __future__ import annotations

from collections.abc import Iterable

from hbeat.core.events import Dismiss, Effect, Exit, Level, Note, Say
from hbeat.core.failed import START_RETRY
from hbeat.core.holder import LINGER, Holder, keys_of
from hbeat.core.model import Held, NodeName, Resource, ResourceGroup
from hbeat.core.phase import Phase
from hbeat.core.standby import Standby
from hbeat.core.takeover import Job, JobKind

ASK_AGAIN = 10.0


class LegacyOwnership(Holder):
    """The resource side of one node of a pair with auto_failback legacy."""

    def __init__(self, me: NodeName, peer: NodeName | None, groups: Iterable[ResourceGroup]) -> None:
        super().__init__(me, peer, groups)
        self.standby = Standby()  # never under way
        self._keys: set[str] = set()  # of the groups held here
        self._asked: dict[str, float] = {}  # key -> when to ask again
        self._owed: set[str] = set()  # keys of questions to answer when nothing is being stopped any more
        self._ready_by: float | None = None
        self._exit_at: float | None = None

    @property
    def status(self) -> str:
        """What `cl_status rscstatus` prints: whether something is moving; the original knows no better in this mode."""
        return Held.NONE.value if self.jobs.idle else "transition"

    def mine(self) -> tuple[ResourceGroup, ...]:
        return tuple(group for group in self.groups if group.key in self._keys)

    @property
    def at_rest(self) -> bool:
        """Stable, and nothing is moving here."""
        return self.stable and self.jobs.idle

    def next_deadline(self) -> float | None:
        timers = (self._ready_by, self._exit_at, self.failed.retry_at, self.jobs.next_deadline(), *self._asked.values())
        return min((at for at in timers if at is not None), default=None)

    # --- start ------------------------------------------------------------------------------------------------

    def activated(self, now: float, peer_active: bool) -> list[Effect]:
        """Communication is up and this node is active. peer_active: so is the other one, and may have our groups."""
        if self.phase is not Phase.INIT:
            return []
        if not self.peer_alive:
            self.phase = Phase.STABLE
            return self._take_missing(now)
        if peer_active and self._unready:
            self.phase, self._ready_by = Phase.SETTLING, now + self.ready_limit
            return []
        return self._settled(peer_active, now)

    def prepared(self, resource: Resource, ready: bool, now: float) -> list[Effect]:
        """A warm resource has (or has no longer) a verdict for everything it checks."""
        if not ready:
            self._unready.add(resource)
            return []
        self._unready.discard(resource)
        return [] if self._unready or self.phase is not Phase.SETTLING else self._settled(True, now)

    def _settled(self, ask: bool, now: float) -> list[Effect]:
        self.phase, self._ready_by = Phase.STABLE, None
        if not ask:
            return self._take(self.of(Held.LOCAL), JobKind.OWN, now)
        return self.ask_for_own(now)

    def ask_for_own(self, now: float) -> list[Effect]:
        """The groups that belong here and are not here: the peer is asked for each."""
        return [self._ask(group.key, now) for group in self.of(Held.LOCAL) if group.key not in self._keys]

    def _ask(self, key: str, now: float) -> Effect:
        self._asked[key] = now + ASK_AGAIN
        return Say.of("ip-request", ipaddr=key)

    def ask_for(self, key: str, now: float) -> list[Effect]:
        """A script wants a group here: as at the start, the peer is asked for it first."""
        if self.phase is not Phase.STABLE or key not in {group.key for group in self.groups}:
            return [Note(Level.WARNING, f"ip-request {key} of a script refused: no such group, or we are not stable")]
        return [] if key in self._keys else [self._ask(key, now)]

    # --- what the peer says -----------------------------------------------------------------------------------

    def peer_requests(self, key: str, now: float) -> list[Effect]:
        """An `ip-request`: the peer wants the group with this key."""
        given = tuple(group for group in self.mine() if group.key == key)
        if not given and self.jobs.stopping:
            self._owed.add(key)
            return []
        if not given:
            return [self._answer(key, "no")]
        self._let_go(given)
        note = Note(Level.INFO, f"{self.peer} asks for {key}: giving it up")
        return [note, *self.job(JobKind.HAND_OVER, given, now)]

    def _answer(self, key: str, weown: str) -> Effect:
        return Say.of("ip-request-resp", self.peer or "", ipaddr=key, weown=weown, ok="OK")

    def peer_answers(self, key: str, ok: str, now: float) -> list[Effect]:
        """An `ip-request-resp` for us: the group with this key is free."""
        if key not in self._asked or ok != "OK" or self.phase is not Phase.STABLE:
            return [Note(Level.WARNING, f"ip-request-resp {key} {ok} of {self.peer} ignored: we do not wait for it")]
        del self._asked[key]
        return self._take(tuple(g for g in self.groups if g.key == key), JobKind.OWN, now)

    def peer_gone(self, how: str, now: float) -> list[Effect]:
        """The peer is dead (how = "dead"), or has said `shutdone` (how = "stopped") and has released everything."""
        if how == "dead":
            self.peer_alive = False
        else:
            self.contested = False
        self.peer_held = Held.NONE
        if self.phase in (Phase.INIT, Phase.SHUTDOWN):
            return []
        self.phase, self._ready_by = Phase.STABLE, None
        return self._take_missing(now)

    def take(self, now: float) -> list[Effect]:
        self.contested = False
        return self._take_missing(now) if self.take_due else []

    def step_back(self, groups: Iterable[ResourceGroup], now: float) -> list[Effect]:
        given = tuple(groups)
        self._let_go(given)
        return self.release_at_once(given, now)

    def _take_missing(self, now: float) -> list[Effect]:
        missing = self.others()
        self.take_due = self.contested and bool(missing)
        if not missing or self.take_due:
            return []
        note = Note(Level.INFO, f"Resources being acquired from {self.peer}.")
        return [note, *self._take(missing, JobKind.TAKE_OVER, now)]

    def peer_returned(self, healed: bool, now: float, *, gave_way: bool = False) -> list[Effect]:
        """A dead peer is heard again. healed: it was active meanwhile, so each of us thought the other dead.

        gave_way: not in this mode, in which each node serves its own groups.
        """
        self.peer_alive = True
        self.take_due = False
        self.peer_held = Held.LOCAL  # it will have what is its own
        if not healed or self.phase is not Phase.STABLE:
            return []
        foreign = tuple(group for group in self.mine() if group.node != self.me)
        effects = self.step_back(foreign, now) if foreign else []
        return [*effects, *self.ask_for_own(now), *self.announce()]

    def give_way(self, now: float) -> list[Effect]:
        """The peer serves our own groups and does not know that we do."""
        given = tuple(group for group in self.mine() if group.node == self.me)
        self._let_go(given)
        return self.job(JobKind.YIELD, given, now)

    def peer_starting(self, now: float) -> list[Effect]:
        """Nobody says this in legacy mode."""
        return [self._other_mode("starting")]

    def peer_report(self, held: Held, full: bool, stable: bool | None, now: float) -> list[Effect]:
        """Nobody says this in legacy mode."""
        return [self._other_mode("resource")]

    def _other_mode(self, type_: str) -> Note:
        text = f"{type_} of {self.peer} ignored: auto_failback is legacy here and not there; write the same on both"
        return Note(Level.ERROR, f"{text}, or groups run nowhere")

    def peer_asks(self, scope: Held, info: str, now: float) -> list[Effect]:
        """An `ask_resources` message of the peer: without effect."""
        text = f"ask_resources {scope.value} {info} of {self.peer} ignored: auto_failback legacy"
        return [Note(Level.WARNING, text)]

    def give(self, scope: Held, why: str, now: float) -> list[Effect]:
        """hb_standby: without effect."""
        text = f"standby of {scope.value} resources ({why}) refused: auto_failback legacy has none"
        return [Note(Level.WARNING, f"{text}; write auto_failback on or off on both nodes")]

    # --- work -------------------------------------------------------------------------------------------------

    def _take(self, groups: tuple[ResourceGroup, ...], kind: JobKind, now: float) -> list[Effect]:
        self._keys |= {group.key for group in groups}
        self._asked = {key: at for key, at in self._asked.items() if key not in self._keys}
        self._show()
        return self.job(kind, groups, now)

    def _let_go(self, groups: Iterable[ResourceGroup]) -> None:
        self._keys -= {group.key for group in groups}
        self._show()

    def _show(self) -> None:
        mine = self.mine()
        self.held = Held.of(any(g.node == self.me for g in mine), any(g.node != self.me for g in mine))

    def _job_done(self, job: Job, now: float) -> list[Effect]:
        return self._after(job, now) + self._answer_owed()

    def _answer_owed(self) -> list[Effect]:
        if self.jobs.stopping:
            return []
        owed, self._owed = self._owed - self._keys, set()
        return [self._answer(key, "no") for key in sorted(owed)] if self.peer_alive else []

    def _after(self, job: Job, now: float) -> list[Effect]:
        match job.kind:
            case JobKind.OWN:
                return [Note(Level.INFO, "Local Resource acquisition completed.")]
            case JobKind.TAKE_OVER:
                return [Note(Level.INFO, "mach_down takeover complete.")]
            case JobKind.HAND_OVER if self.peer_alive:
                self._owed.difference_update(group.key for group in job.groups)
                return [self._answer(group.key, "yes") for group in job.groups if group.key not in self._keys]
            case JobKind.SHUTDOWN:
                self._exit_at = now + LINGER
                return [Say.of("shutdone", st="dead"), *(Dismiss(r) for r in self.warm())]
        return []

    def _start_failed(self, groups: tuple[ResourceGroup, ...], now: float) -> list[Effect]:
        failed = tuple(group for group in groups if group.key in self._keys)
        if not failed or self.phase is Phase.SHUTDOWN:
            return []
        self.failed.keep(failed, now)
        text = f"{keys_of(groups)} runs nowhere: it did not start here, and legacy mode cannot hand it over"
        return [Note(Level.CRITICAL, f"{text}; trying again in {START_RETRY:g} s")]

    def regroup(self, groups: Iterable[ResourceGroup], now: float, *, guarded: bool = False) -> list[Effect]:
        """haresources was changed: a new line with our name is ours from now on; the rest is as with on and off."""
        groups = tuple(groups)
        known = {group.key for group in self.groups}
        alone = not self.peer_alive
        if self.stable:
            self._keys |= {g.key for g in groups if g.key not in known and (g.node == self.me or alone)}
        effects = super().regroup(groups, now, guarded=guarded)
        self._keys &= {group.key for group in groups}
        self._show()
        return effects

    def shutdown(self, now: float) -> list[Effect]:
        """Release everything, say so, end. Work under way is finished first."""
        if self.phase is Phase.SHUTDOWN:
            return []
        self.phase, self._ready_by = Phase.SHUTDOWN, None
        self.failed.take()
        mine = self.mine() if self.jobs.idle else self.groups  # a dropped job may have had to stop some
        self.jobs.drop_waiting()
        self._asked.clear()
        self.take_due = False
        self._let_go(self.groups)
        return self.job(JobKind.SHUTDOWN, mine, now)

    def handle_timer(self, now: float) -> list[Effect]:
        """Performs all that has become due."""
        effects: list[Effect] = []
        if self._ready_by is not None and now >= self._ready_by:
            effects += self._settled(True, now)
        for key in [key for key, at in self._asked.items() if at <= now]:
            effects.append(Note(Level.WARNING, f"{self.peer} has not answered for {key}: asking again"))
            effects.append(self._ask(key, now))
        again, told = self.failed.due(self.mine(), now)
        effects += told + (self.job(JobKind.OWN, again, now) if again else [])
        if self._exit_at is not None and now >= self._exit_at:
            self._exit_at = None
            effects.append(Exit())
        return effects + self._follow(self.jobs.handle_timer(now), now)
