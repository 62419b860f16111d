"""What every test here needs: root, the original heartbeat, and a pair whose failure leaves something to read."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.interop.evidence import FAILED, kept_if_failed
from tests.interop.mixed import MixedPair, missing
from tests.system.pair import NAMES

ONE, TWO = NAMES


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = missing()
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.root)
            item.add_marker(pytest.mark.interop)
            item.add_marker(pytest.mark.skipif(bool(reason), reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = report.failed or item.stash.get(FAILED, False)
    return report


@pytest.fixture(params=[ONE, TWO], ids=["original is preferred", "original is the other"])
def pair(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[MixedPair]:
    """A mixed pair in both roles, nothing started."""
    yield from kept_if_failed(MixedPair(tmp_path, [request.param]), tmp_path, request.node)
