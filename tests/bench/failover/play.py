"""Inside a guest: plays faults on stacks in turn, and writes each row as a line of JSON.

python -m tests.bench.failover.play PROFILE REPETITIONS FAULTS STACKS FILE
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from random import random

from migration.lab_places import lab_places
from tests.bench.failover.faults import BOUND, FAULTS, FIRST, REST, Fault
from tests.bench.failover.profile import PROFILES, write_files
from tests.bench.failover.stacks import STACKS, Stack
from tests.bench.failover.world import World


def play(fault: Fault, stack: Stack, files: Path) -> list[dict[str, object]]:
    """The rows of one fault on one fresh pair; none, saying so, when the pair does not come to rest."""
    with tempfile.TemporaryDirectory(prefix="failover-") as folder:
        world = World(Path(folder), files, stack)
        try:
            for node in world.nodes.values():
                node.boot()
            for node in world.nodes.values():
                stack.start(node)
            if not world.until_served_by(FIRST, BOUND):
                print(f"{stack.name}: the pair did not come to rest", flush=True)
                return []
            world.observe(REST + random())  # no fault at a fixed place between two beats
            return [row.as_dict() for row in fault.play(world, stack)]
        finally:
            world.close()


def main() -> int:
    profile, repetitions, faults, stacks, file = sys.argv[1:]
    with lab_places(in_guest=True), Path(file).open("a") as out:
        files = Path(tempfile.mkdtemp(prefix="failover-files-"))
        write_files(PROFILES[profile], files)
        for repetition in range(int(repetitions)):
            for fault in faults.split(","):
                for stack in stacks.split(","):
                    for row in play(FAULTS[fault], STACKS[stack], files):
                        row |= {"stack": stack, "profile": profile, "repetition": repetition}
                        out.write(json.dumps(row) + "\n")
                        out.flush()
                        print(_line(row), flush=True)
    return 0


def _line(row: dict[str, object]) -> str:
    moved = f"{row['moved']:7.3f}" if row["moved"] is not None else "  never"
    silence = f", silent for {row['silence']:.3f} s" if row["silence"] is not None else ""
    return (
        f"{row['profile']:>6} {row['stack']:<11} {row['fault']:<20} outage {row['outage']:7.3f} s, "
        f"failed {row['failed']:4} of {row['requests']:5}, moved {moved} s, two owners {row['two_owners']:6.3f} s, "
        f"downloads {row['survived']} of {row['downloads']}{silence}"
    )


if __name__ == "__main__":
    sys.exit(main())
