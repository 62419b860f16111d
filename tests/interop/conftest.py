"""What every test here needs: root, the original heartbeat, and a pair whose failure leaves something to read.

After a failed test, build/interop/NAME has all that went over the cables (pcap) and the nodes' logs.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.interop.mixed import MixedPair, missing
from tests.system.pair import NAMES

ONE, TWO = NAMES
KEPT = Path(__file__).parents[2] / "build" / "interop"
FAILED = pytest.StashKey[bool]()


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


def kept_if_failed(made: MixedPair, folder: Path, item: pytest.Item) -> Iterator[MixedPair]:
    """A pair whose traffic is recorded; what there is to read is kept when the test has failed."""
    try:
        with made.recorder(folder / "both.pcap"):
            yield made
    finally:
        made.close()
        if item.stash.get(FAILED, True):
            target = KEPT / re.sub(r"[^\w.-]+", "_", item.name)
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            shutil.move(folder / "both.pcap", target)
            for name in NAMES:
                shutil.copytree(folder / name / "log", target / name)
