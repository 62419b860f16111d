"""What a running cluster takes up of other settings, and what it keeps."""

from __future__ import annotations

from dataclasses import replace

from hbeat.core.membership import Peer
from hbeat.core.model import PingNode, Timing
from hbeat.core.ping import PingNodes
from tests.hbeat.machine import KEYS
from tests.hbeat.world import World


def test_links_that_stay_keep_their_state_and_new_ones_are_dead_until_heard():
    peer = Peer("b", ("eth0", "eth1"), Timing(), 0.0)
    peer.heard_on("eth0", 1.0)
    peer.heard_on("eth1", 1.0)
    peer.relink(("eth2", "eth0"))
    assert {name: link.up for name, link in peer.links.items()} == {"eth2": False, "eth0": True}


def test_ping_nodes_that_stay_keep_their_state_and_get_the_new_deadping():
    pings = PingNodes((PingNode("gw"), PingNode("old")), Timing(), 0.0)
    kept = next(iter(pings))
    pings.renew((PingNode("new"), PingNode("gw")), Timing(deadping=7.0), 5.0)
    assert [life.name for life in pings] == ["new", "gw"]
    assert list(pings)[1] is kept
    assert kept.patience == 7.0


def test_a_reload_takes_up_links_timers_and_the_inner_signature_without_a_word_to_the_peer_about_death():
    world = World().both_up()
    cluster = world.node("a")
    settings = replace(
        cluster.settings, links=("eth0",), timing=replace(world.timing, keepalive=0.5), inner_signature=False
    )
    world.do("a", lambda a: a.reload(settings, KEYS, world.now))
    assert cluster.peer is not None
    assert list(cluster.peer.links) == ["eth0"]
    world.sent.clear()
    world.run_for(10.0)
    beats = [data for _, name, data in world.sent if name == "a" and b"t=status" in data]
    assert 19 <= len(beats) <= 22
    assert not any(b"(0)auth=" in data for data in beats)
    assert cluster.peer.alive


def test_who_the_nodes_are_stays_until_a_restart():
    world = World().both_up()
    cluster = world.node("a")
    me = replace(cluster.settings.me, name="x")
    world.do("a", lambda a: a.reload(replace(a.settings, me=me, nodes=("x", "y")), KEYS, world.now))
    assert (cluster.settings.me.name, cluster.settings.nodes) == ("a", ("a", "b"))
