from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ldirector.core.model import CheckType, Forwarding, Real, RealKey, Virtual, VirtualKey
from ldirector.core.negotiate import Probe, Standing, choose, probed_port, unused_directives
from tests.ldirector.core.build import MARK, VIP, real, virtual

UDP = VirtualKey("udp", 4, "10.1.1.10", 53)


def http(**more: Any) -> Virtual:
    return virtual(checktype=CheckType.NEGOTIATE, service="http", **more)


def probe(of: Virtual, one: Real) -> Probe:
    check = choose(of, one).check
    assert isinstance(check, Probe)
    return check


def test_http_probe_carries_path_pattern_host_and_negotiatetimeout() -> None:
    spec = probe(http(request="index.html", receive="ok", negotiatetimeout=7.0), real(1)).spec
    assert (spec.method, spec.service, spec.address, spec.port) == ("negotiate", "http", "192.168.2.1", 80)
    assert (spec.request, spec.receive, spec.virtualhost, spec.timeout) == ("/index.html", "ok", "192.168.2.1", 7.0)


def test_virtualhost_and_httpmethod_are_passed_on() -> None:
    spec = probe(http(virtualhost="www.example.test", httpmethod="HEAD"), real(1)).spec
    assert (spec.virtualhost, spec.httpmethod) == ("www.example.test", "HEAD")


def test_ipv6_address_is_in_brackets_in_the_host_header_only() -> None:
    spec = probe(http(), real(1, key=RealKey("fd00::1", 80))).spec
    assert (spec.address, spec.virtualhost) == ("fd00::1", "[fd00::1]")


def test_request_and_receive_of_the_real_win() -> None:
    spec = probe(http(request="/a", receive="a"), real(1, request="b.html", receive="b")).spec
    assert (spec.request, spec.receive) == ("/b.html", "b")


def test_empty_request_and_receive_of_the_real_win_too() -> None:
    spec = probe(http(request="/a", receive="a"), real(1, request="", receive="")).spec
    assert (spec.request, spec.receive) == ("/", "")


@pytest.mark.parametrize(
    ("request_text", "wanted"),
    [
        ("http://192.168.2.9:8080/x?y", ("192.168.2.9", 8080, "/x?y")),
        ("/http://192.168.2.9/x", ("192.168.2.9", 80, "/x")),
        ("http://www.example.test", ("www.example.test", 80, "/")),
        ("http://[fd00::9]:81/", ("fd00::9", 81, "/")),
        ("https://192.168.2.9/", ("192.168.2.1", 80, "/https://192.168.2.9/")),
    ],
)
def test_url_of_the_service_in_the_request_names_who_is_probed(request_text: str, wanted: tuple[str, int, str]) -> None:
    spec = probe(http(), real(1, request=request_text)).spec
    assert (spec.address, spec.port, spec.request) == wanted


@pytest.mark.parametrize("request_text", ["http://", "http://:80/", "http://a:99999/", "http://a b/"])
def test_url_without_a_usable_host_is_refused(request_text: str) -> None:
    with pytest.raises(ValueError, match="no usable host and port"):
        choose(http(), real(1, request=request_text))


def test_blanks_and_control_characters_cannot_break_the_request_line() -> None:
    assert probe(http(request="a b\r\nX: y%20ü"), real(1)).spec.request == "/a%20b%0D%0AX:%20y%20%C3%BC"


def test_port_is_checkport_then_the_reals_then_the_services() -> None:
    assert probed_port(http(checkport=8080), real(1)) == 8080
    assert probed_port(http(), real(1, port=81)) == 81
    assert probed_port(http(), real(1, port=0)) == 80


def test_gate_real_is_probed_at_the_port_as_written() -> None:
    forced = real(1, key=RealKey("192.168.2.1", 80), port=8080, forwarding=Forwarding.GATE)
    assert probe(virtual(), forced).spec.port == 8080


def test_connect_uses_checktimeout() -> None:
    spec = probe(virtual(checktimeout=3.0), real(1)).spec
    assert (spec.method, spec.timeout, spec.service) == ("connect", 3.0, "")


def test_connect_without_any_port_counts_as_down_and_says_so() -> None:
    choice = choose(virtual(key=MARK), real(1, port=0))
    assert choice.check is Standing.OFF
    assert "no port to probe" in choice.what


def test_on_and_off_are_not_probed() -> None:
    assert choose(virtual(checktype=CheckType.ON), real(1)).check is Standing.ON
    assert choose(virtual(checktype=CheckType.OFF), real(1)).check is Standing.OFF


def test_external_is_told_virtual_and_real() -> None:
    of = virtual(checktype=CheckType.EXTERNAL, checkcommand="/bin/check")
    assert probe(of, real(1)).spec.command == ("/bin/check", "10.1.1.10", "80", "192.168.2.1", "80")


def test_external_of_a_mark_is_told_the_mark_and_port_zero() -> None:
    of = virtual(key=MARK, checktype=CheckType.EXTERNAL, checkcommand="/bin/check")
    assert probe(of, real(1, port=0)).spec.command == ("/bin/check", "7", "0", "192.168.2.1", "0")


