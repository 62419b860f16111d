"""An original that crashes leaves its addresses behind, and its kernel answers for them."""

from __future__ import annotations

from tests.interop.mixed import MixedPair
from tests.system.pair import NAMES

ONE, TWO = NAMES


def test_addresses_of_a_crashed_original_are_waited_for_and_then_taken_as_it_would(pair: MixedPair) -> None:
    ours, theirs = pair.ours, pair.theirs
    pair.start_all()
    if theirs == TWO:
        assert pair.run(ours, "hb_standby")[0] == 0
    pair.serves(theirs)
    pair.settle()
    pair.run(ours, "sleep", "6")  # two seconds more of deadtime in the first five
    lines = pair.run(theirs, "ps", "-eo", "pid,comm")[1].splitlines()
    pids = [line.split()[0] for line in lines if line.split()[1].startswith("heartbeat")]
    assert pair.run(theirs, "kill", "-KILL", *pids)[0] == 0
    pair.until(lambda: pair.owners() == [ONE, TWO], 20)
    pair.says(ours, f"{theirs} is silent, but")
    pair.says(ours, "a crashed heartbeat leaves its addresses behind")
