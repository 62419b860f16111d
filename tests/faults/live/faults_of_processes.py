"""Processes that are killed, and such that are stopped for a while."""

from __future__ import annotations

import signal

from tests.faults.checker import Bounds
from tests.faults.live.fault import Act, Fault
from tests.faults.live.processes import DAEMON, KEEPER, RECORDER
from tests.faults.live.world import LEASE, ONE, World

LEASE_OUTAGE = LEASE + 0.5
"""Seconds that addresses may be without owner when a daemon is killed or stopped: what the keeper does sooner is not
asked for here."""
KILLED = Bounds(outage=LEASE_OUTAGE, moves=2, ends=True)
"""The other node may take the addresses, and give them back."""


def killed(*which: str) -> Act:
    def kill(world: World) -> None:
        assert world.signal(ONE, signal.SIGKILL, *which) != []

    return kill


def kill_all(world: World) -> None:
    """At one instant: of processes that are killed one after the other, the others clean up."""
    world.signal(ONE, signal.SIGSTOP)
    world.signal(ONE, signal.SIGKILL)


def start_again(world: World) -> None:
    world.start(ONE)


def stop(world: World) -> None:
    world.signal(ONE, signal.SIGSTOP, DAEMON)


def stop_all(world: World) -> None:
    world.signal(ONE, signal.SIGSTOP)


def proceed(world: World) -> None:
    world.signal(ONE, signal.SIGCONT)


def stopped(seconds: float) -> Fault:
    moves = 0 if seconds < 0.3 else 2
    return Fault(f"daemon stopped for {seconds:g} s", stop, Bounds(LEASE_OUTAGE, moves=moves), proceed, seconds)


FAULTS = [
    Fault("daemon killed", killed(DAEMON), KILLED, lasts=LEASE_OUTAGE),
    Fault("keeper killed", killed(KEEPER), Bounds(ends=True)),
    Fault("recorder killed", killed(RECORDER), Bounds(ends=True)),
    Fault("daemon and keeper killed", killed(DAEMON, KEEPER), KILLED, start_again, lasts=3),
    Fault("all killed", kill_all, KILLED, start_again, lasts=3),
    *(stopped(seconds) for seconds in (0.2, 0.7, 2, 8)),
    Fault("keeper stopped", lambda w: void(w.signal(ONE, signal.SIGSTOP, KEEPER)), Bounds(), proceed),
    Fault("all stopped", stop_all, Bounds(LEASE_OUTAGE, moves=2), proceed, lasts=4),
]
LONG = [stopped(30)]


def void(value: object) -> None:
    """The value does not matter."""
