"""Pairs that beat over other media than ucast: each starts, notices a death, and ignores what comes back of its own."""

from __future__ import annotations

import re

import pytest

from tests.system.pair import HA_CF, NAMES, Pair

ONE, TWO = NAMES
pytestmark = [pytest.mark.root, pytest.mark.system]

MEDIA = {
    "bcast": "bcast eth0 eth1",
    "bcast and ucast on one interface": "bcast eth0\nucast eth0 10.1.1.2\nucast eth0 10.1.1.3",
    "mcast": "mcast eth0 225.0.0.1 694 1 0\nmcast eth1 225.0.0.2 695 1 1",
    "mcast beside bcast on one port": "mcast eth0 225.0.0.1 694 1 0\nbcast eth0",
    "ucast6": "ucast6 eth0 fd00::2\nucast6 eth0 fd00::3",
    "mcast6": "mcast6 eth0 ff12::7 694 1 0",
}


def use(pair: Pair, lines: str) -> None:
    without_media = re.sub(r"^ucast.*\n", "", HA_CF, flags=re.MULTILINE)
    for name in NAMES:
        pair.write(name, "ha.cf", f"{without_media}{lines}\n")


@pytest.mark.parametrize("lines", MEDIA.values(), ids=MEDIA)
def test_pair_over_this_medium_settles_and_takes_over(pair: Pair, lines: str) -> None:
    use(pair, lines)
    for number, name in enumerate(NAMES, 2):
        pair.nodes[name].boot()
        status, out = pair.run(name, "ip", "addr", "add", f"fd00::{number}/64", "dev", "eth0", "nodad")
        assert status == 0, out
        status, out = pair.heartbeat(name, "start")
        assert status == 0, out
        pair.until(lambda: pair.owners() == [ONE], 10)
    pair.until(pair.settled, 15)
    for name, other in ((ONE, TWO), (TWO, ONE)):
        assert pair.run(name, "cl_status", "hblinkstatus", other, "eth0") == (0, "up\n")
    pair.nodes[ONE].power_off()
    pair.until(lambda: pair.owners() == [TWO], 10)


def test_interface_that_is_removed_and_comes_back_carries_multicasts_again(pair: Pair) -> None:
    use(pair, "mcast eth0 225.0.0.1 694 1 0\nbcast eth1")
    for name in NAMES:
        pair.write(name, "hbeat.yaml", "link_hold_down: off\n")
    pair.start_both()
    for command in ("link set eth0 down", "link set eth0 up"):
        assert pair.run(ONE, "ip", *command.split())[0] == 0
        wanted = "dead\n" if "down" in command else "up\n"
        pair.until(lambda wanted=wanted: pair.run(TWO, "cl_status", "hblinkstatus", ONE, "eth0")[1] == wanted, 10)  # type: ignore[misc]
    assert pair.owners() == [ONE]


def test_group_that_cannot_be_joined_is_said_at_the_start(pair: Pair) -> None:
    use(pair, "mcast eth9 225.0.0.1 694 1 0")
    pair.nodes[ONE].boot()
    status, out = pair.heartbeat(ONE, "start")
    assert status != 0
    assert "interface eth9" in out
