from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from migration.namespaces import NetworkNamespace
from migration.network import ip_batch
from tests.system.pair import Pair, have_namespaces


@pytest.fixture(scope="session")
def namespaces() -> None:
    """What is left out without namespaces says so."""
    if missing := have_namespaces():
        pytest.skip(missing)


@pytest.fixture
def pair(tmp_path: Path, namespaces: None) -> Iterator[Pair]:
    """Two nodes, nothing started."""
    made = Pair(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, namespaces: None) -> Iterator[Pair]:
    """A settled pair that the tests of a module look at and leave as it is."""
    made = Pair(tmp_path_factory.mktemp("pair"))
    try:
        yield made.start_both()
    finally:
        made.close()


@pytest.fixture
def host(namespaces: None) -> Iterator[NetworkNamespace]:
    """10.1.1.2/24 on eth0, which has the default route, and 192.168.2.241/24 on eth1."""
    namespace = NetworkNamespace.create()
    ip_batch(
        namespace,
        [
            "link set lo up",
            "link add eth0 type veth peer name far0",
            "link add eth1 type veth peer name far1",
            "address add 10.1.1.2/24 brd + dev eth0",
            "address add 192.168.2.241/24 brd + dev eth1",
            *(f"link set {name} up" for name in ("eth0", "far0", "eth1", "far1")),
            "route add default via 10.1.1.254",
        ],
    )
    yield namespace
    namespace.close()
