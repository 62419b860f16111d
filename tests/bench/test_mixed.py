"""The page that shows mixed pairs beside originals."""

from __future__ import annotations

from tests.bench.mixed import KINDS, Measured, page
from tests.bench.report import hardware


def test_each_kind_of_pair_has_a_row_with_its_median_spread_and_ratio_to_two_originals() -> None:
    outages = {kind: [2.0, 4.0, 3.0] for kind in KINDS} | {"two of ours": [1.5, 1.0, 3.0]}
    results = [
        Measured(kind, event, outage) for event in ("power-off", "stop") for kind in KINDS for outage in outages[kind]
    ]
    rows = page(results, hardware(), 3).splitlines()
    assert "| pair | power-off | stop |" in rows
    assert "| two originals | 3.00 (2.00-4.00), 1.00 | 3.00 (2.00-4.00), 1.00 |" in rows
    assert "| two of ours | 1.50 (1.00-3.00), 0.50 | 1.50 (1.00-3.00), 0.50 |" in rows
