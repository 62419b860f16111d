"""ha.cf and haresources -> VRRP: every mapping, and the notes with their lines."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ldirector.adapters.names import SystemNames
from migration.cluster_files import read_cluster
from migration.keepalived_conf import Translation, translate
from migration.topology import derive

SAMPLES = Path(__file__).parents[2] / "etc/ha.d"
FIRST, SECOND = "test1.com", "test2.com"
VIPS = "IPaddr::10.1.1.10/24/eth0 IPaddr::192.168.2.240/24/eth1"


def translated(folder: Path, **files: str) -> Translation:
    """Of the samples, with lines added to ha.cf, and other haresources or hbeat.yaml."""
    shutil.copytree(SAMPLES, folder, dirs_exist_ok=True)
    if "ha_cf" in files:
        (folder / "ha.cf").write_text((folder / "ha.cf").read_text() + files["ha_cf"])
    if "haresources" in files:
        (folder / "haresources").write_text(files["haresources"])
    if "hbeat_yaml" in files:
        (folder / "hbeat.yaml").write_text(files["hbeat_yaml"])
    cluster = read_cluster(folder, SystemNames())
    return translate(cluster, derive(cluster))


def vrrp(translation: Translation, node: str) -> str:
    return translation.confs[node].partition("virtual_server")[0]


def test_addresses_of_one_owner_are_instances_of_one_sync_group(tmp_path):
    assert (
        vrrp(translated(tmp_path), FIRST)
        == """\
global_defs {
 router_id test1.com
 vrrp_version 3
}
vrrp_sync_group test1.com {
 group {
  test1.com-eth0
  test1.com-eth1
 }
}
vrrp_instance test1.com-eth0 {
 state BACKUP
 interface eth0
 virtual_router_id 51
 priority 150
 advert_int 1
 virtual_ipaddress {
  10.1.1.10/24 dev eth0
 }
}
vrrp_instance test1.com-eth1 {
 state BACKUP
 interface eth1
 virtual_router_id 52
 priority 150
 advert_int 1
 virtual_ipaddress {
  192.168.2.240/24 dev eth1
 }
}
"""
    )


def test_the_other_node_differs_in_name_and_priority_alone(tmp_path):
    translation = translated(tmp_path)
    other = translation.confs[SECOND].replace("router_id test2.com", "router_id test1.com")
    assert other.replace("priority 100", "priority 150") == translation.confs[FIRST]


def test_each_owner_has_the_higher_priority_for_its_own(tmp_path):
    haresources = f"{FIRST} ldirectord::ldirectord.cf 10.1.1.10\n{SECOND} 10.1.1.11/24/eth0:3/10.1.1.255\n"
    for node, priorities in ((FIRST, ["150", "100"]), (SECOND, ["100", "150"])):
        text = vrrp(translated(tmp_path, haresources=haresources), node)
        assert [line.split()[1] for line in text.splitlines() if line.startswith(" priority")] == priorities
        assert "vrrp_sync_group" not in text  # of one instance there is none
        assert "  10.1.1.11/24 brd 10.1.1.255 dev eth0 label eth0:3\n" in text


def test_addresses_beyond_twenty_and_ipv6_move_along_outside_of_the_adverts(tmp_path):
    more = " ".join(f"10.1.1.{number}" for number in range(11, 32))
    haresources = f"{FIRST} ldirectord::ldirectord.cf 10.1.1.10 {more} IPv6addr::fd00:0:0:0:0:0:0:10/64/eth0\n"
    advertised, _, excluded = vrrp(translated(tmp_path, haresources=haresources), FIRST).partition("excluded {")
    assert (advertised.count(" dev eth0"), excluded.count(" dev eth0")) == (20, 3)
    assert "  fd00:0:0:0:0:0:0:10/64 dev eth0\n" in excluded


@pytest.mark.parametrize(
    ("directives", "there"),
    [
        ("keepalive 100ms\ndeadtime 300ms\nwarntime 200ms\n", " advert_int 0.1\n"),
        ("auto_failback off\n", " nopreempt\n"),
    ],
)
def test_timers_and_failback_are_those_of_ha_cf(tmp_path, directives, there):
    assert there not in translated(tmp_path / "before").confs[FIRST]
    assert translated(tmp_path / "after", ha_cf=directives).confs[FIRST].count(there) == 2


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("hbeat_yaml", "connection_sync: eth1/5\n"),
        ("haresources", f"{FIRST} ldirectord::ldirectord.cf LVSSyncDaemonSwap::master::eth1::5 {VIPS}\n"),
    ],
)
def test_connection_synchronisation_is_keepaliveds_own(tmp_path, file, text):
    conf = translated(tmp_path, **{file: text}).confs[SECOND]
    assert " lvs_sync_daemon eth1 test1.com-eth0 id 5\n" in conf


@pytest.mark.parametrize(
    ("resource", "note"),
    [
        ("MailTo::root@localhost", "no mail is sent"),
        ("IPsrcaddr::10.1.1.10", "the address of a node's own connections"),
        ("SendArp::10.1.1.77/eth0", "keepalived announces the addresses of its instances"),
        ("apache::/etc/httpd.conf", "a script; keepalived starts and stops none"),
    ],
)
def test_resources_without_a_counterpart_are_told_with_their_line(tmp_path, resource, note):
    haresources = f"# a remark\n{FIRST} ldirectord::ldirectord.cf {VIPS} {resource}\n"
    notes = translated(tmp_path, haresources=haresources).notes
    assert any(told.startswith(f"{tmp_path / 'haresources'}:2: {resource}: {note}") for told in notes), notes


def test_an_ipv6_address_that_nothing_moves_is_left_out_and_told(tmp_path):
    haresources = f"{FIRST} ldirectord::ldirectord.cf IPv6addr::fd00:0:0:0:0:0:0:10/64/eth0 {VIPS}\n"
    translation = translated(tmp_path, haresources=haresources)
    assert "fd00" not in translation.confs[FIRST]
    assert any("left out: no IPv4 address of this node stands before it" in note for note in translation.notes)


@pytest.mark.parametrize(
    ("directives", "note"),
    [
        ("ping 10.1.1.254\n", "ping nodes are not asked"),
        ("ping 10.1.1.254\nrespawn hacluster /usr/lib/heartbeat/ipfail\n", "keepalived judges interfaces, no ping"),
        ("bcast eth2\n", "bcast eth2: adverts go over the interfaces of virtual addresses alone"),
        ("respawn root /usr/bin/x\n", "respawn /usr/bin/x: it is not started"),
        ("keepalive 60\ndeadtime 200\ninitdead 200\n", "keepalive 60 s: adverts are sent every 40.95 s"),
        ("auto_failback legacy\n", "auto_failback legacy: addresses go home as with on"),
    ],
)
def test_directives_without_a_counterpart_are_told_with_their_line(tmp_path, directives, note):
    lines = len((SAMPLES / "ha.cf").read_text().splitlines())
    told = [text for text in translated(tmp_path, ha_cf=directives).notes if note in text]
    assert told
    place = told[0].removeprefix(f"{tmp_path / 'ha.cf'}:").partition(":")[0]
    assert int(place) > lines


def test_what_stands_in_place_of_deadtime_is_told(tmp_path):
    assert any(
        "deadtime 3 s" in note and "3.609 s after the last advert" in note for note in translated(tmp_path).notes
    )
    assert any("adverts are not signed" in note for note in translated(tmp_path).notes)
    assert any("counts a real as up until its first check fails" in note for note in translated(tmp_path).notes)
