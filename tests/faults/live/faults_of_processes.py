"""Processes that are killed, and such that are stopped for a while."""

from __future__ import annotations

import signal

from tests.faults.checker import Bounds
from tests.faults.live.fault import Act, Fault
from tests.faults.live.layout import LEASE, ONE
from tests.faults.live.processes import DAEMON, KEEPER, RECORDER
from tests.faults.live.world import World

LEASE_OUTAGE = LEASE + 0.5
"""Seconds that addresses may be without owner when a daemon is killed or stopped: what the keeper does sooner is not
asked for here."""
KILLED = Bounds(outage=LEASE_OUTAGE, moves=2, ends=True)
"""The other node may take the addresses, and give them back."""


def killed(*which: str, on: str = ONE) -> Act:
    """Without names all of ours, at one instant: of processes that are killed one after the other, the others clean
    up, and start again what is gone."""

    def kill(world: World) -> None:
        if len(which) != 1:
            world.signal(on, signal.SIGSTOP, *which)
        assert world.signal(on, signal.SIGKILL, *which) != []

    return kill


def stopped(*which: str, on: str = ONE) -> Act:
    """Without names all of ours."""

    def stop(world: World) -> None:
        world.signal(on, signal.SIGSTOP, *which)

    return stop


def continued(on: str = ONE) -> Act:
    def proceed(world: World) -> None:
        world.signal(on, signal.SIGCONT)

    return proceed


def start_again(world: World) -> None:
    """Nothing of the life before is there any more (I5), but what is in IPVS, which the start adopts or removes."""
    world.left(ONE, tables=False)
    world.start(ONE)


def daemon_stopped(seconds: float) -> Fault:
    bounds = Bounds(LEASE_OUTAGE, moves=0 if seconds < 0.3 else 2)
    return Fault(f"daemon stopped for {seconds:g} s", stopped(DAEMON), bounds, continued(), seconds)


FAULTS = [
    Fault("daemon killed", killed(DAEMON), KILLED, lasts=LEASE_OUTAGE),
    Fault("keeper killed", killed(KEEPER), Bounds(ends=True)),
    Fault("recorder killed", killed(RECORDER), Bounds(ends=True)),
    Fault("daemon and keeper killed", killed(DAEMON, KEEPER), KILLED, start_again, lasts=3),
    Fault("all killed", killed(), KILLED, start_again, lasts=3),
    *(daemon_stopped(seconds) for seconds in (0.2, 0.7, 2, 8)),
    Fault("keeper stopped", stopped(KEEPER), Bounds(), continued()),
    Fault("all stopped", stopped(), Bounds(LEASE_OUTAGE, moves=2), continued(), lasts=4),
]
LONG = [daemon_stopped(30)]
