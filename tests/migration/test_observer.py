from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from migration.namespaces import NetworkNamespace
from migration.network import ip_batch
from migration.observer import NodeObserver, parse_table
from tests.system.pair import have_namespaces

TEXT = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A01010A:0050 wrr  
  -> C0A802EC:0050      Masq    0      0          121       
  -> C0A802ED:1F90      Masq    1      3          175       
FWM  00000001 wlc  
UDP  [fd00:0001:0000:0000:0000:0000:0000:0010]:0035 rr  
"""


def test_the_kernels_table_becomes_virtuals_with_weights():
    assert parse_table(TEXT) == {
        "TCP 10.1.1.10:80": {"192.168.2.236:80": 0, "192.168.2.237:8080": 1},
        "FWM 00000001": {},
        "UDP [fd00:0001:0000:0000:0000:0000:0000:0010]:0035": {},
    }
    assert parse_table("\n".join(TEXT.splitlines()[:3])) == {}


@pytest.mark.skipif(bool(have_namespaces()), reason="needs root and namespaces: run as root")
def test_a_node_that_is_off_has_no_address_for_who_still_asks():
    namespace = NetworkNamespace.create()
    try:
        observer = NodeObserver(namespace, 0)
        ip_batch(namespace, ["link set lo up", "addr add 10.1.1.10/32 dev lo"])
        assert IPv4Address("10.1.1.10") in observer.current()
        observer.close()
        assert observer.current() == set()
        assert observer.read_changes() == []
    finally:
        namespace.close()
