"""The referee counts what was planted."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from hbeat.core.model import Timing
from migration.comparison.world import Change, bound, doubled, moved, read_together, watch
from migration.observer import AddressChange

VIP, OTHER = IPv4Address("10.1.1.10"), IPv4Address("192.168.2.240")


def came(at: float, node: str, address: IPv4Address = VIP) -> Change:
    return Change(at, node, address, True)


def went(at: float, node: str, address: IPv4Address = VIP) -> Change:
    return Change(at, node, address, False)


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ([came(1, "a")], 0),
        ([came(1, "a"), went(20, "a"), came(20.5, "b")], 0),
        ([came(1, "a"), came(12, "b"), went(15, "a")], 3),
        ([came(1, "a"), came(12, "b")], 18),
        ([came(1, "a"), came(2, "b"), went(11, "b")], 1),
        ([came(1, "a"), came(2, "b", OTHER)], 0),
        ([came(12, "b"), came(1, "a"), went(13, "b"), came(14, "b"), went(15, "b")], 2),
        ([came(1, "a"), came(2, "b"), went(5, "b")], 0),
    ],
)
def test_two_owners_are_counted_within_the_time_that_is_judged(changes: list[Change], seconds: float) -> None:
    assert doubled(changes, VIP, 10, 30) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ([came(10.5, "b"), came(12, "b", OTHER)], 2.0),
        ([came(10.5, "b")], None),
        ([came(9, "b"), came(12, "b", OTHER)], None),
        ([came(10.5, "a"), came(12, "b", OTHER)], None),
    ],
)
def test_addresses_have_moved_when_the_last_of_them_came_to_its_node(
    changes: list[Change], seconds: float | None
) -> None:
    assert moved(changes, 10, dict.fromkeys((VIP, OTHER), "a"), dict.fromkeys((VIP, OTHER), "b")) == seconds


def test_only_what_has_to_move_is_waited_for() -> None:
    assert moved([came(11, "b")], 10, {VIP: "a", OTHER: "b"}, {VIP: "b", OTHER: "b"}) == 1
    assert moved([], 10, {VIP: "b"}, {VIP: "b"}) == 0


def test_patience_grows_with_deadtime() -> None:
    assert watch(Timing(deadtime=3)) == 12
    assert watch(Timing(deadtime=30)) == 66
    assert bound(Timing(deadtime=30, initdead=120)) == 240


class Told:
    """An observer whose kernel tells these at each call."""

    def __init__(self, *calls: list[tuple[IPv4Address, bool]]) -> None:
        self._calls = list(calls)

    def read_changes(self) -> list[AddressChange]:
        return [AddressChange(0.0, *change) for change in (self._calls.pop(0) if self._calls else [])]


def read(**observers: Told) -> list[tuple[str, bool]]:
    return [(change.node, change.present) for change in read_together(observers)]


def test_who_lost_an_address_while_the_others_were_read_has_lost_it_before_it_came_there() -> None:
    assert read(a=Told([], [(VIP, False)]), b=Told([(VIP, True)])) == [("a", False), ("b", True)]


def test_they_are_read_until_none_has_news() -> None:
    told = read(a=Told([(OTHER, False)], [], [(VIP, False)]), b=Told([], [(VIP, True)]))
    assert told == [("a", False), ("a", False), ("b", True)]


def test_the_changes_of_one_address_on_one_node_keep_their_order() -> None:
    flap = [(VIP, True), (VIP, False)]
    assert read(a=Told([(VIP, True)]), b=Told(flap)) == [("b", True), ("b", False), ("a", True)]
