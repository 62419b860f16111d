"""What the suite has set itself to reach, judged by the rows of a run: one line for each aim.

Ratios are of medians, of the same timers, and say when their rows are not of one run; a power-off at 10 ms, where
keepalived's deadtime is shorter than the one that is asked of ours, has an absolute time. What must not happen has to
hold in each repetition.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from statistics import median

from migration.comparison.table import Row

MISSED = "**missed**"
OURS, OTHER = "ours", "keepalived"
LEASE = 1.0
"""Seconds for which the kernel lends an address: vip_lease."""
POWER_OFF, STOP, CABLE = 0.9, 0.3, 0.5
"""Parts of keepalived's median."""
CABLE_SECONDS, KILLED_SECONDS = 0.15, 0.3
FASTEST, FASTEST_SECONDS = "10ms", 0.08
"""Heartbeats of 10 ms and deadtime of 40 ms: a power-off."""
FAILED_ONCE = 2
"""Requests, of 100 a second."""
CABLES = ("outside cable", "inside cable")
REPAIRS = ("return", "start", "hb_takeover", "outside cable back", "inside cable back")
ORDERLY = ("stop", "hb_standby")
SILENT = ("killed", "frozen", "heartbeats cut")


def judge(rows: Iterable[Row], profile: str) -> Iterator[str]:
    """A line for each aim of which the run knows enough, "reached: ..." or "**missed**: ..."."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row["profile"] == profile:
            found.setdefault((row["stack"], row["fault"]), []).append(row)
    if profile.startswith(FASTEST):
        power_off = [*_longest(found, "power-off", FASTEST_SECONDS)]
    else:
        power_off = [
            *_ratio(found, "power-off", "outage", POWER_OFF),
            *_ratio(found, "power-off", "outage", POWER_OFF, "-sync"),
        ]
    for reached, text in (*power_off, *_ratios(found), *_aims(found)):
        yield f"{'reached' if reached else MISSED}: {text}"


def unplayed(rows: Iterable[Row], profile: str) -> list[str]:
    """The faults for which there are aims and no row of ours."""
    played = {row["fault"] for row in rows if (row["profile"], row["stack"]) == (profile, OURS)}
    return [fault for fault in ("power-off", *ORDERLY, *CABLES, *SILENT) if fault not in played]


def _ratios(found: dict[tuple[str, str], list[Row]]) -> Iterator[tuple[bool, str]]:
    yield from _ratio(found, "stop", "moved", STOP)
    # what keepalived has for it is its stop
    yield from _ratio({**found, (OTHER, "hb_standby"): found.get((OTHER, "stop"), [])}, "hb_standby", "moved", STOP)
    for fault in CABLES:
        yield from _ratio(found, fault, "outage", CABLE)


def _aims(found: dict[tuple[str, str], list[Row]]) -> Iterator[tuple[bool, str]]:
    for fault in (*ORDERLY, *REPAIRS):
        if failed := [row["failed"] for row in found.get((OURS, fault), []) if row["requests"]]:
            calm = 0 if fault in REPAIRS else FAILED_ONCE
            reached = median(failed) <= calm and max(failed) <= FAILED_ONCE
            wanted = f"failed requests at most {FAILED_ONCE}" + ("" if calm else ", 0 in the median")
            yield reached, f"{fault}: {wanted}: {max(failed)}, median {median(failed):g}"
    for fault in CABLES:
        yield from _longest(found, fault, CABLE_SECONDS)
    for fault in SILENT:
        if mine := found.get((OURS, fault)):
            two = max(row["two_owners"] for row in mine)
            yield two == 0, f"{fault}: never two owners: {two:.3f} s"
            yield from _longest(found, fault, KILLED_SECONDS if fault == "killed" else LEASE + 0.5)
    for fault in ("power-off", "return"):
        if mine := found.get((f"{OURS}-sync", fault)):
            yield from _downloads(fault, mine)


def _ratio(
    found: dict[tuple[str, str], list[Row]], fault: str, what: str, bound: float, kind: str = ""
) -> Iterator[tuple[bool, str]]:
    """One figure beside keepalived's; one that was never reached counts as missed. kind: what the names of both stacks
    end with."""
    our_rows, other_rows = (found.get((f"{stack}{kind}", fault), []) for stack in (OURS, OTHER))
    mine, theirs = [row[what] for row in our_rows], [row[what] for row in other_rows]
    if not mine or not theirs or None in theirs:
        return
    aim = f"{fault}{' with synchronised connections' if kind else ''}: {what}"
    if None in mine:
        yield False, f"{aim}: not in every repetition"
        return
    part, seconds = median(mine) / median(theirs), f"{median(mine):.3f} s of {median(theirs):.3f} s"
    apart = "" if runs(our_rows) == runs(other_rows) else ", not of one run"
    yield part <= bound, f"{aim} at most {bound:g} of keepalived's: {part:.2f} ({seconds}{apart})"


def runs(rows: Iterable[Row]) -> set[str | None]:
    """When the invocations that played them began; None: not recorded."""
    return {row.get("run") for row in rows}


def _longest(found: dict[tuple[str, str], list[Row]], fault: str, bound: float) -> Iterator[tuple[bool, str]]:
    if mine := [row["outage"] for row in found.get((OURS, fault), [])]:
        longest = max(mine)
        yield longest <= bound, f"{fault}: outage at most {bound:g} s: {longest:.3f} s, median {median(mine):.3f} s"


def _downloads(fault: str, rows: list[Row]) -> Iterator[tuple[bool, str]]:
    opened, survived = (sum(row[key] for row in rows) for key in ("downloads", "survived"))
    yield survived == opened, f"{fault} with synchronised connections: downloads go on: {survived} of {opened}"
    longer = max(row["silence"] - row["outage"] for row in rows if row["silence"] is not None)
    yield (
        longer <= 1,
        f"{fault} with synchronised connections: silent for at most 1 s longer than the outage: {longer:.3f} s",
    )
