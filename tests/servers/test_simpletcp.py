"""service=simpletcp against redis over tcp, and the echo and chargen services of xinetd over tcp and udp."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.servers.daemon import free_port, hanging, listens, needs, open_folder, running, silent_udp, verdict_of

pytestmark = [pytest.mark.servers, needs("redis-server", "xinetd")]

PASSED = Verdict(Outcome.PASS, Reason.OK)


@pytest.fixture(scope="module")
def redis() -> Iterator[int]:
    with open_folder() as folder:
        port = free_port()
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--save", ""]
        with running([*command, "--requirepass", "secret"], folder, lambda: listens(port)):
            yield port


SERVICE = """
service {name}
{{
    id = {name}-{kind}
    type = INTERNAL UNLISTED
    socket_type = {kind}
    protocol = {protocol}
    port = {port}
    wait = {wait}
    user = {user}
    bind = 127.0.0.1
}}
"""


@dataclass(frozen=True)
class Xinetd:
    """Ports. echo: the same for tcp and udp. chargen: an endless answer, over tcp."""

    echo: int
    chargen: int


@pytest.fixture(scope="module")
def xinetd() -> Iterator[Xinetd]:
    with open_folder() as folder:
        made = Xinetd(free_port(), free_port())
        tcp = {"kind": "stream", "protocol": "tcp", "wait": "no", "user": os.geteuid()}
        udp = {"kind": "dgram", "protocol": "udp", "wait": "yes", "user": os.geteuid()}
        config = SERVICE.format(name="echo", port=made.echo, **tcp) + SERVICE.format(name="echo", port=made.echo, **udp)
        config += SERVICE.format(name="chargen", port=made.chargen, **tcp)
        (folder / "xinetd.conf").write_text(config)
        command = ["xinetd", "-dontfork", "-f", str(folder / "xinetd.conf"), "-pidfile", str(folder / "pid")]
        with running(command, folder, lambda: listens(made.echo) and listens(made.chargen)):
            yield made


def judged(port: int, request: str = "", receive: str = "", **spec: Any) -> Verdict:
    return verdict_of("negotiate", port, service="simpletcp", request=request, receive=receive, **spec)


def test_a_server_that_answers_as_it_should_is_up(redis: int) -> None:
    assert judged(redis, "AUTH secret\\nPING\\n", "^[+]PONG") == PASSED
    assert judged(redis, "AUTH secret\\nINFO\\n", "^role:master") == PASSED
    assert judged(redis, "PING\\n") == PASSED


def test_a_server_that_answers_otherwise_is_down_with_its_words(redis: int) -> None:
    verdict = judged(redis, "PING\\n", "^[+]PONG")
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.RECEIVE_MISMATCH)
    assert verdict.detail.startswith("no line of '-NOAUTH Authentication required.")
    assert judged(redis, "AUTH wrong\\n", "^[+]OK").reason is Reason.RECEIVE_MISMATCH
    assert judged(redis, "AUTH secret\\nINFO\\n", "^role:slave").reason is Reason.RECEIVE_MISMATCH


def test_a_server_that_says_nothing_to_an_unfinished_request_is_down(redis: int) -> None:
    verdict = judged(redis, "PING", "PONG")
    assert verdict == Verdict(Outcome.FAIL, Reason.CONNECTION_LOST, "no answer")


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_an_echo_is_up_over_tcp_and_udp(xinetd: Xinetd, protocol: str) -> None:
    assert judged(xinetd.echo, "first\\nsecond\\n", "^second$", protocol=protocol) == PASSED
    verdict = judged(xinetd.echo, "first\\nsecond\\n", "first.second", protocol=protocol)
    assert verdict == Verdict(Outcome.FAIL, Reason.RECEIVE_MISMATCH, "no line of 'first\\nsecond\\n'")


def test_an_endless_answer_is_bounded(xinetd: Xinetd) -> None:
    assert judged(xinetd.chargen, receive="XYZ").outcome is Outcome.PASS
    assert judged(xinetd.chargen, receive="ZYX").reason is Reason.TOO_LARGE


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_nothing_that_listens_is_refused(protocol: str) -> None:
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    assert judged(free_port(kind), "x\\n", protocol=protocol) == Verdict(Outcome.FAIL, Reason.CONNECT_REFUSED)


def test_a_server_that_hangs_is_a_read_timeout() -> None:
    with hanging() as port:
        assert judged(port, "x\\n", timeout=0.3) == Verdict(Outcome.FAIL, Reason.READ_TIMEOUT)
    with silent_udp() as port:
        assert judged(port, "x\\n", timeout=0.3, protocol="udp") == Verdict(Outcome.FAIL, Reason.READ_TIMEOUT)


@pytest.mark.parametrize("service", ["smtp", "pop", "imap", "ftp"])
def test_an_endless_answer_is_no_greeting(xinetd: Xinetd, service: str) -> None:
    assert verdict_of("negotiate", xinetd.chargen, service=service).reason is Reason.BAD_ANSWER
