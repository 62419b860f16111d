"""The judgement of a run, by rows that are made up."""

from __future__ import annotations

from typing import Any

from tests.bench.failover.bounds import judge, unplayed


def row(stack: str, fault: str, **other: object) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "outage": 0.1,
        "failed": 0,
        "moved": 0.1,
        "two_owners": 0.0,
        "requests": 200,
        "profile": "1s",
    }
    return {**usual, "downloads": 2, "survived": 2, "silence": 0.5, "stack": stack, "fault": fault, **other}


def verdicts(*rows: dict[str, Any]) -> list[str]:
    return list(judge(rows, "1s"))


def test_a_ratio_is_that_of_the_medians() -> None:
    theirs = [row("keepalived", "power-off", outage=seconds) for seconds in (1.0, 2.0, 9.0)]
    assert verdicts(*theirs, row("ours", "power-off", outage=1.8)) == [
        "reached: power-off: outage at most 0.9 of keepalived's: 0.90 (1.800 s of 2.000 s)"
    ]
    assert verdicts(*theirs, row("ours", "power-off", outage=1.9))[0].startswith("**missed**: power-off")


def test_a_standby_is_compared_with_the_stop_of_the_other() -> None:
    found = verdicts(row("keepalived", "stop", moved=1.0), row("ours", "hb_standby", moved=0.31))
    assert found == [
        "**missed**: hb_standby: moved at most 0.3 of keepalived's: 0.31 (0.310 s of 1.000 s)",
        "reached: hb_standby: failed requests at most 2: 0, median 0",
    ]


def test_what_never_moved_is_missed() -> None:
    found = verdicts(row("keepalived", "stop"), row("ours", "stop", moved=None))
    assert found[0] == "**missed**: stop: moved: not in every repetition"


def test_one_failed_request_in_the_median_is_too_many_at_a_repair_and_not_at_a_stop() -> None:
    assert verdicts(row("ours", "return", failed=1)) == [
        "**missed**: return: failed requests at most 2, 0 in the median: 1, median 1"
    ]
    assert verdicts(row("ours", "stop", failed=2)) == ["reached: stop: failed requests at most 2: 2, median 2"]
    assert verdicts(row("ours", "stop", failed=0), row("ours", "stop"), row("ours", "stop", failed=3)) == [
        "**missed**: stop: failed requests at most 2: 3, median 0"
    ]


def test_each_repetition_counts_for_the_longest_outage() -> None:
    assert verdicts(row("ours", "inside cable", outage=0.15))[0].startswith("reached: inside cable")
    long = verdicts(row("ours", "inside cable"), row("ours", "inside cable"), row("ours", "inside cable", outage=0.151))
    assert long == ["**missed**: inside cable: outage at most 0.15 s: 0.151 s, median 0.100 s"]


def test_two_owners_for_a_millisecond_are_two_owners() -> None:
    found = verdicts(row("ours", "heartbeats cut"), row("ours", "heartbeats cut", two_owners=0.001))
    assert found == [
        "**missed**: heartbeats cut: never two owners: 0.001 s",
        "reached: heartbeats cut: outage at most 1.5 s: 0.100 s, median 0.100 s",
    ]


def test_downloads_are_those_of_the_stack_with_synchronisation() -> None:
    rows = [row("ours-sync", "return", outage=0.1, silence=1.2), row("ours", "power-off", survived=0)]
    assert verdicts(*rows) == [
        "reached: return with synchronised connections: downloads go on: 2 of 2",
        "**missed**: return with synchronised connections: silent for at most 1 s longer than the outage: 1.100 s",
    ]


def test_the_fastest_timers_have_an_absolute_bound() -> None:
    rows = [row(stack, "power-off", outage=0.079, profile="10ms, alone") for stack in ("ours", "keepalived")]
    assert list(judge(rows, "10ms, alone")) == ["reached: power-off: outage at most 0.08 s: 0.079 s, median 0.079 s"]


def test_where_nobody_asks_no_request_has_failed_or_not() -> None:
    assert verdicts(row("ours", "return", requests=0)) == []


def test_rows_of_other_timers_are_not_mixed_in() -> None:
    assert verdicts(row("ours", "killed", profile="100ms")) == []


def test_what_was_not_played_is_named() -> None:
    rows = [row("ours", fault) for fault in ("power-off", "stop", "hb_standby", "killed", "frozen", "heartbeats cut")]
    assert unplayed(rows, "1s") == ["outside cable", "inside cable"]
    assert unplayed([row("keepalived", "stop"), *rows], "100ms")[:2] == ["power-off", "stop"]
    assert "inside cable" in unplayed([row("ours", "stop", requests=0)], "1s")


def test_with_synchronised_connections_a_power_off_is_compared_with_the_same_of_the_other() -> None:
    rows = [row("ours-sync", "power-off", outage=0.31), row("keepalived-sync", "power-off", outage=0.3)]
    told = "**missed**: power-off with synchronised connections: outage at most 0.9 of keepalived's: 1.03"
    assert f"{told} (0.310 s of 0.300 s)" in verdicts(*rows)


def test_a_ratio_says_when_its_rows_are_not_of_one_run() -> None:
    first, second = "2026-11-24T03:00:00+00:00", "2026-11-25T03:00:00+00:00"
    found = verdicts(row("ours", "power-off", run=first), row("keepalived", "power-off", run=second, outage=0.2))
    assert found == [
        "reached: power-off: outage at most 0.9 of keepalived's: 0.50 (0.100 s of 0.200 s, not of one run)"
    ]
