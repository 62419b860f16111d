"""The page shows what was counted."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.bench.failover import page
from tests.bench.failover.run import FOLDER, begun, joined, merged
from tests.migration.comparison.rows import row

RUN: dict[str, Any] = {
    "machine": {"keepalived": "2.2.7", "cores": 2, "cpu": "a processor", "kernel": "6.1"},
    "rows": [
        {**row, "profile": "1s"}
        for row in (
            row("ours", 2.0),
            row("keepalived", 4.0),
            row("ours", 3.0),
            row("ours", 1.0, moved=None, survived=1, silence=1.5),
        )
    ],
}


def test_page_has_medians_spreads_and_the_ratio_of_a_run() -> None:
    text = page.text(RUN)
    assert "| power-off | ours | 2.000 (1.000–3.000) | 3 | 2 of 3 times | 0.000 | 1 of 6, 1.500 | 3 |" in text
    assert "| power-off | keepalived | 4.000 | 3 | 4.000 | 0.000 | 0 of 2 | 1 |" in text
    assert "Outage, ours as a part of keepalived's: power-off 0.50" in text


def test_page_is_what_its_rows_make() -> None:
    run = json.loads((FOLDER / "FAILOVER.json").read_text())
    assert (FOLDER / "FAILOVER.md").read_text() == page.text(run)
    assert (FOLDER / "FAILOVER.svg").read_text() == page.plot(run)


def test_an_aim_that_was_missed_is_explained_where_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{**row("ours", 4.0), "profile": "1s"}, {**row("keepalived", 4.0), "profile": "1s"}]
    missed = "* **missed**: power-off: outage at most 0.9 of keepalived's: 1.00 (4.000 s of 4.000 s)"
    monkeypatch.setattr(page, "REASONS", {})
    assert f"{missed}\n" in page.text({**RUN, "rows": rows})
    monkeypatch.setattr(page, "REASONS", {"1s": {"power-off: outage at most 0.9 of keepalived's": "it rained"}})
    assert f"{missed}; it rained\n" in page.text({**RUN, "rows": rows})


def test_what_is_played_again_takes_the_place_of_what_was_played_before() -> None:
    old = [{**row(stack, 1.0), "profile": profile} for stack in ("ours", "keepalived") for profile in ("1s", "100ms")]
    lost = [{"fault": "stop", "stack": "originals", "profile": "1s", "repetition": 0, "unrest": True}]
    new = [{**row("ours", 2.0), "profile": "1s"}, {**lost[0], "fault": "power-off"}]
    made = merged({"remark": "quiet", "rows": old, "unrest": lost}, new)
    assert made == {"remark": "quiet", "rows": [*old[1:], new[0]], "unrest": [*lost, new[1]]}


def test_rows_of_another_machine_are_named() -> None:
    elsewhere = {**row("ours", 4.0), "profile": "1s", "cpu": "an older one"}
    here = {**row("keepalived", 4.0), "profile": "1s", "cpu": "a processor"}
    assert "\nPlayed on an older one: power-off (1s) of ours\n" in page.text(
        {**RUN, "rows": [here, elsewhere, elsewhere]}
    )
    assert "Played on" not in page.text({**RUN, "rows": [here, *RUN["rows"]]})


def test_page_tells_which_run_and_commit_the_rows_of_a_table_are_of() -> None:
    known = {"profile": "1s", "run": "2026-11-24T03:00:00+00:00", "revision": "0123abc"}
    rows = [{**row(stack, 1.0), **known} for stack in ("ours", "keepalived")]
    text = page.text({**RUN, "rows": [*rows, {**row("originals", 9.0), "profile": "1s"}]})
    assert "\nRun of 2026-11-24T03:00:00+00:00, commit 0123abc: power-off of ours, keepalived\n" in text
    assert "\nWhen 1 of these 3 plays were run, and of which commit, was not recorded\n" in text


def test_an_invocation_has_a_beginning_and_a_commit() -> None:
    common = begun()
    assert datetime.now(UTC) - datetime.fromisoformat(common["run"]) < timedelta(seconds=60)
    assert re.fullmatch(r"[0-9a-f]{7,}(-dirty)?|", common["revision"])


def test_the_machine_of_the_page_is_that_of_most_rows() -> None:
    new = {**RUN["machine"], "cpu": "a newer one"}
    rows = [{**row("ours", 1.0), "fault": fault, "profile": "1s"} for fault in ("stop", "power-off", "killed")]
    made = joined({"machine": RUN["machine"], "rows": rows}, rows[:1], new)
    assert made["machine"] == RUN["machine"]
    assert [r["cpu"] for r in made["rows"]] == ["a processor", "a processor", "a newer one"]
    made = joined(made, rows[1:2], new)
    assert made["machine"] == new
    assert page.text(made).count("Played on a processor: killed (1s) of ours") == 1


def test_a_pair_under_load_has_a_line_and_a_verdict() -> None:
    load: dict[str, Any] = {
        "keepalive": 0.1,
        "deadtime": 0.3,
        "seconds": 600.04,
        "used": 0.987,
        "deaths": 0,
        "strays": 0,
        "doubles": 0,
    }
    load |= {"late": 0.0123, "run": "2026-11-24T03:00:00+00:00", "revision": "0123abc"}
    text = page.text({**RUN, "loads": [load]})
    assert "| 0.1 s | 0.3 s | 600.04 s | 99% | 0 | 0 | 0 | 12 ms late | 2026-11-24T03:00:00+00:00 | 0123abc |" in text
    assert "* reached: no false takeover" in text
    for what in ("deaths", "strays", "doubles"):
        assert "* **missed**: no false takeover" in page.text({**RUN, "loads": [{**load, what: 1}]})
    for other in ({"seconds": 599.0}, {"used": 0.79}):
        assert "* not measured, too short or not busy enough: no false" in page.text(
            {**RUN, "loads": [{**load, **other}]}
        )
    assert "loaded" not in page.text(RUN)


def test_a_pair_that_did_not_come_to_rest_is_told() -> None:
    unrest = [{"fault": "stop", "stack": "originals", "profile": "1s", "repetition": number} for number in range(2)]
    line = "| stop | originals | did not come to rest | | | | | 2 |"
    assert line in page.text({**RUN, "unrest": unrest})
    assert "rest |" not in page.text(RUN)


def test_where_there_was_no_client_nothing_is_said_of_it() -> None:
    alone = {**row("ours", 1.0), "profile": "1s", "requests": 0, "failed": 0, "downloads": 0, "survived": 0}
    text = page.text({**RUN, "rows": [alone]})
    assert "| power-off | ours | 1.000 | - |" in text
    assert "| 0.000 | - | 1 |" in text


def test_plot_has_a_bar_of_the_right_length_for_each() -> None:
    drawn = page.plot(RUN)
    assert [f'width="{width}"' in drawn for width in ("210.0", "420.0")] == [True, True]
