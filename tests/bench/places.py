"""Where experiments run: on this machine in namespaces of their own, or in a guest whose kernel has IPVS.

Both give place.py a network of its own (loopback alone) and a private /run, and leave nothing behind.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from migration import uml
from tests.bench.experiments import BEGIN, END, Record
from tests.bench.measure import Cost, guest_cost
from tests.bench.place import MARK

ROOT = Path(__file__).parents[2]
FOLDER = "/run/bench"
GUEST_MEMORY = "1200M"

Plan = Sequence[tuple[str, dict[str, Any]]]
"""Name of an experiment (a method of experiments.Bench) and its arguments, in the order of their turns."""

NAMESPACES = ["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child", "--propagation=private"]


def on_host(plan: Plan, done: Callable[[Record], None]) -> None:
    """done gets each record as it comes."""
    script = 'mount -t tmpfs tmpfs /run && exec "$@"'
    command = [*NAMESPACES, "sh", "-c", script, "sh", *_command("host", plan)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        for line in process.stdout:
            _take(line, done)
    if process.returncode:
        raise RuntimeError(f"the experiments on the host ended with status {process.returncode}")


def in_guest(plan: Plan, done: Callable[[Record], None], time_limit: float) -> None:
    """done gets each record as it comes. Raises uml.GuestError."""
    costs: list[Cost] = []

    def on_line(line: str) -> None:
        if line in (BEGIN.rstrip(), END.rstrip()):
            costs.append(guest_cost())
        else:
            _take(line, lambda record: done(record | _outer(costs)))

    status = uml.run_guest(
        _command("guest", plan), memory=GUEST_MEMORY, time_limit=time_limit, folder=ROOT, on_line=on_line
    )
    if status:
        raise RuntimeError(f"the experiments in the guest ended with status {status}")


def _outer(costs: list[Cost]) -> Record:
    """The guest's cost, if it was measured for this record."""
    if len(costs) < 2:
        return {}
    spent = costs[-1] - costs[0]
    costs.clear()
    return {"guest_cpu": spent.cpu, "guest_wait": spent.wait}


def _command(place: str, plan: Plan) -> list[str]:
    return [sys.executable, "-m", "tests.bench.place", FOLDER, place, json.dumps(plan)]


def _take(line: str, done: Callable[[Record], None]) -> None:
    if line.startswith(MARK):
        done(json.loads(line.removeprefix(MARK)))
    elif line.rstrip() not in (BEGIN.rstrip(), END.rstrip()):
        sys.stderr.write(f"  {line.rstrip()}{os.linesep}")
