"""Messages for the kernel's backup daemon; tests/kernel/inside/test_connection_sync.py lets a kernel read them."""

from __future__ import annotations

import pytest

from hbeat.core.connection_table import Connection, Forwarding
from hbeat.core.sync_message import LONGEST, messages, record

MASQ, ROUTE = Forwarding(0), Forwarding(3)


def connection(state: str = "ESTABLISHED", protocol: str = "TCP", client_port: str = "C3A2") -> Connection:
    return Connection(protocol, "0A010164", client_port, "0A01010A", "0050", "C0A802EC", "0050", state, 899)


def test_message_is_the_bytes_that_the_kernel_takes() -> None:
    told = record(connection(), MASQ)
    assert told is not None
    (message,) = messages([told], 5)
    assert message.hex(" ", 4) == (
        "0005002c 01010000 00060024 00000000 0001c3a2 00500050 00000000 00000383 0a010164 0a01010a c0a802ec"
    )


def test_ipv6_has_its_bit_and_longer_addresses() -> None:
    six = "fd00:0000:0000:0000:0000:0000:0000:000"
    told = record(Connection("TCP", six + "1", "C3A2", six + "2", "0050", six + "3", "0050", "ESTABLISHED", 5), ROUTE)
    assert told is not None
    assert (len(told), told[0], told[7]) == (72, 1, 3)


@pytest.mark.parametrize(
    ("found", "state", "flags"),
    [
        (connection("SYN_RECV"), 3, 0),
        (connection("FIN_WAIT"), 4, 0x100),
        (connection("CLOSE_WAIT"), 7, 0x100),
        (connection("UDP", "UDP"), 0, 0),
        (connection("NONE", client_port="0000"), 0, 0x1000),
        (connection("NONE", "IP", client_port="0000"), 0, 0x1000),
    ],
)
def test_state_and_flags(found: Connection, state: int, flags: int) -> None:
    told = record(found, MASQ)
    assert told is not None
    assert (int.from_bytes(told[8:10], "big"), int.from_bytes(told[4:8], "big")) == (state, flags)


@pytest.mark.parametrize("found", [connection("TIME_WAIT"), connection("SYN_SENT"), connection("NONE", "ESP")])
def test_what_nobody_would_miss_is_left_out(found: Connection) -> None:
    assert record(found, MASQ) is None


def test_many_connections_are_spread_over_frames() -> None:
    told = record(connection(), MASQ)
    assert told is not None
    made = list(messages([told] * 1000, 7))
    assert sum(message[4] for message in made) == 1000
    assert all(len(message) <= LONGEST and int.from_bytes(message[2:4], "big") == len(message) for message in made)
    assert {message[1] for message in made} == {7}
    assert list(messages([], 7)) == []
