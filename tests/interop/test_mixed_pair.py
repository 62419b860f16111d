"""One node with Debian's heartbeat 3.0.6, one with hbeat, in both roles; an auditor watches for two owners."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.interop.mixed import MixedPair
from tests.system.pair import NAMES

ONE, TWO = NAMES


@pytest.mark.parametrize("order", [(ONE, TWO), (TWO, ONE)], ids=["preferred first", "other first"])
def test_the_preferred_node_serves_whoever_starts_first(pair: MixedPair, order: tuple[str, str]) -> None:
    with pair.audit() as auditor:
        pair.start_all(*order)
    assert auditor.doubles == []
    assert pair.command(ONE, "cl_status", "rscstatus")[1].strip() in ("local", "all")


def test_the_preferred_node_serves_after_a_common_start(pair: MixedPair) -> None:
    for node in pair.nodes.values():
        node.boot()
    with pair.audit() as auditor, ThreadPoolExecutor() as both:
        list(both.map(pair.start, NAMES))
        pair.serves(ONE, 40)
        pair.settle()
    assert auditor.doubles == []


def test_dead_node_is_taken_over_and_gets_its_group_back(pair: MixedPair) -> None:
    pair.start_all()
    pair.nodes[ONE].power_off()
    pair.serves(TWO)
    with pair.audit() as auditor:
        pair.start(ONE)
        pair.serves(ONE, 40)
        pair.settle()
    assert auditor.doubles == []


def test_standby_from_either_side_and_back(pair: MixedPair) -> None:
    pair.start_all()
    with pair.audit() as auditor:
        assert pair.command(ONE, "hb_standby")[0] == 0
        pair.serves(TWO)
        pair.settle()
        assert pair.command(TWO, "hb_standby", "foreign")[0] == 0
        pair.serves(ONE)
        pair.settle()
    assert auditor.doubles == []


def test_takeover_from_either_side(pair: MixedPair) -> None:
    pair.start_all()
    with pair.audit() as auditor:
        assert pair.command(TWO, "hb_takeover", "foreign")[0] == 0
        pair.serves(TWO)
        pair.settle()
        assert pair.command(ONE, "hb_takeover", "local")[0] == 0
        pair.serves(ONE)
        pair.settle()
    assert auditor.doubles == []


def test_graceful_stop_hands_over_and_the_return_takes_back(pair: MixedPair) -> None:
    pair.start_all()
    with pair.audit() as auditor:
        pair.stop(ONE)
        pair.serves(TWO)
        pair.start(ONE)
        pair.serves(ONE, 40)
        pair.settle()
        pair.stop(TWO)
        assert pair.owners() == [ONE]
    assert auditor.doubles == []


def test_the_node_that_stands_by_dies_and_returns_and_nothing_moves(pair: MixedPair) -> None:
    pair.start_all()
    with pair.audit() as auditor:
        pair.nodes[TWO].power_off()
        pair.until(lambda: pair.command(ONE, "cl_status", "nodestatus", TWO)[1].strip() == "dead", 20)
        pair.start(TWO)
        pair.until(lambda: pair.command(ONE, "cl_status", "nodestatus", TWO)[1].strip() == "active", 20)
        pair.settle()
    assert auditor.holders == {(ONE,)}


def test_one_cut_link_moves_nothing(pair: MixedPair) -> None:
    pair.start_all()
    for name, other in ((ONE, TWO), (TWO, ONE)):
        assert pair.command(name, "cl_status", "hblinkstatus", other, "eth1")[1].strip() == "up"
    with pair.audit() as auditor:
        assert pair.run(ONE, "ip", "link", "set", "eth1", "down")[0] == 0
        for name, other in ((ONE, TWO), (TWO, ONE)):
            link = ("cl_status", "hblinkstatus", other, "eth1")
            pair.until(lambda name=name, link=link: pair.command(name, *link)[1].strip() == "dead", 15)  # type: ignore[misc]
    assert auditor.holders == {(ONE,)}


def test_auditor_sees_two_owners_when_there_are_two(pair: MixedPair) -> None:
    """Negative control: the address is put on the second node by hand."""
    pair.start_all()
    with pair.audit() as auditor:
        assert pair.run(TWO, "ip", "addr", "add", "10.1.1.10/24", "dev", "eth0")[0] == 0
        pair.until(lambda: len(pair.owners()) == 2, 5)
        pair.until(lambda: bool(auditor.doubles), 5)
    assert auditor.doubles[0].owners == (ONE, TWO)
