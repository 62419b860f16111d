"""What lies here runs inside a guest, started by tests/faults/live/test_guest.py; elsewhere it is left alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from migration.lab_places import lab_places
from tests.faults.live.layout import TWO_DIRECTORS, WITH_DIRECTOR, Layout
from tests.faults.live.world import World

collect_ignore_glob = [] if os.environ.get("INSIDE_GUEST") else ["test_*.py"]
ASK_EVERY = 0.02
"""Seconds: system calls of a guest are ten times slower."""


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A pair with ldirectord on real IPVS, at rest; every fault leaves it at rest again."""
    yield from _started(tmp_path_factory.mktemp("world"), WITH_DIRECTOR)


@pytest.fixture(scope="module")
def two_directors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The same, and each node serves with an ldirectord of its own."""
    yield from _started(tmp_path_factory.mktemp("world"), TWO_DIRECTORS)


def _started(folder: Path, layout: Layout) -> Iterator[World]:
    with lab_places(in_guest=True):
        made = World(folder, layout=layout, ask_every=ASK_EVERY)
        try:
            yield made.start_all(90)
        finally:
            made.close()
