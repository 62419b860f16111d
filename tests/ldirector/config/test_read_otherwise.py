"""Values that are read as something else than they seem to say get one warning; what is harmless gets none."""

from __future__ import annotations

import time

import pytest

from tests.ldirector.config.test_remarks import warnings

VIRTUAL = "virtual=10.1.1.10:80\n\treal=192.168.2.1:80 masq\n"


def inside(line: str) -> list[str]:
    return warnings(f"fork=yes\n{VIRTUAL}\t{line}\n")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("checkinterval=500ms", "'500ms' is read as 500 seconds; write checkinterval=500, or the number that is meant"),
        ("emailalertfreq=1h", "'1h' is read as 1 seconds"),
        ("checktimeout=2m", "'2m' is read as 2 seconds"),
        ("negotiatetimeout=2 minutes", "'2 minutes' is read as 2 seconds"),
        ("persistent=1.5", "'1.5' is read as 1 seconds"),
        ("failurecount=-3", "'-3' is read as 3; write failurecount=3"),
        ("checkport=80,443", "'80,443' is read as 80; write checkport=80"),
        ("service=http-foo", "'http-foo' is read as http; write service=http"),
        ("protocol=tcp udp", "'tcp udp' is read as tcp"),
        ("httpmethod=GET HEAD", "'GET HEAD' is read as GET"),
        ("scheduler=rr,wlc", "'rr,wlc' is read as rr"),
        ("checktype=connect x", "'connect x' is read as connect"),
        ("checktype=connect5", "'connect5' is read as 5: one negotiate check, then 5 connects, and so on; write check"),
    ],
)
def test_value_that_is_read_otherwise_is_pointed_out(line: str, words: str) -> None:
    (said,) = inside(line)
    assert said.startswith(f"f:4: {line.partition('=')[0]}: {words}")


@pytest.mark.parametrize(
    "line",
    [
        "checkinterval=5s",
        "checktimeout=5 seconds",
        "persistent=600 # ten minutes",
        "checktimeout=5 <- not 10",
        'checkport="80"',
        "failurecount=3\r",
        'service="http"',
        "service=(http) ",
        "service=http <- as the port says",
        'httpmethod="get"',
        "protocol='tcp'",
        'scheduler="rr"\r',
        'checktype="connect"',
        "checktype= 5",
    ],
)
def test_harmless_value_gets_no_remark(line: str) -> None:
    assert inside(line) == []


def test_blanks_behind_a_number_cost_no_time() -> None:
    text = f"checktimeout=5{' ' * 8000}\n" * 20 + VIRTUAL
    started = time.process_time()
    assert warnings(text) == []
    assert time.process_time() - started < 0.5  # 3 s when every blank was a new beginning


@pytest.mark.parametrize(
    ("value", "rest"),
    [("10.1.1.10:80,443", ",443"), ("10.1.1.10:80 extra words", "extra words"), ("web-1:http,https", ",https")],
)
def test_text_behind_the_port_of_a_virtual_is_pointed_out(value: str, rest: str) -> None:
    (said,) = warnings(VIRTUAL.replace("10.1.1.10:80", value))
    assert said.startswith(f"f:1: virtual: {rest!r} behind {value.removesuffix(rest).strip()} is not looked at; write ")


@pytest.mark.parametrize("value", ["10.1.1.10:80\r", "10.1.1.10:80 # web", "10.1.1.10:80 <- VIP", "10.1.1.10:http "])
def test_remark_behind_the_port_of_a_virtual_is_harmless(value: str) -> None:
    assert warnings(VIRTUAL.replace("10.1.1.10:80", value)) == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("emailalertstatus=", "f:1: emailalertstatus: no state is given, so no mail is sent"),
        ("execute=", "f:1: execute: it names no configuration, so nothing is started with it"),
        ('callback=""', "f:1: callback: it names no program, so nothing is run"),
        ('logfile=""', "f:1: logfile: it names no file, so it is /var/log/ldirectord.log"),
    ],
)
def test_empty_value_that_the_original_takes_is_taken_with_a_warning(line: str, words: str) -> None:
    (said,) = warnings(f"{line}\n{VIRTUAL}")
    assert said.startswith(words)
