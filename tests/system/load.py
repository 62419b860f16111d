"""A pair on machines that are busy: what it told and did meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.system.pair import NAMES, Pair

ONE, TWO = NAMES
BURNERS_PER_PROCESSOR = 2
BURN = "while True: sum(range(100_000))"
FORK = "import subprocess\nwhile True: subprocess.run(['true'])"
WRITE = "import os, sys\nwhile True:\n f = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY | os.O_TRUNC)\n"
WRITE += " os.write(f, bytes(1 << 20)); os.fsync(f); os.close(f)"
KEEPALIVE, DEADTIME = 0.1, 0.3


@dataclass(frozen=True, slots=True)
class Loaded:
    """seconds: it lasted; used: the part of all processors' time that was used.

    deaths: of the other node, as both logs tell; strays: looks at which an address was not where it belongs; doubles:
    looks with two owners. late: the latest turn of either daemon's loop, seconds after its time.
    """

    seconds: float
    used: float
    deaths: int
    strays: int
    doubles: int
    late: float


def loaded(pair: Pair, seconds: float) -> Loaded:
    """Starts the pair at KEEPALIVE and DEADTIME, and looks at it under load for so long."""
    path = pair.nodes[ONE].folder / "ha.d" / "ha.cf"
    for name in NAMES:
        pair.write(name, "ha.cf", path.read_text().replace("deadtime 500ms", f"deadtime {DEADTIME * 1000:g}ms"))
    pair.start_both()
    deaths = pair.deaths_told()  # of the node that was not there yet
    began, idle = time.monotonic(), _idle_seconds()
    with _load(pair.nodes[ONE].folder), pair.audit() as auditor:
        time.sleep(seconds)  # what is not to happen has the time to
        lasted, unused = time.monotonic() - began, _idle_seconds() - idle
    return Loaded(
        lasted,
        1 - unused / lasted / (os.cpu_count() or 1),
        pair.deaths_told() - deaths,
        sum(sample.owners != (ONE,) for sample in auditor.samples),
        len(auditor.doubles),
        max(_late(pair, name) for name in NAMES),
    )


def _late(pair: Pair, name: str) -> float:
    return float(yaml.safe_load(pair.run(name, "hbeat", "status", "--yaml")[1])["late"]["since start"])


@contextmanager
def _load(folder: Path) -> Iterator[None]:
    """Every processor has more to do than it can: arithmetic, processes that come and go, files that are written."""
    programs = [BURN] * (BURNERS_PER_PROCESSOR * (os.cpu_count() or 1)) + [FORK, WRITE]
    running = [subprocess.Popen([sys.executable, "-c", program, str(folder / "written")]) for program in programs]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def _idle_seconds() -> float:
    """Of all processors, since the machine's start."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")
