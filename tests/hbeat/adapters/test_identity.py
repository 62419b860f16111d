from __future__ import annotations

from pathlib import Path

import pytest

from hbeat.adapters.identity import next_generation, node_uuid


def test_generation_of_the_replaced_installation_is_continued(tmp_path: Path) -> None:
    (tmp_path / "hb_generation").write_text("     1795306079\n")
    assert next_generation(tmp_path, "file") == 1795306080
    assert (tmp_path / "hb_generation").read_text() == "     1795306080\n"


def test_missing_or_broken_generation_begins_with_the_time(tmp_path: Path) -> None:
    first = next_generation(tmp_path / "new", "file")
    assert first > 1_700_000_000
    (tmp_path / "hb_generation").write_text("rubbish")
    assert next_generation(tmp_path, "file") >= first


def test_uuid_is_made_once_and_kept(tmp_path: Path) -> None:
    made = node_uuid(tmp_path, "test1.com", "file")
    assert len(made) == 16
    assert node_uuid(tmp_path, "test1.com", "file") == made
    assert (tmp_path / "hb_uuid").read_bytes() == made


def test_uuid_of_the_wrong_length_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "hb_uuid").write_bytes(b"short")
    assert len(node_uuid(tmp_path, "test1.com", "file")) == 16


def test_generation_by_time_goes_on_from_the_last_one_when_the_clock_was_set_back(tmp_path: Path) -> None:
    (tmp_path / "hb_generation").write_text("     4000000000\n")
    assert [next_generation(tmp_path, "time") for _ in range(2)] == [4000000001, 4000000002]


def test_generation_by_time_is_the_time_beside_a_counter(tmp_path: Path) -> None:
    (tmp_path / "hb_generation").write_text("     105\n")
    assert 1_700_000_000 < next_generation(tmp_path, "time") < 4_000_000_000


@pytest.mark.parametrize("method", ["file", "time"])
def test_two_starts_in_one_second_have_two_generations(method: str, tmp_path: Path) -> None:
    first = next_generation(tmp_path, method)
    assert next_generation(tmp_path, method) > first


@pytest.mark.parametrize("damaged", ["", "-5\n", "1e9\n", "\0" * 16, "99999999999999999999\n", f"{2**63 - 1}\n"])
@pytest.mark.parametrize("method", ["file", "time"])
def test_damaged_generation_begins_with_the_time(damaged: str, method: str, tmp_path: Path) -> None:
    (tmp_path / "hb_generation").write_text(damaged)
    assert 1_700_000_000 < next_generation(tmp_path, method) < 4_000_000_000


def test_uuid_of_the_name_needs_no_file(tmp_path: Path) -> None:
    assert node_uuid(tmp_path, "test1.com", "nodename") == b"test1.com".ljust(16, b"\0")
    assert node_uuid(tmp_path, "a-node-with-a-long-name", "nodename") == b"a-node-with-a-lo"
    assert list(tmp_path.iterdir()) == []
