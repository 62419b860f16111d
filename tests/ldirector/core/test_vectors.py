"""The director against the tables the original program left in a real kernel, stage by stage, in virtual time."""

from __future__ import annotations

import itertools

import pytest

from tests.ldirector.core.vector_cases import Case, all_cases
from tests.ldirector.core.vector_differences import DIFFERENCES, TABLE, THRESHOLDS, wanted

PLAYED = [path.name for path in all_cases()]


@pytest.mark.parametrize("name", PLAYED)
def test_table_is_the_recorded_one_at_the_end_of_every_stage(name: str) -> None:
    case = Case(name)
    recorded = case.expected()
    for outcome in case.play():
        table = wanted(name, outcome.stage, TABLE, recorded[outcome.stage])
        if (name, outcome.stage, TABLE) in DIFFERENCES:
            assert sorted(outcome.saved) == sorted(table), f"stage {outcome.stage}"
        else:
            assert outcome.saved == table, f"stage {outcome.stage}"


@pytest.mark.parametrize("name", PLAYED)
def test_listing_is_the_recorded_one_where_the_table_is(name: str) -> None:
    case = Case(name)
    recorded = case.expected("# ipvsadm -Ln")
    for outcome in case.play():
        if (name, outcome.stage, TABLE) not in DIFFERENCES:
            assert outcome.listed == recorded[outcome.stage], f"stage {outcome.stage}"


def test_every_listed_difference_is_of_a_stage_that_is_played() -> None:
    stages = {(name, stage["name"]) for name in PLAYED for stage in Case(name).story["stages"]}
    assert {(name, stage) for name, stage, _ in DIFFERENCES} <= stages


def test_thresholds_are_the_recorded_ones_except_where_the_original_loses_them() -> None:
    name = "15_ops_checkport_thresholds"
    case = Case(name)
    recorded = case.expected(f"# {THRESHOLDS}")
    for outcome in case.play():
        lines = wanted(name, outcome.stage, THRESHOLDS, [line.strip() for line in recorded[outcome.stage]])
        assert sorted(line.strip() for line in outcome.thresholds) == sorted(lines), f"stage {outcome.stage}"


def test_two_virtuals_with_the_same_connect_check_share_one_probe() -> None:
    case = Case("17_reload_changes")
    next(case.play())
    connects = [now for now, spec in case.world.probes if spec.method == "connect"]
    gaps = [later - earlier for earlier, later in itertools.pairwise(connects)]
    assert min(gaps[1:]) > 1.9  # one connect in each interval of 2 s, although two virtuals want it


def test_combined_check_makes_three_connects_after_each_negotiate() -> None:
    case = Case("23_combined_N")
    next(case.play())
    kinds = "".join(spec.method[0] for _, spec in case.world.probes if spec.address.endswith("236"))
    assert kinds.startswith("ncccncccn")


def test_file_that_cannot_be_read_is_reported_with_its_place() -> None:
    case = Case("27_invalid_reload")
    list(case.play())
    assert any(note.startswith("ldirectord.cf:6: unknown directive 'bogus=1'") for note in case.world.notes)
