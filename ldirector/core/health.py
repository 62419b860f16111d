"""One real's health in one virtual: unknown, up or down.

A real begins unknown. It rises on the first good check. It falls when `fall` checks in a row have failed while it was
up; before that the failures are soft and change nothing but the count. Once it is down, it takes `rise` good checks in
a row to come back, and those before the last are soft in the same way; a server that was never down (unknown) has
nothing to make up for.

Two more events: `adopted`, at start the kernel's table already gives this real a weight, so it serves now and is taken
as up until its first check says otherwise (reference section d, Start 3); `taken out`, an operator's maintenance file
is there: down at once, whatever the counts, and `put back` makes it unknown again when the file goes.

The table below is the whole machine. An event that is not in it is a mistake of the caller and raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


class Event(Enum):
    PASSED = "passed"
    PASSED_SOFTLY = "passed softly"
    FAILED_SOFTLY = "failed softly"
    FAILED = "failed"
    ADOPTED = "adopted"
    TAKEN_OUT = "taken out"
    PUT_BACK = "put back"


NEXT = {
    (State.UNKNOWN, Event.ADOPTED): State.UP,
    (State.UNKNOWN, Event.PASSED): State.UP,
    (State.UNKNOWN, Event.FAILED): State.DOWN,
    (State.UNKNOWN, Event.TAKEN_OUT): State.DOWN,
    (State.UP, Event.PASSED): State.UP,
    (State.UP, Event.FAILED_SOFTLY): State.UP,
    (State.UP, Event.FAILED): State.DOWN,
    (State.UP, Event.TAKEN_OUT): State.DOWN,
    (State.DOWN, Event.PASSED): State.UP,
    (State.DOWN, Event.PASSED_SOFTLY): State.DOWN,
    (State.DOWN, Event.FAILED): State.DOWN,
    (State.DOWN, Event.TAKEN_OUT): State.DOWN,
    (State.DOWN, Event.PUT_BACK): State.UNKNOWN,
}


class IllegalEvent(ValueError):
    """The event cannot happen in this state."""


@dataclass(frozen=True, slots=True)
class Health:
    """failures: failed checks in a row while up; successes: good ones in a row while down.

    since: monotonic seconds of the last change of state. reason: why it is in this state, in words for the operator.
    """

    state: State
    since: float
    failures: int = 0
    reason: str = ""
    successes: int = 0

    @property
    def is_moving(self) -> bool:
        """Some checks in a row speak against the state, not yet enough of them."""
        return bool(self.failures or self.successes)

    def after(self, event: Event, now: float, reason: str) -> Health:
        """The health that follows. Raises IllegalEvent and then changes nothing."""
        state = NEXT.get((self.state, event))
        if state is None:
            raise IllegalEvent(f"{event.value} cannot happen to a real that is {self.state.value}")
        failures = self.failures + 1 if event is Event.FAILED_SOFTLY else 0
        successes = self.successes + 1 if event is Event.PASSED_SOFTLY else 0
        since = self.since if state is self.state else now
        if event is Event.PASSED_SOFTLY:
            reason = self.reason  # why it is down is still the reason
        return Health(state, since, failures, reason, successes)

    def event_of(self, passed: bool, fall: int, rise: int = 1) -> Event:
        """What a check result means here."""
        if passed:
            waiting = self.state is State.DOWN and self.successes + 1 < rise
            return Event.PASSED_SOFTLY if waiting else Event.PASSED
        if self.state is State.UP and self.failures + 1 < fall:
            return Event.FAILED_SOFTLY
        return Event.FAILED
