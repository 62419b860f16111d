from __future__ import annotations

import struct
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbeat.core.lent_route import LentRoute, lend, read_lent, write_lent
from hbeat.core.netlink import attribute
from hbeat.core.record import RecordError
from hbeat.core.routes import RTA_PREFSRC, DefaultRoute

OWN, VIP, OTHER = (IPv4Address(text) for text in ("10.1.1.2", "10.1.1.10", "10.1.1.11"))
HEAD = struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, 3, 0, 1, 0)
PLAIN, FROM_OWN, FROM_VIP = (
    DefaultRoute(HEAD),
    *(DefaultRoute(HEAD + attribute(RTA_PREFSRC, a.packed)) for a in (OWN, VIP)),
)
LENT = LentRoute(VIP, FROM_OWN)
BOOT = "7d5a2f5e"


def test_route_is_read_as_it_was_written() -> None:
    assert read_lent(write_lent(LENT, BOOT), BOOT) == LENT


def test_of_an_earlier_boot_nothing_is_left() -> None:
    assert read_lent(write_lent(LENT, BOOT), "another") is None


@given(st.text(max_size=100))
def test_any_text_is_a_record_or_damage(text: str) -> None:
    with pytest.raises(RecordError):
        read_lent(text, BOOT)


def test_source_of_before_is_its_own_and_never_the_one_that_is_lent() -> None:
    assert LENT.source == OWN.packed
    assert LentRoute(VIP, PLAIN).source == LentRoute(VIP, FROM_VIP).source == b""


def test_second_address_is_lent_the_route_as_it_was_before_the_first() -> None:
    assert lend(LENT, FROM_VIP, OTHER) == LentRoute(OTHER, FROM_OWN)


def test_route_that_was_changed_meanwhile_is_what_is_lent() -> None:
    assert lend(LENT, PLAIN, VIP) == LentRoute(VIP, PLAIN)
