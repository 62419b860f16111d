"""The judge of the cases: what it wants to see, and that it does not take one thing for another."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernel.expected import Expected, found, ordered
from tests.ldirector.core.vector_differences import DIFFERENCES, EXIT_CODE, TABLE, Difference

VECTORS = Path(__file__).parent.parent / "vectors" / "ldirectord"
MONITOR = "distinct lines of /run/lab/mon.log"


def test_every_difference_is_of_something_recorded() -> None:
    for case, stage, section in DIFFERENCES:
        expected = Expected(VECTORS / case)
        if section == EXIT_CODE:
            assert expected.exit_code(stage) == 0
        else:
            assert section in expected.sections(stage), (case, stage, section)


def test_difference_from_something_that_was_not_recorded_is_an_error() -> None:
    with pytest.raises(AssertionError, match="is not recorded"):
        Difference("a reason", without=("-a gone",)).applied(["-a here"])


def test_listing_counts_only_where_the_table_is_the_recorded_one() -> None:
    expected = Expected(VECTORS / "22_readdquiescent")
    assert "ipvsadm -Ln" in expected.sections("start")
    assert list(expected.sections("web1-refuses")) == [TABLE]


def test_calls_for_one_virtual_keep_their_order() -> None:
    section, here, there = "file /run/lab/fb", "10.1.1.10:80 tcp", "10.1.1.10:53 udp"
    played = ordered(section, [f"start {here}", f"start {there}", f"stop {here}"])
    assert played == ordered(section, [f"start {there}", f"start {here}", f"stop {here}"])
    assert played != ordered(section, [f"start {there}", f"stop {here}", f"start {here}"])
    assert played != ordered(section, [f"start {there}", f"start {here}", f"stop {here}", f"stop {here}"])


@pytest.mark.parametrize("time", ["[Sun Nov 22 00:10:43 2026] [12]", "[Sun Nov  1 00:10:43 2026] [12]"])
def test_time_and_pid_of_a_monitorfile_are_looked_through(time: str) -> None:
    assert ordered(MONITOR, [f"{time} connect [up] -", f"{time} connect [up] -"]) == ["connect [up] -"]


@pytest.mark.parametrize("time", ["[2026-11-22 00:10:43] [12]", "[Sun Nov 22 00:10:43 2026]", ""])
def test_a_monitorfile_with_the_time_in_another_form_is_not_taken_for_one(time: str) -> None:
    assert ordered(MONITOR, [f"{time} connect [up] -"]) == [f"{time} connect [up] -"]


def test_a_file_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert found(f"file {tmp_path}/none") == []
