"""Some of the faults on a pair with auto_failback legacy, which is what an ha.cf without that line means."""

from __future__ import annotations

import pytest

from tests.faults.live.fault import Fault
from tests.faults.live.play import judged, play
from tests.faults.live.test_faults import SHORT
from tests.faults.live.world import World

NAMED = {
    "power-off of the owner",
    "both without power, both boot at once",
    "orderly stop",
    "owner boots while heartbeats are lost",
    "heartbeats lost",
    "daemon killed",
    "all killed",
    "daemon stopped for 2 s",
    "all stopped",
    "first node alone behind the switch",
    "what test2.com hears is lost",
}
FAULTS = [fault for fault in SHORT if fault.name in NAMED]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_fault_breaks_no_invariant_with_legacy(legacy: World, fault: Fault) -> None:
    legacy.start_all()
    judged(legacy, play(legacy, fault), fault.bounds, f"legacy, {fault.name}")


def test_every_name_is_that_of_a_fault() -> None:
    assert len(FAULTS) == len(NAMED)
