"""The files, and the interfaces of this machine, as the promise of a fail-over time sees them."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from hbeat import promise
from hbeat.config.authkeys import parse_authkeys
from hbeat.config.ha_cf import parse_ha_cf
from hbeat.config.haresources import parse_haresources
from hbeat.core.failover_time import ASLEEP
from hbeat.core.model import Sessions
from hbeat.load import Configuration
from hbeat.promise import promised

HA_CF = "keepalive 1\ndeadtime 3\nnode a\nnode b\n"
KEYS = parse_authkeys("auth 1\n1 crc\n", "authkeys", 0o600)
ETH0 = (0x0A010102, 0xFFFFFF00)


def promised_for(media: str, haresources: str, more: str = "auto_failback on\n") -> dict[str, float | None]:
    ha = parse_ha_cf(HA_CF + media + more, "ha.cf", own_name="a")
    config = Configuration("a", ha, KEYS, parse_haresources(haresources, "haresources", ha.nodes))
    return {case.event.split()[-1]: case.seconds for case in promised(config)}


@pytest.fixture(autouse=True)
def one_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """10.1.1.2/24 on eth0."""
    monkeypatch.setattr(promise, "networks", lambda: [("eth0", *ETH0), ("tun0", 0x0A000001, 0xFF000000)])


@pytest.mark.parametrize("address", ["10.1.1.10", "10.1.1.10/24/eth0"])
def test_the_cable_of_the_addresses_is_found_by_their_network(address: str) -> None:
    group = f"a IPaddr::{address}\n"
    assert promised_for("bcast eth0\n", group) == {"cut": 3.1, "hangs": pytest.approx(1.43), "pulled": 3.1}
    assert promised_for("bcast eth0 eth1\n", group)["pulled"] == 0.1
    assert promised_for("bcast eth0 eth1\n", group, "auto_failback legacy\n")["pulled"] is None


@pytest.mark.parametrize(
    ("media", "address"),
    [("bcast eth1\n", "IPaddr::10.1.1.10"), ("bcast eth0\n", "IPv6addr::2001:db8:0:0:0:0:0:10/64/eth0")],
    ids=["heartbeats elsewhere", "heartbeats of the other family"],
)
def test_a_machine_that_cannot_be_asked_where_its_address_belongs_is_waited_for(media: str, address: str) -> None:
    assert promised_for(media, f"a {address}\n")["hangs"] == 3.1


def test_without_warm_standby_the_start_of_ldirectord_comes_on_top() -> None:
    ha = parse_ha_cf(HA_CF + "bcast eth0\nauto_failback on\n", "ha.cf", own_name="a")
    for groups, more in (
        ("a IPaddr::10.1.1.10 ldirectord::l.cf\n", " and the start of ldirectord"),
        ("a 10.1.1.10\n", ""),
    ):
        config = Configuration("a", ha, KEYS, parse_haresources(groups, "haresources", ha.nodes))
        assert str(promised(config)[0]) == "3.1 s after a power cut"
        cold = replace(config, sessions=Sessions(warm_standby=False))
        assert str(promised(cold)[0]) == f"3.1 s{more} after a power cut"


def test_an_address_in_no_network_of_this_machine_may_be_on_any_cable() -> None:
    cases = promised_for("bcast eth0\n", "a IPaddr::192.0.2.10\n")
    assert (cases["hangs"], cases["pulled"]) == (3.1, 3.1)


@pytest.mark.parametrize(
    ("release", "more"),
    [("6.1.0-41-amd64", ""), ("6.12.5", ""), ("6.13.0-rc1", ASLEEP), ("7.0", ASLEEP), ("unknown", "")],
)
def test_a_kernel_that_wakes_no_processor_for_the_end_of_a_lease(
    monkeypatch: pytest.MonkeyPatch, release: str, more: str
) -> None:
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "a", release, "", "")))
    ha = parse_ha_cf(HA_CF + "bcast eth0\nauto_failback on\n", "ha.cf", own_name="a")
    config = Configuration("a", ha, KEYS, parse_haresources("a 10.1.1.10\n", "haresources", ha.nodes))
    cut, hangs, pulled = map(str, promised(config))
    assert hangs == f"1.43 s{more} when the daemon is killed or hangs"
    assert ASLEEP not in cut + pulled
