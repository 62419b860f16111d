"""The very bytes of `ipvsadm -Ln`: ipvsadm 1.31 printed this of such a table in a kernel 6.1."""

from __future__ import annotations

from ldirector.core.ipvsadm_list import as_listed
from ldirector.core.model import Forwarding, RealKey, RealState, Service, Table, VirtualKey, VirtualState

GATE, MASQ, IPIP = Forwarding.GATE, Forwarding.MASQ, Forwarding.IPIP
PRINTED = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  200.1.1.9:80 wrr
TCP  9.1.1.10:80 rr (flag-1,flag-3)
TCP  10.1.1.9:80 wrr
TCP  10.1.1.9:443 wlc persistent 300 mask 255.255.255.0
TCP  10.1.1.10:80 rr
  -> 192.168.2.9:80               Route   1      0          0         |
  -> 192.168.2.9:81               Masq    0      0          0         |
  -> 192.168.2.236:8080           Masq    5      0          0         |
  -> 10.0.0.3:80                  Tunnel  65535  0          0         |
UDP  9.1.1.10:5353 mh (mh-port)
UDP  10.1.1.10:53 sh (sh-fallback,sh-port) persistent 360 ops
TCP  [fd00:1::10]:80 wrr persistent 300 mask 64
  -> [fd00:2:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535 Masq    4      0          0         |
  -> [fd00:2::a]:80               Masq    4      0          0         |
  -> [fd00:2::b]:80               Masq    4      0          0         |
TCP  [::1]:80 lc
UDP  [fd00:1::10]:53 wrr ops
FWM  3 IPv6 rr
FWM  5 wrr
  -> 192.168.2.7:0                Route   1      0          0         |
FWM  5 IPv6 wrr persistent 300 mask 64
  -> [fd00:2::a]:80               Route   1      0          0         |
FWM  10 wrr (flag-1)
""".replace("|", "")


def service(state: VirtualState, **reals: tuple[RealKey, Forwarding, int]) -> Service:
    return Service(state, {key: RealState(way, weight) for key, way, weight in reals.values()})


def web(scheduler: str, **more: object) -> VirtualState:
    return VirtualState(scheduler, **more)  # type: ignore[arg-type]


TABLE: Table = {
    VirtualKey("fwm", 4, "", 0, 10): service(web("wrr", schedflags=("flag-1",))),
    VirtualKey("fwm", 6, "", 0, 5): service(
        web("wrr", persistent=300, netmask="64"), a=(RealKey("fd00:2::a", 80), GATE, 1)
    ),
    VirtualKey("fwm", 6, "", 0, 3): service(web("rr")),
    VirtualKey("fwm", 4, "", 0, 5): service(web("wrr"), a=(RealKey("192.168.2.7", 0), GATE, 1)),
    VirtualKey("udp", 6, "fd00:1::10", 53): service(web("wrr", ops=True)),
    VirtualKey("tcp", 6, "::1", 80): service(web("lc")),
    VirtualKey("tcp", 6, "fd00:1::10", 80): service(
        web("wrr", persistent=300, netmask="64"),
        b=(RealKey("fd00:2::b", 80), MASQ, 4),
        a=(RealKey("fd00:2::a", 80), MASQ, 4),
        long=(RealKey("fd00:2:aaaa:bbbb:cccc:dddd:eeee:ffff", 65535), MASQ, 4),
    ),
    VirtualKey("udp", 4, "10.1.1.10", 53): service(
        web("sh", persistent=360, ops=True, schedflags=("sh-fallback", "sh-port"))
    ),
    VirtualKey("udp", 4, "9.1.1.10", 5353): service(web("mh", schedflags=("mh-port",))),
    VirtualKey("tcp", 4, "10.1.1.10", 80): service(
        web("rr"),
        tunnel=(RealKey("10.0.0.3", 80), IPIP, 65535),
        other=(RealKey("192.168.2.236", 8080), MASQ, 5),
        second=(RealKey("192.168.2.9", 81), MASQ, 0),
        first=(RealKey("192.168.2.9", 80), GATE, 1),
    ),
    VirtualKey("tcp", 4, "10.1.1.9", 443): service(web("wlc", persistent=300, netmask="255.255.255.0")),
    VirtualKey("tcp", 4, "10.1.1.9", 80): service(web("wrr")),
    VirtualKey("tcp", 4, "200.1.1.9", 80): service(web("wrr")),
    VirtualKey("tcp", 4, "9.1.1.10", 80): service(web("rr", schedflags=("flag-1", "flag-3"))),
}


def test_table_is_printed_as_ipvsadm_prints_it() -> None:
    assert "\n".join(as_listed(TABLE)) + "\n" == PRINTED
