"""RESULTS.md from the records of a run.

usage: python -m tests.bench.report RECORDS [RESULTS]      without RESULTS it is printed
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench import peers
from tests.bench.experiments import Record
from tests.bench.targets import PAGE
from tests.bench.verdicts import judged

NAMES = ("bare", "ours", "ldirectord", "keepalived")
BAR = 40  # characters of the longest bar

HEAD = """\
# ldirector beside ldirectord {ldirectord} and keepalived {keepalived}

Written by `make bench` on {cores} cores of {cpu}, Linux {kernel}, Python {python}, uvloop {uvloop}.
The machine had other work at the same time (load before the start: {load}); hence the columns on waiting.

How it was measured. One nginx answers for all targets, on another core if it gets one, and is not counted. Every
program makes the same check: GET /, status 200, the page must contain "{page}"; interval 5 s, timeout 3 s. The
programs take turns; a value is the median of the turns, with least and most in brackets.

* Processor time is the scheduler's count for the whole process tree, children included (/proc/PID/schedstat, stat);
  checks are counted by nginx. *Waited* is run-queue wait: time in which the program could have run and did not get a
  processor, as a share of the time measured. On loopback the kernel charges a sender with much of the receiver's work:
  about 37 us of a check are the price of socket, connect, send, receive and close, for whoever makes it.
* *False failures* are weights taken from servers that were well, seen in the table.
* On the host there is no IPVS: ours writes a table in memory, ldirectord calls a stand-in for ipvsadm, keepalived
  refuses to run. In the guest (User-Mode Linux, one processor, system calls some ten times slower) the table is the
  kernel's, read from /proc/net/ip_vs. So compare within a table, not between host and guest. A guest's own clock
  is too coarse to tell who used its processor, so the guest is measured as a whole, from outside: server, kernel and
  program, and the guest's own idling, which hides what 100 targets cost. "bare" is a loop of blocking connections
  that judges nothing, the least that a check can cost.
* A process that wakes for one check finds processor and caches cold, which costs several times what the same check
  costs in company. So ours starts up to 25 at a time, spread over the interval. ldirectord checks in one row, all warm.
* Python programs start slowly in a guest, where every page that an import touches is a fault of its own: hence the warm
  standby, which has only the table to write when it is told to serve.
* ldirectord reads the whole table before each edit, so with 5,000 reals it did not get to its first check within 30 s,
  although it was given a table that was complete; its processor time there is that of these readings. In the guest it
  was still starting with 100 when the measuring began.
* A death is a killed server process (resets), a blackhole swallows packets, wrong content is another page.
"""


def machine() -> dict[str, Any]:
    """Where the numbers come from, and beside what they were measured."""
    return hardware() | {"peers": {package: peers.version(package) for package in peers.PACKAGES}}


def hardware() -> dict[str, Any]:
    """Where the numbers come from."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    try:
        uvloop = version("uvloop")
    except PackageNotFoundError:
        uvloop = "not installed"
    return {
        "kernel": platform.release(),
        "cpu": next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "uvloop": uvloop,
        "load_before": os.getloadavg(),
    }


def text(run: dict[str, Any]) -> str:
    """The whole page."""
    records: list[Record] = run["records"]
    good = [record for record in records if "error" not in record]
    parts = [
        HEAD.format(
            **{name: value for name, value in run.items() if name not in ("records", "peers")},
            **run["peers"],
            load=", ".join(f"{load:.1f}" for load in run["load_before"]),
            page=PAGE,
        ),
        "## Aims\n\n" + judged(good),
        "## Processor time, host\n\n" + _loads(good),
        "## Processor time, guest with IPVS\n\n" + _guest_loads(good),
        "## Seconds until weight 0, and until weight 1 again\n\n" + _faults(good),
        "## Writing the table\n\n" + _tables(good),
    ]
    failed = [record for record in records if "error" in record]
    if failed:
        lines = "".join(f"* {_what(record)}: {record['error'].strip().splitlines()[-1]}\n" for record in failed)
        parts.append("## Not measured\n\n" + lines)
    return "\n".join(parts)


def _what(record: Record) -> str:
    words = [record["place"], record.get("name", "ours"), record["experiment"], record.get("fault", "")]
    return f"{' '.join(word for word in words if word)}, {record['count']} reals"


def _groups(records: Iterable[Record], *keys: str) -> dict[tuple[Any, ...], list[Record]]:
    found: dict[tuple[Any, ...], list[Record]] = {}
    for record in records:
        found.setdefault(tuple(record.get(key) for key in keys), []).append(record)
    return dict(sorted(found.items(), key=lambda item: str([_order(word) for word in item[0]])))


