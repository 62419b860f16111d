"""The page shows what was counted."""

from __future__ import annotations

from typing import Any

from tests.bench.failover import page
from tests.migration.comparison.rows import row

RUN: dict[str, Any] = {
    "machine": {"keepalived": "2.2.7", "cores": 2, "cpu": "a processor", "kernel": "6.1"},
    "rows": [
        {**row, "profile": "1s"}
        for row in (
            row("ours", 2.0),
            row("keepalived", 4.0),
            row("ours", 3.0),
            row("ours", 1.0, moved=None, survived=1, silence=1.5),
        )
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
