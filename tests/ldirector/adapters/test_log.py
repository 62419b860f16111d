import io
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirector.adapters import log
from ldirector.adapters.log import SUPERVISED, Log, one_line
from ldirector.core.events import Level


@pytest.fixture(autouse=True)
def no_line_is_waited_for() -> Iterator[None]:
    """A write that blocks fails its test."""

    def refuse(_number: int, _frame: object) -> None:
        raise AssertionError("the log waited for its reader")

    before = signal.signal(signal.SIGALRM, refuse)
    signal.setitimer(signal.ITIMER_REAL, 10, 1)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_file_lines_have_the_originals_form(tmp_path: Path) -> None:
    path = tmp_path / "ldirectord.log"
    Log(str(path), "ldirectord.cf").write(Level.INFO, "Added virtual server: 10.1.1.10:80")
    form = r"\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\|ldirectord\.cf\|%d\] Added virtual server: 10\.1\.1\.10:80\n"
    assert re.fullmatch(form % os.getpid(), path.read_text())


def test_warnings_and_errors_say_so_and_debug_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log"
    writer = Log(str(path), "x")
    for level in Level:
        writer.write(level, level.name)
    assert [line.partition("] ")[2] for line in path.read_text().splitlines()] == [
        "INFO",
        "Warning: WARNING",
        "Error: ERROR",
    ]


