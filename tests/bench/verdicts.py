"""The aims of the benchmark, each with what this run says of it."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from tests.bench.experiments import Record

INTERVAL, TIMEOUT = 5.0, 3.0


def judged(records: list[Record]) -> str:
    """One line an aim: reached or not, and by what number."""
    return "".join(f"* {line}\n" for line in _lines(records))


def _lines(records: list[Record]) -> Iterable[str]:
    for count in (5000, 10000):
        runs = _of(records, "load", "host", "ours", count=count)
        if runs:
            share = median(run["cpu_share"] for run in runs)
            failures = sum(run["false_failures"] for run in runs)
            made = min(run["checks"] / run["wanted"] for run in runs)
            words = f"{100 * share:.0f} % of a core, {100 * made:.1f} % of the checks made, {failures} false failures"
            yield _line(f"{count} targets every 5 s on one core", share < 1 and not failures and made > 0.99, words)
    ratios = dict(_beside_ldirectord(records))
    if ratios:
        words = ", ".join(f"{ratio:.1f} at {count}" for count, ratio in ratios.items())
        yield _line("ldirectord's processor time per check at least 5 times ours", min(ratios.values()) >= 5, words)
    ratios = dict(_beside_keepalived(records))
    if ratios:
        words = ", ".join(f"{ratio:.1f} at {count}" for count, ratio in ratios.items())
        aim = "our processor time per check at most 3 times keepalived's, if half of a bare check is the server's"
        yield _line(aim, max(ratios.values()) <= 3, words)
    for place in ("host", "guest"):
        yield from _delays(records, place)
    for place, limit, experiment in (("guest", 0.1, "takeover"), ("host", 1.0, "programming")):
        seconds = [run["seconds"] for run in _of(records, experiment, place, "ours", count=1000)]
        if seconds:
            what = "`role active`" if experiment == "takeover" else "process start"
            yield _line(
                f"{what} to a table of 1,000 within {limit:g} s ({place})",
                max(seconds) <= limit,
                f"{max(seconds):.3f} s",
            )


def _delays(records: list[Record], place: str) -> Iterable[str]:
    for fault, latest in (("reset", INTERVAL + 0.05), ("blackhole", INTERVAL + TIMEOUT + 0.1)):
        down = _downs(records, place, fault, False, 100)
        if down:
            words = f"{down[-1]:.2f} s, median {median(down):.2f} s"
            yield _line(f"{fault}: weight 0 within {latest:g} s ({place})", down[-1] <= latest, words)
    sentinels = _downs(records, place, "reset", True, 100)
    if sentinels:
        words = f"{1000 * sentinels[-1]:.0f} ms, 20 servers at one instant"
        yield _line(f"reset with sentinels: weight 0 within 50 ms ({place})", sentinels[-1] <= 0.05, words)
    deaths = _downs(records, place, "reset", True, 1000)
    if deaths:
        words = f"{len(deaths)} in {deaths[-1]:.2f} s, with sentinels"
        yield _line(f"1,000 deaths at one instant written within 1 s ({place})", deaths[-1] <= 1.0, words)


def _line(aim: str, reached: bool, words: str) -> str:
    return f"{'reached' if reached else '**missed**'}: {aim}: {words}"


def _of(records: list[Record], experiment: str, place: str, name: str, **more: object) -> list[Record]:
    wanted = {"experiment": experiment, "place": place, "name": name, **more}
    return [record for record in records if all(record.get(key) == value for key, value in wanted.items())]


def _downs(records: list[Record], place: str, fault: str, sentinel: bool, count: int) -> list[float]:
    runs = _of(records, "ejection", place, "ours", fault=fault, sentinel=sentinel, count=count)
    return sorted(second for run in runs for second in run["down"])


def _beside_ldirectord(records: list[Record]) -> Iterable[tuple[int, float]]:
    """Processor time per check of the original, in that of ours, for each size at which both make checks."""
    for count in (100, 500, 1000, 5000, 10000):
        theirs, ours = [
            [run["cpu_per_check"] for run in _of(records, "load", "host", name, count=count) if run["checks"]]
            for name in ("ldirectord", "ours")
        ]
        if theirs and ours:
            yield count, median(theirs) / median(ours)


def _beside_keepalived(records: list[Record]) -> Iterable[tuple[int, float]]:
    """Processor time per check of ours, in that of keepalived, for each size, without the server's share."""
    for count in (100, 500, 1000):
        bare, ours, theirs = [
            [run["guest_cpu"] / run["checks"] for run in _of(records, "load", "guest", name, count=count)]
            for name in ("bare", "ours", "keepalived")
        ]
        if bare and ours and theirs and median(theirs) > median(bare):  # else it is lost in what the guest does idle
            server = median(bare) / 2
            yield count, (median(ours) - server) / (median(theirs) - server)
