from __future__ import annotations

import json

from migration.report import Report, StepResult


def played(*steps: StepResult) -> tuple[Report, list[str]]:
    lines: list[str] = []
    report = Report(lines.append)
    for step in steps:
        report.step(step)
    report.summary()
    return report, lines


def test_one_unmet_expectation_fails_the_rehearsal_and_is_told():
    bad = StepResult("stop", "", 2.0, outage=0.1, unmet=("10.1.1.10 is on both",))
    report, lines = played(StepResult("power-off", "", 1.0, outage=2.9), bad)
    assert not report.passed
    assert any("10.1.1.10 is on both" in line for line in lines)
    assert lines[-1] == "FAILED: stop did not go as expected"


def test_a_rehearsal_without_steps_has_not_passed():
    assert not played()[0].passed


def test_repeated_steps_get_a_median(tmp_path):
    report, lines = played(*(StepResult("power-off", "", 0.0, outage=outage) for outage in (0.5, 0.2, 0.3)))
    assert "power-off: median outage of 3: 0.300 s" in lines
    report.save(tmp_path / "out.json", ["a note"])
    saved = json.loads((tmp_path / "out.json").read_text())
    assert (saved["passed"], saved["median_outage"], saved["notes"]) == (True, {"power-off": 0.3}, ["a note"])
    assert [step["outage"] for step in saved["steps"]] == [0.5, 0.2, 0.3]
