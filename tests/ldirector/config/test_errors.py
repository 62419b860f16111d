from __future__ import annotations

import pytest

from ldirector.config.errors import ConfigError, Findings, Problem, Severity


def test_problem_reads_as_place_what_and_cure() -> None:
    assert str(Problem("f.cf", 3, Severity.ERROR, "it is wrong", "mend it")) == "f.cf:3: it is wrong; mend it"
    assert str(Problem("f.cf", 0, Severity.ERROR, "it is wrong", "mend it")) == "f.cf: it is wrong; mend it"


def test_error_carries_all_problems_in_the_order_of_lines_and_shows_the_errors() -> None:
    findings = Findings("f")
    findings.error(9, "late", "c")
    findings.warn(5, "mild", "c")
    findings.error(2, "early", "c")
    with pytest.raises(ConfigError) as caught:
        findings.warnings()
    assert [problem.line for problem in caught.value.problems] == [2, 5, 9]
    assert str(caught.value) == "f:2: early; c\nf:9: late; c"


def test_warnings_alone_do_not_refuse() -> None:
    findings = Findings("f")
    findings.warn_once("x", 4, "first", "c")
    findings.warn_once("x", 7, "second", "c")
    assert [str(problem) for problem in findings.warnings()] == ["f:4: first; c"]
