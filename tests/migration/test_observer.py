from __future__ import annotations

from migration.observer import parse_table

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
