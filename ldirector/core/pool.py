"""One virtual and the health of its reals -> what the kernel's table should hold of it.

| real    | quiescent=yes                  | quiescent=no                   |
|---------|--------------------------------|--------------------------------|
| up      | its weight and thresholds      | its weight and thresholds      |
| down    | weight 0, no thresholds        | absent                         |
| unknown | as down                        | as down                        |

An unknown real gets no traffic before its first good check (the original gave each one some seconds of it, dead or
not). While no real is up the fallback stands in the table with weight 1.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ldirector.core.health import State
from ldirector.core.model import RealKey, RealState, Service, Virtual

FALLBACK_WEIGHT = 1


def wanted(virtual: Virtual, states: Mapping[RealKey, State], left_out: Collection[RealKey] = ()) -> Service:
    """The entry this virtual should have. states: of all its reals.

    left_out: reals that somebody deleted from the table by hand and that readdquiescent=no keeps out while they are
    not up.
    """
    reals: dict[RealKey, RealState] = {}
    for real in virtual.reals:
        if states[real.key] is State.UP:
            reals[real.key] = RealState(real.forwarding, real.weight, real.upper, real.lower)
        elif virtual.quiescent and real.key not in left_out:
            reals[real.key] = RealState(real.forwarding, 0)
    if virtual.fallback and State.UP not in states.values():
        reals[virtual.fallback.key] = RealState(virtual.fallback.forwarding, FALLBACK_WEIGHT)
    return Service(virtual.state, reals)
