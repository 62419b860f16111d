"""A pair on machines that are busy: nobody is taken for dead who only has little of a processor."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system.pair import NAMES, Pair

ONE, TWO = NAMES
BURNERS_PER_PROCESSOR = 2
REAL_LOAD = 0.8
"""So much of all processors' time must have been used while it lasted."""
BURN = "while True: sum(range(100_000))"
FORK = "import subprocess\nwhile True: subprocess.run(['true'])"
WRITE = "import os, sys\nwhile True:\n f = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY | os.O_TRUNC)\n"
WRITE += " os.write(f, bytes(1 << 20)); os.fsync(f); os.close(f)"
pytestmark = [pytest.mark.root, pytest.mark.system, pytest.mark.alone]


@contextmanager
def load(folder: Path) -> Iterator[None]:
    """Every processor has more to do than it can: arithmetic, processes that come and go, files that are written."""
    programs = [BURN] * (BURNERS_PER_PROCESSOR * (os.cpu_count() or 1)) + [FORK, WRITE]
    running = [subprocess.Popen([sys.executable, "-c", program, str(folder / "written")]) for program in programs]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def idle_seconds() -> float:
    """Of all processors, since the machine's start."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize(
    "seconds",
    [20.0, pytest.param(600.0, marks=pytest.mark.nightly)],
    ids=["twenty seconds", "ten minutes"],
)
def test_load_on_every_processor_moves_nothing_at_timers_of_100_and_300_ms(pair: Pair, seconds: float) -> None:
    path = pair.nodes[ONE].folder / "ha.d" / "ha.cf"
    for name in NAMES:
        pair.write(name, "ha.cf", path.read_text().replace("deadtime 500ms", "deadtime 300ms"))
    pair.start_both()
    deaths = pair.deaths_told()  # of the node that was not there yet
    began, idle = time.monotonic(), idle_seconds()
    with load(pair.nodes[ONE].folder), pair.audit() as auditor:
        time.sleep(seconds)  # what is not to happen has the time to
        lasted, unused = time.monotonic() - began, idle_seconds() - idle
    assert unused <= (1 - REAL_LOAD) * lasted * (os.cpu_count() or 1), "the machine was not busy"
    assert auditor.holders == {(ONE,)}
    assert auditor.doubles == []
    assert pair.deaths_told() == deaths
