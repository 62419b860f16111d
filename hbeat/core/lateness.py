"""How punctual this node's own loop is: whoever wakes up late sends late, and is taken for dead sooner."""

from __future__ import annotations

from collections import deque

RECENT = 60
"""Seconds that count as recent."""


class Lateness:
    """Told of each deadline that was met. Times are monotonic seconds."""

    def __init__(self) -> None:
        self.worst = 0.0
        """Seconds, since the start."""
        self._by_second: deque[tuple[int, float]] = deque(maxlen=RECENT)

    def met(self, late: float, now: float) -> None:
        """A deadline was met so many seconds after it had come."""
        self.worst = max(self.worst, late)
        second = int(now)
        if self._by_second and self._by_second[-1][0] == second:
            late = max(late, self._by_second.pop()[1])
        self._by_second.append((second, late))

    def recent(self, now: float) -> float:
        """The worst of the last minute, seconds."""
        return max((late for second, late in self._by_second if second > now - RECENT), default=0.0)
