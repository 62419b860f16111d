"""Lines of the kernel's IPVS files, copied from a 6.1 kernel."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from hbeat.core.connection_table import Connection, Forwarding, Services, as_written, connections

CONNECTIONS = """\
Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
TCP 0A010164 0000 0A01010A 0050 C0A802EC 0050 NONE            299
TCP 0A010164 C3A2 0A01010A 0050 C0A802EC 0050 ESTABLISHED     898
TCP fd00:0000:0000:0000:0000:0000:0000:0001 C3A2 fd00:0000:0000:0000:0000:0000:0000:0002 0050 fd00:0000:0000:0000:0000:0000:0000:0003 0050 ESTABLISHED     898
UDP 0A010164 C3A2 0A01010A 0035 C0A802EC 0035 UDP              29
"""  # noqa: E501

SERVICES = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A01010A:0050 wrr
  -> C0A802EC:0050      Masq    1      0          0
  -> C0A802ED:0050      Route   0      0          0
TCP  [fd00:0000:0000:0000:0000:0000:0000:0002]:0050 wrr
  -> [fd00:0000:0000:0000:0000:0000:0000:0003]:0050      Tunnel  1      0          0
FWM  0000002A rr
  -> C0A802EE:0000      Route   1      0          0
"""


def connection(real: str, port: str = "0050", virtual: str = "0A01010A") -> Connection:
    return Connection("TCP", "0A010164", "C3A2", virtual, "0050", real, port, "ESTABLISHED", 900)


def test_lines_are_read_and_the_head_is_none() -> None:
    template, web, six, udp = connections(CONNECTIONS)
    assert (web.client, web.client_port, web.real, web.state, web.expires) == (
        "0A010164",
        "C3A2",
        "C0A802EC",
        "ESTABLISHED",
        898,
    )
    assert [found.is_template for found in (template, web, six, udp)] == [True, False, False, False]
    assert [found.is_open for found in (template, web, six, udp)] == [False, True, True, True]


def test_name_tells_connections_apart_and_not_their_age_or_state() -> None:
    one = connection("C0A802EC")
    older = replace(one, state="FIN_WAIT", expires=3)
    assert one.name == older.name
    assert len({one.name, connection("C0A802ED").name, connection("C0A802EC", "0051").name}) == 3


def test_forwarding_comes_from_the_service_or_its_mark() -> None:
    services = Services(SERVICES)
    six = next(found for found in connections(CONNECTIONS) if ":" in found.virtual)
    assert services.forwarding(connection("C0A802EC")) == Forwarding(0)
    assert services.forwarding(connection("C0A802ED")) == Forwarding(3)
    assert services.forwarding(six) == Forwarding(2)
    assert services.forwarding(connection("C0A802EE", "0000")) == Forwarding(3, 42)
    assert services.forwarding(connection("C0A802EF")) is None
    assert services.forwarding(connection("C0A802EC", virtual="0A01010B")) is None
    assert not Services("")


def test_addresses_are_written_as_the_kernel_does() -> None:
    assert as_written("10.1.1.10") == "0A01010A"
    assert as_written("fd00::2") == "fd00:0000:0000:0000:0000:0000:0000:0002"


@given(st.text())
def test_no_text_is_more_than_no_connection(text: str) -> None:
    for found in connections(text):
        assert found.name
