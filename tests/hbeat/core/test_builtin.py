"""Arguments of the built-in resources: every form that is read, and what is said about the others."""

from __future__ import annotations

import pytest

from hbeat.core.builtin import (
    PARSERS,
    MailSpec,
    SendArpSpec,
    SyncSpec,
    Vip6Spec,
    parse_ipsrcaddr,
    parse_ipv6addr,
    parse_ldirectord,
    parse_lvs_sync_daemon_swap,
    parse_mailto,
    parse_sendarp,
)


def test_ipv6_address_with_prefix_and_interface() -> None:
    assert parse_ipv6addr(("2001:db8:0:0:0:0:0:10",)) == Vip6Spec("2001:db8:0:0:0:0:0:10")
    assert parse_ipv6addr(("2001:db8:0:0:0:0:0:10/64",)) == Vip6Spec("2001:db8:0:0:0:0:0:10", 64)
    assert parse_ipv6addr(("2001:db8:0:0:0:0:0:10/64/eth0",)) == Vip6Spec("2001:db8:0:0:0:0:0:10", 64, "eth0")


def test_short_ipv6_address_is_refused_with_the_long_one_that_both_programs_read() -> None:
    with pytest.raises(ValueError, match=r"write 2001:db8:0:0:0:0:0:10/64/eth0$"):
        parse_ipv6addr(("2001:db8", "10/64/eth0"))


def test_other_resources_as_their_scripts_take_them() -> None:
    assert parse_ipsrcaddr(("10.1.1.10",)) == "10.1.1.10"
    assert parse_sendarp(("10.1.1.10/eth0",)) == SendArpSpec("10.1.1.10", "eth0")
    assert parse_mailto(("ops@example.com",)) == MailSpec(("ops@example.com",), "Resource Group")
    assert parse_mailto(("a@x.org,root", "Web")) == MailSpec(("a@x.org", "root"), "Web")
    assert parse_lvs_sync_daemon_swap(("master",)) == SyncSpec("master", "eth0", 0)
    assert parse_lvs_sync_daemon_swap(("backup", "eth1", "255")) == SyncSpec("backup", "eth1", 255)
    assert parse_ldirectord(()) == ""


@pytest.mark.parametrize(
    ("word", "what"),
    [
        ("IPaddr", "it has 0 arguments"),
        ("IPaddr::10.1.1.10::24", "it has 2 arguments"),
        ("IPv6addr", "it has 0 arguments"),
        ("IPv6addr::10.1.1.10", "10.1.1.10 is not an IPv6 address"),
        ("IPv6addr::2001:db8::zz", "2001:db8::zz is not an IPv6 address"),
        ("IPv6addr::2001:db8:0:0:0:0:0:10/129", "prefix 129 is not 0 to 128"),
        ("IPv6addr::2001:db8:0:0:0:0:0:10/64/9", "9 is not the name of an interface"),
        ("IPv6addr::2001:db8:0:0:0:0:0:10/64/eth0/x", "too many parts"),
        ("IPsrcaddr::web", "web is not an IPv4 address"),
        ("SendArp::10.1.1.10", "10.1.1.10 names no interface"),
        ("SendArp::10.1.1.10/", "(empty) is not the name of an interface"),
        ("MailTo", "it has 0 arguments"),
        ("MailTo::-oQ/tmp", "-oQ/tmp is not a mail address"),
        ("MailTo::$(id)", "$(id) is not a mail address"),
        ("MailTo::,", "(empty) is not a mail address"),
        ("ldirectord::a::b", "it has 2 arguments"),
        ("LVSSyncDaemonSwap", "no argument is not what it takes"),
        ("LVSSyncDaemonSwap::slave", "slave is not what it takes"),
        ("LVSSyncDaemonSwap::master::eth0::256", "syncid 256 is not 0 to 255"),
    ],
)
def test_bad_arguments_are_named_with_their_cure(word: str, what: str) -> None:
    script, *arguments = word.split("::")
    with pytest.raises(ValueError) as caught:
        PARSERS[script](tuple(arguments))
    said, _, cure = str(caught.value).rpartition("; ")
    assert what in said
    assert cure.startswith("write ")
