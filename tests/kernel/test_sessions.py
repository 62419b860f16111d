"""Open downloads through a whole pair in a guest, with connection_sync and, as the control, without."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from migration import uml

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(bool(uml.missing_packages()), reason=f"needs {' '.join(uml.missing_packages())}"),
]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, Any]]:
    """(stack, fault) -> what came of it; faults are power-off and the return after it."""
    rows = tmp_path_factory.mktemp("sessions") / "rows"
    status = uml.run_guest(
        [sys.executable, "-m", "tests.bench.failover.play", "100ms", "1", "power-off", "ours-sync,ours", str(rows)],
        memory="768M",
        time_limit=300,
        shared=[rows.parent],
        folder=Path(__file__).parents[2],
    )
    assert status == 0
    found = [json.loads(line) for line in rows.read_text().splitlines()]
    return {(row["stack"], row["fault"]): row for row in found}


@pytest.mark.parametrize("fault", ["power-off", "return"])
def test_downloads_survive_with_connection_sync(played: dict[tuple[str, str], dict[str, Any]], fault: str) -> None:
    row = played["ours-sync", fault]
    assert (row["survived"], row["downloads"]) == (2, 2)
    assert row["silence"] <= row["outage"] + 1.0


@pytest.mark.parametrize("fault", ["power-off", "return"])
def test_downloads_die_without_it(played: dict[tuple[str, str], dict[str, Any]], fault: str) -> None:
    """The control: the referee can see it."""
    assert played["ours", fault]["survived"] == 0
