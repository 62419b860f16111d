"""What is sent into the network when it is asked for addresses, and what becomes of each question."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Iterable
from typing import cast

import pytest

from hbeat.adapters.ipaddr import AddressError
from hbeat.agents import claims
from hbeat.agents.address import AddressAgent
from hbeat.agents.claims import Claims
from hbeat.core.events import Asked
from hbeat.core.model import Resource, ResourceGroup
from hbeat.core.probes import Claim, probe

MAC = bytes.fromhex("020000000001")
THEIRS = bytes.fromhex("020000000002")
OUTSIDE = [Resource(f"10.1.1.{n}", "IPaddr", (f"10.1.1.{n}",)) for n in range(10, 110)]
INSIDE = Resource("192.168.2.240", "IPaddr", ("192.168.2.240",))
SIX = Resource("IPv6addr::fd00::10", "IPv6addr", ("fd00::10",))
MACHINES = {"eth0": "10.1.1.3", "eth1": "192.168.2.242"}


class Network:
    """In the place of the adapter. sent: frame and interface of each question that went out."""

    def __init__(self, addresses: Iterable[bytes]) -> None:
        self.sent: Counter[tuple[bytes, str]] = Counter()
        self.problem: dict[str, Asked] = {}
        self.unfiltered = ""
        self.said: list[Claim] = []
        self.heed(addresses)

    def heed(self, addresses: Iterable[bytes]) -> None:
        self.known = set(addresses)

    def ask(self, frame: bytes, interface: str) -> tuple[Asked, str]:
        if problem := self.problem.get(interface):
            return problem, os.strerror(errno.ENOBUFS)
        self.sent[frame, interface] += 1
        return Asked.SENT, ""

    def claims(self) -> list[Claim]:
        said, self.said = self.said, []
        return said


class Agent:
    """Knows where addresses belong."""

    missing: frozenset[Resource] = frozenset()

    def locate(self, resource: Resource) -> tuple[str, str, bytes]:
        if resource in self.missing:
            raise AddressError("there is no interface eth7")
        return resource.arguments[0], "eth1" if resource is INSIDE else "eth0", MAC


class Asking:
    """Claims with a stand-in on either side."""

    def __init__(self) -> None:
        self.reports: list[str] = []
        self.agent = Agent()
        group = ResourceGroup("a", (*OUTSIDE, INSIDE, SIX))
        self.claims = Claims([group], cast(AddressAgent, self.agent), self.reports.append)
        self.network = cast(Network, self.claims._neighbours)

    def ask(self, *resources: Resource) -> dict[Resource, Asked]:
        return dict(self.claims.ask(resources, MACHINES, 100.0))


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> Asking:
    monkeypatch.setattr(claims, "Neighbours", Network)
    return Asking()


def test_machine_is_asked_for_once_in_a_round_on_each_interface(asking: Asking) -> None:
    for _ in range(3):
        asking.ask(*OUTSIDE, INSIDE, SIX)
    sent = asking.network.sent
    assert sent[probe(MAC, "10.1.1.3"), "eth0"] == sent[probe(MAC, "192.168.2.242"), "eth1"] == 3
    assert sum(sent.values()) == 3 * (len(OUTSIDE) + 4)
    asking.network.said = [Claim(bytes([10, 1, 1, 3]), THEIRS)]
    asking.claims.heard()
    assert asking.claims.machines_heard() == set(OUTSIDE)  # it vouches for its own family and interface


def test_no_machine_is_asked_beside_a_question_that_was_not_sent(asking: Asking) -> None:
    asking.network.problem = {"eth0": Asked.UNSENT}
    asked = asking.ask(OUTSIDE[0], INSIDE)
    assert asked == {OUTSIDE[0]: Asked.UNSENT, INSIDE: Asked.SENT}
    assert {interface for _, interface in asking.network.sent} == {"eth1"}
    asking.ask(OUTSIDE[0])
    assert asking.reports == ["10.1.1.10: who has it cannot be asked on eth0: No buffer space available"]


def test_address_without_a_place_is_told_and_can_be_asked_nowhere(asking: Asking) -> None:
    asking.agent.missing = frozenset({INSIDE})
    assert asking.ask(*OUTSIDE[:1], INSIDE) == {OUTSIDE[0]: Asked.SENT, INSIDE: Asked.NOWHERE}
    assert asking.reports == ["192.168.2.240: who has it cannot be asked: there is no interface eth7"]


def test_filter_that_the_kernel_refuses_is_told_once(asking: Asking) -> None:
    asking.network.unfiltered = "Cannot allocate memory"
    for _ in range(3):
        asking.claims.heed([ResourceGroup("a", (INSIDE,))])
    (told,) = asking.reports
    assert "Cannot allocate memory; all are read here (net.core.optmem_max may be too small)" in told
