"""What is under way outside this process, and who waits for its end."""

from __future__ import annotations

import math
import selectors
import traceback
from collections.abc import Callable

from hbeat.agents.operation import Operation
from hbeat.core.events import Outcome

Ended = Callable[[Outcome, float], None]
"""Told of the outcome, and when (monotonic seconds)."""


class Operations:
    """Follows operations to their end. selector: the loop's; the operations' descriptors come and go there."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._under_way: dict[Operation, tuple[Ended, list[int]]] = {}

    @property
    def idle(self) -> bool:
        """Nothing is under way but what has no deadline: vigils, which nobody waits for at the end."""
        return all(operation.deadline == math.inf for operation in self._under_way)

    def next_deadline(self) -> float | None:
        return min((operation.deadline for operation in self._under_way), default=None)

    def follow(self, begun: Outcome | Operation, ended: Ended, now: float) -> None:
        """ended is called once: now, if there is an outcome already."""
        if isinstance(begun, Outcome):
            ended(begun, now)
            return
        self._under_way[begun] = (ended, [])
        self._watch(begun)

    def step(self, operation: Operation, now: float) -> None:
        """One of its descriptors is readable."""
        if operation in self._under_way:
            self._moved(operation, self._guarded(operation.step, now), now)

    def handle_timer(self, now: float) -> None:
        """Ends what has passed its deadline."""
        for operation in [o for o in self._under_way if o.deadline <= now]:
            if operation in self._under_way:
                self._moved(operation, self._guarded(operation.expire, now), now)

    def _guarded(self, move: Callable[[float], Outcome | None], now: float) -> Outcome | None:
        """An operation that raises has ended: nobody would move it again."""
        try:
            return move(now)
        except OSError as error:
            return Outcome(False, str(error))
        except Exception:
            return Outcome(False, f"error in this program, please report it: {traceback.format_exc()}")

    def _moved(self, operation: Operation, outcome: Outcome | None, now: float) -> None:
        """It is over, or waits on other descriptors than before."""
        ended, watched = self._under_way[operation]
        for fileno in watched:
            self._selector.unregister(fileno)
        watched.clear()
        if outcome is None:
            self._watch(operation)
            return
        del self._under_way[operation]
        ended(outcome, now)

    def _watch(self, operation: Operation) -> None:
        watched = self._under_way[operation][1]
        for fileno in operation.filenos:
            self._selector.register(fileno, selectors.EVENT_READ, ("operation", operation))
            watched.append(fileno)
