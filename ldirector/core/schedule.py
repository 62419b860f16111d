"""When each probe is due.

The first check of everything comes at once, only spread over a short time so that a start does not open hundreds of
connections in the same millisecond. From then on each probe keeps its phase in the interval, so that the load is even
and the servers are not probed in lockstep. Phases are shared by BURST probes: a process that wakes for one check at a
time finds processor and caches cold for each, which makes a check three to five times as expensive (measured with 100
to 500 targets; systemd's AccuracySec and the kernel's timer slack are there for the same reason). A probe is not due
again while it runs: a check that takes longer than the interval, or a loop that woke late, skips turns instead of
making up for them.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

FIRST_SPREAD = 0.5
"""Seconds over which the first checks are spread, at most; long intervals do not make a start slower."""

BURST = 25
"""Probes that share a phase. Their starts take some 3 ms, so they delay each other by no more than that."""

Item = TypeVar("Item", bound=Hashable)


class Schedule(Generic[Item]):
    """Due times of items. `add` several at once so that their phases are spread."""

    def __init__(self) -> None:
        self._due: dict[Item, float] = {}
        self._phase: dict[Item, float] = {}
        self._heap: list[tuple[float, int, Item]] = []
        self._serial = 0

    def add(self, items: Sequence[tuple[Item, float]], now: float, burst: int = BURST) -> None:
        """Enter items with their intervals in seconds; each is due within FIRST_SPREAD or half its interval.

        burst: how many share a phase.
        """
        count = len(items)
        for index, (item, interval) in enumerate(items):
            share = index / count
            self._phase[item] = now + interval * (index - index % burst + 1) / count
            self._put(item, now + min(FIRST_SPREAD, interval / 2) * share)

    def remove(self, item: Item) -> None:
        self._due.pop(item, None)
        self._phase.pop(item, None)

    def next_due(self) -> float | None:
        """The earliest due time, None when nothing waits."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take_due(self, now: float, most: int | None = None) -> list[Item]:
        """The items that are due, the earliest first; each waits for `again` before it can be due once more."""
        taken: list[Item] = []
        while len(taken) != most and (due := self.next_due()) is not None and due <= now:
            item = heapq.heappop(self._heap)[2]
            del self._due[item]
            taken.append(item)
        return taken

    def again(self, item: Item, interval: float, now: float, turns: int = 1) -> None:
        """The item's check is over: due at the next point of its phase, or so many turns later."""
        phase = self._phase[item]
        while phase <= now:
            behind = int((now - phase) / interval)
            phase += interval * max(1, behind)
        self._phase[item] = phase
        self._put(item, phase + (turns - 1) * interval)

    def hurry(self, item: Item, due: float) -> None:
        """The item waits for its turn: let it come by then at the latest. Its phase stays."""
        if item in self._due and due < self._due[item]:
            self._put(item, due)

    def _put(self, item: Item, due: float) -> None:
        self._due[item] = due
        self._serial += 1
        heapq.heappush(self._heap, (due, self._serial, item))
