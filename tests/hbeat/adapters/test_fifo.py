"""The FIFO of scripts: what is dropped is told and counted, and it comes back when it was removed."""

from __future__ import annotations

import select
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
