"""The referee counts what was planted, and the page shows what was counted."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import pytest

from tests.bench.failover import page
from tests.bench.failover.downloads import Download
from tests.bench.failover.world import Change, doubled

VIP, OTHER = IPv4Address("10.1.1.10"), IPv4Address("192.168.2.240")


def came(at: float, node: str, address: IPv4Address = VIP) -> Change:
    return Change(at, node, address, True)


def went(at: float, node: str, address: IPv4Address = VIP) -> Change:
    return Change(at, node, address, False)


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ([came(1, "a")], 0),
        ([came(1, "a"), went(20, "a"), came(20.5, "b")], 0),
        ([came(1, "a"), came(12, "b"), went(15, "a")], 3),
        ([came(1, "a"), came(12, "b")], 18),
        ([came(1, "a"), came(2, "b"), went(11, "b")], 1),
        ([came(1, "a"), came(2, "b", OTHER)], 0),
        ([came(12, "b"), came(1, "a"), went(13, "b"), came(14, "b"), went(15, "b")], 2),
        ([came(1, "a"), came(2, "b"), went(5, "b")], 0),
    ],
)
def test_two_owners_are_counted_within_the_time_that_is_judged(changes: list[Change], seconds: float) -> None:
    assert doubled(changes, VIP, 10, 30) == pytest.approx(seconds)


def row(stack: str, outage: float, **other: Any) -> dict[str, Any]:
    moved = {"moved": outage, "two_owners": 0.0, "failed": 3, "requests": 500, "repetition": 0}
    downloads = {"downloads": 2, "survived": 0, "silence": None}
    return {"fault": "power-off", **downloads, "profile": "1s", "stack": stack, "outage": outage, **moved, **other}


RUN = {
    "machine": {"keepalived": "2.2.7", "cores": 2, "cpu": "a processor", "kernel": "6.1"},
    "rows": [
        row("ours", 2.0),
        row("keepalived", 4.0),
        row("ours", 3.0),
        row("ours", 1.0, moved=None, survived=1, silence=1.5),
    ],
}


def test_page_has_medians_spreads_and_the_ratio_of_a_run() -> None:
    text = page.text(RUN)
    assert "| power-off | ours | 2.000 (1.000–3.000) | 3 | 2 of 3 times | 0.000 | 1 of 6, 1.500 | 3 |" in text
    assert "| power-off | keepalived | 4.000 | 3 | 4.000 | 0.000 | 0 of 2 | 1 |" in text
    assert "Outage, ours as a part of keepalived's: power-off 0.50" in text


def test_plot_has_a_bar_of_the_right_length_for_each() -> None:
    drawn = page.plot(RUN)
    assert [f'width="{width}"' in drawn for width in ("210.0", "420.0")] == [True, True]


def test_download_survives_while_bytes_come_and_its_longest_silence_counts() -> None:
    seen = Download([1.0, 1.1, 1.2, 4.2, 4.3])
    assert seen.survives(4.5)
    assert not seen.survives(5.0)
    assert seen.silence(1.15) == pytest.approx(3.0)
    assert seen.silence(4.2) == pytest.approx(0.1)
    seen.ended = True
    assert not seen.survives(4.5)
    assert not Download().survives(0.1)
