"""What came of the plays, as figures for people: medians with least and most, by fault and stack.

A row is what `faults.Row.as_dict` gives, with the name of its stack.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import median
from typing import Any

Row = dict[str, Any]

OURS, YARDSTICK = "ours", "keepalived"
HEADINGS = ("fault", "stack", "outage s", "failed", "moved s", "two owners s", "downloads", "of keepalived's", "runs")


def table(rows: Sequence[Row], unrest: Iterable[tuple[str, str]]) -> list[str]:
    """The lines. unrest: (fault, stack) of each play whose pair did not come to rest."""
    found = medians(rows)
    lines = [list(HEADINGS)]
    for fault, stack, chosen in groups(rows):
        against = found.get((fault, YARDSTICK), 0.0)
        ratio = f"{found[fault, stack] / against:.2f}" if against > 0 else "-"
        lines.append([fault, stack, *figures(chosen), ratio, str(len(chosen))])
    unrested = list(unrest)
    for fault, stack in dict.fromkeys(unrested):
        times = unrested.count((fault, stack))
        lines.append([fault, stack, "did not come to rest", f"({times} of the runs)" if times > 1 else ""])
    widths = [max(len(line[column]) for line in lines if column < len(line)) for column in range(len(HEADINGS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=False)).rstrip() for line in lines]


def figures(rows: Sequence[Row]) -> tuple[str, ...]:
    """Outage, failed, moved, two owners, downloads of runs of one fault on one stack; "-" where there was no client."""
    outage, two = (spread(row[key] for row in rows) for key in ("outage", "two_owners"))
    failed = spread(row["failed"] for row in rows) if any(row["requests"] for row in rows) else "-"
    moved = [row["moved"] for row in rows if row["moved"] is not None]
    where = spread(moved) if len(moved) == len(rows) else f"{len(moved)} of {len(rows)} times"
    return outage, failed, where, two, _downloads(rows)


def _downloads(rows: Iterable[Row]) -> str:
    rows = list(rows)
    survived, opened = (sum(row[key] for row in rows) for key in ("survived", "downloads"))
    if not opened:
        return "-"
    silences = [row["silence"] for row in rows if row["silence"] is not None]
    return f"{survived} of {opened}" + (f", {spread(silences)}" if silences else "")


def medians(rows: Sequence[Row]) -> dict[tuple[str, str], float]:
    """(fault, stack) -> median of the outage, seconds."""
    return {(fault, stack): median(row["outage"] for row in chosen) for fault, stack, chosen in groups(rows)}


def ratios(rows: Sequence[Row]) -> dict[str, float]:
    """Fault -> our median outage as a part of keepalived's."""
    found = medians(rows)
    return {
        fault: found[fault, OURS] / other
        for (fault, stack), other in found.items()
        if stack == YARDSTICK and (fault, OURS) in found and other > 0
    }


def groups(rows: Sequence[Row]) -> Iterator[tuple[str, str, list[Row]]]:
    """(fault, stack, its rows), in the order of the run."""
    for fault in in_order(row["fault"] for row in rows):
        for stack in in_order(row["stack"] for row in rows):
            if chosen := [row for row in rows if row["fault"] == fault and row["stack"] == stack]:
                yield fault, stack, chosen


def in_order(names: Iterable[str]) -> list[str]:
    """Each once."""
    return list(dict.fromkeys(names))


def spread(values: Iterable[float]) -> str:
    """Median (least–most)."""
    numbers = sorted(values)
    shape = "{:.3f}" if any(isinstance(number, float) for number in numbers) else "{:g}"
    least, most = shape.format(numbers[0]), shape.format(numbers[-1])
    return shape.format(median(numbers)) + ("" if least == most else f" ({least}–{most})")


def line(row: Row) -> str:
    """One row as it comes."""
    moved = f"{row['moved']:7.3f}" if row["moved"] is not None else "  never"
    silence = f", silent for {row['silence']:.3f} s" if row["silence"] is not None else ""
    return (
        f"{row['stack']:<11} {row['fault']:<20} outage {row['outage']:7.3f} s, "
        f"failed {row['failed']:4} of {row['requests']:5}, moved {moved} s, two owners {row['two_owners']:6.3f} s, "
        f"downloads {row['survived']} of {row['downloads']}{silence}"
    )
