"""The log's places: what they are given, and that nobody who does not read them holds the writer up."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from hbeat.adapters import log as log_module
from hbeat.adapters.log import CUT, LINE_BYTES, MAX_WAITING, Log
from hbeat.core.events import Level

FAR = 1e12
"""Later than anything is due."""


def texts(written: str) -> list[str]:
    return [line.split("]: ", 1)[1] for line in written.splitlines()]


def test_logfile_takes_all_but_debug_and_debugfile_everything(tmp_path: Path) -> None:
    log = Log("a", str(tmp_path / "log"), str(tmp_path / "debug"), "none", debug=True)
    log.write(Level.DEBUG, "small")
    log.write(Level.WARNING, "Late heartbeat")
    assert texts((tmp_path / "log").read_text()) == ["WARN: Late heartbeat"]
    assert texts((tmp_path / "debug").read_text()) == ["debug: small", "WARN: Late heartbeat"]


def test_rotated_file_is_written_anew(tmp_path: Path) -> None:
    log = Log("a", str(tmp_path / "log"))
    log.write(Level.INFO, "one")
    (tmp_path / "log").rename(tmp_path / "log.1")
    log.write(Level.INFO, "two")
    assert texts((tmp_path / "log").read_text()) == ["info: two"]


@pytest.mark.parametrize("path", ["/nonexistent/dir/log", "/dev/full"])
def test_log_that_cannot_be_written_raises_nothing_and_is_told_of_at_the_other_place(path: str, tmp_path: Path) -> None:
    log = Log("a", path, str(tmp_path / "debug"))
    log.write(Level.INFO, "one")
    log.write(Level.INFO, "two")
    words = {"/dev/full": "No space left on device"}.get(path, "No such file or directory")
    assert texts((tmp_path / "debug").read_text()) == [
        "info: one",
        f"WARN: cannot write the log to {path}: {words}",
        "info: two",
    ]


def test_disk_that_has_room_again_gets_what_waited_and_the_number_of_what_is_lost(tmp_path: Path) -> None:
    log = Log("a", str(tmp_path / "late/log"))
    for number in range(MAX_WAITING + 7):
        log.write(Level.INFO, f"line {number}")
    assert log.next_deadline() is not None
    (tmp_path / "late").mkdir()
    log.handle_timer(FAR)
    written = texts((tmp_path / "late/log").read_text())
    assert written[:2] == ["info: line 0", "info: line 1"]
    assert written[MAX_WAITING:] == ["WARN: log lines lost here, as nobody took them: 7"]
    assert log.next_deadline() is None


def test_pipe_that_nobody_empties_holds_nothing_up_and_loses_no_line_that_found_room(tmp_path: Path) -> None:
    pipe = tmp_path / "log"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    log = Log("a", str(pipe))
    lines = [f"line {number} {'x' * 400}" for number in range(400)]
    for line in lines:
        log.write(Level.INFO, line)
    received = b""
    while log.next_deadline() is not None:
        received += os.read(reader, 65_536)
        log.handle_timer(FAR)
    received += os.read(reader, 1 << 20)
    os.close(reader)
    assert texts(received.decode()) == [f"info: {line}" for line in lines]


def test_syslog_daemon_that_stopped_holds_nothing_up_and_gets_all_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "SYSLOG_SOCKET", str(tmp_path / "syslog"))
    daemon = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    daemon.bind(str(tmp_path / "syslog"))
    daemon.setblocking(False)
    log = Log("a", facility="local0")
    for number in range(MAX_WAITING):
        log.write(Level.ERROR, f"line {number}")
    received: list[str] = []
    while len(received) < MAX_WAITING:
        try:
            received.append(daemon.recv(4096).decode())
        except BlockingIOError:
            log.handle_timer(FAR)
    daemon.close()
    log.close()
    assert received[0].startswith("<131>")
    assert [line.split("]: ")[1] for line in received] == [f"ERROR: line {number}" for number in range(MAX_WAITING)]


def test_syslog_daemon_that_was_restarted_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "syslog"
    monkeypatch.setattr(log_module, "SYSLOG_SOCKET", str(path))
    log = Log("a", facility="daemon")
    for life in ("first", "second"):
        daemon = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        daemon.bind(str(path))
        log.write(Level.INFO, life)
        log.handle_timer(FAR)
        assert daemon.recv(4096).endswith(f"info: {life}".encode())
        daemon.close()
        path.unlink()
    log.close()


def test_terminal_whose_reader_stopped_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, terminal = os.openpty()
    monkeypatch.setattr(log_module, "STANDARD_ERROR", terminal)
    log = Log("a", facility="none", terminal=True)
    began = time.process_time()
    for number in range(2000):
        log.write(Level.INFO, f"line {number} {'x' * 100}")
    assert time.process_time() - began < 10  # it came back at all: the terminal took a few kilobytes
    assert log.next_deadline() is not None
    seen = b""
    while b"line 60 " not in seen:
        seen += os.read(ours, 65_536)
        log.handle_timer(FAR)
    os.close(ours)
    os.close(terminal)
    numbers = [int(line.split(b"info: line ")[1].split()[0]) for line in seen.split(b"\r\n")[:50]]
    assert numbers == list(range(50))


def test_no_text_makes_a_line_of_another(tmp_path: Path) -> None:
    log = Log("a", str(tmp_path / "log"))
    log.write(Level.INFO, "peer said \x1b[31m\nNov 22 00:00:00 a heartbeat: [1]: CRIT: forged\u2028too \udc80")
    first, second, third = (tmp_path / "log").read_text().splitlines()
    assert first.endswith("info: peer said \\x1b[31m")
    assert [line.split("info: ")[1][:4] for line in (second, third)] == ["    "] * 2
    assert "\\udc80" in (tmp_path / "log").read_text()


def test_line_and_text_have_an_end(tmp_path: Path) -> None:
    log = Log("a", str(tmp_path / "log"))
    log.write(Level.INFO, "b" * 100_000 + "end")
    log.write(Level.INFO, "\n".join(map(str, range(10_000))))
    first, *others = texts((tmp_path / "log").read_text())
    assert len(first) == len("info: ") + LINE_BYTES
    assert CUT in first
    assert first.endswith("end")
    assert len(others) == 201
    assert others[100] == "info:     ... 9800 lines ..."


def test_name_that_cannot_be_a_file_holds_up_nothing_and_is_told_at_the_others(tmp_path: Path) -> None:
    log = Log("test1.com", str(tmp_path / "ha-log"), "/var/log/a\0b")
    log.write(Level.INFO, "first")
    log.write(Level.INFO, "second")
    log.drain(0)
    text = (tmp_path / "ha-log").read_text()
    assert "info: second\n" in text
    assert text.count("cannot write the log to /var/log/a\\x00b: embedded null byte") == 1
