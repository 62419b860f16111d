"""Two clusters in virtual time: who holds what, when, and what the wire says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hbeat.core.auth import Key, Keyring, Method, pack, unpack
from hbeat.core.events import Action, Say, SendDatagram
from hbeat.core.membership import Peer
from hbeat.core.model import Failback, Held, Resource, ResourceGroup, Timing
from hbeat.core.wire import Message
from tests.hbeat.world import DIRECTOR, KEYS, SEED_GROUP, VIP, World

FAST = Timing(keepalive=0.1, warntime=0.2, deadtime=0.3, initdead=1.2, deadping=0.3)


def types_sent(world: World, name: str, since: float = 0.0) -> list[str]:
    return [unpack(data, KEYS).text("t") for at, node, data in world.sent if node == name and at >= since]


def test_common_start_ends_with_the_preferred_node_owning() -> None:
    world = World().both_up()
    assert world.owners() == {"a"}
    assert [world.node(n).ownership.status for n in "ab"] == ["local", "local"]


def test_node_alone_takes_everything_after_initdead() -> None:
    world = World()
    world.boot("b")
    assert world.run_until(lambda: world.owners() == {"b"}, 30)
    assert 12.0 <= world.now < 12.2


def test_peer_is_dead_after_deadtime_of_silence_on_all_links() -> None:
    world = World().both_up()
    last = max(at for at, node, _ in world.sent if node == "a")
    world.power_off("a")
    assert world.run_until(lambda: world.owners() == {"b"}, 10)
    assert world.now - last == pytest.approx(3.0, abs=0.1)


def test_one_link_is_enough() -> None:
    world = World().both_up()
    world.cut = {("a", "eth1"), ("b", "eth1")}
    world.run_for(60)
    assert world.owners() == {"a"}
    assert "Link a:eth1 dead." in "\n".join(world.transcript)


def test_deadtime_is_what_the_peer_asks_for() -> None:
    world = World()
    world.timing = FAST
    world.boot("a")
    world.timing = replace(FAST, deadtime=2.0)
    world.boot("b")
    world.run_until(world.settled, 30)
    world.run_for(6)
    world.power_off("b")  # b asked for two seconds
    died = world.now
    world.run_until(lambda: world.node("a").peer.status == "dead", 10)  # type: ignore[union-attr]
    assert world.now - died > 1.8


def test_failback_brings_the_groups_home() -> None:
    world = World().both_up()
    world.power_off("a")
    world.run_for(10)
    world.boot("a")
    assert world.run_until(lambda: world.owners() == {"a"} and world.settled(), 30)


def test_without_auto_failback_they_stay() -> None:
    world = World(failback=Failback.OFF).both_up()
    world.power_off("a")
    world.run_for(10)
    world.boot("a")
    world.run_for(60)
    assert world.owners() == {"b"}
    assert world.node("a").ownership.status == "none"


def test_failback_waits_until_the_returning_director_has_its_verdicts() -> None:
    world = World().both_up()
    world.power_off("a")
    world.run_for(10)
    world.ready_after = 7.0
    world.boot("a")
    booted = world.now
    assert world.run_until(lambda: world.owners() == {"a"}, 30)
    assert world.now - booted > 7.0


def test_failback_does_not_wait_for_ever() -> None:
    world = World().both_up()
    world.power_off("a")
    world.run_for(10)
    world.ready_after = 1e9
    world.boot("a")
    assert world.run_until(lambda: world.owners() == {"a"}, 30)


def test_graceful_stop_hands_over_before_the_peer_could_notice() -> None:
    world = World().both_up()
    stopped = world.now
    world.do("a", lambda c: c.shutdown(world.now))
    assert world.run_until(lambda: world.owners() == {"b"}, 10)
    assert world.now - stopped < 0.2
    assert "shutdone" in types_sent(world, "a")


@pytest.mark.parametrize(("scope", "owner"), [(Held.ALL, "b"), (Held.LOCAL, "b"), (Held.FOREIGN, "a")])
def test_hb_standby_gives_what_it_names(scope: Held, owner: str) -> None:
    world = World().both_up()
    world.do("a", lambda c: c.give(scope, world.now))
    world.run_for(20)
    assert world.owners() == {owner}
    assert world.settled()


@pytest.mark.parametrize(("word", "owner"), [("all", "b"), ("foreign", "b"), ("local", "a"), ("failback", "a")])
def test_hb_takeover_asks_for_what_it_names(word: str, owner: str) -> None:
    world = World().both_up()
    world.do("b", lambda c: c.ask_takeover(word, world.now))
    world.run_for(20)
    assert world.owners() == {owner}


def test_standby_without_a_live_peer_is_refused_and_nothing_moves() -> None:
    world = World().both_up()
    world.power_off("b")
    world.run_for(10)
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    world.run_for(20)
    assert world.owners() == {"a"}
    assert "refused: there is no live peer" in "\n".join(world.transcript)


def test_death_of_the_taker_brings_everything_back() -> None:
    world = World().both_up()
    world.duration = lambda resource, action: 2.0
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    world.run_until(lambda: world.owners() == frozenset(), 20)
    world.power_off("b")
    assert world.run_until(lambda: world.owners() == {"a"} and world.node("a").ownership.status == "all", 60)


def test_death_of_the_giver_in_the_middle_leaves_no_gap() -> None:
    world = World().both_up()
    world.duration = lambda resource, action: 2.0
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    world.run_until(lambda: world.owners() == frozenset(), 20)
    world.power_off("a")
    assert world.run_until(lambda: world.owners() == {"b"}, 60)


def test_group_that_does_not_start_is_handed_over_and_not_played_back() -> None:
    world = World()
    world.fails = {("a", DIRECTOR.text, Action.START)}
    world.boot("a")
    world.boot("b")
    assert world.run_until(lambda: world.owners() == {"b"}, 40)
    world.run_for(120)
    assert world.owners() == {"b"}


def test_group_that_starts_nowhere_is_tried_again_and_says_so() -> None:
    world = World()
    world.fails = {(n, DIRECTOR.text, Action.START) for n in "ab"}
    world.boot("a")
    world.boot("b")
    world.run_for(60)
    assert "runs nowhere" in "\n".join(world.transcript)
    assert len([line for line in world.transcript if "start ldirectord" in line]) < 20
    world.fails.clear()
    assert world.run_until(lambda: len(world.owners()) == 1, 60)


def test_resource_that_cannot_be_stopped_is_not_started_elsewhere() -> None:
    script = Resource("database", "database")
    world = World(groups=[ResourceGroup("a", (script,))]).both_up()
    world.fails = {("a", "database", Action.STOP)}
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    world.run_for(60)
    assert world.owners(script) == {"a"}
    world.fails.clear()
    assert world.run_until(lambda: world.owners(script) == {"b"}, 60)


def test_partition_heals_without_a_moment_of_nobody() -> None:
    world = World().both_up()
    world.partition()
    assert world.run_until(lambda: world.owners() == {"a", "b"}, 10)
    world.run_for(10)
    world.heal()
    healed = world.now
    assert world.run_until(lambda: world.owners() == {"a"} and world.settled(), 30)
    assert world.now - healed < 3.0
    assert all(owners for at, owners in world.owner_log if at >= healed)


def test_one_deaf_node_gives_back_when_it_hears_again() -> None:
    world = World().both_up()
    world.partition("b")
    world.run_for(9)
    world.heal()
    assert world.run_until(lambda: world.owners() == {"a"} and world.settled(), 30)


def test_two_nodes_on_one_starved_processor_do_not_declare_each_other_dead() -> None:
    world = World(timing=FAST).both_up()
    for _ in range(20):
        world.stall(0.4, "a", "b")  # more than deadtime
        world.run_for(1.0)
    text = "\n".join(world.transcript)
    assert "is dead" not in text
    assert "our own loop was" in text
    assert world.owners() == {"a"}


def test_a_late_node_still_finds_out_that_its_peer_is_dead() -> None:
    world = World(timing=FAST).both_up()
    world.power_off("a")
    world.stall(0.5, "b")
    assert world.run_until(lambda: world.owners() == {"b"}, 1.0)


def test_owner_that_was_stopped_for_long_shares_nothing_in_the_end() -> None:
    world = World().both_up()
    world.stall(8.0, "a")
    world.run_for(8.0)
    assert world.run_until(lambda: len(world.owners()) == 1 and world.settled(), 30)
    world.run_for(30)
    assert world.owners() == {"a"}


@pytest.mark.parametrize("failback", [Failback.ON, Failback.OFF])
def test_node_that_booted_cut_off_and_took_everything_is_one_of_two_owners_for_a_moment_only(
    failback: Failback,
) -> None:
    world = World(failback=failback).both_up()
    world.power_off("a")
    world.run_for(10)
    world.partition()
    world.boot("a")
    assert world.run_until(lambda: world.owners() == {"a", "b"}, 20)
    world.heal()
    assert world.run_until(lambda: len(world.owners()) == 1 and world.settled(), 5), "\n".join(world.transcript[-20:])
    world.run_for(20)
    assert world.owners() == {"a"}


def test_after_a_standby_a_restarted_node_gets_its_groups_back() -> None:
    world = World().both_up()
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    world.run_for(5)
    world.power_off("a")
    world.run_for(10)
    world.boot("a")
    assert world.run_until(lambda: world.owners() == {"a"} and world.settled(), 30)


def test_answer_that_came_too_late_does_not_block_the_next_handover() -> None:
    world = World(timing=Timing(1.0, 10.0, 20.0, 20.0, 20.0)).both_up()
    world.stall(11.5, "b")
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    world.run_for(15)
    assert world.owners() == {"a"}
    world.do("a", lambda c: c.give(Held.ALL, world.now))
    assert world.run_until(lambda: world.owners() == {"b"} and world.settled(), 5), "\n".join(world.transcript[-9:])


def test_quick_restart_of_the_owner_is_no_reason_to_lose_its_groups() -> None:
    world = World().both_up()
    world.power_off("a")
    world.boot("a")  # within deadtime: b never declared it dead
    assert world.run_until(lambda: world.owners() == {"a"} and world.settled(), 40)


def test_addresses_left_by_a_crash_are_removed_at_the_next_start() -> None:
    world = World().both_up()
    world.crash("a")
    world.run_for(10)
    assert world.owners() == {"a", "b"}
    world.boot("a")
    assert world.run_until(lambda: world.owners() == {"b"}, 1)


def test_lost_datagrams_are_asked_for_and_sent_again() -> None:
    world = World().both_up()
    world.partition("b")
    world.run_for(2.2)
    world.heal()
    since = world.now
    world.run_for(3)
    assert "NS_rexmit" in types_sent(world, "b", since)
    assert world.node("b").reception.tracker.complete
    asked = [unpack(d, KEYS) for at, n, d in world.sent if n == "b" and unpack(d, KEYS).text("t") == "NS_rexmit"]
    sequence = int(asked[0].text("firstseq"))  # decimal, unlike seq
    assert any(unpack(d, KEYS).number("seq") == sequence for _, n, d in world.sent if n == "a")


def test_about_one_message_in_ten_is_acknowledged() -> None:
    world = World().both_up()
    since = world.now
    world.run_for(100)
    statuses, acks = (types_sent(world, "a", since).count(t) for t in ("status", "NS_ackmsg"))
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


def test_new_haresources_touch_only_what_changed() -> None:
    other = ResourceGroup("a", (Resource("IPaddr::10.1.1.11/24/eth0", "IPaddr", ("10.1.1.11/24/eth0",)),))
    world = World().both_up()
    mark = len(world.transcript)
    node = world.node("a")
    world.do("a", lambda c: c.reload(replace(node.settings, groups=(SEED_GROUP, other)), KEYS, world.now))
    world.run_for(1)
    actions = [line.split("  ")[1] for line in world.transcript[mark:] if " start " in line or " stop " in line]
    assert actions == ["start IPaddr::10.1.1.11/24/eth0"]
    world.do("a", lambda c: c.reload(replace(node.settings, groups=(SEED_GROUP,)), KEYS, world.now))
    world.run_for(1)
    assert "stop IPaddr::10.1.1.11/24/eth0" in world.transcript[-1]


def test_address_added_to_a_group_leaves_the_rest_of_it_alone() -> None:
    more = Resource("IPaddr::10.1.1.12/24/eth0", "IPaddr", ("10.1.1.12/24/eth0",))
    world = World().both_up()
    mark = len(world.transcript)
    node = world.node("a")
    grown = replace(SEED_GROUP, resources=(*SEED_GROUP.resources, more))
    world.do("a", lambda c: c.reload(replace(node.settings, groups=(grown,)), KEYS, world.now))
    world.run_for(1)
    actions = [line.split("  ")[1] for line in world.transcript[mark:] if " start " in line or " stop " in line]
    assert actions == ["start IPaddr::10.1.1.12/24/eth0"]


def test_keys_can_be_changed_without_a_missed_beat() -> None:
    old, new = Key(2, Method.SHA1, b"PASSWORD"), Key(3, Method.SHA1, b"NEXT")
    both = {2: old, 3: new}
    world = World(timing=FAST).both_up()
    for name, ring in (
        ("a", Keyring(2, both)),
        ("b", Keyring(2, both)),
        ("b", Keyring(3, both)),
        ("a", Keyring(3, both)),
        ("a", Keyring(3, {3: new})),
    ):
        node = world.node(name)
        world.perform(name, node.reload(node.settings, ring, world.now))
        world.run_for(2)
    assert world.owners() == {"a"}
    assert [sum(world.node(n).bad.by_link.values()) for n in "ab"] == [0, 0]


FAULT_WORDS = [f"{verb} {name}" for verb in ("off", "standby", "stop", "stall") for name in "ab"]
FAULT_WORDS += ["on", "takeover a", "loss", "calm", "stall ab"]
FAULTS = st.lists(st.tuples(st.sampled_from(FAULT_WORDS), st.floats(min_value=0.05, max_value=20)), max_size=8)


@settings(max_examples=60, deadline=None)
@given(FAULTS, st.integers(0, 1000))
def test_whatever_happens_in_a_connected_pair_there_is_one_owner_in_the_end(
    faults: list[tuple[str, float]], seed: int
) -> None:
    world = World(seed=seed).both_up()
    for fault, pause in faults:
        apply_fault(world, fault)
        world.run_for(pause)
        assert len(world.owners()) <= 1, "\n".join(world.transcript[-30:])
    world.loss = 0.0
    world.run_for(5)  # a node that was told to stop has time to end
    apply_fault(world, "on")
    assert world.run_until(lambda: world.settled() and len(world.owners()) == 1, 200), "\n".join(world.transcript[-40:])


def apply_fault(world: World, fault: str) -> None:
    verb, _, name = fault.partition(" ")
    if verb in ("loss", "calm"):
        world.loss = 0.2 if verb == "loss" else 0.0
        return
    if verb == "on":
        for machine in world.machines.values():
            if machine.cluster is None:
                machine.running = []
                world.boot(machine.name)
        return
    if verb == "off":
        world.power_off(name)
        return
    if verb == "stall":
        if all(world.now > world.machines[n].stalled_until + 1.5 for n in name):  # one stall, not a chain of them
            world.stall(5.0 if name == "ab" else 1.5, *name)
        return
    if world.machines[name].cluster is None:
        return
    if verb == "standby":
        world.do(name, lambda c: c.give(Held.ALL, world.now))
    elif verb == "takeover":
        world.do(name, lambda c: c.ask_takeover("all", world.now))
    else:
        world.do(name, lambda c: c.shutdown(world.now))


def test_vip_is_the_last_to_be_started_and_the_first_to_be_stopped() -> None:
    world = World().both_up()
    world.power_off("a")
    mark = len(world.transcript)
    world.run_for(5)
    order = [line.split("start ")[1] for line in world.transcript[mark:] if " start " in line]
    assert order == [r.text for r in SEED_GROUP.resources]
    assert order.index(DIRECTOR.text) < order.index(VIP.text)


def test_group_that_does_not_start_in_a_handover_is_not_called_lost_when_the_other_takes_it_back() -> None:
    world = World().both_up()
    world.fails = {("b", DIRECTOR.text, Action.START)}
    world.do("a", lambda cluster: cluster.give(Held.ALL, world.now))
    world.run_for(20)
    assert world.owners() == {"a"}
    said = "\n".join(world.transcript)
    assert "it is offered to the peer as soon as that can take it" in said
    assert "runs nowhere" not in said


@pytest.mark.parametrize(("dt", "silence"), [(0.0, 3.0), (1.9, 3.0), (2.0, 2.0), (10.0, 10.0)])
def test_peer_that_asks_for_less_than_two_heartbeats_gets_what_our_file_says(dt: float, silence: float) -> None:
    peer = Peer("b", ("eth0",), Timing(keepalive=1.0, warntime=1.5, deadtime=3.0, initdead=12.0, deadping=3.0), 0.0)
    peer.status_heard("active", dt, 1.0)
    assert peer.patience == silence
