"""Watches who holds an address, from outside and all the time: two holders at one instant is what it is there to see.

It looks at the kernels of both nodes every 20 ms in a thread of its own; what a change of owner may cost is judged by
those who asked for it, two owners never may be.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

PERIOD = 0.02


class Auditor:
    """holders: who has the address now. Between enter and exit every sample is kept."""

    def __init__(self, holders: Callable[[], list[str]]) -> None:
        self._holders = holders
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="auditor", daemon=True)
        self.samples: list[tuple[float, tuple[str, ...]]] = []

    def __enter__(self) -> Auditor:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    @property
    def doubles(self) -> list[tuple[float, tuple[str, ...]]]:
        """The samples with more than one owner."""
        return [sample for sample in self.samples if len(sample[1]) > 1]

    def _watch(self) -> None:
        while not self._end.wait(PERIOD):
            self.samples.append((time.monotonic(), tuple(self._holders())))
