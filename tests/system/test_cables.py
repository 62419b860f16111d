"""Cables pulled out of running nodes and put in again; who has the addresses is asked of the kernels."""

from __future__ import annotations

import pytest

from tests.system.pair import HA_CF, NAMES, Pair

ONE, TWO = NAMES
pytestmark = [pytest.mark.root, pytest.mark.system]


def patient(pair: Pair, hold_down: str = "link_hold_down: 1s\n") -> Pair:
    """Nobody is declared dead here while a test lasts."""
    for name in NAMES:
        path = pair.nodes[name].folder / "ha.d" / "ha.cf"
        text = path.read_text().replace("deadtime 500ms", "deadtime 60").replace("initdead 1500ms", "initdead 60")
        pair.write(name, "ha.cf", text)
        pair.write(name, "hbeat.yaml", hold_down)
        pair.nodes[name].boot()
    for name in NAMES:
        assert pair.heartbeat(name, "start")[0] == 0
    pair.until(lambda: pair.owners() == [ONE], 10)
    pair.until(pair.settled, 10)
    return pair


def cut(pair: Pair, name: str, *interfaces: str, mend: bool = False) -> None:
    pair.switch.cut([pair.nodes[name].ports[interface] for interface in interfaces], mend=mend)


@pytest.mark.parametrize("interface", ["eth0", "eth1"])
def test_pulled_cable_moves_everything_at_once_and_back_after_the_hold_down(pair: Pair, interface: str) -> None:
    patient(pair)
    with pair.audit() as auditor:
        cut(pair, ONE, interface)
        pair.until(lambda: pair.owners() == [TWO], 5)
        cut(pair, ONE, interface, mend=True)
        pair.until(lambda: pair.owners() == [ONE], 10)
        pair.until(pair.settled, 10)
    assert auditor.doubles == []
    pair.says(ONE, f"{interface}: no carrier")
    assert "is dead" not in "".join(line for line in pair.log(TWO).splitlines() if "node" in line)


def test_cable_moves_nothing_where_it_is_told_not_to(pair: Pair) -> None:
    """The negative control: by what else would the addresses move."""
    patient(pair, "link_hold_down: off\n")
    cut(pair, ONE, "eth0")
    pair.until(lambda: "eth0: no carrier" in pair.log(ONE), 5)
    with pair.audit() as auditor:
        pair.until(lambda: len(auditor.samples) > 80, 30)
    assert auditor.holders == {(ONE,)}


def test_node_that_lost_all_its_cables_has_no_address_when_they_are_in_again(pair: Pair) -> None:
    pair.start_both()
    with pair.audit() as auditor:
        cut(pair, ONE, "eth0", "eth1")
        pair.until(lambda: pair.owners() == [TWO], 10)
        cut(pair, ONE, "eth0", "eth1", mend=True)
        pair.until(lambda: f"Link {TWO}:eth0 up." in pair.log(ONE), 10)
        pair.until(lambda: pair.owners() == [ONE], 30)
        pair.until(pair.settled, 10)
    assert auditor.doubles == []


def test_heartbeats_with_a_cable_of_their_own_keep_no_address_on_a_node_that_lost_all(pair: Pair) -> None:
    text = HA_CF.replace("deadtime 500ms", "deadtime 6").replace("initdead 1500ms", "initdead 6")
    for name in NAMES:
        pair.write(name, "ha.cf", text.replace("ucast eth0 10.1.1.2\nucast eth0 10.1.1.3\n", ""))
        pair.write(name, "haresources", f"{ONE} IPaddr::10.1.1.10/24/eth0\n")
    pair.start_both()
    cut(pair, ONE, "eth0", "eth1")
    pair.until(lambda: pair.owners() == [], 6)
