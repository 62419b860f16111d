from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from hbeat.adapters.peer_file import FILE, PeerFile, read_peer_file
from hbeat.core.model import PeerRecord

RECORD = PeerRecord("test2.com", 105, 5000, ours=True)


def newer(sequence: int) -> PeerRecord:
    return PeerRecord("test2.com", 105, sequence, ours=True)


def test_newest_record_is_on_the_disk_when_the_daemon_has_ended(tmp_path: Path) -> None:
    keeper = PeerFile(tmp_path)
    for sequence in range(100):
        assert keeper.keep(newer(sequence)) == ""
    keeper.close()
    assert read_peer_file(tmp_path, "test2.com") == (newer(99), "")


def test_record_is_there_although_the_daemon_was_killed(tmp_path: Path) -> None:
    daemon = os.fork()
    if daemon == 0:
        PeerFile(tmp_path).keep(RECORD)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(daemon, 0)
    while not (tmp_path / FILE).exists():
        os.sched_yield()
    assert read_peer_file(tmp_path, "test2.com")[0] == RECORD


def test_a_writer_that_hangs_holds_nobody_up(tmp_path: Path) -> None:
    keeper = PeerFile(tmp_path)
    os.kill(keeper.pid, signal.SIGSTOP)
    try:
        for sequence in range(10_000):  # far more than the socket holds
            assert keeper.keep(newer(sequence)) == ""
    finally:
        os.kill(keeper.pid, signal.SIGCONT)
    keeper.close()
    record, _ = read_peer_file(tmp_path, "test2.com")
    assert record is not None


def test_a_writer_that_died_is_told_of_once(tmp_path: Path) -> None:
    keeper = PeerFile(tmp_path)
    os.kill(keeper.pid, signal.SIGKILL)
    os.waitid(os.P_PID, keeper.pid, os.WEXITED | os.WNOWAIT)
    told = [keeper.keep(RECORD) for _ in range(3)]
    keeper.close()
    assert "is written no more" in told[0]
    assert told[1:] == ["", ""]


def test_signals_for_the_daemon_do_not_end_the_writer(tmp_path: Path) -> None:
    keeper = PeerFile(tmp_path)
    keeper.keep(newer(1))
    while not (tmp_path / FILE).exists():  # it lives, and has made its arrangements
        os.sched_yield()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        os.kill(keeper.pid, number)
    keeper.keep(RECORD)
    keeper.close()
    assert read_peer_file(tmp_path, "test2.com")[0] == RECORD


def test_writer_keeps_no_socket_of_the_daemon_open(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemons:
        daemons.bind(("127.0.0.1", 0))
        address = daemons.getsockname()
        keeper = PeerFile(tmp_path)
        keeper.keep(RECORD)
        while not (tmp_path / FILE).exists():
            os.sched_yield()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as next_daemons:
        next_daemons.bind(address)
    keeper.close()


def test_directory_that_is_not_there_ends_nothing(tmp_path: Path) -> None:
    keeper = PeerFile(tmp_path / "missing")
    assert keeper.keep(RECORD) == ""
    keeper.close()
    assert read_peer_file(tmp_path / "missing", "test2.com") == (None, "")


@pytest.mark.parametrize("text", ["", "rubbish", "test2.com 105 5000 ours 00000000\n", "\udcff"])
def test_damaged_file_is_told_and_worth_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text, "utf-8", "surrogateescape")
    record, said = read_peer_file(tmp_path, "test2.com")
    assert record is None
    assert "damaged" in said


def test_record_of_another_node_is_not_used(tmp_path: Path) -> None:
    keeper = PeerFile(tmp_path)
    keeper.keep(RECORD)
    keeper.close()
    assert read_peer_file(tmp_path, "test3.com") == (None, "")


def test_record_that_cannot_be_written_is_told_once_and_once_when_it_can_again(tmp_path: Path) -> None:
    keeper = PeerFile(tmp_path)
    in_the_way = tmp_path / "hb_peer.new"
    in_the_way.mkdir()

    def told(sequence: int) -> str:
        while not (said := keeper.keep(newer(sequence))):
            os.sched_yield()
        return said

    lost = f"{tmp_path}/hb_peer cannot be written: Is a directory; after a restart, recorded heartbeats may be taken"
    assert told(1).startswith(lost)
    in_the_way.rmdir()
    assert told(2) == f"{tmp_path}/hb_peer is written again"
    keeper.close()
    assert read_peer_file(tmp_path, "test2.com") == (newer(2), "")
