"""Ping nodes: what they are sent, what counts as an answer, and when they are given up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hbeat.core.auth import Key, Keyring, Method, unpack
from hbeat.core.events import SendDatagram, SendPing
from hbeat.core.model import PingKind, PingNode, Timing
from hbeat.core.outbox import Identity, Outbox
from hbeat.core.ping import PingNodes
from tests.hbeat.machine import KEYS as WORLD_KEYS
from tests.hbeat.world import World

CAPTURED = json.loads((Path(__file__).parents[2] / "vectors/heartbeat/icmp_echo.json").read_text())["requests"]
KEYS = Keyring(2, {2: Key(2, Method.SHA1, b"PASSWORD")})
NODES = (PingNode("10.1.1.254"), PingNode("gw", PingKind.GROUP), PingNode("fd00::254", PingKind.PING6))
TIMING = Timing(keepalive=1.0, warntime=1.5, deadtime=5.0, initdead=12.0, deadping=3.0)


def outbox(seconds: int = 1_800_000_000) -> Outbox:
    return Outbox(Identity("test1.com", b"1" * 16, 7, 6), KEYS, lambda: (seconds, "0.00"))


@pytest.mark.parametrize("row", CAPTURED, ids=lambda row: f"{row['dst']} {row['number']}")
def test_payload_is_byte_for_byte_what_the_original_sent(row: dict[str, Any]) -> None:
    payload = bytes.fromhex(row["icmp_hex"])[8:]
    message = unpack(payload, KEYS)
    sent = PingNodes(NODES, TIMING, 0.0).requests(outbox(message.number("ts") or 0), 0.0)
    assert {request.node: request.data for request in sent}[message.text("src")] == payload


def test_answer_makes_it_visible_and_silence_for_deadping_takes_it_away() -> None:
    pings = PingNodes(NODES[:1], TIMING, 0.0)
    assert not pings.decided
    (request,) = pings.requests(outbox(), 0.0)
    came, notes = pings.answered(request.data, 0.1)
    assert (came, pings.visible, pings.decided) == ("10.1.1.254", 1, True)
    assert [note.text for note in notes] == [
        "Link 10.1.1.254:10.1.1.254 up.",
        "Status update for node 10.1.1.254: status ping",
    ]
    assert pings.next_deadline() == pytest.approx(3.1)
    assert pings.check(3.0) == ([], [])
    died, notes = pings.check(3.2)
    assert (died, pings.visible) == (["10.1.1.254"], 0)
    assert "node 10.1.1.254: is dead" in notes[-1].text


def test_only_what_was_sent_within_deadping_is_an_answer() -> None:
    pings = PingNodes(NODES[:1], TIMING, 0.0)
    (old,) = pings.requests(outbox(1_800_000_000), 0.0)
    pings.requests(outbox(1_800_000_003), 3.0)
    for recording in (old.data, old.data[:-1], b"", b"###\n%%%\n"):
        with pytest.raises(LookupError):
            pings.answered(recording, 3.5)
    assert pings.visible == 0


def test_requests_that_are_remembered_do_not_pile_up() -> None:
    pings = PingNodes(NODES[:1], TIMING, 0.0)
    for second in range(1000):
        pings.requests(outbox(second), float(second))
    (watched,) = pings._watched.values()
    assert len(watched.sent) <= 4


def test_strange_echo_reply_is_counted_and_said_once() -> None:
    world = World(pings=["gw"]).both_up()
    said = len(world.transcript)
    for _ in range(1000):
        world.perform("a", world.node("a").echoed(b"junk", world.now))
    assert world.node("a").bad.by_link["icmp"] == 1000
    assert len(world.transcript) == said + 1


def test_start_waits_for_a_ping_node_until_initdead() -> None:
    world = World(pings=["gw"])
    world.unseen |= {("a", "gw"), ("b", "gw")}
    world.boot("a")
    world.boot("b")
    world.run_for(11.9)
    assert "Comm_now_up" not in "\n".join(world.transcript)
    world.run_for(0.2)
    assert "Comm_now_up" in "\n".join(world.transcript)


def test_ping_nodes_are_asked_with_every_status_message() -> None:
    world = World(pings=["gw", "other"])
    cluster = world.boot("a")
    world.run_for(2.5)
    effects = cluster.handle_timer(cluster.next_deadline())
    status, *requests = [effect for effect in effects if isinstance(effect, SendDatagram | SendPing)]
    assert isinstance(status, SendDatagram)
    assert unpack(status.data, WORLD_KEYS).text("t") == "status"
    assert [request.node for request in requests if isinstance(request, SendPing)] == ["gw", "other"]


def test_late_loop_does_not_make_ping_nodes_dead() -> None:
    world = World(pings=["gw"]).both_up()
    world.stall(5.0, "a")
    world.run_for(8)
    assert "node gw: is dead" not in "\n".join(world.transcript)


def test_hooks_are_told_of_a_ping_node_and_its_link() -> None:
    world = World(pings=["gw"])
    world.hooks = frozenset({"status", "ifstat"})
    world.both_up()
    world.told.clear()
    world.unseen.add(("a", "gw"))
    world.run_for(5)
    told = [(hook.type, dict(hook.fields)) for name, hook in world.told if name == "a"]
    assert [
        (hook, fields.get("src", fields.get("node")), fields["st"], fields.get("info")) for hook, fields in told
    ] == [
        ("ifstat", "gw", "dead", None),
        ("status", "gw", "dead", "ping"),
    ]
