"""What looks at a pair in a thread of its own, from the beginning of a block to its end."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Watcher(ABC):
    """A context manager; `_watch` runs inside of it, until `_over` is set, then `_ended`."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=type(self).__name__, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._ended()

    @abstractmethod
    def _watch(self) -> None:
        """The thread."""

    def _ended(self) -> None:  # noqa: B027  most have nothing to do
        """What is open is closed."""
