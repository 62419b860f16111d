"""Some of the faults on a pair in which both nodes serve, and which hears its heartbeats on a cable of their own."""

from __future__ import annotations

import pytest

from tests.faults.checker import Bounds
from tests.faults.live.fault import Fault
from tests.faults.live.faults_of_cables import cable
from tests.faults.live.play import judged, play
from tests.faults.live.test_faults import SHORT
from tests.faults.live.world import ONE, World

NAMED = {
    "power-off of the owner",
    "both without power, both boot at once",
    "orderly stop",
    "hb_standby",
    f"eth0 of {ONE} pulled",
    "all cables pulled",
    "daemon killed",
    "all killed",
    "daemon stopped for 2 s",
    "all stopped",
}
FAULTS = [*(fault for fault in SHORT if fault.name in NAMED), cable(ONE, Bounds(), "eth2")]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_fault_breaks_no_invariant_where_both_nodes_serve(two_groups: World, fault: Fault) -> None:
    two_groups.start_all()
    judged(two_groups, play(two_groups, fault), fault.bounds, f"two groups, {fault.name}")


def test_every_name_is_that_of_a_fault() -> None:
    assert len(FAULTS) == len(NAMED) + 1
