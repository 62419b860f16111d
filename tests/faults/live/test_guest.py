"""The tests of tests/faults/live/inside, run by a guest: what needs IPVS, netem, or a clock that may be set."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from migration import uml
from tests.faults.live.play import KEPT


@pytest.mark.kernel
@pytest.mark.skipif(bool(uml.missing_packages()), reason=f"needs {' '.join(uml.missing_packages())}")
def test_inside_a_guest() -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    said: list[str] = []
    status = uml.run_guest(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "--color=no",
            "--tb=short",
            "--durations=20",
            "tests/faults/live/inside",
        ],
        env={"INSIDE_GUEST": "1", "FAULTS_SEED": os.environ.get("FAULTS_SEED", "")},
        memory="768M",
        on_line=said.append,
        time_limit=420,
        shared=[KEPT],
        folder=Path(__file__).parents[3],
    )
    print("\n".join(said))
    assert status == 0
    assert "passed" in said[-1]
