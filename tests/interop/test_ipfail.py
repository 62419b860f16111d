"""ping nodes and ipfail in a mixed pair: the original's ipfail on one node, ours on the other, in both roles."""

from __future__ import annotations

import pytest

from tests.interop.mixed import HA_CF, MixedPair
from tests.system.pair import NAMES

ONE, TWO = NAMES
ROUTER = "10.1.1.254"
LINES = f"""\
ping {ROUTER}
ping_group gw 10.1.1.252 10.1.1.253
respawn hacluster /usr/libexec/heartbeat/ipfail
"""


@pytest.fixture
def pair(pair: MixedPair) -> MixedPair:
    """A mixed pair that serves on the preferred node and whose nodes both see both ping nodes."""
    pair.at_switch(f"address add {ROUTER}/24 dev br0", "address add 10.1.1.253/32 dev br0")
    for name in NAMES:
        pair.write(name, "ha.cf", HA_CF.replace("keepalive 200ms", "keepalive 500ms") + LINES)
    pair.start_all()
    for name in NAMES:
        pair.until(lambda name=name: sees(pair, name), 20)  # type: ignore[misc]
    return pair


def sees(pair: MixedPair, name: str) -> bool:
    return pair.command(name, "cl_status", "nodestatus", ROUTER)[1].strip() == "ping"


def lose(pair: MixedPair, name: str) -> None:
    """The router's answers do not reach this node any more."""
    table = "add table inet t; add chain inet t i { type filter hook input priority 0; }; add rule inet t i"
    status, out = pair.run(name, "nft", f"{table} ip saddr {ROUTER} drop")
    assert status == 0, out


def see_again(pair: MixedPair, name: str) -> None:
    assert pair.run(name, "nft", "delete table inet t")[0] == 0


def test_the_node_that_serves_loses_a_ping_node_hands_over_and_gets_its_group_back(pair: MixedPair) -> None:
    with pair.audit() as auditor:
        lose(pair, ONE)
        pair.serves(TWO, 30)
        see_again(pair, ONE)  # perhaps in the middle of the handshake, when an original does not give back
        pair.serves(ONE, 60)
        pair.settle()
    assert auditor.doubles == []


def test_the_other_node_loses_a_ping_node_and_nothing_moves(pair: MixedPair) -> None:
    with pair.audit() as auditor:
        lose(pair, TWO)
        pair.until(lambda: not sees(pair, TWO), 10)
        see_again(pair, TWO)
        pair.until(lambda: sees(pair, TWO), 10)
        pair.settle()
    assert auditor.holders == {(ONE,)}


def test_both_lose_it_and_nothing_moves(pair: MixedPair) -> None:
    with pair.audit() as auditor:
        pair.at_switch(f"address del {ROUTER}/24 dev br0")
        for name in NAMES:
            pair.until(lambda name=name: not sees(pair, name), 10)  # type: ignore[misc]
        pair.at_switch(f"address add {ROUTER}/24 dev br0")
        for name in NAMES:
            pair.until(lambda name=name: sees(pair, name), 10)  # type: ignore[misc]
        pair.settle()
    assert auditor.holders == {(ONE,)}


def test_the_node_that_took_over_loses_it_too_and_the_first_takes_everything_again(pair: MixedPair) -> None:
    with pair.audit() as auditor:
        lose(pair, ONE)
        pair.serves(TWO, 30)
        pair.settle()
        lose(pair, TWO)
        pair.until(lambda: not sees(pair, TWO), 10)
        see_again(pair, ONE)
        pair.serves(ONE, 40)
    assert auditor.doubles == []


def test_commands_say_of_ping_nodes_what_the_original_says(pair: MixedPair) -> None:
    theirs, ours = pair.theirs, pair.ours
    questions = (
        *("listnodes", "listnodes -p", "listnodes -n", "listnodes -p -v", "nodeweight gw", "nodesite gw"),
        *(f"nodestatus {ROUTER}", "nodestatus gw", "nodestatus gw -m", "nodetype gw", "nodetype gw -m"),
        *("listhblinks gw", "listhblinks gw -v", "listhblinks gw -m", f"listhblinks {ONE} -m"),
        *(f"hblinkstatus {ROUTER} {ROUTER}", "hblinkstatus gw gw -m", "hbparameter -p deadping"),
        *("clientstatus gw ipfail", *(f"clientstatus {name} ipfail 3000" for name in NAMES)),
        *(f"clientstatus {name} ipfail 3000 -m" for name in NAMES),
        *("hbstatus -m", "nodeweight gw -m", "nodesite gw -m", "hbparameter -p deadping -m", "rscstatus -m"),
    )
    said = {name: {words: pair.command(name, "cl_status", *words.split()) for words in questions} for name in NAMES}
    assert said[ours] == said[theirs]
    # what is wrong is said in words of our own
    for words in (
        "nodestatus 10.1.1.253",
        "nodetype 10.1.1.253",
        "hblinkstatus gw 10.1.1.253",
        "listhblinks x",
        "hblinkstatus x y",
    ):
        codes = {name: pair.command(name, "cl_status", *words.split())[0] for name in NAMES}
        assert codes[ours] == codes[theirs], words
