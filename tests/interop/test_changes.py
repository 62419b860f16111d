"""Keys of every method, reload and restart of either node of a mixed pair."""

from __future__ import annotations

import pytest
import yaml

from tests.interop.mixed import HA_CF, MixedPair
from tests.system.pair import NAMES

ONE, TWO = NAMES


@pytest.mark.parametrize("key", ["sha1 PASSWORD", "md5 PASSWORD", "crc"])
def test_each_method_signs_everything_that_a_pair_says(pair: MixedPair, key: str) -> None:
    for name in NAMES:
        pair.write(name, "authkeys", f"auth 3\n3 {key}\n", mode=0o600)
    pair.start_all()
    with pair.audit() as auditor:
        pair.there_and_back()
    assert auditor.doubles == []
    dropped = yaml.safe_load(pair.run(pair.ours, "hbeat", "status", "--yaml")[1])["dropped"]
    assert "signature" not in str(dropped)
    assert "key" not in str(dropped)
    assert "uthentic" not in pair.log(pair.theirs)


@pytest.mark.parametrize("reloaded", NAMES)
def test_a_changed_ha_cf_is_taken_up_by_reload_and_moves_nothing(pair: MixedPair, reloaded: str) -> None:
    """The original executes itself once more, keeps its addresses and is silent for some seconds meanwhile."""
    pair.start_all()
    with pair.audit() as auditor:
        pair.write(reloaded, "ha.cf", HA_CF + "warntime 700ms\n")
        pair.reload(reloaded)
        asked = ("cl_status", "hbparameter", "-p", "warntime")
        pair.until(lambda: "700" in pair.command(reloaded, *asked)[1], 30)
        for name, other in ((ONE, TWO), (TWO, ONE)):
            status = ("cl_status", "nodestatus", other)
            pair.until(lambda name=name, status=status: pair.command(name, *status)[1].strip() == "active", 30)  # type: ignore[misc]
        pair.settle()
    assert auditor.holders == {(ONE,)}
    assert pair.command(TWO, "hb_takeover", "all")[0] == 0
    pair.serves(TWO)


@pytest.mark.parametrize("restarted", NAMES)
def test_a_node_is_restarted_and_everything_is_as_before(pair: MixedPair, restarted: str) -> None:
    pair.start_all()
    with pair.audit() as auditor:
        pair.stop(restarted)
        pair.start(restarted)
        pair.until(lambda: pair.command(restarted, "cl_status", "hbstatus")[0] == 0, 30)
        pair.serves(ONE, 40)
        pair.settle()
    assert auditor.doubles == []
    if restarted == TWO:
        assert auditor.holders == {(ONE,)}