HOSTILE = [
    b"sorry\n[Sun Nov 22 00:10:43 2026|x|1] Deleted real server: 192.168.2.1:80 (10.1.1.10:80)",
    b"sorry\r[Sun Nov 22 00:10:43 2026|x|1] Deleted real server",
    b"\x1b[2J\x1b[1;1H\x9b2J\x07\x00\x7f",
    "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e forged".encode(),
    "\u202egnihtemos \u200b\ufeff".encode(),
    bytes(range(256)),
    b"\n" * 5000,
    b"x" * 100_000,
    "\u4e2d".encode() * 1000,
]


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("errors", ["replace", "surrogateescape", "backslashreplace"])
def test_no_words_of_a_server_can_make_a_line(words: bytes, errors: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    text = f"Soft failure real server: {words.decode('utf-8', errors)} failure 1/3"
    Log(str(path), "ldirectord.cf").write(Level.WARNING, text)
    written = path.read_bytes()
    assert len(written) <= 512
    assert written.endswith(b" failure 1/3\n")
    assert len(written.decode().splitlines()) == 1
    assert written.decode()[:-1].isprintable()
    assert re.match(rb"\[\w{3} \w{3} [^|]+\|ldirectord\.cf\|\d+\] Warning: Soft failure real server: ", written)


@given(st.text(), st.integers(20, 600))
def test_any_text_is_one_line_within_its_limit(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line.encode()) <= limit
    assert line.isprintable()


def test_printable_text_of_any_language_stays_as_it_is() -> None:
    assert one_line("gr\u00fcn \\ \u4e2d\u6587 b'\\n'") == "gr\u00fcn \\ \u4e2d\u6587 b'\\n'"


def test_what_cannot_be_shown_is_escaped_and_a_long_text_keeps_its_end() -> None:
    assert one_line("a\nb\x1b\udce9\u202e") == r"a\nb\x1b\xe9\u202e"
    assert one_line("Traceback " + "x" * 1000 + " ValueError: bad", 40).endswith(" ... ueError: bad")


def test_lines_below_are_indented_and_have_the_form_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    below = "Traceback (most recent call last):\n  File x\nValueError: \x1b[2J"
    Log(str(path), "x").write(Level.ERROR, "ended by an error of this program", below)
    assert [line.partition("] ")[2] for line in path.read_text().splitlines()] == [
        "Error: ended by an error of this program",
        "    Traceback (most recent call last):",
        "      File x",
        r"    ValueError: \x1b[2J",
    ]


def test_very_many_lines_below_are_the_first_and_the_last(tmp_path: Path) -> None:
    path = tmp_path / "log"
    Log(str(path), "x").write(Level.ERROR, "recursion", "\n".join(map(str, range(10_000))))
    lines = [line.partition("] ")[2].strip() for line in path.read_text().splitlines()]
    assert (len(lines), lines[1], lines[-1]) == (202, "0", "9999")
    assert "... 9800 lines ..." in lines


def test_a_long_name_leaves_room_for_the_text(tmp_path: Path) -> None:
    path = tmp_path / "log"
    Log(str(path), "n" * 600).write(Level.INFO, "words " * 10)
    assert path.read_text().endswith("] " + "words " * 10 + "\n")


def test_a_rotated_file_is_followed_without_a_signal(tmp_path: Path) -> None:
    path = tmp_path / "log"
    writer = Log(str(path), "x")
    writer.write(Level.INFO, "before")
    path.rename(tmp_path / "log.1")
    writer.write(Level.INFO, "after")
    assert path.read_text().endswith("] after\n")


def test_an_unwritable_file_is_said_once_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    writer = Log("/no/such/folder/log", "x")
    writer.verify()
    writer.write(Level.INFO, "one")
    writer.write(Level.INFO, "two")
    assert capsys.readouterr().err == (
        "ldirectord: cannot write the log /no/such/folder/log: No such file or directory; going on without it\n"
    )


def test_an_absent_syslog_is_said_once_with_the_cure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(log, "SYSLOG_SOCKET", tmp_path / "absent")
    writer = Log("local0", "x")
    writer.verify()
    writer.write(Level.INFO, "one")
    writer.write(Level.INFO, "two")
    assert capsys.readouterr().err.count("nothing listens on") == 1


def test_the_terminal_form_goes_to_standard_error_and_stays_there(capsys: pytest.CaptureFixture[str]) -> None:
    writer = Log("", "x", Level.DEBUG)
    writer.redirect("/var/log/ldirectord.log")
    writer.write(Level.DEBUG, "seen")
    assert capsys.readouterr().err.endswith("] seen\n")


def test_supervised_lines_go_to_standard_output_with_the_time_alone(capsys: pytest.CaptureFixture[str]) -> None:
    writer = Log(SUPERVISED, "x")
    writer.verify()
    writer.redirect("/var/log/ldirectord.log")
    writer.write(Level.INFO, "Added virtual server: 10.1.1.10:80\n")
    form = r"\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\] Added virtual server: 10\.1\.1\.10:80\\n\n"
    output = capsys.readouterr()
    assert re.fullmatch(form, output.out)
    assert output.err == ""


def test_a_reader_of_standard_output_that_went_away_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        stream = io.TextIOWrapper(pipe, encoding="ascii", write_through=True)
        monkeypatch.setattr(sys, "stdout", stream)
        Log(SUPERVISED, "x").write(Level.INFO, "words gr\u00fcn")
        stream.detach()


def test_redirect_changes_the_file(tmp_path: Path) -> None:
    writer = Log(str(tmp_path / "one"), "x")
    writer.redirect(str(tmp_path / "two"))
    writer.write(Level.INFO, "here")
    assert [path.name for path in tmp_path.iterdir()] == ["two"]


def test_a_pipe_in_place_of_the_file_that_nobody_reads_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log"
    os.mkfifo(path)
    writer = Log(str(path), "x")
    writer.verify()
    for _ in range(3):
        writer.write(Level.INFO, "words")
    complaint = f"ldirectord: cannot write the log {path}: nobody reads this pipe; going on without it\n"
    assert capsys.readouterr().err == complaint


def test_a_pipe_in_place_of_the_file_whose_reader_stopped_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = Log(str(path), "x")
    for _ in range(300):
        writer.write(Level.INFO, "words " * 80)
    assert os.read(reader, 100).startswith(b"[")
    os.close(reader)
    complaint = f"ldirectord: cannot write the log {path}: whoever reads it has stopped; going on without it\n"
    assert capsys.readouterr().err == complaint


def test_a_new_file_can_be_read_by_all_and_written_by_its_owner(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Log(str(tmp_path / "log"), "x").write(Level.INFO, "words")
    finally:
        os.umask(before)
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(("target", "name"), [(SUPERVISED, "stdout"), ("", "stderr")])
def test_lines_that_a_stopped_reader_of_a_stream_does_not_take_are_counted(
    target: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with os.fdopen(writing, "w") as stream:
        monkeypatch.setattr(sys, name, stream)
        writer = Log(target, "x")
        for number in range(300):
            writer.write(Level.INFO, f"line {number} " + "x" * 600)
        taken = os.read(reading, 1 << 20).decode().splitlines()
        writer.write(Level.INFO, "again")
        after = [line.partition("] ")[2] for line in os.read(reading, 1 << 20).decode().splitlines()]
    os.close(reading)
    assert 0 < len(taken) < 300
    lost = 300 - len(taken)
    assert after == [f"Warning: log lines lost here, as nobody took them: {lost}", "again"]


def test_a_terminal_whose_reader_stopped_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, terminal = os.openpty()
    with os.fdopen(terminal, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        writer = Log("", "x")
        for _ in range(1000):
            writer.write(Level.INFO, "words " * 30)
        assert b"] words words" in os.read(reading, 1000)
    os.close(reading)


def test_a_complaint_that_nobody_reads_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    full = b"x" * (1 << 20)
    size = os.write(writing, full)
    os.set_blocking(writing, True)
    with os.fdopen(writing, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        Log("/no/such/folder/log", "x").write(Level.INFO, "words")
    assert os.read(reading, 1 << 20) == full[:size]
    os.close(reading)


@pytest.fixture
def syslog_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(log, "SYSLOG_SOCKET", tmp_path / "dev-log")
    return tmp_path / "dev-log"


def listening(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    listener.bind(str(path))
    return listener


def heard(listener: socket.socket) -> list[str]:
    """The texts that wait to be read."""
    texts = []
    try:
        while True:
            texts.append(listener.recv(2000).decode().partition("]: ")[2])
    except BlockingIOError:
        return texts


def test_syslog_lines_carry_facility_time_ident_and_pid(syslog_socket: Path) -> None:
    with listening(syslog_socket) as listener:
        Log("local0", "x").write(Level.WARNING, "words\nforged")
        line = listener.recv(1000).decode()
    local0, warning = 16, 4
    form = r"<%d>\w{3} [ \d]\d \d\d:\d\d:\d\d ldirectord\[%d\]: Warning: words\\nforged"
    assert re.fullmatch(form % (local0 * 8 + warning, os.getpid()), line)


def test_a_restarted_syslog_daemon_gets_the_next_line(syslog_socket: Path, capsys: pytest.CaptureFixture[str]) -> None:
    writer = Log("daemon", "x")
    with listening(syslog_socket) as listener:
        writer.write(Level.INFO, "one")
        assert heard(listener) == ["one"]
    writer.write(Level.INFO, "to a socket that nobody has")
    syslog_socket.unlink()
    writer.write(Level.INFO, "to no socket")
    with listening(syslog_socket) as listener:
        writer.write(Level.INFO, "two")
        assert heard(listener) == ["Warning: log lines lost here, as nobody took them: 2", "two"]
    assert capsys.readouterr().err.count("nothing listens on") == 1


def test_lines_that_a_stopped_syslog_daemon_does_not_take_are_counted(syslog_socket: Path) -> None:
    writer = Log("daemon", "x")
    with listening(syslog_socket) as listener:
        for number in range(2000):
            writer.write(Level.INFO, f"line {number}")
        taken = heard(listener)
        writer.write(Level.INFO, "again")
        after = heard(listener)
    assert taken == [f"line {number}" for number in range(len(taken))]
    assert 0 < len(taken) < 2000
    assert after == [f"Warning: log lines lost here, as nobody took them: {2000 - len(taken)}", "again"]


def test_a_lively_syslog_daemon_gets_every_line_of_a_long_text(syslog_socket: Path) -> None:
    received: list[bytes] = []
    with listening(syslog_socket) as listener:
        listener.settimeout(5)
        thread = threading.Thread(target=lambda: received.extend(listener.recv(2000) for _ in range(201)))
        thread.start()
        Log("daemon", "x").write(Level.ERROR, "an error:", "\n".join(map(str, range(200))))
        thread.join()
    assert [line.decode().rpartition(" ")[2] for line in received] == ["error:", *map(str, range(200))]
