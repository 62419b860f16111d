"""service=ftp against vsftpd, over IPv4 and IPv6.

Its anonymous login takes only listed passwords here, which stands for users and passwords without making any.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.servers.daemon import eventually, free_port, hanging, listens, needs, open_folder, running, verdict_of

pytestmark = [
    pytest.mark.servers,
    pytest.mark.root,
    needs("vsftpd"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: vsftpd changes its user"),
]

CONFIG = """
background=NO
listen_port={port}
anonymous_enable=YES
local_enable=NO
anon_root={folder}/files
secure_chroot_dir={folder}/empty
secure_email_list_enable=YES
email_password_file={folder}/passwords
seccomp_sandbox=NO
ftpd_banner=hello
log_ftp_protocol=YES
xferlog_enable=YES
vsftpd_log_file={folder}/log
"""
ON_IPV4 = """
listen=YES
listen_address=127.0.0.1
pasv_address=192.0.2.1
"""
"""The address it names for data connections is one where nobody is."""
ON_IPV6 = """
listen=NO
listen_ipv6=YES
listen_address6=::1
"""


@contextlib.contextmanager
def vsftpd(config: str, address: str) -> Iterator[tuple[int, Path]]:
    """The port, and the log with the whole protocol."""
    with open_folder() as folder:
        port = free_port()
        (folder / "files").mkdir()
        (folder / "empty").mkdir()
        (folder / "files" / "index.txt").write_text("the file is\nok\n")
        (folder / "files" / "large").write_bytes(b"x" * 600_000)
        (folder / "files" / "secret").touch(mode=0o600)
        (folder / "passwords").write_text(f"secret\nldirectord@{socket.gethostname()}\n")
        (folder / "vsftpd.conf").write_text(CONFIG.format(folder=folder, port=port) + config)
        command = ["vsftpd", str(folder / "vsftpd.conf")]
        with running(command, folder, lambda: listens(port, address)):
            yield port, folder / "log"


@pytest.fixture(scope="module")
def ftp() -> Iterator[tuple[int, Path]]:
    with vsftpd(ON_IPV4, "127.0.0.1") as server:
        yield server


@pytest.fixture(scope="module")
def ftp6() -> Iterator[tuple[int, Path]]:
    with vsftpd(ON_IPV6, "::1") as server:
        yield server


def judged(port: int, request: str = "/index.txt", **spec: Any) -> Verdict:
    return verdict_of("negotiate", port, service="ftp", request=request, **spec)


PASSED = Verdict(Outcome.PASS, Reason.OK)


def test_a_file_that_matches_is_up(ftp: tuple[int, Path]) -> None:
    assert judged(ftp[0], receive="file is\\nok$") == PASSED
    assert judged(ftp[0]) == PASSED
    assert judged(ftp[0], receive="sorry").reason is Reason.RECEIVE_MISMATCH


def test_over_ipv6_too(ftp6: tuple[int, Path]) -> None:
    assert judged(ftp6[0], receive="ok", address="::1") == PASSED
    assert eventually(lambda: 'FTP command: Client "::1", "EPSV"' in ftp6[1].read_text())


def test_the_whole_session_is_in_the_servers_log(ftp: tuple[int, Path]) -> None:
    assert judged(ftp[0], login="anonymous", passwd="secret") == PASSED

    def in_log(words: str) -> bool:
        return words in ftp[1].read_text()

    for said in ('"CWD /"', '"TYPE I"', '"PASV"', "Entering Passive Mode (192,0,2,1,", '"RETR /index.txt"', '"QUIT"'):
        assert eventually(partial(in_log, said)), said


def test_without_request_the_login_decides(ftp: tuple[int, Path]) -> None:
    assert judged(ftp[0], "/") == PASSED
    assert judged(ftp[0], "/", login="ftp", passwd="wrong").reason is Reason.REFUSED


@pytest.mark.parametrize("login", ["anonymous", "joe"])
def test_a_server_that_refuses_user_or_password_is_down(ftp: tuple[int, Path], login: str) -> None:
    verdict = judged(ftp[0], login=login, passwd="wrong-password")
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.REFUSED)
    assert "530" in verdict.detail
    assert "wrong" not in verdict.detail


@pytest.mark.parametrize("request_", ["/missing", "/secret"])
def test_a_file_that_cannot_be_had_is_down_also_with_an_empty_receive(ftp: tuple[int, Path], request_: str) -> None:
    assert judged(ftp[0], request_) == Verdict(Outcome.FAIL, Reason.REFUSED, "RETR 550: 'Failed to open file.'")


def test_a_large_file_is_not_read_to_its_end(ftp: tuple[int, Path]) -> None:
    assert judged(ftp[0], "/large").reason is Reason.TOO_LARGE


@pytest.mark.parametrize("service", ["pop", "imap", "sip"])
def test_a_file_server_is_none_of_the_others(ftp: tuple[int, Path], service: str) -> None:
    assert verdict_of("negotiate", ftp[0], service=service).reason is Reason.BAD_ANSWER


def test_nothing_that_listens_is_refused() -> None:
    assert judged(free_port()) == Verdict(Outcome.FAIL, Reason.CONNECT_REFUSED)


def test_a_server_that_hangs_is_a_read_timeout() -> None:
    with hanging() as port:
        assert judged(port, timeout=0.3) == Verdict(Outcome.FAIL, Reason.READ_TIMEOUT)
