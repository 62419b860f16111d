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
from ldirector.core.model import Fallback, Real, RealKey, RealState, Service, Virtual

FALLBACK_WEIGHT = 1


def wanted(virtual: Virtual, states: Mapping[RealKey, State], left_out: Collection[RealKey] = ()) -> Service:
    """The entry this virtual should have. states: of all its reals.

    left_out: reals that somebody deleted from the table by hand and that readdquiescent=no keeps out while they are
    not up.
    """
    reals: dict[RealKey, RealState] = {}
    for real in virtual.reals:
        entry = wanted_real(virtual, real, states[real.key], real.key in left_out)
        if entry:
            reals[real.key] = entry
    if virtual.fallback and State.UP not in states.values():
        reals[virtual.fallback.key] = fallback_entry(virtual.fallback)
    return Service(virtual.state, reals)


def wanted_real(virtual: Virtual, real: Real, state: State, left_out: bool = False) -> RealState | None:
    """The entry of one real, None for none; the fallback is another matter."""
    if state is State.UP:
        return RealState(real.forwarding, real.weight, real.upper, real.lower)
    if virtual.quiescent and not left_out:
        return RealState(real.forwarding, 0)
    return None


def fallback_entry(fallback: Fallback) -> RealState:
    """The fallback's entry while it serves."""
    return RealState(fallback.forwarding, FALLBACK_WEIGHT)
