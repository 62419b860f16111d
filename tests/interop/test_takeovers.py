"""The group goes to the other node and back, again and again, in every way there is; at no instant do two have it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.interop.mixed import MixedPair
from tests.system.pair import NAMES

ONE, TWO = NAMES
TIMES = [4, pytest.param(50, marks=pytest.mark.nightly)]


def by_takeover(pair: MixedPair) -> None:
    assert pair.command(TWO, "hb_takeover", "foreign")[0] == 0
    pair.serves(TWO)
    pair.settle()
    assert pair.command(ONE, "hb_takeover", "local")[0] == 0


def by_stop(pair: MixedPair) -> None:
    pair.stop(ONE)
    pair.serves(TWO)
    pair.start(ONE)


def by_death(pair: MixedPair) -> None:
    pair.nodes[ONE].power_off()
    pair.serves(TWO)
    pair.start(ONE)


WAYS: tuple[Callable[[MixedPair], None], ...] = (MixedPair.there_and_back, by_death, by_takeover, by_stop)


@pytest.mark.parametrize("times", TIMES)
def test_takeovers_each_way_without_two_owners(pair: MixedPair, times: int) -> None:
    pair.start_all()
    with pair.audit() as auditor:
        for number in range(times):
            WAYS[number % len(WAYS)](pair)
            pair.serves(ONE, 40)
            pair.settle()
    assert auditor.doubles == []
