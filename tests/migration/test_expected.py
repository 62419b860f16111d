from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from ldirector.config.ldirectord_cf import parse
from ldirector.core.model import Virtual
from migration.expected import expected_tables, is_judged, without

TEXT = """\
quiescent=yes
virtual=10.1.1.10:80
    real=192.168.2.236:80 masq 3
    real=192.168.2.237:80 masq
    service=http
virtual=10.1.1.10:81
    real=192.168.2.236:81 gate
    checktype=on
    persistent=600
virtual=7
    real=192.168.2.236 gate
    checktype=off
virtual=10.1.1.10:82
    real=192.168.2.236:82 masq
    checktype=external
    checkcommand=/bin/true
"""
HOLDER = {IPv4Address("10.1.1.10"): "test2.com"}


class Names:
    def host(self, name: str, family: int) -> str | None:
        return None

    def service(self, name: str, protocol: str | None) -> int | None:
        return None


@pytest.fixture
def virtuals() -> tuple[Virtual, ...]:
    return parse(TEXT, "ldirectord.cf", Names()).virtuals


def test_every_virtual_stands_to_the_letter_on_the_node_that_has_its_address(virtuals: tuple[Virtual, ...]) -> None:
    assert expected_tables(virtuals, HOLDER, "test1.com", None) == {
        "test1.com": ["-A -f 7 -s wrr", "-a -f 7 -r 192.168.2.236:0 -g -w 0"],
        "test2.com": [
            "-A -t 10.1.1.10:80 -s wrr",
            "-a -t 10.1.1.10:80 -r 192.168.2.236:80 -m -w 3",
            "-a -t 10.1.1.10:80 -r 192.168.2.237:80 -m -w 1",
            "-A -t 10.1.1.10:81 -s wrr -p 600",
            "-a -t 10.1.1.10:81 -r 192.168.2.236:81 -g -w 1",
        ],
    }


def test_server_that_is_down_has_weight_zero_where_it_is_checked(virtuals: tuple[Virtual, ...]) -> None:
    lines = expected_tables(virtuals, HOLDER, "test1.com", "192.168.2.236")["test2.com"]
    assert "-a -t 10.1.1.10:80 -r 192.168.2.236:80 -m -w 0" in lines
    assert "-a -t 10.1.1.10:81 -r 192.168.2.236:81 -g -w 1" in lines


def test_lines_of_what_cannot_be_judged_are_left_out(virtuals: tuple[Virtual, ...]) -> None:
    unjudged = [virtual for virtual in virtuals if not is_judged(virtual)]
    found = [
        "-A -t 10.1.1.10:82 -s wrr ",
        "-a -t 10.1.1.10:82 -r 192.168.2.236:82 -m -w 1",
        "-A -t 10.1.1.10:80 -s wrr",
    ]
    assert without(found, unjudged) == ["-A -t 10.1.1.10:80 -s wrr"]
