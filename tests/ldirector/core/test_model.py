from __future__ import annotations

import pytest

from ldirector.core.model import RealKey, VirtualKey, bracketed, real_name, virtual_name


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (VirtualKey("tcp", 4, "10.1.1.10", 80), "10.1.1.10:80"),
        (VirtualKey("udp", 6, "fd00:1::10", 53), "[fd00:1::10]:53"),
        (VirtualKey("fwm", 4, "", 0, 7), "7"),
    ],
)
def test_virtual_is_named_as_in_log_lines(key: VirtualKey, name: str) -> None:
    assert virtual_name(key) == name


def test_real_is_named_with_its_port() -> None:
    assert real_name(RealKey("192.168.2.1", 0)) == "192.168.2.1:0"
    assert real_name(RealKey("fd00::1", 80)) == "[fd00::1]:80"


def test_only_ipv6_addresses_get_brackets() -> None:
    assert (bracketed("10.0.0.1"), bracketed("::1")) == ("10.0.0.1", "[::1]")
