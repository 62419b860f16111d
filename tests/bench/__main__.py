"""Runs the benchmark and writes RESULTS.md beside this file; see experiments.py for what is measured.

usage: python -m tests.bench [PART ...]    all parts, some 18 minutes; or these anew, the others kept
       BENCH=short python -m tests.bench   a few sizes once, under five minutes; printed, RESULTS.md stays
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from migration import uml
from tests.bench import peers, report
from tests.bench.experiments import Record
from tests.bench.places import Plan, in_guest, on_host

RESULTS = Path(__file__).with_name("RESULTS.md")
RECORDS = Path(__file__).parents[2] / "build" / "bench.json"
PARTS = ("host-load", "guest-load", "host-faults", "guest-faults")
GUEST_LIMIT = 1800.0  # seconds for one guest

Step = tuple[str, dict[str, Any]]


def load(name: str, count: int, seconds: float, patience: float = 60.0, adopted: bool = False) -> Step:
    return "load", {"name": name, "count": count, "seconds": seconds, "patience": patience, "adopted": adopted}


def fails(name: str, fault: str, count: int, victims: int, sentinel: bool = False) -> Step:
    return "ejection", {"name": name, "fault": fault, "count": count, "victims": victims, "sentinel": sentinel}


def programming(name: str, count: int) -> Step:
    return "programming", {"name": name, "count": count}


def host_load(short: bool) -> Plan:
    """Peers in turn, so that a busy moment of the machine does not hit only one of them."""
    turns, seconds = (1, 10.0) if short else (2, 10.0)
    plan = [
        load(name, count, seconds)
        for _ in range(turns)
        for count in ((100, 1000) if short else (100, 500, 1000))
        for name in ("ours", "ldirectord")
    ]
    for count in (5000,) if short else (5000, 10000):
        plan += [load("ours", count, seconds)] * turns
        # It would take minutes to write so large a table, so it finds one that an earlier ldirectord left.
        plan += [] if short else [load("ldirectord", count, 30.0, patience=0.0, adopted=True)]
    return plan


def guest_load(short: bool) -> Plan:
    """With IPVS. ldirectord runs some ten commands for each real at its start, which takes minutes here."""
    turns, seconds = (1, 8.0) if short else (2, 15.0)
    plan = [
        load(name, count, seconds)
        for _ in range(turns)
        for count in ((100,) if short else (100, 500, 1000))
        for name in ("bare", "ours", "keepalived")
    ]
    return plan if short else [*plan, load("ldirectord", 100, seconds, patience=20.0)]


def host_faults(short: bool) -> Plan:
    both, turns = ("ours", "ldirectord"), 1 if short else 2
    faults = ("reset",) if short else ("reset", "wrong content")
    plan = [fails(name, fault, 100, 20) for fault in faults for name in both]
    plan += [fails(name, "blackhole", 100, 1) for _ in range(turns) for name in both]
    if not short:
        plan += [fails(name, "blackhole", 200, 10) for name in both]
        plan.append(fails("ours", "reset", 1000, 1000))  # the stand-in would be what is measured with ldirectord
    plan += [fails("ours", "reset", 100, 20, sentinel=True), fails("ours", "reset", 1000, 1000, sentinel=True)]
    return plan + [programming("ours", count) for count in (1000, 10000)]


def guest_faults(short: bool) -> Plan:
    two, turns = ("ours", "keepalived"), 1 if short else 2
    faults = ("reset",) if short else ("reset", "wrong content")
    plan = [fails(name, fault, 100, 20) for fault in faults for name in two]
    plan += [fails(name, "blackhole", 100, 1) for _ in range(turns) for name in two]
    if not short:
        plan += [fails(name, "blackhole", 200, 10) for name in two]
        plan += [fails(name, "reset", 1000, 1000) for name in two]
    plan.append(fails("ours", "reset", 100, 20, sentinel=True))
    plan += [] if short else [fails("ours", "reset", 1000, 1000, sentinel=True)]
    for count in (1000,) if short else (1000, 10000):
        plan += [programming(name, count) for name in two] + [("takeover", {"count": count})]
    return plan if short else [*plan, programming("ldirectord", 100)]


def main() -> int:
    missing = uml.missing_packages()
    if os.geteuid() or missing:
        sys.stderr.write(f"bench: run it as root; missing packages: {' '.join(missing) or 'none'}\n")
        return 1
    short = os.environ.get("BENCH") == "short"
    wanted = sys.argv[1:] or list(PARTS)
    if unknown := set(wanted) - set(PARTS):
        sys.stderr.write(f"bench: no part {', '.join(unknown)}; there are {', '.join(PARTS)}\n")
        return 2
    peers.unpack()
    run = report.machine() | {"records": _kept(wanted), "took": 0.0}
    began = time.monotonic()

    def doing(part: str) -> Callable[[Record], None]:
        def done(record: Record) -> None:
            run["records"].append(record | {"part": part})
            run["took"] = time.monotonic() - began
            RECORDS.write_text(json.dumps(run))
            fault = f"{record['fault']} {record['victims']} of " if "fault" in record else ""
            what = f"{record['place']}: {record.get('name')}, {record['experiment']}, {fault}{record['count']}"
            sys.stdout.write(f"{run['took']:5.0f} s  {what}{' FAILED' if 'error' in record else ''}\n")
            sys.stdout.flush()

        return done

    # Where processor time is compared nothing else runs; where delays are, both places do: they are mostly idle.
    if "host-load" in wanted:
        on_host(host_load(short), doing("host-load"))
    if "guest-load" in wanted:
        in_guest(guest_load(short), doing("guest-load"), GUEST_LIMIT)
    with ThreadPoolExecutor() as both:
        parts = []
        if "host-faults" in wanted:
            parts.append(both.submit(on_host, host_faults(short), doing("host-faults")))
        if "guest-faults" in wanted:
            parts.append(both.submit(in_guest, guest_faults(short), doing("guest-faults"), GUEST_LIMIT))
    for part in parts:
        part.result()
    target = [] if short else [str(RESULTS)]
    subprocess.run([sys.executable, "-m", "tests.bench.report", str(RECORDS), *target], check=True)
    return 0


def _kept(wanted: list[str]) -> list[Record]:
    """The records of earlier runs, but of the parts that are to be measured anew."""
    RECORDS.parent.mkdir(exist_ok=True)
    if len(wanted) == len(PARTS) or not RECORDS.exists():
        return []
    kept: list[Record] = json.loads(RECORDS.read_text())["records"]
    return [record for record in kept if record["part"] not in wanted]


if __name__ == "__main__":
    sys.exit(main())
