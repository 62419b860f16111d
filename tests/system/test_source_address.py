"""IPsrcaddr: the default route gets a source, and outlives it, whatever takes the address away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from errno import EAGAIN
from pathlib import Path

import pytest

from hbeat.adapters.rtnetlink import Requests
from hbeat.agents.vips import Vips
from hbeat.core.events import Action
from hbeat.core.routes import DefaultRoute
from migration.namespaces import NetworkNamespace
from migration.network import ip_batch
from tests.system.pair import NAMES, Pair
from tests.system.pair import VIP as VIRTUAL
from tests.system.player import Player
from tests.system.test_safety import ONE, TWO, Fault, kill_daemon, kill_daemon_and_keeper, stopped

VIP, SOURCE = "IPaddr::10.1.1.10/24/eth0", "IPsrcaddr::10.1.1.10"


@pytest.fixture
def route_file(tmp_path: Path) -> Path:
    return tmp_path / "default_route"


@pytest.fixture
def player(host: NetworkNamespace, route_file: Path) -> Iterator[Player]:
    made = Player(host, route_file)
    yield made
    made.agents.close()


def default(player: Player) -> list[dict[str, object]]:
    return player.ip("-4", "route", "show", "default")


@pytest.mark.parametrize(
    "routes",
    [
        ["route replace default via 10.1.1.254 metric 7 mtu 1400 proto static"],
        ["route replace default metric 7 nexthop via 10.1.1.254 dev eth0 weight 3 nexthop via 10.1.1.253 dev eth0"],
        [
            "route replace default metric 7 nexthop via 10.1.1.254 dev eth0 nexthop via 192.168.2.254 dev eth1",
            "link set far1 down",
        ],
        ["nexthop add id 5 via 10.1.1.254 dev eth0", "route replace default nhid 5 metric 7"],
        ["route replace default via 10.9.9.9 dev eth0 onlink metric 7 initcwnd 20"],
    ],
    ids=["plain", "two ways", "two ways of which one has no carrier", "a next hop with a number", "onlink"],
)
def test_source_of_the_default_route_is_changed_and_nothing_else_of_it(player: Player, routes: list[str]) -> None:
    ip_batch(player.host, [*routes, "route del default metric 0"])
    (before,) = player.ip("-4", "route", "show", "default")
    player.do(Action.START, "IPaddr::10.1.1.10/24/eth0")
    assert player.do(Action.START, "IPsrcaddr::10.1.1.10").ok
    assert player.do(Action.STATUS, "IPsrcaddr::10.1.1.10").running
    (during,) = player.ip("-4", "route", "show", "default")
    assert during == {**before, "prefsrc": "10.1.1.10"}
    assert player.do(Action.STOP, "IPsrcaddr::10.1.1.10").ok
    assert player.do(Action.STOP, "IPaddr::10.1.1.10/24/eth0").ok
    assert player.ip("-4", "route", "show", "default") == [before]


def test_without_a_default_route_there_is_nothing_to_stop_and_nothing_to_start(player: Player) -> None:
    ip_batch(player.host, ["route del default"])
    assert player.do(Action.STOP, "IPsrcaddr::10.1.1.10").ok
    assert "there is no default route" in player.do(Action.START, "IPsrcaddr::10.1.1.10").detail


def test_source_that_the_route_had_before_is_its_source_again(player: Player) -> None:
    ip_batch(player.host, ["route replace default via 10.1.1.254 src 10.1.1.2"])
    before = default(player)
    assert player.do(Action.START, VIP).ok
    assert player.do(Action.START, SOURCE).ok
    assert player.do(Action.STOP, SOURCE).ok
    assert default(player) == before


@pytest.mark.parametrize("way", ["this process", "the next process"])
def test_route_that_went_with_its_address_is_there_again(player: Player, route_file: Path, way: str) -> None:
    before = default(player)
    assert player.do(Action.START, VIP).ok
    assert player.do(Action.START, SOURCE).ok
    ip_batch(player.host, ["address delete 10.1.1.10/24 dev eth0"])  # as a lease ends
    assert default(player) == []
    if way == "this process":
        assert player.do(Action.STOP, VIP).ok  # as a lost address is dropped
    else:
        player.begin_anew()
        assert player.do(Action.STOP, SOURCE).ok  # as what an earlier life left behind is stopped
    assert default(player) == before
    player.begin_anew()
    for word in (VIP, SOURCE):
        assert player.do(Action.START, word).ok
    assert default(player) == [{**before[0], "prefsrc": "10.1.1.10"}]
    assert player.do(Action.STOP, SOURCE).ok
    assert default(player) == before
    assert not route_file.exists()


def test_group_starts_again_where_its_address_and_the_route_with_it_went_behind_our_back(player: Player) -> None:
    before = default(player)
    for _ in range(2):
        assert player.do(Action.START, VIP).ok
        assert player.do(Action.START, SOURCE).ok
        assert default(player) == [{**before[0], "prefsrc": "10.1.1.10"}]
        ip_batch(player.host, ["address delete 10.1.1.10/24 dev eth0"])
        assert default(player) == []
    assert player.do(Action.STOP, SOURCE).ok
    assert default(player) == before


def test_route_that_the_operator_has_changed_meanwhile_is_left_as_it_is(player: Player) -> None:
    for word in (VIP, SOURCE):
        assert player.do(Action.START, word).ok
    ip_batch(player.host, ["route delete default", "route add default via 10.1.1.253 metric 5"])
    changed = default(player)
    for word in (SOURCE, VIP):
        assert player.do(Action.STOP, word).ok
    assert default(player) == changed


def test_keeper_is_told_how_to_put_the_route_back_and_that_there_is_nothing_to_put_back(
    host: NetworkNamespace, route_file: Path
) -> None:
    told: list[bytes] = []

    class Kept(Vips):
        def route(self, again: bytes) -> None:
            told.append(again)

    with host.entered(), closing(Kept(None, pytest.fail)) as vips, closing(Requests()) as requests:
        player = Player(host, route_file, vips)
        before = default(player)
        for word in (VIP, SOURCE):
            assert player.do(Action.START, word).ok
        ip_batch(host, ["address delete 10.1.1.10/24 dev eth0"])
        assert default(player) == []
        assert requests.ask(told[-1]) == ""
        assert default(player) == before
        assert player.do(Action.STOP, SOURCE).ok
        player.agents.close()
    assert told[-1] == b""


@pytest.mark.parametrize("text", ["", "10.1.1.10 00 boot 12345678\n", "\xff"])
def test_damaged_file_is_told_and_holds_nothing_up(player: Player, route_file: Path, text: str) -> None:
    route_file.write_text(text)
    for word in (VIP, SOURCE):
        assert player.do(Action.START, word).ok
    assert player.do(Action.STATUS, SOURCE).running
    assert any(f"{route_file} is damaged" in report for report in player.reports)
    assert player.do(Action.STOP, SOURCE).ok


def test_file_that_cannot_be_written_is_told_and_holds_nothing_up(host: NetworkNamespace, tmp_path: Path) -> None:
    player = Player(host, tmp_path / "nowhere/default_route")
    with closing(player.agents):
        for word in (VIP, SOURCE):
            assert player.do(Action.START, word).ok
        assert any("cannot be written: No such file or directory" in report for report in player.reports)
        assert player.do(Action.STOP, SOURCE).ok


def test_route_that_cannot_be_changed_holds_no_handover_up(player: Player, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the kernel has against it: the source goes with its address."""
    before = default(player)
    for word in (VIP, SOURCE):
        assert player.do(Action.START, word).ok

    def restless(self: Requests, family: int) -> list[DefaultRoute]:
        raise OSError(EAGAIN, "it changes all the time")

    with monkeypatch.context() as patched:
        patched.setattr(Requests, "default_routes", restless)
        outcome = player.do(Action.STOP, SOURCE)
    assert outcome.ok
    assert "it changes all the time" in outcome.detail
    assert player.do(Action.STOP, VIP).ok
    assert default(player) == before


