"""service=sip against Kamailio, over udp and tcp, IPv4 and IPv6."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.servers.daemon import free_port, hanging, listens, needs, open_folder, running, silent_udp, verdict_of

pytestmark = [pytest.mark.servers, needs("kamailio")]

# Who is asked for decides the answer.
CONFIG = """
#!KAMAILIO
debug=2
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
listen=udp:[::1]:{port}
listen=tcp:[::1]:{port}
loadmodule "pv.so"
loadmodule "sl.so"
request_route {{
    if (method != "OPTIONS") {{ sl_send_reply("405", "Method Not Allowed"); exit; }}
    if ($rU == "busy") {{ sl_send_reply("503", "Service Unavailable"); exit; }}
    if ($rU == "slow") {{ sl_send_reply("100", "Trying"); sl_send_reply("180", "Ringing"); }}
    if ($rU == "silent") {{ exit; }}
    sl_send_reply("200", "OK");
}}
"""

PASSED = Verdict(Outcome.PASS, Reason.OK)
protocols = pytest.mark.parametrize("protocol", ["udp", "tcp"])


@pytest.fixture(scope="module")
def kamailio() -> Iterator[int]:
    with open_folder() as folder:
        port = free_port()
        (folder / "kamailio.cfg").write_text(CONFIG.format(port=port).lstrip())
        command = ["kamailio", "-f", str(folder / "kamailio.cfg"), "-DD", "-E", "-m", "16", "-M", "4"]
        command += ["-Y", str(folder), "-P", str(folder / "pid"), "-w", str(folder)]
        with running(command, folder, lambda: listens(port)):
            yield port


def judged(port: int, protocol: str, login: str = "", **spec: Any) -> Verdict:
    return verdict_of("negotiate", port, service="sip", protocol=protocol, login=login, **spec)


@protocols
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_server_that_answers_200_ok_is_up(kamailio: int, protocol: str, address: str) -> None:
    assert judged(kamailio, protocol, "joe@example.com", address=address) == PASSED
    assert judged(kamailio, protocol, address=address) == PASSED


@protocols
def test_provisional_answers_are_waited_through(kamailio: int, protocol: str) -> None:
    assert judged(kamailio, protocol, "slow@example.com") == PASSED


@protocols
def test_a_server_that_refuses_is_down_with_its_words(kamailio: int, protocol: str) -> None:
    verdict = judged(kamailio, protocol, "busy@example.com")
    assert verdict == Verdict(Outcome.FAIL, Reason.WRONG_STATUS, "'SIP/2.0 503 Service Unavailable'")


@protocols
def test_a_server_that_never_answers_is_a_read_timeout(kamailio: int, protocol: str) -> None:
    verdict = judged(kamailio, protocol, "silent@example.com", timeout=0.5)
    assert verdict == Verdict(Outcome.FAIL, Reason.READ_TIMEOUT)


@protocols
def test_nothing_that_listens_is_refused(protocol: str) -> None:
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    assert judged(free_port(kind), protocol) == Verdict(Outcome.FAIL, Reason.CONNECT_REFUSED)


def test_a_server_that_hangs_is_a_read_timeout() -> None:
    with hanging() as port:
        assert judged(port, "tcp", timeout=0.3) == Verdict(Outcome.FAIL, Reason.READ_TIMEOUT)
    with silent_udp() as port:
        assert judged(port, "udp", timeout=0.3) == Verdict(Outcome.FAIL, Reason.READ_TIMEOUT)


@pytest.mark.parametrize("service", ["smtp", "pop", "imap", "nntp"])
def test_a_sip_server_is_none_of_the_others(kamailio: int, service: str) -> None:
    """It waits for the client to speak first, and so do they."""
    assert verdict_of("negotiate", kamailio, 0.3, service).reason is Reason.READ_TIMEOUT
