from __future__ import annotations

import pytest

from migration.client import Outcome, Request
from migration.lab import longest_gap


def good(*ends: float) -> list[Request]:
    return [Request(end - 0.001, end, Outcome.GOOD) for end in ends]


@pytest.mark.parametrize(
    ("requests", "gap"),
    [
        (good(9.99, 10.01, 10.02, 13.0, 13.01), 2.98),
        (good(9.0, 9.99, 11.0, 12.0, 13.0), 1.01),  # it began before the event
        (good(1.0, 5.0, 10.0, 10.5, 11.0, 11.5, 12.0, 12.5, 13.0), 0.5),  # an older gap is not the event's
        (good(9.99, 10.5), 2.5),  # no answer any more
        ([Request(9.0, 9.5, Outcome.GOOD), Request(10.0, 10.9, Outcome.TIMEOUT)], 3.5),
        ([], 3.0),
    ],
)
def test_the_outage_is_the_longest_time_without_a_good_answer(requests, gap):
    assert longest_gap(requests, began=10.0, ended=13.0) == pytest.approx(gap)
