"""auto_failback legacy: two clusters in virtual time, and the messages of the recorded pair."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hbeat.core.auth import unpack
from hbeat.core.events import Action, Effect, Outcome, Say
from hbeat.core.legacy import ASK_AGAIN, LegacyOwnership
from hbeat.core.model import Failback, Held, Resource, ResourceGroup, Safety, Timing
from tests.hbeat.core.test_cluster import apply_fault
from tests.hbeat.machine import KEYS, SEED_GROUP, VIP
from tests.hbeat.world import World

WEB = Resource("web", "web")
DIRECTOR = SEED_GROUP.key


def world(*groups: ResourceGroup) -> World:
    return World(failback=Failback.LEGACY, groups=groups or (SEED_GROUP,))


def both_up(*groups: ResourceGroup) -> World:
    made = world(*groups)
    made.boot("a")
    made.boot("b")
    made.run_for(8)
    return made


def said(made: World, name: str, since: float = 0.0) -> list[dict[str, str]]:
    """What a node said of resources."""
    messages = [dict(unpack(data, KEYS).texts) for at, node, data in made.sent if node == name and at >= since]
    quiet = ("status", "reqnodes", "repnodes")
    return [m for m in messages if m["t"] not in quiet and not m["t"].startswith("NS_")]


def test_common_start_waits_for_nobody() -> None:
    made = world()
    made.boot("a")
    made.boot("b")
    assert made.run_until(lambda: made.owners() == {"a"}, 3)


def test_no_node_says_what_it_holds() -> None:
    made = both_up()
    assert {m["t"] for name in "ab" for m in said(made, name)} <= {"ip-request", "ip-request-resp"}
    assert made.node("a").ownership.status == "none"


def test_returning_node_asks_and_is_answered_as_in_the_recording() -> None:
    made = both_up()
    made.power_off("a")
    assert made.run_until(lambda: made.owners() == {"b"}, 10)
    returned = made.now
    made.boot("a")
    assert made.run_until(lambda: made.owners() == {"a"}, 10)
    (request,) = said(made, "a", returned)
    (answer,) = [m for m in said(made, "b", returned) if m["t"] != "stonith"]
    assert list(request)[:2] == ["t", "ipaddr"]
    assert request["ipaddr"] == DIRECTOR
    assert list(answer)[:5] == ["t", "dest", "ipaddr", "weown", "ok"]
    assert (answer["dest"], answer["ipaddr"], answer["weown"], answer["ok"]) == ("a", DIRECTOR, "yes", "OK")


def test_returning_node_asks_when_its_director_has_its_verdicts() -> None:
    made = both_up()
    made.power_off("a")
    made.run_for(10)
    made.ready_after = 7.0
    made.boot("a")
    booted = made.now
    assert made.run_until(lambda: made.owners() == {"a"}, 30)
    assert made.now - booted > 7.0


def test_unanswered_request_is_no_answer_and_is_repeated() -> None:
    ownership = LegacyOwnership("a", "b", (SEED_GROUP,))
    ownership.peer_returned(False, 0.0)
    request = Say.of("ip-request", ipaddr=DIRECTOR)
    assert ownership.activated(1.0, peer_active=True) == [request]
    assert ownership.next_deadline() == 1.0 + ASK_AGAIN
    assert ownership.handle_timer(1.0 + ASK_AGAIN)[-1] == request
    assert ownership.mine() == ()
    assert ownership.peer_answers("web", "OK", 12.0) != []
    assert ownership.mine() == ()
    ownership.peer_answers(DIRECTOR, "OK", 12.0)
    assert ownership.mine() == (SEED_GROUP,)


def test_answer_is_not_sent_for_a_group_that_is_ours_again() -> None:
    ownership = LegacyOwnership("b", "a", (SEED_GROUP,))
    ownership.activated(0.0, peer_active=False)
    ownership.peer_returned(False, 1.0)
    ownership.peer_requests(DIRECTOR, 2.0)
    ownership.peer_gone("dead", 3.0)
    ownership.peer_returned(False, 4.0)
    said: list[Effect] = []
    for op_id in range(1, 40):
        said += ownership.finished(op_id, Outcome(True), 5.0)
    assert ownership.jobs.idle
    assert not [e for e in said if isinstance(e, Say)]
    assert ownership.mine() == (SEED_GROUP,)


def test_graceful_stop_and_active_active() -> None:
    made = both_up(SEED_GROUP, ResourceGroup("b", (WEB,)))
    assert made.owners() == {"a"}
    assert made.owners(WEB) == {"b"}
    made.do("b", lambda c: c.shutdown(made.now))
    assert made.run_until(lambda: made.owners(WEB) == {"a"}, 3)
    assert said(made, "b")[-1]["t"] == "shutdone"


def test_standby_moves_nothing_and_says_why() -> None:
    made = both_up()
    made.do("a", lambda c: c.give(Held.ALL, made.now))
    made.do("b", lambda c: c.ask_takeover("all", made.now))
    made.run_for(15)
    assert made.owners() == {"a"}
    assert made.transcript[-1].endswith("auto_failback legacy has none; write auto_failback on or off on both nodes")


def test_group_that_does_not_start_is_tried_again() -> None:
    made = world()
    made.fails.add(("a", VIP.text, Action.START))
    made.boot("a")
    made.boot("b")
    made.run_for(10)
    assert made.machines["a"].running == []
    made.fails.clear()
    assert made.run_until(lambda: made.owners() == {"a"}, 35)


def test_partition_heals_with_one_owner() -> None:
    made = both_up()
    made.partition()
    made.run_for(10)
    assert made.owners() == {"a", "b"}
    made.heal()
    assert made.run_until(lambda: made.owners() == {"a"}, 10)


def test_peer_with_another_mode_is_told_in_the_log() -> None:
    made = world()
    made.boot("a")
    made.failback = Failback.ON
    made.boot("b")
    made.run_for(15)
    assert "starting of b ignored: auto_failback is legacy here and not there" in "\n".join(made.transcript)


def test_node_that_was_not_heard_before_is_shown_our_status_before_anything_else() -> None:
    """The original takes its groups without asking when it becomes active and has not seen us active."""
    made = both_up()
    made.power_off("a")
    made.run_for(10.4)  # between two of our heartbeats
    returned = made.now
    made.boot("a")
    made.run_for(0.1)
    messages = (unpack(data, KEYS) for at, node, data in made.sent if node == "b" and at >= returned)
    first = next(m for m in messages if not m.text("t").startswith("NS_"))
    assert (first.text("t"), first.text("st")) == ("status", "active")


FAULTS = [f"{verb} {name}" for verb in ("off", "stop") for name in "ab"] + ["on", "loss", "calm"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(FAULTS), st.floats(0.05, 20)), max_size=8), st.integers(0, 1000))
def test_whatever_happens_in_a_connected_pair_the_preferred_node_owns_in_the_end(
    faults: list[tuple[str, float]], seed: int
) -> None:
    made = World(failback=Failback.LEGACY, seed=seed)
    for name in "ab":
        made.boot(name)
    made.run_for(8)
    for fault, pause in faults:
        apply_fault(made, fault)
        made.run_for(pause)
        assert len(made.owners()) <= 1, "\n".join(made.transcript[-30:])
    made.loss = 0.0
    made.run_for(5)
    apply_fault(made, "on")
    assert made.run_until(lambda: made.owners() == {"a"}, 60), "\n".join(made.transcript[-30:])


def test_messages_of_this_mode_are_told_in_the_log_of_the_others() -> None:
    made = World()
    made.boot("b")
    made.run_for(15)
    made.failback = Failback.LEGACY
    made.boot("a")
    made.run_for(15)
    text = f"ip-request {DIRECTOR} of a ignored: auto_failback is legacy there and not here"
    assert text in "\n".join(made.transcript)


CLASSIC = ResourceGroup("a", (Resource("disk", "disk"), VIP, WEB))
TIMING = Timing(keepalive=1.0, warntime=1.5, deadtime=3.0, initdead=12.0, deadping=3.0)


def guarded() -> World:
    return World(TIMING, Failback.LEGACY, [CLASSIC], safety=Safety()).both_up()


def test_takeover_under_way_ends_when_the_owner_is_heard_again() -> None:
    made = guarded()
    made.duration = lambda resource, action: 4.0 if resource != VIP and action is Action.START else 0.01
    made.stall(5.5, "a")
    assert made.run_until(lambda: any("acquired from a" in line for line in made.transcript), 10)
    assert made.run_until(lambda: made.owners() == {"a"}, 15)
    made.run_for(15)
    assert made.owners() == {"a"}
    assert made.seconds_of_two_owners() == 0, "\n".join(made.transcript)


def test_node_that_booted_unheard_gets_its_group_when_it_is_heard() -> None:
    made = guarded()
    made.power_off("a")
    assert made.run_until(lambda: made.owners() == {"b"}, 20)
    made.partition()
    made.boot("a")
    made.run_for(30)
    made.heal()
    assert made.run_until(lambda: made.owners() == {"a"}, 15)
    assert made.seconds_of_two_owners() == 0


def test_group_that_is_still_being_stopped_is_not_said_to_be_free() -> None:
    made = guarded()
    made.power_off("a")
    assert made.run_until(lambda: made.owners() == {"b"} and made.node("b").ownership.jobs.idle, 20)
    made.duration = lambda resource, action: 3 * ASK_AGAIN if action is Action.STOP and resource == WEB else 0.01
    made.boot("a")
    assert made.run_until(lambda: "asking again" in "\n".join(made.transcript), 30)
    made.run_for(5)
    assert (WEB.text in made.machines["b"].running, made.machines["a"].running) == (True, [])
    assert made.run_until(lambda: made.owners() == {"a"}, 40)


def test_node_that_the_other_one_does_not_hear_gives_way_and_asks_when_it_is_heard_again() -> None:
    """Nothing at all reaches b, no answer to ARP either: it takes what it finds free."""
    made = guarded()
    made.deaf = True
    made.partition("b")
    assert made.run_until(lambda: made.owners() == {"b"}, 20)
    assert made.seconds_of_two_owners() < 3 * TIMING.keepalive
    made.run_for(30)
    assert made.owners() == {"b"}
    made.heal()
    made.deaf = False
    assert made.run_until(lambda: made.owners() == {"a"}, 5)
    made.run_for(30)
    assert made.owners() == {"a"}
    assert made.seconds_of_two_owners() < 3 * TIMING.keepalive


def test_address_that_stays_is_announced_when_a_partition_heals() -> None:
    made = guarded()
    made.deaf = True
    made.partition()
    assert made.run_until(lambda: made.owners() == {"a", "b"}, 20)
    made.deaf = False
    made.heal()
    healed = made.now
    assert made.run_until(lambda: made.owners() == {"a"}, 5)
    assert {(name, vip) for at, name, vip in made.announced if at >= healed} == {("a", VIP)}
