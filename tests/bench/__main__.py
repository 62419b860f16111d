"""Runs the benchmark and writes RESULTS.md beside this file; see experiments.py for what is measured.

usage: python -m tests.bench           everything, some 17 minutes
       BENCH=short python -m tests.bench   a few sizes once, under five minutes; printed, RESULTS.md stays
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from migration import uml
from tests.bench import peers, report
from tests.bench.experiments import Record
from tests.bench.places import Plan, in_guest, on_host

RESULTS = Path(__file__).with_name("RESULTS.md")
RECORDS = Path(__file__).parents[2] / "build" / "bench.json"
GUEST_LIMIT = 1800.0  # seconds for one guest

Step = tuple[str, dict[str, Any]]


def load(name: str, count: int, seconds: float, patience: float = 60.0) -> Step:
    return "load", {"name": name, "count": count, "seconds": seconds, "patience": patience}


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
        plan += [] if short else [load("ldirectord", count, seconds, patience=10.0)]
    return plan


def guest_load(short: bool) -> Plan:
    """With IPVS. ldirectord runs some ten commands for each real at its start, which takes minutes here."""
    turns, seconds = (1, 8.0) if short else (2, 15.0)
    plan = [
        load(name, count, seconds)
        for _ in range(turns)
        for count in ((100,) if short else (100, 500, 1000))
        for name in ("ours", "keepalived")
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
    peers.unpack()
    records: list[Record] = []
    began = time.monotonic()
    place = report.machine()
    RECORDS.parent.mkdir(exist_ok=True)

    def done(record: Record) -> None:
        records.append(record)
        RECORDS.write_text(json.dumps({"records": records, "took": time.monotonic() - began, **place}))
        fault = f"{record['fault']} {record['victims']} of " if "fault" in record else ""
        what = f"{record['place']}: {record.get('name')}, {record['experiment']}, {fault}{record['count']}"
        sys.stdout.write(f"{time.monotonic() - began:5.0f} s  {what}{' FAILED' if 'error' in record else ''}\n")
        sys.stdout.flush()

    # Where processor time is compared nothing else runs; where delays are, both places do: they are mostly idle.
    on_host(host_load(short), done)
    in_guest(guest_load(short), done, GUEST_LIMIT)
    with ThreadPoolExecutor() as both:
        parts = [
            both.submit(on_host, host_faults(short), done),
            both.submit(in_guest, guest_faults(short), done, GUEST_LIMIT),
        ]
    for part in parts:
        part.result()
    subprocess.run(
        [sys.executable, "-m", "tests.bench.report", str(RECORDS), *([] if short else [str(RESULTS)])], check=True
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
