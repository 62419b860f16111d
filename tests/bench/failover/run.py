"""FAILOVER.json: every row that was played, of whichever invocation, and on what machine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from migration.comparison.table import Row
from tests.bench.failover import page
from tests.bench.report import machine

FOLDER = Path(__file__).parents[1]

Run = dict[str, Any]
"""See `page.text`."""


def merged(run: Run, played: Sequence[Row]) -> Run:
    """With these in the place of what it had of the same profile, fault and stack."""
    whose = {_key(row) for row in played}
    made = dict(run)
    for kind, unrest in (("rows", False), ("unrest", True)):
        kept = [row for row in run.get(kind, []) if _key(row) not in whose]
        made[kind] = kept + [row for row in played if row.get("unrest", False) is unrest]
    return made


def _key(row: Row) -> tuple[str, str, str]:
    return row["profile"], row["fault"], row["stack"]


def revision() -> str:
    """The commit of this tree, "-dirty" if more in it was changed than what is written here; empty outside of git."""
    try:
        commit = _git("describe", "--always", "--exclude=*")
        changed = _git(
            "status", "--porcelain", "--untracked-files=no", "--", ":/", ":(top,exclude)tests/bench/FAILOVER.*"
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f"{commit}-dirty" if changed else commit


def _git(*words: str) -> str:
    return subprocess.run(["git", "-C", FOLDER, *words], capture_output=True, text=True, check=True).stdout.strip()


def begun() -> Run:
    """What the rows of an invocation have in common: when it began (UTC), and of which commit it is."""
    return {"run": datetime.now(UTC).isoformat(timespec="seconds"), "revision": revision()}


def show(played: Sequence[Row], *, write: bool) -> None:
    """Into FAILOVER.json, .md and .svg; without write, the page on the terminal."""
    file, found = FOLDER / "FAILOVER.json", machine()
    before = json.loads(file.read_text()) if file.exists() else {}
    run = joined(before, played, {**found, "keepalived": found["peers"]["keepalived"]})
    if write:
        page.write(run, FOLDER)
    else:
        print(page.text(run))


def joined(before: Run, played: Sequence[Row], machine: Run) -> Run:
    """Merged, with rows that say where they were played. The machine of the page is that of most of its rows."""
    made = merged(before, [{**row, "cpu": machine["cpu"]} for row in played])
    known = before.get("machine", machine)
    rows = [{"cpu": known["cpu"], **row} for row in made["rows"]]
    here, there = (sum(row["cpu"] == where["cpu"] for row in rows) for where in (machine, known))
    return {**made, "rows": rows, "machine": machine if here > there else known}
