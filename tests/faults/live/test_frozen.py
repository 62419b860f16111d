"""A frozen control group, as that of a container or a guest: nothing in it can notice before it acts."""

from __future__ import annotations

import pytest

from tests.faults.checker import Bounds
from tests.faults.live.cgroup import CGROUP, Frozen
from tests.faults.live.fault import Fault
from tests.faults.live.faults_of_processes import LEASE_OUTAGE
from tests.faults.live.layout import ONE
from tests.faults.live.play import judged, play
from tests.faults.live.processes import named
from tests.faults.live.world import World


@pytest.fixture(autouse=True)
def freezable() -> None:
    try:
        Frozen([]).thaw()
    except OSError as error:
        pytest.skip(f"no control group can be made in {CGROUP}: {error}")


@pytest.mark.parametrize("seconds", [0.2, 4.0])
def test_frozen_node_breaks_no_invariant(world: World, seconds: float) -> None:
    frozen: list[Frozen] = []

    def freeze(world: World) -> None:
        frozen.append(Frozen(pid for _, pid in named(world.nodes[ONE].pid)))

    def thaw(world: World) -> None:
        frozen.pop().thaw()

    bounds = Bounds(LEASE_OUTAGE, moves=0 if seconds < 0.3 else 2)
    fault = Fault(f"frozen for {seconds:g} s", freeze, bounds, thaw, seconds)
    world.start_all()
    try:
        judged(world, play(world, fault), fault.bounds, fault.name)
    finally:
        while frozen:
            frozen.pop().thaw()
    assert ("this node slept for" in world.log(ONE)) is (seconds > 1)