def test_external_gets_ipv6_addresses_in_brackets() -> None:
    key = VirtualKey("tcp", 6, "fd00::10", 80)
    of = virtual(key=key, checktype=CheckType.EXTERNAL, checkcommand="/bin/check")
    command = probe(of, real(1, key=RealKey("fd00::1", 80))).spec.command
    assert command == ("/bin/check", "[fd00::10]", "80", "[fd00::1]", "80")


def test_external_perl_is_run_by_perl() -> None:
    of = virtual(checktype=CheckType.EXTERNAL_PERL, checkcommand="/etc/ha.d/check.pl")
    assert probe(of, real(1)).spec.command[:3] == ("perl", "--", "/etc/ha.d/check.pl")


def test_combined_check_has_a_connect_to_the_same_port() -> None:
    of = replace(http(checktimeout=2.0), checktype=CheckType.COMBINED, connects=3)
    both = probe(of, real(1))
    assert both.connects == 3
    assert both.connect is not None
    assert (both.connect.method, both.connect.port, both.connect.timeout) == ("connect", 80, 2.0)


def test_combined_with_zero_connects_negotiates_each_time() -> None:
    assert probe(replace(http(), checktype=CheckType.COMBINED), real(1)).connects == 0


def test_combined_without_a_service_connects_each_time() -> None:
    of = virtual(checktype=CheckType.COMBINED, connects=3)
    assert probe(of, real(1)).spec.method == "connect"


def test_negotiate_without_a_service_counts_as_up_and_says_so() -> None:
    choice = choose(virtual(checktype=CheckType.NEGOTIATE), real(1))
    assert choice.check is Standing.ON
    assert "not checked and count as up" in choice.what


@pytest.mark.parametrize("checktype", [CheckType.PING, CheckType.CONNECT])
def test_ping_and_connect_of_a_udp_virtual_are_echo_requests(checktype: CheckType) -> None:
    spec = probe(virtual(key=UDP, checktype=checktype, checktimeout=2.0, checkcount=3), real(1)).spec
    assert (spec.method, spec.address, spec.timeout, spec.attempts) == ("ping", "192.168.2.1", 6.0, 3)


def negotiate(service: str, key: VirtualKey = VIP, **more: Any) -> Virtual:
    return virtual(key=key, checktype=CheckType.NEGOTIATE, service=service, **more)


def test_request_without_its_slash_is_what_a_service_other_than_the_web_and_ftp_gets() -> None:
    for service in ("dns", "simpletcp", "ldap"):
        assert probe(negotiate(service, request="/a.test"), real(1)).spec.request == "a.test"
    assert probe(negotiate("ftp", request="a.msg"), real(1)).spec.request == "/a.msg"


def test_dns_and_sip_go_the_way_of_their_virtual() -> None:
    assert probe(negotiate("dns", UDP, request="a"), real(1)).spec.protocol == "udp"
    assert probe(negotiate("dns", request="a"), real(1)).spec.protocol == "tcp"
    assert probe(negotiate("dns", MARK, request="a"), real(1)).spec.protocol == "udp"
    assert probe(negotiate("sip", UDP), real(1)).spec.protocol == "udp"
    assert probe(negotiate("sip", MARK), real(1)).spec.protocol == "tcp"
    assert probe(negotiate("radius"), real(1)).spec.protocol == "udp"


def test_settings_that_a_service_does_not_look_at_do_not_part_its_probes() -> None:
    assert choose(negotiate("smtp", request="/a", receive="b", login="c"), real(1)) == choose(
        negotiate("smtp"), real(1)
    )


@pytest.mark.parametrize(
    ("service", "more"), [("mysql", {"login": "u"}), ("pgsql", {"request": "/select 1"}), ("dns", {})]
)
def test_service_that_cannot_succeed_counts_as_down_and_says_what_is_missing(service: str, more: Any) -> None:
    choice = choose(negotiate(service, **more), real(1))
    assert choice.check is Standing.OFF
    assert "cannot succeed without" in choice.what


def test_ldap_and_radius_are_limited_by_checktimeout() -> None:
    for service in ("ldap", "radius"):
        assert probe(negotiate(service, checktimeout=2.0, negotiatetimeout=9.0), real(1)).spec.timeout == 2.0
    assert probe(negotiate("imap", checktimeout=2.0, negotiatetimeout=9.0), real(1)).spec.timeout == 9.0


def test_simpletcp_without_any_port_counts_as_down_and_says_so() -> None:
    choice = choose(negotiate("simpletcp", MARK), real(1, port=0))
    assert choice.check is Standing.OFF
    assert "no port to probe" in choice.what


def test_combined_check_over_udp_negotiates_each_time() -> None:
    assert (
        probe(replace(negotiate("dns", UDP, request="a"), checktype=CheckType.COMBINED, connects=3), real(1)).connects
        == 0
    )


def test_directives_that_the_check_does_not_look_at_are_named() -> None:
    written = {"request", "receive", "passwd"}.__contains__
    assert unused_directives(negotiate("smtp"), written) == ("request", "receive", "passwd")
    assert unused_directives(negotiate("http"), written) == ("passwd",)
    assert unused_directives(virtual(), written) == ("request", "receive", "passwd")


def test_equal_checks_of_two_virtuals_are_one_probe() -> None:
    other = VirtualKey("tcp", 4, "10.1.1.10", 81)
    assert choose(virtual(), real(1)) == choose(virtual(key=other), real(1, 7))
