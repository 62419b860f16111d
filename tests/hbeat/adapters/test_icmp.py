from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest

from hbeat.adapters import icmp
from hbeat.config.ping import Ping, PingHost
from hbeat.core.model import PingKind, PingNode
from hbeat.core.sending import Sending

CAPTURED = json.loads((Path(__file__).parents[2] / "vectors/heartbeat/icmp_echo.json").read_text())["requests"]


@pytest.mark.parametrize("row", CAPTURED, ids=lambda row: f"{row['dst']} {row['number']}")
def test_request_is_byte_for_byte_what_the_original_sent(row: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    captured = bytes.fromhex(row["icmp_hex"])
    monkeypatch.setattr(os, "getpid", lambda: row["pid"])
    host = icmp._Host(row["family"], row["dst"], row["dst"], Sending(row["dst"]), row["number"])
    made = icmp._request(host, captured[8:])
    if row["family"] == 6:  # this checksum is the kernel's work
        captured = captured[:2] + b"\0\0" + captured[4:]
    assert made == captured


def reply(kind: int, identifier: int, payload: bytes) -> bytes:
    return b"\x45" + bytes(19) + struct.pack("=BBHHH", kind, 0, 0, identifier, 0) + payload


def test_only_echo_replies_with_our_identifier_are_answers() -> None:
    ours = os.getpid() & 0xFFFF
    assert icmp._reply(4, reply(0, ours, b"payload")) == b"payload"
    assert icmp._reply(4, reply(0, ours ^ 1, b"payload")) is None
    assert icmp._reply(4, reply(8, ours, b"payload")) is None
    assert icmp._reply(6, reply(129, ours, b"payload")[20:]) == b"payload"


@pytest.mark.parametrize("length", range(29))
def test_cut_packet_is_no_answer(length: int) -> None:
    packet = reply(0, os.getpid() & 0xFFFF, b"p")[:length]
    assert icmp._reply(4, packet) in (None, b"")
    assert icmp._reply(6, packet) is None


def test_name_that_cannot_be_looked_up_is_refused_with_its_line() -> None:
    ping = Ping(PingNode("nowhere.invalid"), (PingHost("nowhere.invalid", 4, 12),))
    with pytest.raises(icmp.PingError, match=r"^ha\.cf:12: ping host nowhere\.invalid .* write the address"):
        icmp.open_pings([ping])


def test_group_without_any_address_names_the_lines_of_all_its_hosts() -> None:
    hosts = tuple(PingHost(f"nowhere{line}.invalid", 4, line) for line in (3, 9))
    with pytest.raises(icmp.PingError) as caught:
        icmp.open_pings([Ping(PingNode("gw", PingKind.GROUP), hosts)])
    assert [line.split(" ")[0] for line in str(caught.value).splitlines()] == ["ha.cf:3:", "ha.cf:9:"]
