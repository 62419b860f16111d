from __future__ import annotations

from typing import Any

import pytest

from ldirector.core.events import MonitorLine
from ldirector.core.model import CheckType, RealKey, VirtualKey
from ldirector.core.monitor_line import checked, maintained
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.core.build import real, virtual

UP = Verdict(Outcome.PASS, Reason.OK)
WEB: dict[str, Any] = {
    "checktype": CheckType.NEGOTIATE,
    "service": "http",
    "request": "index.html",
    "receive": "ok",
    "monitorfile": "/run/lab/mon.log",
}
SERVER = real(236)


def line(verdict: Verdict = UP, **settings: Any) -> str:
    return checked(virtual(SERVER, **{**WEB, **settings}), SERVER, verdict).text


def test_line_is_that_of_the_reference() -> None:
    written = checked(virtual(SERVER, **WEB), SERVER, Verdict(Outcome.PASS, Reason.OK, "200 OK"))
    text = "negotiate http tcp 192.168.2.236 80 1 masq /index.html ok [up] 200 OK"
    assert written == MonitorLine("/run/lab/mon.log", text)


def test_check_without_words_has_a_dash() -> None:
    assert line().endswith(" [up] -")
    assert line(Verdict(Outcome.FAIL, Reason.CONNECT_REFUSED)).endswith(" [down] connection refused")


def test_failed_check_says_why() -> None:
    verdict = Verdict(Outcome.FAIL, Reason.RECEIVE_MISMATCH, "body starts b'sorry'")
    assert line(verdict).endswith(" [down] receive did not match, body starts b'sorry'")


def test_server_in_maintenance_is_down() -> None:
    assert maintained(virtual(SERVER, **WEB), SERVER).text.endswith(" [down] Server in maintenance")


@pytest.mark.parametrize(
    ("settings", "identity"),
    [
        ({"checktype": CheckType.CONNECT}, "connect tcp 192.168.2.236 80 1 masq"),
        ({"checktype": CheckType.PING, "checkport": 8}, "ping tcp 192.168.2.236 80 8 1 masq"),
        (
            {"checktype": CheckType.EXTERNAL, "checkcommand": "/etc/ha.d/check.sh"},
            "external /etc/ha.d/check.sh tcp 192.168.2.236 80 1 masq",
        ),
        (
            {"virtualhost": "www.example.com", "checkport": 8080},
            "negotiate http tcp 192.168.2.236 80 www.example.com 8080 1 masq /index.html ok",
        ),
        (
            {"service": "dns", "request": "/www.example.com", "key": VirtualKey("udp", 4, "10.1.1.10", 53)},
            "negotiate dns udp 192.168.2.236 80 1 masq www.example.com ok",
        ),
    ],
)
def test_id_names_what_the_check_has(settings: dict[str, Any], identity: str) -> None:
    assert line(**settings) == f"{identity} [up] -"


def test_real_has_its_own_request_receive_and_weight() -> None:
    own = real(236, weight=5, request="/own.html", receive="mine")
    text = checked(virtual(own, **WEB), own, UP).text
    assert text == "negotiate http tcp 192.168.2.236 80 5 masq /own.html mine [up] -"


def test_ipv6_address_stays_whole() -> None:
    six = real(1, key=RealKey("fd00::1", 80))
    assert " [fd00::1] 80 " in checked(virtual(six, **WEB), six, UP).text


def test_message_cannot_break_the_line() -> None:
    evil = Verdict(Outcome.PASS, Reason.OK, "100% a|b\r\nnegotiate [up]\x1b[2J\x85\u2028 gr\u00fcn \udcff")
    assert line(evil).endswith("[up] 100%25 a%7Cb%0D%0Anegotiate [up]%1B[2J%C2%85%E2%80%A8 gr\u00fcn %FF")
    assert " o%0Dk [up]" in line(receive="o\rk")
