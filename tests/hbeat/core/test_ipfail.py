"""ipfail: what it says on the wire, and whom it lets hold the resources."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hbeat.core.auth import Key, Keyring, Method, unpack
from hbeat.core.events import Note, Say
from hbeat.core.ipfail import GiveUp, Ipfail
from hbeat.core.model import Failback, Held
from hbeat.core.outbox import Identity, Outbox
from tests.hbeat.machine import KEYS
from tests.hbeat.world import World

CAPTURED = Path(__file__).parents[2] / "vectors/heartbeat/ipfail.jsonl"


def says(ipfail: Ipfail, row: dict[str, Any]) -> Say:
    """What ours says when the original said this."""
    fields = {field["name"]: field["value"] for field in row["fields"]}
    match row["type"]:
        case "hbapi-clstat":
            return next(said for said in ipfail.join(0) if isinstance(said, Say))
        case "num_ping_nodes":
            return next(said for said in ipfail.tell(int(fields["num_ping"])) if isinstance(said, Say))
        case "you_are_dead":
            return next(said for said in ipfail.compare(0, 1, 0.0) if isinstance(said, Say))
        case "abort_giveup":
            return next(said for said in ipfail.compare(1, 1, 0.0) if isinstance(said, Say))
    return ipfail.ask(Held(fields["rsc_hold"]))


ROWS = [
    row
    for row in map(json.loads, CAPTURED.read_text().splitlines())
    if any(field["name"] == "from_id" for field in row["fields"])
]


def test_all_kinds_of_its_messages_were_captured() -> None:
    assert {row["type"] for row in ROWS} == {
        *("hbapi-clstat", "num_ping_nodes", "you_are_dead", "abort_giveup", "ask_resources")
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['type']} {row['id']}")
def test_message_is_byte_for_byte_what_the_original_sent(row: dict[str, Any]) -> None:
    fields = {field["name"]: field["value"] for field in row["fields"]}
    me = Identity(row["from_node"], bytes.fromhex(fields["srcuuid"]), int(fields["hg"], 16), int(fields["ttl"]))
    peer = "test2.com" if me.name == "test1.com" else "test1.com"
    keys = Keyring(row["key"]["number"], {row["key"]["number"]: Key(2, Method.SHA1, row["key"]["text"].encode())})
    outbox = Outbox(me, keys, lambda: (int(fields["ts"], 16), fields["ld"]))
    outbox.sequence = int(fields["seq"], 16) - 1
    if "destuuid" in fields:
        outbox.peer_uuids[peer] = bytes.fromhex(fields["destuuid"])
    ipfail = Ipfail(me.name, peer, 1.0, gives_back=True)
    ipfail.active = True
    assert outbox.send(says(ipfail, row), 0.0).data == bytes.fromhex(row["payload_hex"])


def pair(failback: Failback = Failback.ON) -> World:
    return World(failback=failback, pings=["gw"]).both_up()


def asks(world: World, since: float) -> list[tuple[str, str]]:
    """(node, scope) of each standby handshake begun since then."""
    sent = [(node, unpack(data, KEYS)) for at, node, data in world.sent if at >= since]
    return [
        (node, message.text("rsc_hold"))
        for node, message in sent
        if message.text("t") == "ask_resources" and message.text("info") == "me"
    ]


def test_node_that_loses_its_ping_node_hands_over() -> None:
    world = pair()
    world.unseen.add(("a", "gw"))
    assert world.run_until(lambda: world.owners() == {"b"}, 10)
    assert [owners for _, owners in world.owner_log[-2:]] == [frozenset(), {"b"}]


def test_nobody_moves_when_both_lose_it_within_deadping() -> None:
    world = pair()
    world.unseen.add(("a", "gw"))
    world.run_for(1.5)
    world.unseen.add(("b", "gw"))
    began = world.now
    world.run_for(60)
    assert asks(world, began) == []
    assert world.owners() == {"a"}


def test_nothing_is_given_up_for_a_ping_node_that_is_back_before_it_was_due() -> None:
    ipfail = Ipfail("a", "b", 1.0, gives_back=True)
    ipfail.join(1)
    ipfail.tell(0)
    ipfail.told_dead(10.0)
    said = ipfail.tell(1)
    assert [note.text for note in said if isinstance(note, Note)] == ["ipfail: giving up is called off"]
    assert ipfail.handle_timer(Held.LOCAL, 1, True, 12.0) == []
    ipfail.told_dead(12.5)  # the peer sees even more
    ipfail.tell(1)
    assert [type(wish) for wish in ipfail.handle_timer(Held.LOCAL, 1, True, 14.5)] == [GiveUp]


def test_nobody_moves_when_the_node_without_resources_loses_it() -> None:
    world = pair()
    began = world.now
    world.unseen.add(("b", "gw"))
    world.run_for(60)
    world.unseen.clear()
    world.run_for(60)
    assert asks(world, began) == []


def test_balanced_comparison_begins_no_empty_handshake() -> None:
    world = pair()
    assert asks(world, 0.0) == []


def test_resources_return_once_the_balance_has_lasted() -> None:
    world = pair()
    world.unseen.add(("a", "gw"))
    world.run_until(lambda: world.owners() == {"b"}, 10)
    world.run_for(5)
    world.unseen.clear()
    began = world.now
    assert world.run_until(lambda: world.owners() == {"a"}, 30)
    assert 10 <= world.now - began < 12


def test_resources_stay_without_auto_failback() -> None:
    world = pair(Failback.OFF)
    world.unseen.add(("a", "gw"))
    world.run_until(lambda: world.owners() == {"b"}, 10)
    world.run_for(5)
    world.unseen.clear()
    world.run_for(120)
    assert world.owners() == {"b"}


def test_what_an_operator_moved_stays_when_a_ping_node_comes_back() -> None:
    world = pair()
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    world.run_until(lambda: world.owners() == {"b"}, 10)
    world.unseen.add(("a", "gw"))
    world.run_for(10)
    world.unseen.clear()
    world.run_for(120)
    assert world.owners() == {"b"}


def test_flapping_ping_node_moves_the_resources_once() -> None:
    world = pair()
    for _ in range(20):
        world.unseen.add(("a", "gw"))
        world.run_for(9)
        world.unseen.clear()
        world.run_for(4)
    assert [owners for _, owners in world.owner_log if owners] == [{"a"}, {"b"}]


def test_node_that_boots_without_its_ping_node_gets_nothing_back_until_it_sees_it() -> None:
    world = pair()
    world.power_off("a")
    world.run_until(lambda: world.owners() == {"b"}, 20)
    world.unseen.add(("a", "gw"))
    began = world.now
    world.boot("a")
    world.run_for(60)
    assert world.owners() == {"b"}
    assert asks(world, began) == []
    world.unseen.clear()
    assert world.run_until(lambda: world.owners() == {"a"}, 30)


def test_node_that_starts_without_its_ping_node_beside_another_ends_without_resources() -> None:
    world = World(pings=["gw"])
    world.unseen.add(("a", "gw"))
    world.boot("a")
    world.boot("b")
    assert world.run_until(lambda: world.owners() == {"b"}, 60)


def test_handshake_without_an_answer_is_begun_again() -> None:
    ipfail = Ipfail("a", "b", 1.0, gives_back=True)
    ipfail.join(0)
    ipfail.told_dead(0.0)
    assert [type(wish) for wish in ipfail.handle_timer(Held.LOCAL, 0, True, 2.0)] == [GiveUp]
    assert ipfail.handle_timer(Held.LOCAL, 0, False, 3.0) == []
    assert [type(wish) for wish in ipfail.handle_timer(Held.LOCAL, 0, True, 13.0)] == [GiveUp]
    assert ipfail.handle_timer(Held.NONE, 0, True, 14.0) == []
    assert ipfail.next_deadline() is None


def test_death_of_the_peer_calls_giving_up_off() -> None:
    world = pair()
    world.unseen.add(("a", "gw"))
    world.run_for(4)
    world.power_off("b")
    world.run_for(30)
    assert world.owners() == {"a"}


def test_dead_link_lets_the_peer_compare() -> None:
    world = pair()
    began = world.now
    world.cut = {("a", "eth1"), ("b", "eth1")}
    world.run_for(5)
    told = [n for at, n, data in world.sent if at > began and unpack(data, KEYS).text("t") == "num_ping_nodes"]
    assert sorted(told) == ["a", "b"]


def test_question_of_cl_status_on_the_other_node_is_answered() -> None:
    world = pair()
    ask = Say.of("query-cstatus", "b", cn="ipfail", from_id="77")
    world.perform("a", [world.node("a").outbox.send(ask, world.now)])
    world.run_for(0.1)
    answer = unpack(world.sent[-1][2], KEYS)
    shown = {name: answer.text(name) for name in ("t", "dest", "result", "cn", "to_id", "cs")}
    assert shown == {"t": "respond-cstatus", "dest": "a", "result": "OK", "cn": "ipfail", "to_id": "77", "cs": "online"}


def test_peer_that_forgot_to_give_back_is_told_again_until_it_did() -> None:
    """An original that was busy when the balance came does nothing more about it."""
    ipfail = Ipfail("a", "b", 1.0, gives_back=True)
    ipfail.join(0)
    ipfail.told_dead(0.0)
    ipfail.handle_timer(Held.LOCAL, 0, True, 2.0)
    ipfail.handle_timer(Held.NONE, 0, True, 3.0)
    ipfail.told_to_abort(20.0)
    for at in (35.0, 50.0):
        assert ipfail.next_deadline() == at
        assert [*ipfail.handle_timer(Held.NONE, 1, True, at)] == [*ipfail.tell(1)]
    assert ipfail.handle_timer(Held.LOCAL, 1, True, 65.0) == []
    assert ipfail.next_deadline() is None
