import os
import re
import socket
import threading
from pathlib import Path

import pytest

from ldirector.adapters import log
from ldirector.adapters.log import Log
from ldirector.core.events import Level


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


def test_redirect_changes_the_file(tmp_path: Path) -> None:
    writer = Log(str(tmp_path / "one"), "x")
    writer.redirect(str(tmp_path / "two"))
    writer.write(Level.INFO, "here")
    assert [path.name for path in tmp_path.iterdir()] == ["two"]


@pytest.mark.skipif(not os.access("/dev", os.W_OK) or Path("/dev/log").exists(), reason="needs a free /dev/log")
def test_syslog_lines_carry_facility_ident_and_pid() -> None:
    received: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("/dev/log")
        try:
            listener.settimeout(5)
            thread = threading.Thread(target=lambda: received.append(listener.recv(1000)))
            thread.start()
            Log("local0", "x").write(Level.WARNING, "words")
            thread.join()
        finally:
            os.unlink("/dev/log")
    local0, warning = 16, 4
    assert received[0].startswith(b"<%d>" % (local0 * 8 + warning))
    assert b"ldirectord[%d]: Warning: words" % os.getpid() in received[0]
