from __future__ import annotations

import asyncio
import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ldirector.adapters.monitorfile import MonitorFiles, problem


def told(story: Callable[[MonitorFiles], object], *more: Callable[[MonitorFiles], object]) -> list[str]:
    """The complaints when each part of a story has a turn of the loop of its own."""
    complaints: list[str] = []

    async def run() -> None:
        files = MonitorFiles(complaints.append)
        for part in (story, *more):
            part(files)
            await asyncio.sleep(0)

    asyncio.run(run())
    return complaints


def test_line_begins_with_time_and_pid(tmp_path: Path) -> None:
    path = tmp_path / "mon.log"
    assert told(lambda files: files.write(str(path), "connect tcp 192.168.2.236 80 1 masq [up] -")) == []
    form = r"\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\] \[%d\] connect tcp 192\.168\.2\.236 80 1 masq \[up\] -\n"
    assert re.fullmatch(form % os.getpid(), path.read_text())


def test_lines_of_one_turn_are_written_with_one_open_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    real_open = os.open

    def counted(path: str, flags: int, mode: int) -> int:
        opened.append(path)
        return real_open(path, flags, mode)

    monkeypatch.setattr(os, "open", counted)
    one, two = str(tmp_path / "one"), str(tmp_path / "two")

    def many(files: MonitorFiles) -> None:
        for number in range(1000):
            files.write(one, f"line {number}")
            files.write(two, f"line {number}")

    before = len(os.listdir("/proc/self/fd"))
    told(many, many)
    assert len(os.listdir("/proc/self/fd")) == before
    assert opened == [one, two] * 2
    lines = [line.rpartition(" ")[2] for line in Path(one).read_text().splitlines()]
    assert lines == [str(number) for number in range(1000)] * 2


def test_rotated_file_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "mon.log"
    told(
        lambda files: files.write(str(path), "before"),
        lambda files: path.rename(tmp_path / "mon.log.1"),
        lambda files: files.write(str(path), "after"),
    )
    assert path.read_text().endswith(" after\n")
    assert path.read_text().count("\n") == 1


def test_file_that_cannot_be_written_is_one_complaint_until_it_could(tmp_path: Path) -> None:
    folder = tmp_path / "folder"

    def write(files: MonitorFiles) -> None:
        files.write(str(folder / "mon.log"), "words")

    complaint = f"monitorfile {folder}/mon.log: No such file or directory; its lines are lost until it can be written"
    assert told(write, write, write) == [complaint]
    assert (
        told(write, lambda _: folder.mkdir(), write, lambda _: folder.rename(tmp_path / "gone"), write)
        == [complaint] * 2
    )


def test_full_disk_is_one_complaint_and_no_error() -> None:
    def write(files: MonitorFiles) -> None:
        files.write("/dev/full", "words")

    assert told(write, write) == [
        "monitorfile /dev/full: No space left on device; its lines are lost until it can be written"
    ]


def test_one_bad_file_does_not_cost_another_its_lines(tmp_path: Path) -> None:
    def write(files: MonitorFiles) -> None:
        files.write("/dev/full", "words")
        files.write(str(tmp_path / "good"), "words")

    assert len(told(write)) == 1
    assert (tmp_path / "good").read_text().endswith(" words\n")


def test_named_pipe_that_nobody_reads_holds_nothing_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    [complaint] = told(lambda files: files.write(str(tmp_path / "pipe"), "words"))
    assert os.strerror(errno.ENXIO) in complaint


def test_bytes_that_are_not_utf8_are_kept(tmp_path: Path) -> None:
    told(lambda files: files.write(str(tmp_path / "mon.log"), "gr\u00fcn \udce9"))
    assert (tmp_path / "mon.log").read_bytes().endswith("grün ".encode() + b"\xe9\n")


def test_problem_of_a_file_is_known_before_the_start(tmp_path: Path) -> None:
    assert problem("/no/such/folder/mon.log") == "monitorfile /no/such/folder/mon.log: No such file or directory"
    assert problem(str(tmp_path)) == f"monitorfile {tmp_path}: Is a directory"
    assert problem(str(tmp_path / "mon.log")) == ""
    assert (tmp_path / "mon.log").read_bytes() == b""


def test_partial_write_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real_write(descriptor, data[:3]))
    told(lambda files: files.write(str(tmp_path / "mon.log"), "words"))
    assert (tmp_path / "mon.log").read_text().endswith(" words\n")
