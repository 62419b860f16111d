"""What a fault is: the damage, its repair, and what it may cost. The tables of them are faults_*.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.checker import Bounds
from tests.faults.live.world import World

Act = Callable[[World], None]


def nothing(world: World) -> None:
    """No repair is needed, or no preparation."""


@dataclass(frozen=True, slots=True)
class Fault:
    """do and undo return when it is done; lasts: seconds between them. undo None: the pair has to mend itself.

    prepare: what the files are to say, before anything runs. rest: within so many seconds of the repair everything is
    as haresources has it.
    """

    name: str
    do: Act
    bounds: Bounds
    undo: Act | None = None
    lasts: float = 2.0
    prepare: Act = nothing
    rest: float = 30.0

    def __str__(self) -> str:
        return self.name
