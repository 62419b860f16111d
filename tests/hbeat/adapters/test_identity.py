from __future__ import annotations

from pathlib import Path

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
