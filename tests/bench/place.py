"""Runs a list of experiments in this place and prints one JSON record for each; see places.py for who starts it.

usage: python -m tests.bench.place FOLDER host|guest PLAN
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import traceback
from pathlib import Path

from tests.bench.experiments import Bench
from tests.bench.measure import adopt_orphans

MARK = "record: "


def main() -> None:
    folder, place, plan = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    adopt_orphans()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    if place == "guest":
        subprocess.run(["modprobe", "ip_vs"], check=True)
    bench = Bench(folder, place == "guest")
    for name, arguments in plan:
        began = time.monotonic()
        try:
            record = getattr(bench, name)(**arguments)
        except Exception:
            record = {"error": traceback.format_exc()}
        whole = {"place": place, "experiment": name, **arguments, **record, "took": time.monotonic() - began}
        print(MARK + json.dumps(whole), flush=True)
    bench.targets.stop()


if __name__ == "__main__":
    main()
