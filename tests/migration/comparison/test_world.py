"""The referee counts what was planted."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from hbeat.core.model import Timing
from migration.comparison.world import Change, bound, doubled, moved, watch

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
