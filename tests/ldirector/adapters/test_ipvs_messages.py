"""The messages of adapters/ipvs_messages.py, without a kernel; tests/kernel/inside/test_ipvs.py has one."""

import struct

import pytest

from ldirector.adapters import ipvs_messages as messages
from ldirector.core.events import AddReal, AddVirtual, DeleteReal, DeleteVirtual, SetReal, SetVirtual, TableOp
from ldirector.core.model import Forwarding, RealKey, RealState, VirtualKey, VirtualState

WEB = VirtualKey("tcp", 4, "10.1.1.10", 80)
REAL = RealKey("192.168.2.236", 8080)


def sent(body: bytes, which: int) -> dict[int, bytes]:
    return messages.attributes_of(messages.attributes_of(body)[which])


def test_every_operation_has_its_command_number() -> None:
    state, entry = VirtualState(), RealState(Forwarding.MASQ, 1)
    operations: list[tuple[TableOp, int]] = [
        (AddVirtual(WEB, state), 1),
        (SetVirtual(WEB, state), 2),
        (DeleteVirtual(WEB), 3),
        (AddReal(WEB, REAL, entry), 5),
        (SetReal(WEB, REAL, entry), 6),
        (DeleteReal(WEB, REAL), 7),
    ]
    for operation, command in operations:
        assert messages.encode(operation)[0] == command


@pytest.mark.parametrize(
    "key",
    [
        WEB,
        VirtualKey("udp", 4, "10.1.1.10", 53),
        VirtualKey("tcp", 6, "fd00:1::10", 80),
        VirtualKey("fwm", 4, "", 0, 7),
        VirtualKey("fwm", 6, "", 0, 4294967295),
    ],
)
@pytest.mark.parametrize(
    "state",
    [
        VirtualState(),
        VirtualState("rr", persistent=300, ops=True),
        VirtualState("sh", schedflags=("sh-fallback", "sh-port")),
        VirtualState("mh", schedflags=("mh-fallback",)),
        VirtualState("lc", schedflags=("flag-1", "flag-2", "flag-3")),
    ],
)
def test_a_virtual_reads_back_as_it_was_sent(key: VirtualKey, state: VirtualState) -> None:
    found = sent(messages.service_attribute(key, state), messages.ATTR_SERVICE)
    assert messages.decode_service(found) == (key, state)


@pytest.mark.parametrize(("family", "netmask"), [(4, "255.255.255.0"), (6, "64")])
def test_a_netmask_reads_back_as_it_was_sent(family: int, netmask: str) -> None:
    key = VirtualKey("fwm", family, "", 0, 1)
    state = VirtualState(persistent=60, netmask=netmask)
    assert messages.decode_service(sent(messages.service_attribute(key, state), messages.ATTR_SERVICE)) == (key, state)


@pytest.mark.parametrize("address", ["192.168.2.236", "fd00:2::a"])
@pytest.mark.parametrize("method", list(Forwarding))
def test_a_real_reads_back_as_it_was_sent(address: str, method: Forwarding) -> None:
    key, state = RealKey(address, 8080), RealState(method, 65535, upper=50, lower=10)
    assert messages.decode_real(sent(messages.real_attribute(WEB, key, state), messages.ATTR_DEST)) == (key, state)


@pytest.mark.parametrize("address", ["192.168.2.236", "fd00::"])
def test_a_dumped_real_is_what_it_is_now_whatever_its_counters_and_their_order(address: str) -> None:
    """As Linux 6.1 dumps it, then with the family in front."""

    def dumped(weight: int, connections: int, in_front: bool) -> bytes:
        sent_attributes = sent(
            messages.real_attribute(WEB, RealKey(address, 80), RealState(Forwarding.MASQ, weight)), 2
        )
        counter = struct.pack("=I", connections)
        values = {**sent_attributes, **dict.fromkeys((7, 8, 9), counter), 13: b"\0", 14: b"\0\0", 15: b"\0\0"}
        order = (1, 2, 3, 4, 13, 14, 15, 5, 6, 7, 8, 9, 11)
        return b"".join(messages.attribute(n, values[n]) for n in (order[::-1] if in_front else order))

    for in_front in (False, True):
        for weight, connections in ((1, 0), (1, 7), (5, 7), (1, 7)):
            key, state = messages.real_of(dumped(weight, connections, in_front))
            assert (key, state.weight) == (RealKey(address, 80), weight)
    assert messages._decode_settings.cache_info().hits > 0


def test_ports_and_addresses_travel_in_network_order_and_numbers_in_ours() -> None:
    found = sent(messages.encode(AddReal(WEB, REAL, RealState(Forwarding.GATE, 3)))[1], messages.ATTR_DEST)
    assert found[messages.DEST_ADDR] == bytes([192, 168, 2, 236]) + bytes(12)
    assert found[messages.DEST_PORT] == b"\x1f\x90"
    assert found[messages.DEST_METHOD] == struct.pack("=I", 3)


def test_a_protocol_without_a_word_is_left_alone() -> None:
    found = sent(messages.service_attribute(WEB, VirtualState()), messages.ATTR_SERVICE)
    assert messages.decode_service(found | {messages.SVC_PROTOCOL: struct.pack("=H", 132)}) is None


def test_messages_are_cut_out_of_a_buffer_also_when_it_is_damaged() -> None:
    one = messages.message(20, 1, 7, messages.DEL_SERVICE, messages.service_attribute(WEB))
    assert [(kind, sequence) for kind, sequence, _ in messages.split_messages(one + one)] == [(20, 7), (20, 7)]
    for cut in range(len(one)):
        for _kind, _sequence, payload in messages.split_messages(one[:cut] + bytes(20)):
            messages.attributes_of(payload)
