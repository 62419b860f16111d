"""What a failed test leaves: build/interop/NAME has all that went over the cables (pcap) and the nodes' logs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.mixed import MixedPair
from tests.system.pair import NAMES

KEPT = Path(__file__).parents[2] / "build" / "interop"
FAILED = pytest.StashKey[bool]()
"""Whether any phase of the test has failed so far; conftest.py keeps it."""


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
