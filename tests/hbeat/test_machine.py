"""What this machine cannot do of a good configuration."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hbeat.load import load
from hbeat.machine import shortcomings


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "nodeinfo").write_text("a\n")
    (tmp_path / "haresources").write_text("a 10.1.1.10\n")
    (tmp_path / "authkeys").write_text("auth 1\n1 sha1 SECRET\n")
    (tmp_path / "authkeys").chmod(0o600)
    return tmp_path


def told(directory: Path, log: Path) -> list[str]:
    (directory / "ha.cf").write_text(f"bcast eth0\nnode a b\nauto_failback on\nlogfile {log}\n")
    return shortcomings(load(directory))


def test_file_that_can_be_made_or_written_and_a_pipe_are_fit_for_the_log(directory: Path) -> None:
    assert told(directory, directory / "ha-log") == []
    (directory / "ha-log").touch()
    assert told(directory, directory / "ha-log") == []
    os.mkfifo(directory / "pipe")
    assert told(directory, directory / "pipe") == []
    assert told(directory, Path("/dev/null")) == []


def test_folder_in_the_place_of_the_log_is_told(directory: Path) -> None:
    (directory / "ha-log").mkdir()
    (text,) = told(directory, directory / "ha-log")
    assert text == f"{directory}/ha-log is no file: write the name of one in ha.cf, or nothing is logged there"


def test_log_in_a_folder_that_is_not_there_is_told(directory: Path) -> None:
    (text,) = told(directory, directory / "none" / "ha-log")
    assert text.endswith("cannot be written: create its folder, or nothing is logged there")


def test_haresources_without_groups_is_told(directory: Path) -> None:
    (directory / "haresources").write_text("")
    (text,) = told(directory, directory / "ha-log")
    assert "haresources has no groups: heartbeats are sent, and nothing is served" in text
