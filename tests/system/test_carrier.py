"""The carrier of interfaces as the kernel tells it: cables of a namespace pulled and put in again."""

from __future__ import annotations

import select
from collections.abc import Iterator

import pytest

from hbeat.adapters.carrier import Carrier
from migration.namespaces import NetworkNamespace
from migration.network import ip_batch

pytestmark = [pytest.mark.root, pytest.mark.system]
NAMES = ("eth0", "eth1", "absent")


@pytest.fixture
def carrier(host: NetworkNamespace) -> Iterator[Carrier]:
    with host.entered():
        made = Carrier()
    yield made
    made.close()


def after_news(carrier: Carrier, expected: set[str]) -> bool:
    """The kernel may tell one change in several messages, or late."""
    while carrier.lost(NAMES) != expected:
        assert select.select([carrier], [], [], 5)[0], carrier.lost(NAMES)
        carrier.drain()
    return True


def test_pulled_cable_is_told_and_its_return(host: NetworkNamespace, carrier: Carrier) -> None:
    assert carrier.lost(NAMES) == {"absent"}
    ip_batch(host, ["link set far1 down"])
    assert select.select([carrier], [], [], 5)[0]
    assert after_news(carrier, {"absent", "eth1"})
    ip_batch(host, ["link set far1 up"])
    assert after_news(carrier, {"absent"})


def test_interface_that_is_down_renamed_or_gone_has_no_carrier(host: NetworkNamespace, carrier: Carrier) -> None:
    ip_batch(host, ["link set eth0 down"])
    assert after_news(carrier, {"absent", "eth0"})
    ip_batch(host, ["link set eth0 name absent", "link set absent up"])
    assert after_news(carrier, {"eth0"})
    ip_batch(host, ["link delete absent"])
    assert after_news(carrier, {"absent", "eth0"})


def test_news_that_did_not_fit_into_the_socket_are_no_lost_truth(host: NetworkNamespace, carrier: Carrier) -> None:
    ip_batch(host, [f"link set eth1 mtu {1300 + i % 200}" for i in range(5000)] + ["link set far0 down"])
    carrier.drain()
    assert after_news(carrier, {"absent", "eth0"})
