"""FAILOVER.md and its plot from the rows of a run.

usage: python -m tests.bench.failover.page RUN [FOLDER]      without FOLDER the page is printed
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median
from typing import Any
from xml.sax.saxutils import escape

from migration.comparison.table import Row, figures, groups, in_order, ratios
from tests.bench.failover.bounds import MISSED, judge, unplayed
from tests.bench.failover.reasons import REASONS

HEAD = """\
# Fail-over beside keepalived {keepalived}

Written by `make bench-failover` on {cores} cores of {cpu}, Linux {kernel}; the rows are in FAILOVER.json.

One cluster for all: two directors with an outside and an inside cable, three web servers behind them (NAT), the same
checks, in one User-Mode Linux guest with real IPVS; a client opens a connection through the virtual address every
10 ms. The stacks take turns, every fault meets a fresh pair that has come to rest. A value is the median, with least
and most in brackets; times are seconds. The referee stands outside both nodes: addresses are told by the kernels, the
outage is the longest time without a good answer.

* Timers: heartbeat or advert every 1 s (checks every 5 s), 100 ms (checks every second) or 10 ms. Deadtime is three
  beats, at 10 ms four; VRRP's is its own formula, 3 to 4 adverts.
* *failed*: requests of about 100 a second. *moved*: until all addresses were where they belong. *two owners*: so long
  both kernels had the same address.
* *downloads*: two are open through the virtual address, 100 kB a second each; how many of all went on, and the longest
  silence of those. Without synchronisation of connections (-sync) they stay open and silent, or are reset.
* killed, frozen: all processes of the stack on the first node at one instant, SIGKILL or SIGSTOP; nobody repairs it, it
  is looked at for 12 s. heartbeats cut: the switch drops heartbeats and adverts only, also for 12 s.
* A guest has one processor and system calls some ten times slower than the machine's, so compare within a row. How
  long a stop takes there is mostly how long the guest takes to start the programs that ask for it.
* addresses alone: the same two addresses on the machine's own kernel, without a guest, servers and checks (keepalived
  with VRRP only). An outage is then the time in which neither kernel has the outside address behind a cable that is in
  (inside cable: the inside address), and nothing is known of requests and downloads, which nobody makes; killed,
  frozen and heartbeats cut are looked at for 4 s.

"""
BAR = 420
LOADED, BUSY = 600.0, 0.8
"""Seconds, and the part of all processors' time: for the aim of a loaded pair."""
COLOURS = {
    "ours": "#2a7ab0",
    "ours-sync": "#2a7ab0",
    "keepalived": "#d0762a",
    "keepalived-sync": "#d0762a",
    "originals": "#888888",
}


def text(run: dict[str, Any]) -> str:
    """The page. run: machine and rows; unrest: fault, stack and profile of each play whose pair did not come to rest;
    perhaps a remark."""
    rows: list[Row] = run["rows"]
    parts = [HEAD.format(**run["machine"]), "![outages](FAILOVER.svg)\n"]
    if remark := run.get("remark"):
        parts.append(f"\n{remark}\n")
    parts += [f"\n{line}\n" for line in _elsewhere(rows, run["machine"]["cpu"])]
    if all(row["requests"] == 0 for row in rows):
        parts.append("\nThe faults in the guest, with servers and a client, have not been played for this page yet.\n")
    for profile in in_order(row["profile"] for row in rows):
        parts.append(f"\n## Heartbeats every {profile}\n\n")
        parts.append(
            "| fault | stack | outage | failed | moved | two owners | downloads | runs |\n" + "|---" * 8 + "|\n"
        )
        mine = _of(profile, rows)
        for fault, stack, chosen in groups(mine):
            parts.append(f"| {' | '.join((fault, stack, *figures(chosen), str(len(chosen))))} |\n")
        unrest = [(row["fault"], row["stack"]) for row in _of(profile, run.get("unrest", []))]
        for fault, stack in dict.fromkeys(unrest):
            parts.append(f"| {fault} | {stack} | did not come to rest | | | | | {unrest.count((fault, stack))} |\n")
        parts += [f"\n{line}\n" for line in _played(mine)]
        found = ", ".join(f"{fault} {ratio:.2f}" for fault, ratio in ratios(mine).items())
        parts.append(f"\nOutage, ours as a part of keepalived's: {found}\n")
        parts += ["\n", *(f"* {line}{_why(line, profile)}\n" for line in judge(rows, profile))]
        parts += [f"* not measured: {fault}\n" for fault in unplayed(rows, profile)]
    return "".join([*parts, *_loads(run.get("loads", []))])


