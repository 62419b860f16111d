"""The FIFO of scripts: what is dropped is told and counted, and it comes back when it was removed."""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from hbeat.adapters.fifo import LOOK, QUIET, Fifo

MESSAGE = ">>>\nt=hb_takeover\nrsc_hold=all\n<<<\n"
FIELDS = (("t", "hb_takeover"), ("rsc_hold", "all"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fifo"


@pytest.fixture
def fifo(path: Path) -> Iterator[Fifo]:
    made = Fifo(path)
    made.handle_timer(0.0)
    yield made
    made.close()


def write(path: Path, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def test_every_dropped_message_is_told_in_the_end_and_counted(fifo: Fifo, path: Path) -> None:
    write(path, "rubbish\n")
    assert fifo.read(1.0) == ([], "1 message(s) of scripts dropped: text outside of >>> and <<<")
    write(path, 2 * ">>>\nmore\n<<<\n")
    assert fifo.read(2.0) == ([], "")
    assert fifo.next_deadline() == LOOK
    assert fifo.handle_timer(LOOK) == []
    assert fifo.handle_timer(1.0 + QUIET) == ["2 message(s) of scripts dropped: a line is not NAME=VALUE"]
    assert fifo.handle_timer(100.0) == []
    assert fifo.dropped == 3


@pytest.mark.parametrize("replaced", [False, True])
def test_fifo_that_was_removed_or_replaced_is_told_and_made_again(replaced: bool, fifo: Fifo, path: Path) -> None:
    path.unlink()
    if replaced:
        write(path, MESSAGE)
    deadline = fifo.next_deadline()
    assert deadline == LOOK
    assert fifo.handle_timer(deadline) == [
        f"{path} was removed or replaced, and is made again; what scripts wrote meanwhile is lost"
    ]
    assert fifo.handle_timer(2 * LOOK) == []
    write(path, MESSAGE)
    assert select.select([fifo], [], [], 0)[0] == [fifo]
    assert fifo.read(20.0) == ([FIELDS], "")


def test_fifo_that_cannot_be_made_again_is_told_once(fifo: Fifo, path: Path) -> None:
    path.unlink()
    path.mkdir()
    (told,) = fifo.handle_timer(LOOK)
    assert told == f"{path} was removed and cannot be made again: Is a directory; scripts cannot send messages"
    assert fifo.handle_timer(2 * LOOK) == []
    path.rmdir()
    assert len(fifo.handle_timer(3 * LOOK)) == 1
    write(path, MESSAGE)
    assert fifo.read(20.0) == ([FIELDS], "")


def test_link_in_its_place_is_not_followed(path: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    os.mkfifo(victim, 0o622)
    before = victim.stat().st_mode
    path.symlink_to(victim)
    Fifo(path).close()
    assert (path.is_symlink(), stat.S_ISFIFO(path.stat().st_mode)) == (False, True)
    assert victim.stat().st_mode == before


@pytest.mark.parametrize("planted", ["link to a FIFO", "link", "file"])
def test_what_is_put_in_its_place_at_the_last_moment_is_not_touched(
    planted: str, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = tmp_path / "victim"
    if planted == "link to a FIFO":
        os.mkfifo(victim, 0o622)
    else:
        victim.touch(0o644)
    make = path.hardlink_to if planted == "file" else path.symlink_to

    def somebody_was_faster(path: Path, mode: int) -> None:
        make(victim)
        raise FileExistsError

    monkeypatch.setattr(os, "mkfifo", somebody_was_faster)
    before = victim.stat().st_mode
    with pytest.raises(OSError, match=r"Too many levels|somebody puts another file"):
        Fifo(path)
    assert victim.stat().st_mode == before


def test_fifo_that_others_could_write_to_is_so_no_more(path: Path) -> None:
    os.mkfifo(path)
    path.chmod(0o666)
    Fifo(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of others")
def test_fifo_of_somebody_else_is_replaced(path: Path) -> None:
    os.mkfifo(path, 0o600)
    os.chown(path, 65534, 65534)
    Fifo(path).close()
    assert path.stat().st_uid == 0
