"""How long clients wait when a group changes its owner: a pair of originals, both mixed pairs, a pair of ours.

usage: python -m tests.bench.mixed [TURNS]        three turns by default, some five minutes; writes MIXED.md
       BENCH=short python -m tests.bench.mixed    one turn, printed only (90 s)

All pairs have the same files and timers and take turns. The client's word counts: the longest time without an answer of
somebody who asks through the virtual address every 10 ms.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.report import hardware, spread, table
from tests.interop.mixed import HA_CF, MixedPair, missing
from tests.interop.service import Service
from tests.system.pair import NAMES

RESULTS = Path(__file__).with_name("MIXED.md")
ONE, TWO = NAMES
KINDS = {
    "two originals": (ONE, TWO),
    "the original gives, ours takes": (ONE,),
    "ours gives, the original takes": (TWO,),
    "two of ours": (),
}
"""Which nodes run the original. The first node has the group, and loses it."""

YOUNG = 5.5
"""Seconds in which a daemon is young: it asks its peer to wait two seconds more than deadtime."""

HEAD = """\
# Fail-over of mixed pairs

Written by `make bench-interop` on {cores} cores of {cpu}, Linux {kernel}, Python {python}.
Load before the start: {load}.

Four kinds of pairs with the same files take turns, {turns} times: {timers}; two IPaddr resources.
Seconds are the longest time without an answer of a client that asks through the virtual address every 10 ms: median,
with least and most in brackets, then its ratio to two originals. *Power-off*: all processes of the owner killed and its
cables dead; deadtime is in it. *Return*: the node is started again and takes its group back. *Standby*: `hb_standby
all` on the owner. *Stop*: a graceful stop of the owner.

"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One event in one pair; seconds without an answer."""

    kind: str
    event: str
    outage: float


def events(pair: MixedPair, service: Service) -> Sequence[tuple[str, Callable[[], None], str]]:
    """What happens in a pair, one after the other, and who serves then."""

    def power_off() -> None:
        pair.nodes[ONE].power_off()
        service.end(ONE)

    def come_back() -> None:
        pair.nodes[ONE].boot()
        service.serve(ONE)
        pair.start(ONE)

    def stand_by() -> None:
        assert pair.command(ONE, "hb_standby", "all")[0] == 0

    def take_back() -> None:
        assert pair.command(TWO, "hb_standby", "foreign")[0] == 0

    return (
        ("power-off", power_off, TWO),
        ("return", come_back, ONE),
        ("standby", stand_by, TWO),
        ("", take_back, ONE),
        ("stop", lambda: pair.stop(ONE), TWO),
    )


def one_turn(kind: str, done: Callable[[Measured], None]) -> None:
    """Every event once, in a fresh pair of this kind."""
    with (
        tempfile.TemporaryDirectory(prefix="hbeat-bench-") as folder,
        closing(MixedPair(Path(folder), KINDS[kind])) as pair,
    ):
        for node in pair.nodes.values():
            node.boot()
        with closing(Service(pair)) as service:
            for name in NAMES:
                service.serve(name)
            pair.start_all()
            time.sleep(YOUNG)
            for event, begin, owner in events(pair, service):
                begun = time.monotonic()
                begin()
                pair.serves(owner, 40)
                if event not in ("power-off", "stop"):
                    pair.settle()
                if event:
                    done(Measured(kind, event, service.outage(begun, time.monotonic())))


def page(results: Sequence[Measured], machine: dict[str, Any], turns: int) -> str:
    """The table, with what is to be known of it."""
    names = list(dict.fromkeys(result.event for result in results))
    found = {
        (kind, event): [r.outage for r in results if (r.kind, r.event) == (kind, event)]
        for kind in KINDS
        for event in names
    }

    def cell(kind: str, event: str) -> str:
        ratio = median(found[kind, event]) / median(found["two originals", event])
        return f"{spread(found[kind, event], '{:.2f}'.format)}, {ratio:.2f}"

    rows = [[kind, *(cell(kind, event) for event in names)] for kind in KINDS]
    timers = ", ".join(line for line in HA_CF.splitlines() if line.startswith(("keepalive", "deadtime")))
    load = ", ".join(f"{load:.1f}" for load in machine["load_before"])
    return HEAD.format(**machine, load=load, turns=turns, timers=timers) + table(["pair", *names], rows)


def main() -> int:
    if reason := missing():
        sys.stderr.write(f"bench: {reason}\n")
        return 1
    short = os.environ.get("BENCH") == "short"
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 1 if short else 3
    machine, results = hardware(), []

    def done(result: Measured) -> None:
        results.append(result)
        sys.stdout.write(f"{result.outage:6.2f} s  {result.event}, {result.kind}\n")
        sys.stdout.flush()

    for _ in range(turns):
        for kind in KINDS:
            one_turn(kind, done)
    text = page(results, machine, turns)
    sys.stdout.write("\n" + text)
    if not short:
        RESULTS.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
