"""Plays every fault on every stack in a guest kernel and writes FAILOVER.md beside tests/bench/RESULTS.md.

usage: python -m tests.bench.failover [--profiles A,B] [--faults A,B] [--stacks A,B] [--repeat N] [--print]

Five repetitions of everything take about six hours, half of that with a process for each profile. What FAILOVER.json
has of other profiles, faults and stacks stays. --print: the page on the terminal, the files stay as they are.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from pathlib import Path

from migration import uml
from migration.comparison.faults import faults
from tests.bench import peers
from tests.bench.failover.options import at_least_one, chosen
from tests.bench.failover.profile import CABLES, PROFILES
from tests.bench.failover.run import begun, show
from tests.bench.failover.stacks import STACKS

MEMORY = "768M"
SECONDS_PER_PLAY = 150.0


def main() -> int:
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # the guest goes with it
    peers.unpack()
    common = begun()
    with tempfile.TemporaryDirectory(prefix="failover-") as shared:
        file = Path(shared, "rows")
        for profile in options.profiles:
            words = [profile, str(options.repeat), ",".join(options.faults), ",".join(options.stacks), str(file)]
            plays = options.repeat * len(options.faults) * len(options.stacks)
            status = uml.run_guest(
                [sys.executable, "-u", "-m", "tests.bench.failover.play", *words],
                memory=MEMORY,
                time_limit=SECONDS_PER_PLAY * plays,
                on_line=lambda line: print(line, flush=True),
                shared=[Path(shared)],
                folder=Path(__file__).parents[3],
            )
            if status != 0:
                return status
        rows = [json.loads(line) | common for line in file.read_text().splitlines()]
    show(rows, write=not options.print)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.failover", description=__doc__)
    for name, known in (("profiles", PROFILES), ("faults", faults(CABLES)), ("stacks", STACKS)):
        parser.add_argument(f"--{name}", type=chosen(list(known)), default=list(known), metavar="A,B")
    parser.add_argument("--repeat", type=at_least_one, default=5)
    parser.add_argument("--print", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
