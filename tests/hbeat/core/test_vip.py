from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbeat.core.vip import VipSpec, parse_vip


@pytest.mark.parametrize(
    ("argument", "spec"),
    [
        ("10.1.1.20", VipSpec("10.1.1.20")),
        ("192.168.2.230/24", VipSpec("192.168.2.230", 24)),
        ("192.168.2.230/24/eth1", VipSpec("192.168.2.230", 24, "eth1")),
        ("192.168.2.230/255.255.255.0/eth1", VipSpec("192.168.2.230", 24, "eth1")),
        ("192.168.2.230/24/192.168.2.99", VipSpec("192.168.2.230", 24, broadcast="192.168.2.99")),
        ("192.168.2.230/24/eth1/192.168.2.99", VipSpec("192.168.2.230", 24, "eth1", broadcast="192.168.2.99")),
        ("192.168.2.230/24/eth1:5", VipSpec("192.168.2.230", 24, "eth1", "5")),
        ("192.168.2.230/32/eth1", VipSpec("192.168.2.230", 32, "eth1")),
        ("10.0.0.3/24/eth0:1/10.0.0.255", VipSpec("10.0.0.3", 24, "eth0", "1", "10.0.0.255")),
        ("10.0.0.3/0.0.0.0", VipSpec("10.0.0.3", 0)),
    ],
)
def test_every_form_of_the_reference_is_read(argument, spec):
    assert parse_vip(argument) == spec


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("", "address (empty) is not an IPv4 address"),
        ("host", "address host is not an IPv4 address"),
        ("10.0.0.1/33", "mask 33 is neither"),
        ("10.0.0.1/255.0.255.0", "mask 255.0.255.0 is neither"),
        ("10.0.0.1/24/", "empty parts"),
        ("10.0.0.1/24/eth0/10.0.0.255/x", "too many parts"),
        ("10.0.0.1/24/10.0.0.255/eth0", "an interface after the broadcast address"),
        ("10.0.0.1/24/eth0:", "empty or odd label"),
        ("10.0.0.1/24/averyveryverylongname", "not the name of an interface"),
        ("10.0.0.1/24/eth0/10.0.0", "broadcast address 10.0.0 is not an IPv4 address"),
    ],
)
def test_a_mistake_is_told_with_its_cure(argument, told):
    with pytest.raises(ValueError) as caught:
        parse_vip(argument)
    assert told in str(caught.value)
    assert "; write ADDRESS" in str(caught.value)


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("0123456789./:eth"))))
def test_any_text_gives_a_spec_or_a_value_error(text):
    try:
        parse_vip(text)
    except ValueError:
        pass