def remove_address(pair: Pair) -> None:
    assert pair.run(ONE, "ip", "address", "delete", f"{VIRTUAL}/24", "dev", "eth0")[0] == 0


def routes(pair: Pair, name: str) -> str:
    return pair.run(name, "ip", "route", "show", "default")[1]


@pytest.mark.parametrize("fault", [kill_daemon, kill_daemon_and_keeper, stopped(2), remove_address])
def test_no_node_loses_its_default_route_by_a_fault(pair: Pair, fault: Fault) -> None:
    for name in NAMES:
        pair.write(name, "haresources", f"{ONE} IPaddr::{VIRTUAL}/24/eth0 IPsrcaddr::{VIRTUAL}\n")
        pair.nodes[name].boot()
        assert pair.run(name, "ip", "route", "add", "default", "via", "10.1.1.254")[0] == 0
    plain = routes(pair, TWO)
    lent = f"{plain.strip()} src {VIRTUAL}"
    for name in NAMES:
        assert pair.heartbeat(name, "start")[0] == 0
    pair.until(lambda: pair.settled() and routes(pair, ONE).strip() == lent, 15)
    fault(pair)
    if fault is kill_daemon_and_keeper:
        pair.until(lambda: pair.owners() == [TWO] and routes(pair, TWO).strip() == lent, 10)
        assert routes(pair, ONE) == ""  # nobody was there to put it back
        assert pair.heartbeat(ONE, "start")[0] == 0
    pair.until(lambda: pair.owners() == [ONE] and routes(pair, ONE).strip() == lent and routes(pair, TWO) == plain, 15)
    assert pair.heartbeat(ONE, "stop")[0] == 0
    assert routes(pair, ONE) == plain
    pair.until(lambda: routes(pair, TWO).strip() == lent, 5)
