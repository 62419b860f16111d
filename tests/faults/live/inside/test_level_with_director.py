"""ldirectord and who looks at connections stay level, too, while real servers come and go. See level.py."""

from __future__ import annotations

import os
import time

from ldirector.daemon import REST_SECONDS
from tests.faults.checker import Bounds
from tests.faults.live.fault import Fault
from tests.faults.live.faults_of_machines import standby, take_back
from tests.faults.live.inside.test_with_director import FAULTS, TAKEOVER, UNMOVED
from tests.faults.live.level import looks_after, not_level
from tests.faults.live.processes import DAEMON, DIRECTOR, KEEPER, RECORDER, TELLER, daemons
from tests.faults.live.world import World

CYCLES = int(os.environ.get("FAULTS_CYCLES") or 8)
EACH_NODE = (KEEPER, DAEMON, RECORDER, TELLER, DIRECTOR)
STANDBY = Fault("hb_standby with ldirectord", standby, Bounds(TAKEOVER, unserved=4.0, settles=60, heals=2.0), take_back)
"""What a handover costs is judged elsewhere."""
LOADED = REST_SECONDS + 15.0
"""Seconds after its start an ldirectord has loaded what is seldom needed, also in a guest."""


def are_loaded(world: World) -> bool:
    """Those that were killed a moment ago have begun anew."""
    now, inits = time.monotonic(), [node.pid for node in world.nodes.values()]
    return all(now - born > LOADED for init in inits for name, *_, born in daemons(init) if name == DIRECTOR)


def test_i6_memory_and_descriptors_stay_level_over_all_cycles(settled: World) -> None:
    settled.until(lambda: settled.at_rest() and all(settled.runs(name, *EACH_NODE) for name in settled.nodes), 60)
    settled.until(lambda: are_loaded(settled), 2 * LOADED)
    lasting = [STANDBY, *(fault for fault in FAULTS if fault.bounds == UNMOVED)]
    assert not_level(looks_after(settled, lasting, CYCLES), CYCLES, 2 * len(EACH_NODE)) == []
