"""How long nobody could be reached, from what the kernels told."""

from __future__ import annotations

import pytest

from migration.comparison.world import Change
from tests.bench.addresses import without
from tests.system.pair import GATEWAY, NAMES, VIP

ONE, TWO = NAMES
MOVED = (Change(1.0, ONE, VIP, True), Change(5.0, ONE, VIP, False), Change(5.25, TWO, VIP, True))


def test_the_time_between_two_owners_counts() -> None:
    assert without(MOVED, [], 4.0, 9.0) == pytest.approx(0.25)


def test_what_was_before_does_not_count() -> None:
    assert without(MOVED, [], 5.125, 9.0) == pytest.approx(0.125)


def test_an_owner_whose_cable_is_out_is_none() -> None:
    assert without(MOVED, [(4.5, ONE, "eth0")], 4.5, 9.0) == pytest.approx(0.75)


def test_the_other_address_does_not_matter() -> None:
    assert without([*MOVED, Change(5.125, TWO, GATEWAY, True)], [], 4.0, 9.0) == pytest.approx(0.25)


def test_the_cable_of_the_other_address_does_not_matter() -> None:
    assert without(MOVED, [(4.5, ONE, "eth1")], 4.5, 9.0) == pytest.approx(0.25)


def test_of_the_inside_address_it_is_the_inside_cable() -> None:
    inside = [Change(change.at, change.node, GATEWAY, change.present) for change in MOVED]
    assert without(inside, [(4.5, ONE, "eth1")], 4.5, 9.0, GATEWAY) == pytest.approx(0.75)
    assert without(inside, [(4.5, ONE, "eth0")], 4.5, 9.0, GATEWAY) == pytest.approx(0.25)


def test_two_owners_are_one_that_can_be_reached() -> None:
    both = [Change(1.0, ONE, VIP, True), Change(5.0, TWO, VIP, True), Change(6.0, ONE, VIP, False)]
    assert without(both, [], 4.0, 9.0) == 0
