"""IPv6addr, SendArp and MailTo against the kernel, the wire and a sendmail."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hbeat.agents import roster
from hbeat.config.haresources import parse_resource
from hbeat.core.events import Action, Outcome
from hbeat.core.model import Sessions
from migration.namespaces import NetworkNamespace
from migration.network import ip_batch
from tests.system.player import Player

IPV6 = "2001:db8:0:0:0:0:0:10"
ETH_P_ARP, ETH_P_IPV6 = 0x0806, 0x86DD


@pytest.fixture
def player(host: NetworkNamespace, tmp_path: Path) -> Iterator[Player]:
    ip_batch(host, ["address add 2001:db8::2/64 dev eth1 nodad"])
    made = Player(host, tmp_path / "default_route")
    yield made
    made.agents.close()


def ipv6_places(player: Player) -> list[tuple[str, int]]:
    return [
        (str(link["ifname"]), a["prefixlen"])
        for link in player.ip("-6", "address")
        for a in link.get("addr_info", [])  # type: ignore[attr-defined]
        if a["local"] == "2001:db8::10"
    ]


@pytest.mark.parametrize(
    ("word", "place"),
    [
        (f"IPv6addr::{IPV6}", ("eth1", 64)),
        (f"IPv6addr::{IPV6}/128", ("eth1", 128)),
        (f"IPv6addr::{IPV6}/48/eth0", ("eth0", 48)),
    ],
)
def test_ipv6_address_is_usable_at_once_and_gone_after_a_stop(
    player: Player, word: str, place: tuple[str, int]
) -> None:
    assert player.do(Action.START, word).ok
    assert player.do(Action.START, word).ok
    assert ipv6_places(player) == [place]
    with player.host.entered(), socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
        sock.bind(("2001:db8::10", 0))  # a tentative address would refuse
    assert player.do(Action.STATUS, word).running
    assert player.do(Action.STOP, word).ok
    assert player.do(Action.STOP, word).ok
    assert ipv6_places(player) == []
    assert not player.do(Action.STATUS, word).running


def test_ipv6_address_is_advertised_to_all_nodes(player: Player) -> None:
    with player.listener("far1", ETH_P_IPV6) as wire:
        player.do(Action.START, f"IPv6addr::{IPV6}")
        while (frame := wire.recv(200))[54] != 136:
            pass
    assert frame[:6] == bytes.fromhex("333300000001")
    assert frame[62:78] == socket.inet_pton(socket.AF_INET6, "2001:db8::10")


def test_of_addresses_that_come_together_the_gateway_is_announced_before_what_clients_ask_for(player: Player) -> None:
    with player.listener("", ETH_P_ARP) as wire:
        player.do_all(Action.START, "IPaddr::10.1.1.20/24/eth0", "IPaddr::192.168.2.230/24/eth1")
        announced = [socket.inet_ntoa(wire.recv(200)[28:32]) for _ in range(2)]
    assert announced == ["192.168.2.230", "10.1.1.20"]


def test_first_frame_waits_for_a_millisecond_and_no_more(player: Player) -> None:
    announcer, mac = player.agents.announcer, bytes(6)
    with player.listener("", ETH_P_ARP) as wire, player.host.entered():
        wire.setblocking(False)
        announcer.announce("10.1.1.20", "eth0", mac, 1.0)
        with pytest.raises(BlockingIOError):
            wire.recv(200)
        announcer.announce("10.1.1.21", "eth0", mac, 1.0011)
        wire.settimeout(5)
        assert [socket.inet_ntoa(wire.recv(200)[28:32]) for _ in range(2)] == ["10.1.1.21", "10.1.1.20"]


def test_address_that_goes_while_it_waits_is_not_announced(player: Player) -> None:
    with player.listener("", ETH_P_ARP) as wire, player.host.entered():
        wire.setblocking(False)
        player.agents.announcer.announce("10.1.1.20", "eth0", bytes(6), 1.0)
        player.agents.announcer.silence("10.1.1.20")
        assert player.agents.announcer.release() == []
        with pytest.raises(BlockingIOError):
            wire.recv(200)


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("IPv6addr::2001:db9:0:0:0:0:0:1", "no route to it but the default route"),
        (f"IPv6addr::{IPV6}/64/eth9", "there is no interface eth9"),
        ("SendArp::10.1.1.9/eth9", "there is no interface eth9"),
        ("IPsrcaddr::172.16.9.9", "put it before IPsrcaddr"),
    ],
)
def test_what_cannot_be_done_is_told_with_the_reason(player: Player, word: str, words: str) -> None:
    outcome = player.do(Action.START, word)
    assert not outcome.ok
    assert words in outcome.detail


def test_sendarp_announces_an_address_that_is_somebody_elses_business(player: Player) -> None:
    with player.listener("far0", ETH_P_ARP) as wire:
        assert player.do(Action.START, "SendArp::10.1.1.77/eth0").running
        while (frame := wire.recv(100))[28:32] != socket.inet_aton("10.1.1.77"):
            pass
    assert frame[38:42] == socket.inet_aton("10.1.1.77")
    assert not player.do(Action.STOP, "SendArp::10.1.1.77/eth0").running
    assert player.agents.announcer.next_deadline() is None


def test_address_is_announced_as_often_and_as_far_apart_as_is_said(player: Player) -> None:
    player.agents.heed(Sessions(arp_repeat=2, arp_interval=0.5))
    with player.listener("far1", ETH_P_ARP) as sock, player.host.entered():
        begun = time.monotonic()
        player.agents.run(parse_resource("SendArp::192.168.2.240/eth1"), Action.START, begun)
        player.agents.addresses.release()
        due = []
        while (at := player.agents.announcer.next_deadline()) is not None:
            due.append(at - begun)
            player.agents.announcer.handle_timer(at)
        assert due == pytest.approx([0.25, 0.5, 0.75])
        kinds = [sock.recv(100)[21] for _ in range(4)]
        assert kinds == [1, 2, 1, 2]  # requests and replies
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.recv(100)


def test_mail_goes_through_sendmail_and_nobody_waits_for_it(
    player: Player, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "sendmail"
    program.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/words\ncat >{tmp_path}/mail\nexit 75\n')
    program.chmod(0o755)
    monkeypatch.setattr(roster, "find_sendmail", lambda: str(program))
    assert player.do(Action.START, "MailTo::ops@example.com,root::Web") == Outcome(True)
    (operation,) = player.agents.take_asides()
    outcome = None
    while outcome is None:
        assert select.select(operation.filenos, [], [], 10)[0]
        outcome = operation.step(time.monotonic())
    assert (outcome.ok, outcome.detail) == (False, "MailTo::ops@example.com,root::Web: no mail was sent: 75")
    assert (tmp_path / "words").read_text() == "-t -oi\n"
    head, _, body = (tmp_path / "mail").read_text().partition("\n\n")
    assert "To: ops@example.com, root\n" in head
    assert "Subject: Web Takeover in progress at " in head
    assert " on test1.com" in body


def test_sync_daemon_of_a_kernel_without_ipvs_cannot_start_and_need_not_stop(player: Player) -> None:
    if Path("/proc/net/ip_vs").exists():
        pytest.skip("this kernel has IPVS")
    word = "LVSSyncDaemonSwap::master::eth0"
    assert player.do(Action.START, word) == Outcome(False, "this kernel has no IPVS: load the module ip_vs")
    assert player.do(Action.STOP, word).ok
