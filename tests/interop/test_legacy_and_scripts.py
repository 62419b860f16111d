"""auto_failback legacy with one original node, and the original's own scripts on a node of ours."""

from __future__ import annotations

import pytest

from tests.interop.mixed import HA_CF, TOOLS, MixedPair
from tests.system.pair import NAMES

ONE, TWO = NAMES


def legacy(pair: MixedPair) -> MixedPair:
    for name in NAMES:
        pair.write(name, "ha.cf", HA_CF.replace("auto_failback on", "auto_failback legacy"))
    return pair


@pytest.mark.parametrize("order", [(ONE, TWO), (TWO, ONE)], ids=["preferred first", "other first"])
def test_legacy_pair_starts_dies_returns_and_stops(pair: MixedPair, order: tuple[str, str]) -> None:
    with legacy(pair).audit() as auditor:
        for name in order:
            pair.start(name)
        pair.serves(ONE, 40)
        for name in NAMES:
            pair.until(lambda name=name: pair.command(name, "cl_status", "rscstatus") == (0, "none\n"), 10)  # type: ignore[misc]
        pair.run(TWO, "sleep", "6")  # two seconds more of deadtime in the first five
    assert auditor.doubles == []
    pair.nodes[ONE].power_off()
    pair.serves(TWO)
    with pair.audit() as auditor:
        pair.start(ONE)
        pair.serves(ONE, 40)
        pair.stop(ONE)
        pair.serves(TWO)
    assert auditor.doubles == []


def test_scripts_of_the_original_work_on_a_node_of_ours_and_its_hooks_do_nothing_twice(pair: MixedPair) -> None:
    ours = pair.ours
    pair.furnish(ours)
    pair.start_all()
    first, other = (ONE, TWO) if ours == ONE else (TWO, ONE)
    words = ["all"] if ours == ONE else []
    with pair.audit() as auditor:
        if ours == ONE:
            assert pair.run(ours, str(TOOLS / "hb_standby"), *words)[0] == 0
        else:
            assert pair.run(ours, str(TOOLS / "hb_takeover"), *words)[0] == 0
        pair.serves(TWO)
        pair.settle()
    assert auditor.doubles == []
    pair.nodes[other].power_off()
    pair.serves(first)
    assert "rc.d/" not in pair.log(ours)
