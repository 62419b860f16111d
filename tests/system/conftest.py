from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.pair import Pair, have_namespaces


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Two nodes, nothing started."""
    if missing := have_namespaces():
        pytest.skip(missing)
    made = Pair(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A settled pair that the tests of a module look at and leave as it is."""
    if missing := have_namespaces():
        pytest.skip(missing)
    made = Pair(tmp_path_factory.mktemp("pair"))
    try:
        yield made.start_both()
    finally:
        made.close()
