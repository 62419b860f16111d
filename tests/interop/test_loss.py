"""A tenth and a third of all heartbeats lost, on both cables, both ways: handshakes end, nobody is taken for dead.

What is lost is chosen by the kernel for each datagram by itself, where it arrives (nft).
"""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from tests.interop.mixed import MixedPair
from tests.system.pair import NAMES

ONE, TWO = NAMES
CALM = [5, pytest.param(120, marks=pytest.mark.nightly)]
"""Seconds of watching, beside the handshakes."""


def lose(pair: MixedPair, percent: int) -> None:
    """From now on; what arrives and what is dropped is counted."""
    for name in NAMES:
        rules = (
            "add table inet loss",
            "add chain inet loss input { type filter hook input priority 0; }",
            f"add rule inet loss input udp dport 694 numgen random mod 100 < {percent} counter drop",
            "add rule inet loss input udp dport 694 counter",
        )
        status, out = pair.run(name, "nft", "; ".join(rules))
        assert status == 0, out


def lost(pair: MixedPair, name: str) -> float:
    """Which share of the datagrams was dropped on the way to this node."""
    words = pair.run(name, "nft", "list", "table", "inet", "loss")[1].split()
    dropped, passed = (int(after) for word, after in pairwise(words) if word == "packets")
    return dropped / (dropped + passed)


@pytest.mark.parametrize("seconds", CALM)
@pytest.mark.parametrize("percent", [10, 30])
def test_resources_move_when_told_and_at_no_other_time(pair: MixedPair, percent: int, seconds: int) -> None:
    pair.start_all()
    lose(pair, percent)
    with pair.audit() as auditor:
        assert pair.command(ONE, "hb_standby", "all")[0] == 0
        pair.serves(TWO, 40)
        pair.settle()
        assert pair.command(ONE, "hb_takeover", "local")[0] == 0
        pair.serves(ONE, 40)
        pair.settle()
    assert auditor.doubles == []
    with pair.audit() as auditor:
        end = time.monotonic() + seconds
        pair.until(lambda: time.monotonic() > end, seconds + 5)
    assert auditor.holders == {(ONE,)}
    for name in NAMES:
        assert percent / 200 < lost(pair, name) < percent / 50, "the loss was there"
        assert "is dead" not in pair.log(name)
