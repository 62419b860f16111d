"""A pair on machines that are busy: nobody is taken for dead who only has little of a processor."""

from __future__ import annotations

import pytest

from tests.system.load import loaded
from tests.system.pair import Pair

REAL_LOAD = 0.8
"""So much of all processors' time must have been used while it lasted."""
pytestmark = [pytest.mark.root, pytest.mark.system, pytest.mark.alone]


@pytest.mark.parametrize(
    "seconds",
    [20.0, pytest.param(600.0, marks=pytest.mark.nightly)],
    ids=["twenty seconds", "ten minutes"],
)
def test_load_on_every_processor_moves_nothing_at_timers_of_100_and_300_ms(pair: Pair, seconds: float) -> None:
    seen = loaded(pair, seconds)
    assert seen.used >= REAL_LOAD, "the machine was not busy"
    assert (seen.deaths, seen.strays, seen.doubles) == (0, 0, 0)
