from __future__ import annotations

import pytest

from ldirector.core.maintenance import file_names, has_names, in_maintenance
from ldirector.core.model import Forwarding, Member, RealKey, VirtualKey
from tests.ldirector.core.build import VIP, real, virtual

OTHER = VirtualKey("tcp", 4, "10.1.1.10", 81)
WEB1, WEB2 = real(1), real(2)
BOTH = [virtual(WEB1, WEB2), virtual(WEB1, key=OTHER)]


def out(*files: str, **names: str) -> set[Member]:
    known = {address.replace("_", ".").removeprefix("ip"): name for address, name in names.items()}
    return set(in_maintenance(BOTH, files, known).members)


def test_names_are_looked_for_in_the_order_of_the_reference() -> None:
    assert file_names(WEB1, "web1.example.com") == [
        *("192.168.2.1:80", "192.168.2.1", "web1.example.com:80", "web1.example.com", "web1:80", "web1"),
    ]
    assert file_names(WEB1, None) == ["192.168.2.1:80", "192.168.2.1"]


def test_file_takes_the_server_out_of_every_virtual_that_has_it() -> None:
    assert out("192.168.2.1:80") == {(VIP, WEB1.key), (OTHER, WEB1.key)}
    assert out("192.168.2.2") == {(VIP, WEB2.key)}
    assert out() == set()


@pytest.mark.parametrize("file", ["web1.example.com:80", "web1.example.com", "web1:80", "web1"])
def test_file_may_have_the_servers_name(file: str) -> None:
    assert out(file, ip192_168_2_1="web1.example.com") == {(VIP, WEB1.key), (OTHER, WEB1.key)}


@pytest.mark.parametrize("file", ["192.168.2.1:81", "192.168.2", "web1:81", "WEB1", "web", "web1.example"])
def test_file_with_another_port_or_name_takes_nobody_out(file: str) -> None:
    assert out(file, ip192_168_2_1="web1.example.com") == set()


def test_short_name_begins_with_a_lower_case_letter() -> None:
    assert out("1web", ip192_168_2_1="1web.example.com") == set()
    assert out("1web.example.com", ip192_168_2_1="1web.example.com") == {(VIP, WEB1.key), (OTHER, WEB1.key)}


def test_ipv6_address_stands_in_brackets() -> None:
    six = real(1, key=RealKey("fd00::1", 80))
    for file in ("[fd00::1]:80", "[fd00::1]"):
        assert set(in_maintenance([virtual(six)], {file}, {}).members) == {(VIP, six.key)}
    assert not in_maintenance([virtual(six)], {"fd00::1"}, {}).members


def test_forced_port_and_written_port_both_name_the_real() -> None:
    gate = real(1, key=RealKey("192.168.2.1", 80), port=8080, forwarding=Forwarding.GATE)
    for file in ("192.168.2.1:80", "192.168.2.1:8080"):
        assert set(in_maintenance([virtual(gate)], {file}, {}).members) == {(VIP, gate.key)}


def test_member_carries_the_file_that_says_so() -> None:
    assert in_maintenance(BOTH, {"192.168.2.2"}, {}).members == {(VIP, WEB2.key): "192.168.2.2"}


def test_file_that_names_no_server_is_a_stranger_once_all_names_are_known() -> None:
    files = {"192.168.2.1", "web1", "wbe2"}
    assert in_maintenance(BOTH, files, {"192.168.2.1": "web1.example.com"}).strangers == ()
    known = {"192.168.2.1": "web1.example.com", "192.168.2.2": None}
    assert in_maintenance(BOTH, files, known).strangers == ("wbe2",)
    assert in_maintenance(BOTH, {"192.168.2.9"}, {}).strangers == ("192.168.2.9",)


def test_names_only_matter_when_a_file_is_not_an_address() -> None:
    assert not has_names([])
    assert not has_names(["192.168.2.1", "192.168.2.1:80", "[fd00::1]", "[fd00::1]:80"])
    assert has_names(["192.168.2.1", "web1"])
    assert has_names(["web1:80"])
