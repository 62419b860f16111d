"""service=dns against dnsmasq, which answers from its own records only."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.servers.daemon import free_port, hanging, listens, needs, running, silent_udp, verdict_of

pytestmark = [pytest.mark.servers, needs("dnsmasq")]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder, port = tmp_path_factory.mktemp("dnsmasq"), free_port()
    many = [f"--host-record=many.example.com,192.0.2.{n}" for n in range(1, 61)]
    command = [
        *("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user="),
        *(f"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces", f"--pid-file={folder}/pid"),
        *("--local=/example.com/", "--host-record=www.example.com,192.0.2.7,2001:db8::7"),
        *("--cname=alias.example.com,www.example.com", "--host-record=six.example.com,2001:db8::8", *many),
    ]
    with running(command, folder, lambda: listens(port)):
        yield port


def asked(
    port: int, request: str = "www.example.com", receive: str = "", protocol: str = "udp", **more: Any
) -> Verdict:
    return verdict_of("negotiate", port, service="dns", request=request, receive=receive, protocol=protocol, **more)


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
@pytest.mark.parametrize(
    ("request_", "receive"),
    [
        ("www.example.com", ""),
        ("www.example.com", r"^192\.0\.2\.7$"),
        ("WWW.Example.COM", r"^192\.0\.2\.7$"),
        ("alias.example.com", r"^192\.0\.2\.7$"),
        ("192.0.2.7", r"^www\.example\.com$"),
        ("2001:db8::7", r"^www\.example\.com$"),
    ],
)
def test_names_and_addresses_are_found(port: int, protocol: str, request_: str, receive: str) -> None:
    assert asked(port, request_, receive, protocol).outcome is Outcome.PASS


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
@pytest.mark.parametrize(
    ("request_", "receive", "reason", "detail"),
    [
        ("www.example.com", r"^192\.0\.2\.8$", Reason.RECEIVE_MISMATCH, "192.0.2.7"),
        ("nobody.example.com", "", Reason.WRONG_STATUS, "NXDOMAIN"),
        ("www.elsewhere.test", "", Reason.WRONG_STATUS, "REFUSED"),
        ("six.example.com", "", Reason.NOT_FOUND, "no address or name in the answer"),
    ],
)
def test_another_answer_is_down(
    port: int, protocol: str, request_: str, receive: str, reason: Reason, detail: str
) -> None:
    verdict = asked(port, request_, receive, protocol)
    assert (verdict.outcome, verdict.reason, verdict.detail) == (Outcome.FAIL, reason, detail)


def test_an_answer_too_long_for_udp_is_fetched_over_tcp(port: int) -> None:
    for last in ("1", "30", "60"):
        assert asked(port, "many.example.com", rf"^192\.0\.2\.{last}$").outcome is Outcome.PASS
    assert asked(port, "many.example.com", r"^192\.0\.2\.61$").reason is Reason.RECEIVE_MISMATCH


def test_a_port_where_nobody_listens_is_refused() -> None:
    assert asked(free_port(socket.SOCK_DGRAM)).reason is Reason.CONNECT_REFUSED
    assert asked(free_port(), protocol="tcp").reason is Reason.CONNECT_REFUSED


def test_a_server_that_says_nothing_is_a_read_timeout() -> None:
    with silent_udp() as silent:
        assert asked(silent, timeout=0.3).reason is Reason.READ_TIMEOUT
    with hanging() as silent:
        assert asked(silent, protocol="tcp", timeout=0.3).reason is Reason.READ_TIMEOUT
