"""Every fault of the tables on a pair of its own, judged by all invariants."""

from __future__ import annotations

import pytest

from tests.faults.live import faults_of_cables, faults_of_machines, faults_of_processes
from tests.faults.live.fault import Fault
from tests.faults.live.play import judged, play
from tests.faults.live.world import World

TABLES = (faults_of_machines, faults_of_cables, faults_of_processes)
SHORT = [fault for table in TABLES for fault in table.FAULTS]
LONG = [*faults_of_cables.LONG, *faults_of_processes.LONG]


@pytest.mark.parametrize(
    "fault", [*SHORT, *(pytest.param(fault, marks=pytest.mark.nightly) for fault in LONG)], ids=str
)
def test_fault_breaks_no_invariant(world: World, fault: Fault) -> None:
    fault.prepare(world)
    world.start_all()
    judged(world, play(world, fault), fault.bounds, fault.name)
