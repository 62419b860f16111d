"""The IPVS adapter against a real kernel: the tests of tests/kernel/inside, run by a guest."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from migration import uml

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(bool(uml.missing_packages()), reason=f"needs {' '.join(uml.missing_packages())}"),
]


def test_ipvs_adapter_agrees_with_the_kernel_and_with_ipvsadm() -> None:
    said: list[str] = []
    status = uml.run_guest(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rP", "tests/kernel/inside"],
        env={"INSIDE_GUEST": "1"},
        on_line=said.append,
        time_limit=180,
        folder=Path(__file__).parents[2],
    )
    print("\n".join(said))
    assert status == 0
    assert "passed" in said[-1]
