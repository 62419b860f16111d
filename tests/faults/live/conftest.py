"""Worlds: they need root, and a kernel with namespaces."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.live.layout import LEGACY, ONE_GROUP, TWO_GROUPS, Layout
from tests.faults.live.world import World
from tests.system.pair import have_namespaces


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.root)
            item.add_marker(pytest.mark.faults)


@pytest.fixture(scope="session")
def namespaces() -> None:
    """What is left out without namespaces says so."""
    if missing := have_namespaces():
        pytest.skip(missing)


@pytest.fixture
def world(tmp_path: Path, namespaces: None) -> Iterator[World]:
    """Both nodes off."""
    yield from _built(tmp_path, ONE_GROUP)


@pytest.fixture
def two_groups(tmp_path: Path, namespaces: None) -> Iterator[World]:
    """The same, and each node has a group of its own."""
    yield from _built(tmp_path, TWO_GROUPS)


@pytest.fixture
def legacy(tmp_path: Path, namespaces: None) -> Iterator[World]:
    """The same with auto_failback legacy."""
    yield from _built(tmp_path, LEGACY)


def _built(folder: Path, layout: Layout) -> Iterator[World]:
    made = World(folder, layout=layout)
    try:
        yield made
    finally:
        made.close()
