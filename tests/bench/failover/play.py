"""Inside a guest: plays faults on stacks in turn, and writes each row as a line of JSON: what came of half a fault, or
"unrest" of a pair that did not come to rest before it.

python -m tests.bench.failover.play PROFILE REPETITIONS FAULTS STACKS FILE
"""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from migration.comparison.faults import faults
from migration.comparison.play import plays
from migration.comparison.table import Row, line
from migration.lab_places import lab_places
from tests.bench.failover.profile import CABLES, PROFILES
from tests.bench.failover.stacks import contenders


def main() -> int:
    profile, repetitions, names, stacks, file = sys.argv[1:]
    known = faults(CABLES)
    chosen = [known[name] for name in names.split(",")]
    with lab_places(in_guest=True), Path(file).open("a") as out, tempfile.TemporaryDirectory() as folder:
        for play in plays(chosen, contenders(PROFILES[profile], stacks.split(","), Path(folder)), int(repetitions)):
            whose: Row = {"stack": play.contender, "profile": profile, "repetition": play.repetition}
            whose["ended"] = datetime.now(UTC).isoformat(timespec="seconds")
            rows = [{**half.row.as_dict(), **whose} for half in play.halves]
            for row in rows:
                print(f"{profile:>6} {line(row)}", flush=True)
            if not rows:
                print(f"{profile:>6} {play.contender:<11} {play.fault}: the pair did not come to rest", flush=True)
                rows = [{"unrest": True, "fault": play.fault, **whose}]
            out.writelines(json.dumps(row) + "\n" for row in rows)
            out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
