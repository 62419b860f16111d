"""What becomes of a block: the kernel's view of it, and the warnings it deserves."""

from __future__ import annotations

from typing import Any

import pytest

from ldirector.config.errors import ConfigError
from ldirector.config.ldirectord_cf import parse
from ldirector.core.model import Fallback, Forwarding, RealKey
from tests.ldirector.world import FakeNames


def block(lines: str, opener: str = "virtual=10.1.1.10:80", globals_: str = "") -> tuple[Any, list[str]]:
    """The only virtual of a file, and the warnings as text."""
    body = "".join(f"\t{line}\n" for line in lines.splitlines())
    config = parse(f"{globals_}{opener}\n{body}", "f", FakeNames())
    return config.virtuals[0], [str(warning) for warning in config.warnings]


REAL = "real=192.168.2.1:80 masq\nchecktype=on\n"


@pytest.mark.parametrize(("method", "port"), [("gate", 80), ("ipip", 80), ("masq", 8080)])
def test_gate_and_ipip_take_the_port_of_the_virtual(method: str, port: int) -> None:
    virtual, _ = block(f"real=192.168.2.1:8080 {method}\nchecktype=on")
    assert virtual.reals[0].key == RealKey("192.168.2.1", port)
    assert virtual.reals[0].port == 8080


def test_real_of_a_mark_keeps_its_port_whatever_the_method() -> None:
    virtual, _ = block("real=192.168.2.1:8080 gate\nchecktype=on", opener="virtual=1")
    assert virtual.reals[0].key == RealKey("192.168.2.1", 8080)


def test_fallback_takes_the_port_of_the_virtual_and_of_the_block_first() -> None:
    globals_ = "fallback=127.0.0.1:80\n"
    virtual, _ = block(REAL, opener="virtual=10.1.1.10:81", globals_=globals_)
    assert virtual.fallback == Fallback(RealKey("127.0.0.1", 81), Forwarding.GATE)
    virtual, _ = block(REAL + "fallback=192.168.2.250:8081 masq", globals_=globals_)
    assert virtual.fallback == Fallback(RealKey("192.168.2.250", 8081), Forwarding.MASQ)


def test_global_fallback_serves_marks_too() -> None:
    virtual, _ = block("real=192.168.2.1 gate\nchecktype=on", "virtual=9", "fallback=127.0.0.1\n")
    assert virtual.fallback == Fallback(RealKey("127.0.0.1", 0), Forwarding.GATE)


def test_fallback_is_taken_from_the_directive_of_the_family() -> None:
    virtual, _ = block(
        "real6=[fd00::1]:80 gate\nchecktype=on", "virtual6=[fd00::10]:80", "fallback=127.0.0.1\nfallback6=[::1]\n"
    )
    assert virtual.fallback.key == RealKey("::1", 80)


def test_same_server_twice_is_one_entry_and_the_last_line_counts() -> None:
    virtual, warnings = block("real=192.168.2.1:80 masq 1\nreal=192.168.2.1:80 masq 7\nchecktype=on")
    assert [real.weight for real in virtual.reals] == [7]
    assert "in this virtual already" in warnings[0]


@pytest.mark.parametrize(("thresholds", "kept"), [("l:5", (0, 0)), ("l:30 u:20", (0, 20)), ("l:10 u:20", (10, 20))])
def test_lower_threshold_the_kernel_would_refuse_is_left_out_with_a_warning(
    thresholds: str, kept: tuple[int, int]
) -> None:
    virtual, warnings = block(f"real=192.168.2.1:80 masq 1 {thresholds}\nchecktype=on")
    assert (virtual.reals[0].lower, virtual.reals[0].upper) == kept
    assert bool(warnings) == (kept[0] == 0)


def test_netmask_counts_only_with_persistent() -> None:
    virtual, warnings = block(REAL + "netmask=255.255.255.0")
    assert virtual.state.netmask == ""
    assert "without persistent=" in warnings[0]
    virtual, warnings = block(REAL + "netmask=255.255.255.0\npersistent=60")
    assert (virtual.state.netmask, virtual.state.persistent, warnings) == ("255.255.255.0", 60, [])


def test_ops_counts_only_with_udp() -> None:
    virtual, warnings = block(REAL + "ops=yes")
    assert not virtual.state.ops
    assert "protocol=udp only" in warnings[0]
    assert block(REAL + "ops=yes\nprotocol=udp")[0].state.ops


