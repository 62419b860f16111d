"""Two clusters in virtual time: lost, forged, repeated and misdirected datagrams."""

from __future__ import annotations

from dataclasses import replace

from hbeat.core.auth import Key, Keyring, Method, pack, unpack
from hbeat.core.events import Effect, Note, Say, SendDatagram
from hbeat.core.outbox import Outbox
from hbeat.core.wire import Message
from tests.hbeat.machine import KEYS
from tests.hbeat.world import World


def test_lost_datagrams_are_asked_for_and_sent_again() -> None:
    world = World().both_up()
    world.partition("b")
    world.run_for(2.2)
    world.heal()
    since = world.now
    world.run_for(3)
    assert "NS_rexmit" in world.types_sent("b", since)
    assert world.node("b").reception.tracker.complete
    asked = [unpack(d, KEYS) for at, n, d in world.sent if n == "b" and unpack(d, KEYS).text("t") == "NS_rexmit"]
    sequence = int(asked[0].text("firstseq"))  # decimal, unlike seq
    assert any(unpack(d, KEYS).number("seq") == sequence for _, n, d in world.sent if n == "a")


def test_about_one_message_in_ten_is_acknowledged() -> None:
    world = World().both_up()
    since = world.now
    world.run_for(100)
    statuses, acks = (world.types_sent("a", since).count(t) for t in ("status", "NS_ackmsg"))
    assert statuses / 12 < acks < statuses / 8


def test_status_says_two_seconds_more_in_the_first_five() -> None:
    world = World().both_up()
    dts = [(at, unpack(d, KEYS).text("dt")) for at, n, d in world.sent if n == "a"]
    dts = [(at, dt) for at, dt in dts if dt]
    assert {dt for at, dt in dts if at < 5} == {"1388"}
    assert {dt for at, dt in dts if at > 5} == {"bb8"}


def test_replayed_recording_changes_nothing() -> None:
    world = World().both_up()
    recording = [data for _, node, data in world.sent if node == "a"]
    world.power_off("a")
    world.run_for(10)
    for data in recording:
        world.perform("b", world.node("b").receive("eth0", data, world.now))
    assert world.node("b").peer.status == "dead"  # type: ignore[union-attr]
    assert world.owners() == {"b"}


def test_wrong_key_is_counted_and_noted_once_a_minute() -> None:
    world = World().both_up()
    forged = pack(Message.of([("t", "status")]), Keyring(2, {2: Key(2, Method.SHA1, b"WRONG")}))
    effects = [world.node("b").receive("eth0", forged, world.now) for _ in range(50)]
    assert sum(map(len, effects)) == 1
    assert world.node("b").bad.by_link["eth0"] == 50
    again = world.node("b").receive("eth0", forged, world.now + 61)
    assert "49 more" in str(again)


def test_message_for_another_node_is_counted_but_not_obeyed() -> None:
    world = World().both_up()
    sent = world.node("a").outbox.send(Say.of("hb_takeover", "c", rsc_hold="all"), world.now)
    assert isinstance(sent, SendDatagram)
    effects = world.node("b").receive("eth0", sent.data, world.now)
    said = [unpack(e.data, KEYS).text("t") for e in effects if isinstance(e, SendDatagram)]
    assert [type_ for type_ in said if type_ != "NS_ackmsg"] == []


def test_acknowledgement_for_another_node_is_not_ours() -> None:
    """An original sends such to itself, over the network."""
    world = World()
    world.machines["a"].original = True
    node = world.both_up().node("b")
    number = f"{node.outbox.sequence:x}"
    for type_, dest, own in (
        ("NS_ackmsg", "a", {"ackseq": number}),
        ("NS_rexmit", "b", {"firstseq": str(node.outbox.sequence), "lastseq": str(node.outbox.sequence)}),
    ):
        sent = world.node("a").outbox.send(Say.of(type_, dest, **own), world.now)
        effects = node.receive("eth0", sent.data, world.now + 1)
    assert [unpack(e.data, KEYS).text("seq") for e in effects if isinstance(e, SendDatagram)] == [number]


def by_name_of_a(world: World, **own: object) -> list[Effect]:
    """What a machine of the same name sends to the first node."""
    sender = replace(world.node("a").outbox.me, **own)  # type: ignore[arg-type]
    outbox = Outbox(sender, KEYS, lambda: (1, ""))
    datagram = outbox.send(Say.of("status", st="active"), world.now)
    return world.node("a").receive("eth0", datagram.data, world.now)


def test_machine_with_the_name_of_this_node_is_told_of_and_keeps_the_guard_up() -> None:
    world = World().both_up()
    me = world.node("a").outbox.me
    reception = world.node("a").reception
    assert by_name_of_a(world) == by_name_of_a(world, generation=me.generation - 1) == []
    assert not reception.has_namesake(world.now)
    for stranger in ({"generation": me.generation + 1}, {"uuid": bytes(16), "generation": me.generation - 1}):
        world.run_for(100)
        assert not reception.has_namesake(world.now)
        (note,) = by_name_of_a(world, **stranger)
        assert isinstance(note, Note)
        assert "another machine is a, too; give each node a name of its own" in note.text
        assert reception.has_namesake(world.now)
