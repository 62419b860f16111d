"""Which kernel settings are told, and for what configuration."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from hbeat.core.kernel_settings import PER_INTERFACE, WITH_SYNC, Circumstances, Place, deviations

VIP = int(IPv4Address("10.1.1.10"))
MASK = 0xFFFFFF00


def at(interface: str, address: str) -> Place:
    return interface, int(IPv4Address(address)), MASK


ORDINARY = Circumstances((("eth0", VIP),), (at("eth0", "10.1.1.2"), at("eth1", "192.168.2.241")))
GOOD = {
    "net.ipv4.conf.all.promote_secondaries": (0,),
    "net.ipv4.conf.eth0.promote_secondaries": (0,),
    "net.ipv4.conf.all.rp_filter": (0,),
    "net.ipv4.conf.eth0.rp_filter": (2,),
    "net.ipv4.conf.all.arp_ignore": (0,),
    "net.ipv4.conf.eth0.arp_ignore": (0,),
    "net.ipv4.conf.eth0.arp_announce": (0,),
    "net.ipv4.vs.sync_threshold": (3, 50),
    "net.ipv4.vs.sync_refresh_period": (0,),
    "net.ipv4.vs.sync_version": (1,),
    "net.ipv4.vs.backup_only": (0,),
    "net.ipv4.vs.conntrack": (0,),
    "net.netfilter.nf_conntrack_tcp_loose": (0,),
}


def told(there: Circumstances, **changed: tuple[int, ...]) -> list[str]:
    values = GOOD | {name.replace("__", "."): value for name, value in changed.items()}
    return [deviation.name for deviation in deviations(there, values.get)]


def test_ordinary_machine_is_told_nothing() -> None:
    assert told(ORDINARY) == []


def test_machine_without_such_settings_is_told_nothing() -> None:
    assert deviations(Circumstances(ORDINARY.vips, (), True, True), lambda name: None) == []


@pytest.mark.parametrize(
    "places",
    [(), (at("eth0", "10.9.9.9"),), (at("eth0", "10.1.1.10"),), (at("eth1", "10.1.1.2"),)],
    ids=["none", "another network", "itself", "another interface"],
)
def test_virtual_address_that_leads_its_network_wants_secondaries_promoted(places: tuple[Place, ...]) -> None:
    name = "net.ipv4.conf.eth0.promote_secondaries"
    assert name in told(Circumstances(ORDINARY.vips, places))
    assert name not in told(Circumstances(ORDINARY.vips, places, leased=False))
    assert name not in told(Circumstances(ORDINARY.vips, places), net__ipv4__conf__all__promote_secondaries=(1,))


def test_strict_filter_is_told_whichever_of_both_values_makes_it_so() -> None:
    assert told(ORDINARY, net__ipv4__conf__eth0__rp_filter=(1,)) == ["net.ipv4.conf.eth0.rp_filter"]
    assert told(ORDINARY, net__ipv4__conf__all__rp_filter=(1,)) == []  # 2 is more, and holds
    both = {"net__ipv4__conf__all__rp_filter": (1,), "net__ipv4__conf__eth0__rp_filter": (0,)}
    assert told(ORDINARY, **both) == ["net.ipv4.conf.eth0.rp_filter"]


def test_two_interfaces_in_one_network_are_told_of_arp() -> None:
    crowded = Circumstances(ORDINARY.vips, (at("eth0", "10.1.1.2"), at("eth2", "10.1.1.4")))
    assert told(crowded) == ["net.ipv4.conf.eth0.arp_ignore", "net.ipv4.conf.eth0.arp_announce"]
    cured = {"net__ipv4__conf__eth0__arp_ignore": (1,), "net__ipv4__conf__eth0__arp_announce": (2,)}
    assert told(crowded, **cured) == []


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"net.ipv4.vs.sync_threshold": (3, 0)}, "net.ipv4.vs.sync_threshold"),
        ({"net.ipv4.vs.sync_version": (0,)}, "net.ipv4.vs.sync_version"),
        ({"net.ipv4.vs.backup_only": (1,)}, "net.ipv4.vs.backup_only"),
        ({"net.ipv4.vs.conntrack": (1,)}, "net.netfilter.nf_conntrack_tcp_loose"),
    ],
)
def test_synchronisation_wants_its_settings(changed: dict[str, tuple[int, ...]], name: str) -> None:
    values = {key.replace(".", "__"): value for key, value in changed.items()}
    synchronised = Circumstances(ORDINARY.vips, ORDINARY.places, synchronised=True)
    assert told(synchronised, **values) == [name]
    assert told(synchronised) == []
    assert told(ORDINARY, **values) == []


def test_refresh_period_is_as_good_as_a_threshold() -> None:
    synchronised = Circumstances(ORDINARY.vips, ORDINARY.places, synchronised=True)
    often = {"net__ipv4__vs__sync_threshold": (3, 0), "net__ipv4__vs__sync_refresh_period": (10,)}
    assert told(synchronised, **often) == []


def test_dot_in_the_name_of_an_interface_is_a_slash() -> None:
    there = Circumstances((("eth0.7", VIP),))
    (found,) = deviations(there, {"net.ipv4.conf.eth0/7.rp_filter": (1,)}.get)
    assert found.name == "net.ipv4.conf.eth0/7.rp_filter"


def test_every_setting_says_what_comes_of_it() -> None:
    assert all(row.otherwise and not row.otherwise.endswith(".") for row in (*PER_INTERFACE, *WITH_SYNC))
