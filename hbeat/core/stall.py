"""How long this process has slept: stopped, starved, or with the whole machine suspended."""

from __future__ import annotations

from hbeat.core.lease import Clocks
from hbeat.core.model import Safety, Timing


class Sleep:
    """Told of each time the loop wakes up. now: of its beginning."""

    def __init__(self, now: Clocks) -> None:
        self._last = now

    def woke(self, deadline: float, now: Clocks) -> float:
        """Seconds by which the loop came later than it should have. deadline: monotonic, when it wanted to wake up.

        A deadline that had passed when the loop last woke up counts from then: what took so long is this turn.
        """
        last, self._last = self._last, now
        monotonic = now.monotonic - last.monotonic
        suspended = (now.boottime - last.boottime) - monotonic
        return max(0.0, now.monotonic - max(deadline, last.monotonic)) + max(0.0, suspended)


def longest_nap(safety: Safety, timing: Timing) -> float:
    """Seconds; who slept for longer knows only what was."""
    if not safety.stall_rule:
        return float("inf")
    return min(timing.deadtime, safety.vip_lease or timing.deadtime) / 2
