"""Something under way outside this process, watched by the loop until it has an outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from hbeat.adapters.scripts import CommandRun
from hbeat.core.events import Outcome

Judge = Callable[[int, str], Outcome]
"""What a command's end means: exit status (negative: the signal that killed it) and the last of its output."""


class Operation(Protocol):
    """Something under way outside this process."""

    @property
    def deadline(self) -> float: ...

    @property
    def filenos(self) -> list[int]: ...

    def step(self, now: float) -> Outcome | None:
        """A descriptor is readable: the outcome, or None while it goes on."""

    def expire(self, now: float) -> Outcome | None:
        """The deadline has passed: the outcome, or None when something else is tried now."""


class CommandOperation:
    """One command with a time limit in seconds. Raises OSError when it cannot be executed."""

    def __init__(
        self, argv: list[str], env: Mapping[str, str], judge: Judge, limit: float, now: float, feed: bytes = b""
    ) -> None:
        self._judge, self._limit = judge, limit
        self._run = CommandRun(argv, env, now + limit, feed)
        self.deadline = self._run.deadline

    @property
    def filenos(self) -> list[int]:
        return self._run.filenos

    def step(self, now: float) -> Outcome | None:
        status = self._run.ready()
        return None if status is None else self._judge(status, self._run.output)

    def expire(self, now: float) -> Outcome:
        self._run.expire()
        return Outcome(False, f"no end after {self._limit:g} s, killed: {self._run.output}")
