"""One real's health in one virtual: unknown, up or down.

A real begins unknown. It rises on the first good check. It falls when failurecount checks in a row have failed while
it was up; before that the failures are soft and change nothing but the count. While it is not up one failed check is
as good as ten. `adopted` is the fourth event: at start the kernel's table already gives this real a weight, so it
serves now and is taken as up until its first check says otherwise (reference section d, Start 3).

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
    FAILED_SOFTLY = "failed softly"
    FAILED = "failed"
    ADOPTED = "adopted"


NEXT = {
    (State.UNKNOWN, Event.ADOPTED): State.UP,
    (State.UNKNOWN, Event.PASSED): State.UP,
    (State.UNKNOWN, Event.FAILED): State.DOWN,
    (State.UP, Event.PASSED): State.UP,
    (State.UP, Event.FAILED_SOFTLY): State.UP,
    (State.UP, Event.FAILED): State.DOWN,
    (State.DOWN, Event.PASSED): State.UP,
    (State.DOWN, Event.FAILED): State.DOWN,
}


class IllegalEvent(ValueError):
    """The event cannot happen in this state."""


@dataclass(frozen=True, slots=True)
class Health:
    """failures: failed checks in a row while up. since: monotonic seconds of the last change of state.

    reason: why it is in this state, in words for the operator.
    """

    state: State
    since: float
    failures: int = 0
    reason: str = ""

    def after(self, event: Event, now: float, reason: str) -> Health:
        """The health that follows. Raises IllegalEvent and then changes nothing."""
        state = NEXT.get((self.state, event))
        if state is None:
            raise IllegalEvent(f"{event.value} cannot happen to a real that is {self.state.value}")
        failures = self.failures + 1 if event is Event.FAILED_SOFTLY else 0
        if state is self.state:
            return Health(state, self.since, failures, reason)
        return Health(state, now, failures, reason)

    def event_of(self, passed: bool, failurecount: int) -> Event:
        """What a check result means here."""
        if passed:
            return Event.PASSED
        if self.state is State.UP and self.failures + 1 < failurecount:
            return Event.FAILED_SOFTLY
        return Event.FAILED
