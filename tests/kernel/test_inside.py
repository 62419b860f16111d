"""The tests of tests/kernel/inside, run by guests: adapters on real IPVS, the command ldirectord, a pair of nodes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from migration import uml

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(bool(uml.missing_packages()), reason=f"needs {' '.join(uml.missing_packages())}"),
]


@pytest.mark.parametrize(
    "module", ["test_ipvs.py", "test_commands.py", "test_pair.py", "test_sync_daemons.py", "test_connection_sync.py"]
)
def test_inside_a_guest(module: str) -> None:
    said: list[str] = []
    status = uml.run_guest(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rP", f"tests/kernel/inside/{module}"],
        env={"INSIDE_GUEST": "1"},
        on_line=said.append,
        time_limit=300,
        folder=Path(__file__).parents[2],
    )
    print("\n".join(said))
    assert status == 0
    assert "passed" in said[-1]
