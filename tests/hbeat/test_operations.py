"""What is under way outside this process, when it does not keep to what was agreed."""

from __future__ import annotations

import os
import selectors
from collections.abc import Callable

import pytest

from hbeat.core.events import Outcome
from hbeat.operations import Operations


class Broken:
    """An operation that raises; readable at once."""

    deadline = 5.0

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self.filenos = [self.reading]

    def step(self, now: float) -> Outcome | None:
        raise OSError("out of everything")

    expire = step


@pytest.mark.parametrize("move", [Operations.step, lambda operations, broken, now: operations.handle_timer(now)])
def test_an_operation_that_raises_has_ended(move: Callable[[Operations, Broken, float], None]) -> None:
    with selectors.DefaultSelector() as selector:
        operations, broken, ended = Operations(selector), Broken(), list[Outcome]()
        operations.follow(broken, lambda outcome, at: ended.append(outcome), 0.0)
        move(operations, broken, 5.0)
        assert [(outcome.ok, "out of everything" in outcome.detail) for outcome in ended] == [(False, True)]
        assert operations.next_deadline() is None
        assert len(selector.get_map()) == 0
    os.close(broken.reading)
    os.close(broken.writing)
