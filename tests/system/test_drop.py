"""An address that has to go at once and would not: told, tried again, left to its lease and to the keeper."""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Callable, Iterator

import pytest

from hbeat import address_watch
from hbeat.adapters.ipaddr import AddressError
from hbeat.adapters.keeper_link import KeeperLink
from hbeat.address_watch import AddressWatch
from hbeat.agents.roster import Agents
from hbeat.agents.vips import Vips
from hbeat.core.events import Action
from hbeat.core.model import Resource
from migration.namespaces import NetworkNamespace
from tests.hbeat.world import World

VIP = Resource("vip", "IPaddr", ("10.1.1.20/24/eth0",))


class Stuck:
    """An address stands and is not removed, so many times. lease: of the address."""

    def __init__(self, host: NetworkNamespace, monkeypatch: pytest.MonkeyPatch, lease: int | None, times: int) -> None:
        self.reports: list[str] = []
        self._reading, writing = os.pipe()
        os.set_blocking(self._reading, False)
        self.selector = selectors.DefaultSelector()
        self.vips = Vips(lease, self.reports.append, KeeperLink(writing, -1, lambda pipe, pidfd: []))
        self.agents = Agents({}, self.reports.append, self.vips)
        self.watch = AddressWatch(
            self.selector, self.agents, self.vips, World().boot("a"), lambda effects: None, self.reports.append
        )
        assert self.agents.addresses.run(VIP, Action.START, time.monotonic()).ok
        self._left = times
        monkeypatch.setattr(self.agents.addresses._addresses, "remove", self._refusing(self.agents))
        monkeypatch.setattr(address_watch, "AGAIN", 0.0)

    def _refusing(self, agents: Agents) -> Callable[..., list[str]]:
        remove = agents.addresses._addresses.remove

        def refuse(spec: object) -> list[str]:
            if self._left:
                self._left -= 1
                raise AddressError("cannot remove 10.1.1.20/24 from eth0: the kernel is of another mind")
            return remove(spec)  # type: ignore[arg-type]

        return refuse

    def stands(self) -> bool:
        return self.agents.addresses.run(VIP, Action.STATUS, time.monotonic()).running

    def keeper_heard(self) -> bytes:
        try:
            return os.read(self._reading, 65_536)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        for sock in self.watch._claims.sockets:
            sock.close()
        self.agents.close()
        self.vips.close()
        self.selector.close()
        os.close(self._reading)
        assert self.vips.keeper is not None
        self.vips.keeper.has_died()


@pytest.fixture
def make(host: NetworkNamespace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int | None, int], Stuck]]:
    made: list[Stuck] = []

    def make(lease: int | None, times: int) -> Stuck:
        made.append(Stuck(host, monkeypatch, lease, times))
        return made[-1]

    with host.entered():
        yield make
        for stuck in made:
            stuck.close()


def test_it_is_told_and_tried_again_until_it_is_gone(make: Callable[[int | None, int], Stuck]) -> None:
    stuck = make(None, 2)
    stuck.watch.drop(VIP)
    assert stuck.stands()
    assert stuck.watch.next_deadline() is not None
    stuck.watch.handle_timer()
    assert stuck.stands()
    assert len([report for report in stuck.reports if "of another mind; again in" in report]) == 2
    stuck.watch.handle_timer()
    assert not stuck.stands()
    assert stuck.watch.next_deadline() is None


def test_the_keeper_goes_on_to_hold_it_until_it_is_gone(make: Callable[[int | None, int], Stuck]) -> None:
    stuck = make(None, 1)
    assert stuck.keeper_heard().startswith(b"+ ")
    stuck.watch.drop(VIP)
    assert stuck.keeper_heard() == b""
    stuck.watch.handle_timer()
    assert stuck.keeper_heard().startswith(b"- ")


def test_its_lease_is_not_renewed(make: Callable[[int | None, int], Stuck]) -> None:
    stuck = make(1, 10**9)
    stuck.watch.drop(VIP)
    deadline = time.monotonic() + 5
    while stuck.stands():
        assert stuck.vips.renew() == []
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_is_started_again_meanwhile_stays(make: Callable[[int | None, int], Stuck]) -> None:
    stuck = make(None, 1)
    stuck.watch.drop(VIP)
    assert stuck.agents.addresses.run(VIP, Action.START, time.monotonic()).ok
    stuck.watch.handle_timer()
    assert stuck.stands()
