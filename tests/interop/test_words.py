"""hb_standby and hb_takeover with every word, from either side, in both roles: what moves, and what does not."""

from __future__ import annotations

from tests.interop.mixed import MixedPair
from tests.system.pair import NAMES

ONE, TWO = NAMES
MOVES = (
    # typed on, command, word, who serves then; the group is test1.com's
    (ONE, "hb_standby", "foreign", ONE),
    (TWO, "hb_standby", "local", ONE),
    (ONE, "hb_standby", "all", TWO),
    (TWO, "hb_standby", "local", TWO),
    (TWO, "hb_standby", "all", ONE),
    (ONE, "hb_standby", "local", TWO),
    (TWO, "hb_standby", "foreign", ONE),
    (ONE, "hb_standby", "failback", ONE),
    (ONE, "hb_standby", "", TWO),
    (TWO, "hb_standby", "failback", ONE),
    (TWO, "hb_takeover", "local", ONE),
    (TWO, "hb_takeover", "all", TWO),
    (ONE, "hb_takeover", "foreign", TWO),
    (ONE, "hb_takeover", "all", ONE),
    (TWO, "hb_takeover", "foreign", TWO),
    (ONE, "hb_takeover", "local", ONE),
)


def test_each_word_moves_what_it_names_and_nothing_else(pair: MixedPair) -> None:
    pair.start_all()
    # Who is asked for `failback` gives everything as an original, which does not know the word, and what is the asking
    # node's own as one of ours.
    failback = (
        (TWO, "hb_takeover", "failback", TWO if pair.theirs == ONE else ONE),
        (ONE, "hb_takeover", "failback", ONE),
    )
    with pair.audit() as auditor:
        for name, command, word, owner in MOVES + failback:
            handshakes = {node: ends(pair, node) for node in NAMES}
            print(name, command, word)
            status, out = pair.command(name, command, *word.split())
            assert status == 0, out
            pair.until(lambda before=handshakes: all(ends(pair, node) > before[node] for node in NAMES), 30)  # type: ignore[misc]
            pair.serves(owner)
            pair.settle()
    assert auditor.doubles == []


def ends(pair: MixedPair, name: str) -> int:
    """How many handshakes this node has seen to their end."""
    return pair.log(name).count("resource transition completed")
