from __future__ import annotations

import shutil
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

import pytest

from ldirector.adapters.names import SystemNames
from migration.cluster_files import read_cluster
from migration.topology import Leg, Topology, TopologyError, derive

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "etc/ha.d"
SEED = ROOT / "tests/vectors/ultramonkey"


def topology(folder: Path) -> Topology:
    return derive(read_cluster(folder, SystemNames()))


def changed(tmp_path: Path, file: str, old: str, new: str) -> Path:
    """A copy of the samples with one passage of one file replaced."""
    shutil.copytree(SAMPLES, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / file).read_text()
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new))
    return tmp_path


@pytest.mark.parametrize("folder", [SAMPLES, SEED])
def test_the_seeds_network_follows_from_its_files(folder):
    found = topology(folder)
    assert [(node.name, node.legs) for node in found.nodes] == [
        ("test1.com", (Leg("eth0", IPv4Interface("10.1.1.2/24")), Leg("eth1", IPv4Interface("192.168.2.241/24")))),
        ("test2.com", (Leg("eth0", IPv4Interface("10.1.1.3/24")), Leg("eth1", IPv4Interface("192.168.2.242/24")))),
    ]
    assert [str(vip.address) for vip in found.vips] == ["10.1.1.10", "192.168.2.240"]
    assert found.owner == "test1.com"
    assert [real.address for real in found.reals] == ["192.168.2.236", "192.168.2.237", "192.168.2.238"]
    assert {real.gateway for real in found.reals} == {IPv4Address("192.168.2.240")}
    assert all("ok" in real.answer and real.ports == (80,) for real in found.reals)
    assert found.client == (Leg("eth0", IPv4Interface("10.1.1.254/24")),)
    assert found.notes == ("no file tells the address of the client: 10.1.1.254 was invented",)


def test_a_shared_file_with_one_address_is_good_for_one_node_only(tmp_path):
    with pytest.raises(TopologyError, match="the file is good for one node only; list both"):
        topology(changed(tmp_path, "ha.cf", "ucast eth1 192.168.2.242\n", ""))


def test_a_virtual_address_without_heartbeats_gets_a_network_and_a_note(tmp_path):
    folder = changed(tmp_path, "ha.cf", "ucast eth1 192.168.2.241\nucast eth1 192.168.2.242\n", "")
    found = topology(folder)
    assert [leg.interface for leg in found.nodes[0].legs] == ["eth0", "eth1"]
    assert found.nodes[0].legs[1].address != found.nodes[1].legs[1].address
    assert any("192.168.2.240 is in no network with heartbeats" in note for note in found.notes)


def test_gate_reals_have_the_virtual_address_and_answer_directly(tmp_path):
    found = topology(changed(tmp_path, "ldirectord.cf", " masq", " gate"))
    assert {real.vips for real in found.reals} == {(IPv4Address("10.1.1.10"),)}
    own_leg = found.client[1]
    assert own_leg.network == found.reals[0].leg.network
    assert {real.gateway for real in found.reals} == {own_leg.address.ip}


def test_masq_reals_without_a_gateway_that_moves_are_noted(tmp_path):
    found = topology(changed(tmp_path, "haresources", " IPaddr::192.168.2.240/24/eth1", ""))
    assert found.reals[0].gateway is None
    assert any("no virtual address in 192.168.2.0/24" in note for note in found.notes)


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            "haresources",
            "10.1.1.10",
            "10.1.1.11",
            "no virtual over TCP in ldirectord.cf whose address is in haresources",
        ),
        ("ha.cf", "10.1.1.3", "peer.example.com", "ha.cf:28: peer.example.com is a name"),
        ("ldirectord.cf", " masq", " ipip", "forwarding by tunnel"),
        ("ldirectord.cf", 'receive="ok"', 'receive="^[0-9]{3} ok"', "no page was found that matches receive"),
    ],
)
def test_what_cannot_be_rehearsed_is_said(tmp_path, file, old, new, told):
    with pytest.raises(TopologyError) as caught:
        topology(changed(tmp_path, file, old, new))
    assert told in str(caught.value)
