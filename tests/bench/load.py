"""A pair at 100 ms and 300 ms while all processors have more to do than they can: deaths and changes of owner.

usage: python -m tests.bench.load [--seconds N] [--print]

What comes of it joins FAILOVER.json, in the place of the one before; --print: it is only told.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from tests.bench.failover import page
from tests.bench.failover.run import FOLDER, begun
from tests.bench.report import hardware
from tests.system.load import DEADTIME, KEEPALIVE, loaded
from tests.system.pair import Pair


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.load", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--print", action="store_true")
    options = parser.parse_args()
    common = {**begun(), "cpu": hardware()["cpu"], "keepalive": KEEPALIVE, "deadtime": DEADTIME}
    print(f"all processors loaded for {options.seconds:g} s", flush=True)
    with tempfile.TemporaryDirectory() as folder, closing(Pair(Path(folder))) as pair:
        row = {**asdict(loaded(pair, options.seconds)), **common}
    print(json.dumps(row, indent=1))
    if not options.print:
        run = json.loads((FOLDER / "FAILOVER.json").read_text())
        page.write({**run, "loads": [row]}, FOLDER)
    return 0


if __name__ == "__main__":
    sys.exit(main())
