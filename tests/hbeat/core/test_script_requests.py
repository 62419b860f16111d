"""What messages of scripts do to a running pair."""

from __future__ import annotations

import pytest

from hbeat.core.auth import unpack
from hbeat.core.model import Failback
from tests.hbeat.machine import KEYS, SEED_GROUP
from tests.hbeat.world import World


def write(world: World, name: str, text: str) -> None:
    fields = tuple((pair.split("=", 1)[0], pair.split("=", 1)[1]) for pair in text.split())
    world.do(name, lambda c: c.script_message(fields, world.now))


def test_hb_standby_and_hb_takeover_of_old_move_the_groups() -> None:
    world = World().both_up()
    write(world, "a", "t=ask_resources rsc_hold=all info=me")
    assert world.run_until(lambda: world.owners() == {"b"} and world.settled(), 10)
    write(world, "a", "t=hb_takeover rsc_hold=all")
    assert world.run_until(lambda: world.owners() == {"a"}, 10)


def test_group_is_started_again_by_an_answer_to_oneself() -> None:
    world = World().both_up()
    world.do("a", lambda c: c.group_by_hand(SEED_GROUP.key, False, world.now))
    assert world.run_until(lambda: not world.owners(), 5)
    write(world, "a", f"t=ip-request-resp dest=a ipaddr={SEED_GROUP.key} weown=yes ok=OK")
    assert world.run_until(lambda: world.owners() == {"a"}, 5)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("t=status st=dead", "this program says that itself"),
        ("t=resource rsc_hold=all isstable=1", "this program says that itself"),
        ("t=shutdone st=dead", "this program says that itself"),
        ("t=hb_died", "this program says that itself"),
        ("t=NS_ackmsg ackseq=1", "this program says that itself"),
        ("t=delnode node=b", "change it and restart"),
        ("t=ask_resources rsc_hold=all info=done", "it says rsc_hold=all info=done"),
        ("t=ask_resources rsc_hold=everything info=me", "it says rsc_hold=everything"),
        ("t=ip-request-resp dest=b ipaddr=x ok=OK", "it says dest=b"),
        ("t=ip-request-resp ipaddr=x ok=OK", "no group x in haresources"),
        ("t=ip-request ipaddr=x", "it says ipaddr=x"),
    ],
)
def test_message_that_cannot_be_meant_is_refused_and_nothing_is_sent(text: str, why: str) -> None:
    world = World().both_up()
    mark = len(world.sent)
    write(world, "a", text)
    assert why in world.transcript[-1]
    assert len(world.sent) == mark


def test_taking_a_group_that_the_other_node_holds_is_refused() -> None:
    world = World().both_up()
    with pytest.raises(LookupError, match="is not held here"):
        world.node("b").group_by_hand(SEED_GROUP.key, True, world.now)


def test_any_other_message_travels_with_our_headers_and_reaches_the_scripts_of_both_nodes() -> None:
    world = World()
    world.hooks = frozenset({"backup", "hb_takeover"})
    world.both_up()
    write(world, "a", "t=backup src=evil seq=1 auth=x what=db hg=ff")
    world.run_for(1)
    messages = (unpack(data, KEYS) for _, node, data in world.sent if node == "a")
    sent = dict(next(m.texts for m in messages if m.text("t") == "backup"))
    assert (sent["src"], sent["what"]) == ("a", "db")
    assert sent["seq"] != "1"
    told = [(name, hook.type, dict(hook.fields)["what"]) for name, hook in world.told]
    assert sorted(told) == [("a", "backup", "db"), ("b", "backup", "db")]


def test_legacy_group_is_asked_for_by_a_script() -> None:
    world = World(failback=Failback.LEGACY)
    world.boot("a")
    world.boot("b")
    world.run_for(8)
    write(world, "b", f"t=ip-request ipaddr={SEED_GROUP.key}")
    assert world.run_until(lambda: world.owners() == {"b"}, 5)
    write(world, "b", "t=ip-request ipaddr=x")
    assert "no such group" in world.transcript[-1]


def test_takeover_without_a_live_peer_is_refused_with_the_reason() -> None:
    world = World().both_up()
    world.power_off("a")
    assert world.run_until(lambda: world.owners() == {"b"}, 30)
    write(world, "b", "t=hb_takeover rsc_hold=all")
    world.do("b", lambda c: c.ask_takeover("all", world.now))
    said = "\n".join(world.transcript)
    assert "message hb_takeover of a script refused: there is no live peer" in said
    assert "takeover of all resources (hb_takeover) refused: there is no live peer" in said