def test_flags_are_sorted_and_named_by_their_scheduler() -> None:
    virtual, _ = block(REAL + "scheduler=sh\nschedflags=sh-port,flag-1")
    assert virtual.state.schedflags == ("sh-fallback", "sh-port")
    with pytest.raises(ConfigError, match="'sh-port' is not a flag of scheduler mh"):
        block(REAL + "scheduler=mh\nschedflags=sh-port")


def test_scheduler_the_kernel_may_not_know_is_passed_on_with_a_warning() -> None:
    virtual, warnings = block(REAL + "scheduler=nosuch")
    assert virtual.state.scheduler == "nosuch"
    assert "'nosuch'" in warnings[0]


def without_dns(service: str) -> str:
    return "dns" if service == "dns" else ""


def test_check_whose_library_is_missing_is_an_error_with_the_line_and_the_extra() -> None:
    text = 'virtual=10.1.1.10:53\n\treal=192.168.2.1:53 masq\n\tservice=dns\n\trequest="a.test"\n'
    with pytest.raises(ConfigError, match=r"f:3: service=dns needs a library .*pip install .*\[dns\]"):
        parse(text, "f", FakeNames(), missing_extra=without_dns)
    with pytest.raises(ConfigError, match=r"f:1: service=dns needs a library"):
        parse(text.replace("\tservice=dns\n", ""), "f", FakeNames(), missing_extra=without_dns)
    connect = text + "\tchecktype=connect\n"
    assert parse(connect, "f", FakeNames(), missing_extra=without_dns).virtuals


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('real=192.168.2.1:25 masq\nservice=smtp\nreceive="ok"', "receive: the negotiate (smtp) check does not look"),
        ('real=192.168.2.1:25 masq\nchecktype=connect\nlogin="u"', "login: the connect check does not look"),
        ("real=192.168.2.1:25 masq\nservice=dns", "cannot succeed without request"),
        ('real=192.168.2.1:25 masq\nchecktype=on\nfallbackcommand="x | y"', "run without a shell"),
        ("real=192.168.2.1:80 masq\nservice=none", "not checked and count as up"),
        ("real=192.168.2.1:80 masq\nchecktype=external", "/bin/true"),
        ('real=192.168.2.1:80 masq\nhttpmethod=HEAD\nreceive="ok"', "receive never matches"),
        ("checktype=on", "no real servers"),
        ('real=192.168.2.1:80 masq\nservice=radius\nlogin="u"', "f:3: service=radius without secret: no server"),
        ("real=192.168.2.1:443 masq\nservice=https\nvirtualhost=www..a", "f:4: virtualhost: TLS cannot carry 'www..a'"),
        ('real=192.168.2.1:80 masq\nservice=radius\nsecret="s"', "f:3: service=radius without login: no server"),
    ],
)
def test_trap_is_pointed_out(lines: str, words: str) -> None:
    _, warnings = block(lines)
    assert len(warnings) == 1
    assert words in warnings[0]


def test_receive_of_a_real_line_is_compiled_too() -> None:
    with pytest.raises(ConfigError, match=r"f:2: receive: the pattern does not compile"):
        block('real=192.168.2.1:80 masq "/x", "ok("')


def test_url_without_a_host_is_refused_when_the_file_is_read() -> None:
    with pytest.raises(ConfigError, match="no usable host and port"):
        block('real=192.168.2.1:80 masq "http://", "ok"')


@pytest.mark.parametrize("name", ["login", "passwd", "secret", "database", "virtualhost"])
def test_text_that_could_begin_another_command_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"f:3: {name}: it has a control character in it"):
        block(f'real=192.168.2.1:25 masq\n{name}="a\0QUIT"')


def test_radius_names_and_passwords_that_the_protocol_cannot_carry_are_refused() -> None:
    radius = "real=192.168.2.1:1812 masq\nservice=radius\n"
    with pytest.raises(ConfigError, match="f:4: passwd: radius carries at most 128 bytes"):
        block(f'{radius}passwd="{"x" * 129}"')
    with pytest.raises(ConfigError, match="f:4: login: radius carries at most 253 bytes"):
        block(f'{radius}login="{"x" * 254}"')
    assert block(f'{radius}login="{"x" * 253}"\npasswd="{"x" * 128}"')


def test_persistence_that_the_kernel_would_wrap_around_is_refused() -> None:
    assert block(REAL + "persistent=4294967")[0].state.persistent == 4294967
    with pytest.raises(ConfigError, match="f:4: persistent: the kernel cannot count 4294968 seconds"):
        block(REAL + "persistent=4294968")


@pytest.mark.parametrize("address", ["224.0.0.1", "0.0.0.0", "255.255.255.255"])
def test_address_of_no_server_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match=f"f:2: real: {address} is the address of no server"):
        block(f"real={address}:80 masq")
