"""The farm: every real of every virtual with its health, and how many of them are up.

Here is the only door into a state of health. What follows from a change - the table, the sentinels, the pace of the
checks - is decided by others, from the transitions that this gives back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ldirector.core import pool, transcript
from ldirector.core.events import Note
from ldirector.core.health import Event, Health, State
from ldirector.core.model import Member, Real, RealKey, RealState, Service, Table, Virtual, VirtualKey
from ldirector.core.negotiate import Probe, Standing, choose
from ldirector.core.transcript import Transition


class Farm:
    """virtuals, reals and checks of one configuration; replace() puts another into force."""

    def __init__(self) -> None:
        self.virtuals: dict[VirtualKey, Virtual] = {}
        self.reals: dict[Member, Real] = {}
        self.checks: dict[Member, Probe | Standing] = {}
        self.maintained: frozenset[Member] = frozenset()
        self.vouched: set[Member] = set()
        """Those that serve on the other node's word, whatever their checks say: `word`."""
        self._health: dict[Member, Health] = {}
        self._up: dict[VirtualKey, int] = {}

    def replace(self, virtuals: Iterable[Virtual], now: float) -> dict[Probe, list[Member]]:
        """Another configuration; each probe with the reals that share it. A real whose check stays keeps its health."""
        old_checks, old_health = self.checks, self._health
        self.virtuals = {virtual.key: virtual for virtual in virtuals}
        self.reals, self.checks, self._health = {}, {}, {}
        self._up = dict.fromkeys(self.virtuals, 0)
        sharing: dict[Probe, list[Member]] = {}
        for key, virtual in self.virtuals.items():
            for real in virtual.reals:
                member = (key, real.key)
                check = choose(virtual, real).check
                if isinstance(check, Probe):
                    sharing.setdefault(check, []).append(member)
                self.reals[member], self.checks[member] = real, check
                kept = old_health.get(member) if old_checks.get(member) == check or member in self.maintained else None
                health = self._health[member] = kept or _first_health(check, now)
                self._up[key] += health.state is State.UP
        self.maintained &= self.reals.keys()
        self.vouched &= self.reals.keys()
        return sharing

    def health(self, member: Member) -> Health:
        return self._health[member]

    def is_up(self, member: Member) -> bool:
        return self._health[member].state is State.UP

    def is_down(self, member: Member) -> bool:
        return self._health[member].state is State.DOWN

    def serves(self, member: Member) -> bool:
        """It is up, or taken for up on the other node's word."""
        return self._served(member) is State.UP

    def any_serves(self, key: VirtualKey) -> bool:
        """Some real of this virtual serves, so its fallback does not."""
        if self._up[key] > 0:
            return True
        return bool(self.vouched) and any((key, real.key) in self.vouched for real in self.virtuals[key].reals)

    def sees_nothing(self) -> bool:
        """Some servers are probed, and every one of them is down."""
        probed = [member for member, check in self.checks.items() if isinstance(check, Probe)]
        states = {self._health[member].state for member in probed if member not in self.maintained}
        return states == {State.DOWN}

    # changes

    def adopt(self, table: Table, now: float) -> list[Transition]:
        """Unknown reals that the kernel's table gives a weight serve now: they are taken as up."""
        transitions = []
        for member, health in self._health.items():
            key, real = member
            entry = table[key].reals.get(real) if key in table else None
            if health.state is State.UNKNOWN and entry and entry.weight > 0:
                why = f"in the table with weight {entry.weight}"
                transitions += self._move(member, Event.ADOPTED, why, now)
        return transitions

    def judge(self, member: Member, passed: bool, why: str, now: float) -> tuple[list[Transition], list[Note]]:
        """Apply one result to one real: the transition, if its state changed, and what is to be said otherwise."""
        if member in self.maintained:
            return [], []
        virtual = self.virtuals[member[0]]
        before = self._health[member]
        fall, rise = virtual.policy.fall or virtual.failurecount, virtual.policy.rise
        event = before.event_of(passed, fall, rise)
        transitions = self._move(member, event, why, now)
        if event is Event.FAILED_SOFTLY:
            return transitions, [transcript.soft_failure_note(member, before.failures + 1, fall, why)]
        if event is Event.PASSED_SOFTLY:
            return transitions, [transcript.soft_success_note(member, before.successes + 1, rise)]
        if passed and before.failures:
            return transitions, [transcript.soft_reset_note(member)]
        return transitions, []

    def maintain(self, members: Iterable[Member], now: float) -> list[Transition]:
        """These reals are in maintenance, and no others: taken out at once; those no longer named begin anew."""
        wanted = frozenset(members) & self.reals.keys()
        changed = sorted(wanted ^ self.maintained)
        self.maintained = wanted
        transitions = []
        for member in changed:
            if member in wanted:
                why = "Server in maintenance"
                released = self.release([member], why)
                transitions += self._move(member, Event.TAKEN_OUT, why, now) or released
            else:
                transitions += self._put_back(member, now)
        return transitions

    def vouch(self) -> int:
        """All that are checked, not in maintenance and not up serve on the other node's word; how many these are."""
        self.vouched = {
            member
            for member, check in self.checks.items()
            if isinstance(check, Probe) and member not in self.maintained and not self.is_up(member)
        }
        return len(self.vouched)

    def release(self, members: Iterable[Member], why: str) -> list[Transition]:
        """These are what their own checks say; those of them that serve no more."""
        released = sorted(self.vouched.intersection(members))
        self.vouched.difference_update(released)
        return [Transition(*member, State.UP, State.DOWN, why) for member in released if not self.is_up(member)]

    def _put_back(self, member: Member, now: float) -> list[Transition]:
        """Unknown until the first check; a real without checks is what its checktype says."""
        transitions = self._move(member, Event.PUT_BACK, "no longer in maintenance", now)
        match self.checks[member]:
            case Standing.ON:
                transitions += self._move(member, Event.PASSED, "checktype=on", now)
            case Standing.OFF:
                transitions += self._move(member, Event.FAILED, "checktype=off", now)
        return transitions

    def _move(self, member: Member, event: Event, why: str, now: float) -> list[Transition]:
        """The only door into a state of health; the transition, if the state changed."""
        before = self._health[member]
        after = self._health[member] = before.after(event, now, why)
        if after.state is before.state:
            return []
        key, real = member
        self._up[key] += (after.state is State.UP) - (before.state is State.UP)
        return [Transition(key, real, before.state, after.state, why)]

    # what the table should hold

    def wanted(self, key: VirtualKey, left_out: Collection[RealKey] = ()) -> Service:
        """The whole entry of a virtual."""
        virtual = self.virtuals[key]
        states = {real.key: self._served((key, real.key)) for real in virtual.reals}
        return pool.wanted(virtual, states, left_out)

    def wanted_reals(
        self, key: VirtualKey, reals: Iterable[RealKey], left_out: Collection[RealKey] = ()
    ) -> dict[RealKey, RealState | None]:
        """The entries of these reals and of the fallback, None where there is to be none."""
        virtual = self.virtuals[key]
        entries = {
            real: pool.wanted_real(virtual, self.reals[key, real], self._served((key, real)), real in left_out)
            for real in reals
        }
        if virtual.fallback:
            entries[virtual.fallback.key] = None if self.any_serves(key) else pool.fallback_entry(virtual.fallback)
        return entries

    def _served(self, member: Member) -> State:
        """What the table takes it for."""
        return State.UP if member in self.vouched else self._health[member].state


def _first_health(check: Probe | Standing, now: float) -> Health:
    match check:
        case Standing.OFF:
            return Health(State.DOWN, now, reason="checktype=off")
        case Standing.ON:
            return Health(State.UP, now, reason="checktype=on")
    return Health(State.UNKNOWN, now, reason="not checked yet")