def _order(word: Any) -> str:
    """Numbers as numbers, the programs as in NAMES."""
    return f"{NAMES.index(word)}" if word in NAMES else f"{word:09}" if isinstance(word, int) else str(word)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """In Markdown."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def spread(values: list[float], form: Callable[[float], str]) -> str:
    """Median and range."""
    shown = form(median(values))
    return shown if len(values) == 1 else f"{shown} ({form(min(values))}-{form(max(values))})"


def _loads(records: list[Record]) -> str:
    rows, bars = [], []
    groups = _groups((r for r in records if r["experiment"] == "load" and r["place"] == "host"), "count", "name")
    for (count, name), turns in groups.items():
        made = [turn for turn in turns if turn["checks"]]
        if not made:
            share = median(turn["cpu_share"] for turn in turns)
            rows.append([str(count), str(name), "no check", "-", f"{100 * share:.0f} %", *["-"] * 5])
            continue
        cost = [turn["cpu_per_check"] * 1e6 for turn in made]
        beside = groups.get((count, "ours"))
        ratio = median(cost) / median(turn["cpu_per_check"] * 1e6 for turn in beside) if beside else 1.0
        seconds = [turn["cpu"] / turn["cpu_share"] for turn in made]
        rows.append(
            [
                str(count),
                str(name),
                spread(cost, "{:.0f}".format),
                f"{ratio:.2f}",
                f"{100 * median(turn['cpu_share'] for turn in made):.1f} %",
                f"{100 * median(turn['wait'] / took for turn, took in zip(made, seconds, strict=True)):.1f} %",
                f"{100 * median(turn['checks'] / turn['wanted'] for turn in made):.0f} %",
                str(sum(turn["false_failures"] for turn in turns)),
                f"{median(turn['rss'] for turn in made) / 2**20:.0f}",
                "not yet" if made[0]["all_up"] is None else f"{median(turn['all_up'] for turn in made):.1f}",
            ]
        )
        bars.append((f"{count:6} {name}", median(cost)))
    head = [
        "targets",
        "program",
        "us per check",
        "x ours",
        "of a core",
        "waited",
        "of the checks due",
        "false failures",
    ]
    return table([*head, "MiB", "all up after s"], rows) + "\n" + _bars("us of processor time per check", bars)


def _guest_loads(records: list[Record]) -> str:
    rows, bars = [], []
    groups = _groups((r for r in records if r["experiment"] == "load" and r["place"] == "guest"), "count", "name")
    for (count, name), turns in groups.items():
        cost = [1e6 * turn["guest_cpu"] / turn["checks"] for turn in turns if turn["checks"]]
        if not cost:
            rows.append([str(count), str(name), "no check", *["-"] * 5])
            continue
        bare = [1e6 * turn["guest_cpu"] / turn["checks"] for turn in groups.get((count, "bare"), [])]
        seconds = sum(turn["seconds"] for turn in turns)
        rows.append(
            [
                str(count),
                str(name),
                spread(cost, "{:.0f}".format),
                f"{median(cost) - median(bare):+.0f}" if bare else "-",
                f"{100 * sum(turn['guest_wait'] for turn in turns) / seconds:.1f} %",
                f"{100 * median(turn['checks'] / turn['wanted'] for turn in turns):.0f} %",
                str(sum(turn.get("false_failures", 0) for turn in turns)),
                f"{median(turn.get('rss', 0) for turn in turns) / 2**20:.0f}",
            ]
        )
        if name != "ldirectord":  # it was starting all the time: the others' bars would vanish
            bars.append((f"{count:6} {name}", median(cost)))
    head = ["targets", "program", "us per check, server included", "beyond bare", "guest waited", "of the checks due"]
    return table([*head, "false failures", "MiB"], rows) + "\n" + _bars("us per check, server included", bars)


def _bars(title: str, bars: list[tuple[str, float]]) -> str:
    """Drawn to scale, for those who would rather look."""
    if not bars:
        return ""
    longest, width = max(value for _, value in bars), max(len(name) for name, _ in bars)
    lines = [f"{name:{width}} {'#' * max(1, round(BAR * value / longest))} {value:.0f}" for name, value in bars]
    return f"```\n{title}\n" + "\n".join(lines) + "\n```\n"


def _faults(records: list[Record]) -> str:
    rows = []
    faults = (r for r in records if r["experiment"] == "ejection")
    for (place, fault, count, victims, sentinel, name), turns in _groups(
        faults, "place", "fault", "count", "victims", "sentinel", "name"
    ).items():
        down, up = [sorted(second for turn in turns for second in turn[way]) for way in ("down", "up")]
        rows.append(
            [
                str(place),
                f"{fault}, {victims} of {count}",
                str(name) + (" with sentinels" if sentinel else ""),
                f"{len(down)} of {sum(turn['victims'] for turn in turns)}",
                *(f"{value:.2f}" for value in (down[0], median(down), down[-1])),
                *(f"{value:.2f}" for value in (median(up), up[-1])),
                str(sum(turn["false_failures"] for turn in turns)),
            ]
            if down and up
            else [
                str(place),
                f"{fault}, {victims} of {count}",
                str(name),
                f"{len(down)} down, {len(up)} up",
                *["-"] * 6,
            ]
        )
    head = ["place", "fault", "program", "seen", "first", "median", "last", "back: median", "back: last"]
    return table([*head, "false failures"], rows)


def _tables(records: list[Record]) -> str:
    rows = []
    writes = (r for r in records if r["experiment"] in ("programming", "takeover"))
    for (place, experiment, count, name), turns in _groups(writes, "place", "experiment", "count", "name").items():
        what = (
            "process start to whole table" if experiment == "programming" else "standby: `role active` to whole table"
        )
        seconds = [turn["seconds"] for turn in turns if turn["seconds"] is not None]
        rows.append([str(place), what, str(count), str(name), spread(seconds, "{:.3f}".format) if seconds else "-"])
    return table(["place", "from - to", "reals", "program", "seconds"], rows)


def main() -> None:
    page = text(json.loads(Path(sys.argv[1]).read_text()))
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(page)
    else:
        sys.stdout.write(page)


if __name__ == "__main__":
    main()
