"""service=smtp and submission against Postfix, which runs on a configuration and a queue of its own."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.servers.daemon import eventually, free_port, hanging, listens, needs, open_folder, running, verdict_of

pytestmark = [
    pytest.mark.servers,
    pytest.mark.root,
    needs("postfix"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: Postfix changes its user"),
]

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = mx.example.com
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
local_recipient_maps =
alias_maps =
alias_database =
smtpd_delay_reject = no
"""
MASTER = """
127.0.0.1:{up}          inet n - n - -   smtpd
127.0.0.1:{closed}      inet n - n - -   smtpd -o smtpd_client_restrictions=reject
127.0.0.1:{suspicious}  inet n - n - -   smtpd -o smtpd_helo_restrictions=reject
rewrite                 unix - - n - -   trivial-rewrite
anvil                   unix - - n - 1   anvil
qmgr                    unix n - n 300 1 qmgr
cleanup                 unix n - n - 0   cleanup
postlog                 unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True)
class Postfix:
    """Its log; and the ports of one that takes mail, one that greets with 554 and one that refuses EHLO and HELO."""

    log: Path
    up: int
    closed: int
    suspicious: int


@pytest.fixture(scope="module")
def postfix() -> Iterator[Postfix]:
    with open_folder() as folder:
        made = Postfix(folder / "log", free_port(), free_port(), free_port())
        configure(folder, made)
        # Not `postfix start-fg`, whose master moves to a session of its own and survives.
        program = subprocess.run(
            ["/usr/sbin/postconf", "-hx", "daemon_directory"], capture_output=True, text=True, check=True
        )
        command = [f"{program.stdout.strip()}/master", "-c", str(folder), "-d"]
        with running(command, folder, lambda: listens(made.up)):
            yield made


def configure(folder: Path, made: Postfix) -> None:
    (folder / "main.cf").write_text(MAIN.format(folder=folder))
    (folder / "master.cf").write_text(MASTER.format(up=made.up, closed=made.closed, suspicious=made.suspicious))
    (folder / "queue").mkdir()
    (folder / "data").mkdir()
    owner = pwd.getpwnam("postfix")
    os.chown(folder / "data", owner.pw_uid, owner.pw_gid)
    subprocess.run(["/usr/sbin/postfix", "-c", str(folder), "check"], capture_output=True, check=True)


def judged(port: int, service: str = "smtp", timeout: float = 10.0) -> Verdict:
    return verdict_of("negotiate", port, timeout, service)


@pytest.mark.parametrize("service", ["smtp", "submission"])
def test_a_mail_exchanger_is_up(postfix: Postfix, service: str) -> None:
    assert judged(postfix.up, service) == Verdict(Outcome.PASS, Reason.OK)


def test_a_server_that_takes_no_connections_is_down_with_its_words(postfix: Postfix) -> None:
    verdict = judged(postfix.closed)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.REFUSED)
    assert verdict.detail.startswith("greeting 554: ")


def test_a_server_that_does_not_like_our_name_is_down_with_its_words(postfix: Postfix) -> None:
    verdict = judged(postfix.suspicious)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.REFUSED)
    assert verdict.detail.startswith("HELO 554: '5.7.1 <localhost.localdomain>: Helo command rejected")


@pytest.mark.parametrize("service", ["pop", "imap"])
def test_a_mail_exchanger_is_no_mail_store(postfix: Postfix, service: str) -> None:
    assert judged(postfix.up, service).reason is Reason.BAD_ANSWER


def test_nothing_that_listens_is_refused() -> None:
    assert judged(free_port()) == Verdict(Outcome.FAIL, Reason.CONNECT_REFUSED)


def test_a_server_that_hangs_is_a_read_timeout() -> None:
    with hanging() as port:
        assert judged(port, timeout=0.3) == Verdict(Outcome.FAIL, Reason.READ_TIMEOUT)


def test_a_check_is_a_whole_session_in_the_servers_log(postfix: Postfix) -> None:
    assert judged(postfix.up).outcome is Outcome.PASS
    assert eventually(
        lambda: "disconnect from localhost[127.0.0.1] ehlo=1 quit=1 commands=2" in postfix.log.read_text()
    )
    assert "lost connection after EHLO" not in postfix.log.read_text()
