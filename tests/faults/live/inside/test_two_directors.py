"""Both nodes serve, each with an ldirectord of its own, and each keeps that of the other one warm."""

from __future__ import annotations

import pytest

from tests.faults.checker import Bounds
from tests.faults.live.fault import Fault
from tests.faults.live.faults_of_machines import boot, power_off, standby, take_back
from tests.faults.live.inside.test_with_director import SLOW, TAKEN, TAKEOVER, kill_director
from tests.faults.live.layout import ONE, SECOND_VIP, TWO
from tests.faults.live.play import judged, play
from tests.faults.live.processes import DIRECTOR, find
from tests.faults.live.world import World
from tests.system.pair import VIP

FIRST, SECOND = f"TCP {VIP}:80", f"TCP {SECOND_VIP}:80"
FAULTS = [
    Fault("hb_standby", standby, Bounds(TAKEOVER, unserved=SLOW, settles=60, heals=2.0), take_back, lasts=4, rest=60),
    Fault("power-off", power_off(ONE), TAKEN, boot(ONE), lasts=TAKEOVER, rest=90),
    Fault("ldirectords of the other killed", kill_director(TWO), Bounds(ends=True, unserved=SLOW), lasts=4),
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_fault_breaks_no_invariant_and_each_table_is_where_its_address_is(two_directors: World, fault: Fault) -> None:
    two_directors.until(two_directors.at_rest, 90)
    two_directors.until(lambda: tables(two_directors) == {ONE: {FIRST}, TWO: {SECOND}}, 30)
    two_directors.until(lambda: directors(two_directors) == {ONE: 2, TWO: 2}, 60)  # no start is under way any more
    judged(two_directors, play(two_directors, fault), fault.bounds, f"two directors, {fault.name}")
    two_directors.until(lambda: tables(two_directors) == {ONE: {FIRST}, TWO: {SECOND}}, 30)


def directors(world: World) -> dict[str, int]:
    return {name: len(find(node.pid, DIRECTOR)) for name, node in world.nodes.items()}


def tables(world: World) -> dict[str, set[str]]:
    return {name: set(world.table(name)) for name in world.nodes}
