"""The tests of tests/faults/live/inside, run by a guest: what needs IPVS, netem, or a clock that may be set."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from migration import uml
from tests.faults.live.kills import chunks
from tests.faults.live.play import KEPT

INSIDE = "tests/faults/live/inside"
KILLS = 10
"""Of each victim in one guest."""
PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--color=no", "--tb=short", "--durations=20"]
pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(bool(uml.missing_packages()), reason=f"needs {' '.join(uml.missing_packages())}"),
]


def run_in_guest(*tests: str, time_limit: float, **env: object) -> None:
    """All of these below INSIDE pass. time_limit: seconds. env: what they read."""
    KEPT.mkdir(parents=True, exist_ok=True)
    said: list[str] = []
    status = uml.run_guest(
        [*PYTEST, *(f"{INSIDE}/{name}.py" for name in tests)],
        env={"INSIDE_GUEST": "1", "FAULTS_SEED": os.environ.get("FAULTS_SEED", "")}
        | {name: str(value) for name, value in env.items()},
        memory="768M",
        on_line=said.append,
        time_limit=time_limit,
        shared=[KEPT],
        folder=Path(__file__).parents[3],
    )
    print("\n".join(said))
    assert status == 0
    assert "passed" in said[-1]


def test_inside_a_guest() -> None:
    run_in_guest("test_with_director", "test_level_with_director", time_limit=1800)


@pytest.mark.parametrize("chunk", chunks(KILLS))
def test_kills_inside_a_guest(chunk: int) -> None:
    run_in_guest("test_kills_with_director", time_limit=1200, FAULTS_CHUNK=chunk, FAULTS_KILLS=KILLS)


@pytest.mark.nightly
def test_two_directors_inside_a_guest() -> None:
    run_in_guest("test_two_directors", time_limit=600)


@pytest.mark.nightly
def test_level_inside_a_guest() -> None:
    run_in_guest("test_level_with_director", time_limit=4 * 3600, FAULTS_CYCLES=500)
