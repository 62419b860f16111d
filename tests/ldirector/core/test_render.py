"""The recorded tables test most of it (test_vectors.py); here are the forms that no case combines."""

from __future__ import annotations

from ldirector.core.model import Forwarding, RealKey, RealState, Service, VirtualKey, VirtualState
from ldirector.core.render import saved
from tests.ldirector.core.listed_form import listed, thresholds

FULL = VirtualState("sh", 300, "255.255.255.0", True, ("sh-fallback", "sh-port"))
TABLE = {
    VirtualKey("udp", 4, "10.1.1.10", 53): Service(
        FULL, {RealKey("192.168.2.1", 53): RealState(Forwarding.IPIP, 2, 20, 10)}
    ),
    VirtualKey("fwm", 6, "", 0, 5): Service(VirtualState(), {RealKey("fd00:2::a", 80): RealState(Forwarding.GATE, 1)}),
}


def test_saved_form() -> None:
    assert saved(TABLE) == [
        "-A -f 5 -6 -s wrr",
        "-a -f 5 -6 -r [fd00:2::a]:80 -g -w 1",
        "-A -u 10.1.1.10:53 -s sh -p 300 -M 255.255.255.0 -b sh-fallback,sh-port -o",
        "-a -u 10.1.1.10:53 -r 192.168.2.1:53 -i -w 2 --tun-type ipip",
    ]


def test_listed_form() -> None:
    assert listed(TABLE) == [
        "FWM 5 IPv6 wrr",
        "  -> [fd00:2::a]:80 Route 1 0 0",
        "UDP 10.1.1.10:53 sh (sh-fallback,sh-port) persistent 300 mask 255.255.255.0 ops",
        "  -> 192.168.2.1:53 Tunnel 2 0 0",
    ]


def test_thresholds_form() -> None:
    assert thresholds(TABLE)[-1] == "  -> 192.168.2.1:53 20 10 0 0"


def test_empty_table_has_no_lines() -> None:
    assert saved({}) == listed({}) == []