def _loads(loads: list[Row]) -> list[str]:
    """The pairs on busy machines (tests.bench.load)."""
    if not loads:
        return []
    columns = ("heartbeats every", "deadtime", "loaded for", "processors used", "deaths told")
    names = [*columns, "looks with another owner", "with two", "latest turn", "run", "commit"]
    lines = ["\n## All processors loaded\n\n", f"| {' | '.join(names)} |\n", "|---" * len(names) + "|\n"]
    for load in loads:
        times = [f"{load[key]:g} s" for key in ("keepalive", "deadtime", "seconds")]
        counts = [str(load[key]) for key in ("deaths", "strays", "doubles")]
        late = f"{load['late'] * 1000:.0f} ms late"
        cells = [*times, f"{load['used']:.0%}", *counts, late, load["run"], load["revision"] or "unknown"]
        lines.append(f"| {' | '.join(cells)} |\n")
    lines.append("\n")
    for load in loads:
        well = not (load["deaths"] or load["strays"] or load["doubles"])
        enough = load["seconds"] >= LOADED and load["used"] >= BUSY
        verdict = MISSED if not well else "reached" if enough else "not measured, too short or not busy enough"
        lines.append(f"* {verdict}: no false takeover while all processors are loaded for {LOADED:g} s\n")
    return lines


def _elsewhere(rows: list[Row], cpu: str) -> list[str]:
    """Which rows were played on another machine than that of the page: a ratio is of rows of the same one."""
    stacks: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        if (other := row.get("cpu", cpu)) != cpu:
            stacks.setdefault(other, {}).setdefault(f"{row['fault']} ({row['profile']})", []).append(row["stack"])
    return [
        f"Played on {other}: " + "; ".join(f"{what} of {', '.join(in_order(whose))}" for what, whose in found.items())
        for other, found in stacks.items()
    ]


def _played(rows: list[Row]) -> list[str]:
    """Which invocations the rows of one table are of."""
    of_run: dict[tuple[str, str], list[Row]] = {}
    for row in (row for row in rows if "run" in row):
        of_run.setdefault((row["run"], row.get("revision", "")), []).append(row)
    lines = []
    for (run, revision), chosen in sorted(of_run.items()):
        whose = "; ".join(f"{fault} of {', '.join(stacks)}" for fault, stacks in _stacks_by_fault(chosen).items())
        lines.append(f"Run of {run}, commit {revision or 'unknown'}: {whose}")
    if unknown := sum("run" not in row for row in rows):
        lines.append(f"When {unknown} of these {len(rows)} plays were run, and of which commit, was not recorded")
    return lines


def _stacks_by_fault(rows: list[Row]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for fault, stack, _ in groups(rows):
        found.setdefault(fault, []).append(stack)
    return found


def _why(line: str, profile: str) -> str:
    """What is known of an aim that was missed."""
    known = REASONS.get(profile, {})
    return next((f"; {why}" for aim, why in known.items() if line.startswith(f"{MISSED}: {aim}:")), "")


def _of(profile: str, rows: list[Row]) -> list[Row]:
    return [row for row in rows if row["profile"] == profile]


def plot(run: dict[str, Any]) -> str:
    """The medians of the outages as bars, each with its least and most, in SVG."""
    rows: list[Row] = run["rows"]
    longest = max((row["outage"] for row in rows), default=1.0)
    lines, y = [], 10
    for profile in in_order(row["profile"] for row in rows):
        y += 22
        lines.append(f'<text x="10" y="{y}" font-weight="bold">outage in s, heartbeats every {profile}</text>')
        last = ""
        for fault, stack, chosen in groups(_of(profile, rows)):
            y += 10 if fault != last else 0
            values = [row["outage"] for row in chosen]
            y += 16
            middle, low, high = (BAR * value / longest for value in (median(values), min(values), max(values)))
            lines += [
                f'<text x="10" y="{y}">{escape(fault) if fault != last else ""}</text>',
                f'<text x="150" y="{y}">{escape(stack)}</text>',
                f'<rect x="240" y="{y - 10}" width="{middle:.1f}" height="11" fill="{COLOURS.get(stack, "#888")}"/>',
                f'<path d="M{240 + low:.1f} {y - 4.5} H{240 + high:.1f}" stroke="black" stroke-width="1"/>',
                f'<text x="{248 + high:.1f}" y="{y}">{median(values):.3f}</text>',
            ]
            last = fault
        y += 10
    size = f'width="760" height="{y + 10}" viewBox="0 0 760 {y + 10}"'
    style = '<style>text{font:12px sans-serif}</style><rect width="100%" height="100%" fill="white"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{style}\n' + "\n".join(lines) + "\n</svg>\n"


def write(run: dict[str, Any], folder: Path) -> None:
    """FAILOVER.md, .svg and .json below the folder."""
    (folder / "FAILOVER.md").write_text(text(run))
    (folder / "FAILOVER.svg").write_text(plot(run))
    (folder / "FAILOVER.json").write_text(json.dumps(run, indent=1) + "\n")


if __name__ == "__main__":
    loaded = json.loads(Path(sys.argv[1]).read_text())
    if len(sys.argv) > 2:
        write(loaded, Path(sys.argv[2]))
    else:
        print(text(loaded))
