from __future__ import annotations

from tests.faults.live.play import starved
from tests.faults.timeline import Request, Timeline


def asked(*per_second: int) -> Timeline:
    """So many requests in each second, evenly."""
    begun = [second + number / count for second, count in enumerate(per_second) for number in range(count)]
    requests = tuple(Request(at, at + 0.001, True) for at in begun)
    return Timeline(0.0, len(per_second) + 0.5, ("10.1.1.10",), requests=requests)


def test_a_machine_that_stood_still_for_a_second_is_starved() -> None:
    assert not starved(asked(97, 80, 51, 97))
    assert starved(asked(97, 49, 97))
    assert starved(asked(97, 0, 97))
