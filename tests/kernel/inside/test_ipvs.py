"""ldirector/adapters/ipvs.py against the kernel, judged by ipvsadm."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from ldirector.adapters.ipvs import MESSAGES_PER_SEND, Ipvs, IpvsError
from ldirector.config.director_config import DirectorConfig
from ldirector.core.director import Director
from ldirector.core.events import (
    AddReal,
    AddVirtual,
    ApplyOps,
    DeleteReal,
    DeleteVirtual,
    OpFailure,
    SetReal,
    SetVirtual,
    TableOp,
)
from ldirector.core.model import (
    CheckType,
    Forwarding,
    Real,
    RealKey,
    RealState,
    Service,
    Virtual,
    VirtualKey,
    VirtualState,
)

GATE, MASQ, IPIP = Forwarding.GATE, Forwarding.MASQ, Forwarding.IPIP
WEB = VirtualKey("tcp", 4, "10.1.1.10", 80)
DNS = VirtualKey("udp", 4, "10.1.1.10", 53)
WEB6 = VirtualKey("tcp", 6, "fd00:1::10", 80)
MARK = VirtualKey("fwm", 4, "", 0, 7)
MARK6 = VirtualKey("fwm", 6, "", 0, 7)
MISSING = VirtualKey("tcp", 4, "10.9.9.9", 9)
REAL = RealKey("192.168.2.236", 80)
OTHER = RealKey("192.168.2.237", 80)


def ipvsadm(*words: str) -> list[str]:
    done = subprocess.run(["ipvsadm", *words], capture_output=True, text=True, check=True)
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


@pytest.fixture
def kernel() -> Iterator[Ipvs]:
    ipvsadm("-C")
    kernel = Ipvs()
    yield kernel
    kernel.close()


def done(kernel: Ipvs, *operations: TableOp) -> None:
    assert kernel.apply(operations) == []


def test_every_kind_of_virtual_is_what_ipvsadm_shows_and_what_is_read_back(kernel: Ipvs) -> None:
    wanted = {
        WEB: VirtualState("wrr", persistent=600, netmask="255.255.255.0"),
        DNS: VirtualState("sh", ops=True, schedflags=("sh-fallback", "sh-port")),
        WEB6: VirtualState("wlc", persistent=300, netmask="64"),
        MARK: VirtualState("rr"),
        MARK6: VirtualState("mh", schedflags=("mh-port",)),
        VirtualKey("udp", 6, "fd00:1::10", 5060): VirtualState("lc", schedflags=("flag-1", "flag-3")),
    }
    done(kernel, *(AddVirtual(key, state) for key, state in wanted.items()))
    assert sorted(ipvsadm("-Sn")) == [
        "-A -f 7 -6 -s mh -b mh-port",
        "-A -f 7 -s rr",
        "-A -t 10.1.1.10:80 -s wrr -p 600 -M 255.255.255.0",
        "-A -t [fd00:1::10]:80 -s wlc -p 300 -M 64",
        "-A -u 10.1.1.10:53 -s sh -o -b sh-fallback,sh-port",
        "-A -u [fd00:1::10]:5060 -s lc -b flag-1,flag-3",
    ]
    assert {key: service.state for key, service in kernel.read().items()} == wanted


def test_every_kind_of_real_is_what_ipvsadm_shows_and_what_is_read_back(kernel: Ipvs) -> None:
    wanted = {
        WEB: {
            REAL: RealState(MASQ, 1),
            OTHER: RealState(GATE, 0),
            RealKey("192.168.2.238", 80): RealState(IPIP, 65535),
            RealKey("192.168.2.239", 8080): RealState(MASQ, 5, upper=50, lower=10),
        },
        WEB6: {RealKey("fd00:2::a", 80): RealState(MASQ, 1), RealKey("fd00:2::b", 80): RealState(GATE, 4)},
        MARK: {RealKey("192.168.2.236", 0): RealState(GATE, 7)},
    }
    for virtual, reals in wanted.items():
        done(kernel, AddVirtual(virtual, VirtualState()), *(AddReal(virtual, k, s) for k, s in reals.items()))
    assert sorted(line for line in ipvsadm("-Sn") if line.startswith("-a")) == [
        "-a -f 7 -r 192.168.2.236:0 -g -w 7",
        "-a -t 10.1.1.10:80 -r 192.168.2.236:80 -m -w 1",
        "-a -t 10.1.1.10:80 -r 192.168.2.237:80 -g -w 0",
        "-a -t 10.1.1.10:80 -r 192.168.2.238:80 -i -w 65535 --tun-type ipip",
        "-a -t 10.1.1.10:80 -r 192.168.2.239:8080 -m -w 5",
        "-a -t [fd00:1::10]:80 -r [fd00:2::a]:80 -m -w 1",
        "-a -t [fd00:1::10]:80 -r [fd00:2::b]:80 -g -w 4",
    ]
    assert "-> 192.168.2.239:8080 50 10 0 0" in ipvsadm("-Ln", "--thresholds")
    assert {key: dict(service.reals) for key, service in kernel.read().items()} == wanted


def test_edits_and_deletes_change_only_what_they_name(kernel: Ipvs) -> None:
    done(kernel, AddVirtual(WEB, VirtualState("rr", persistent=60)), AddVirtual(MARK, VirtualState()))
    done(kernel, AddReal(WEB, REAL, RealState(MASQ, 1, 9, 3)), AddReal(WEB, OTHER, RealState(MASQ, 1)))
    done(kernel, SetVirtual(WEB, VirtualState("wlc")), SetReal(WEB, REAL, RealState(GATE, 8)), DeleteReal(WEB, OTHER))
    assert ipvsadm("-Sn") == [
        "-A -t 10.1.1.10:80 -s wlc",
        "-a -t 10.1.1.10:80 -r 192.168.2.236:80 -g -w 8",
        "-A -f 7 -s wrr",
    ]
    done(kernel, DeleteVirtual(MARK), DeleteVirtual(WEB))
    assert ipvsadm("-Sn") == []


@pytest.mark.parametrize(
    ("operation", "errno", "words"),
    [
        (AddVirtual(WEB, VirtualState()), 17, "it exists already"),
        (AddReal(WEB, REAL, RealState(MASQ, 1)), 17, "it exists already"),
        (AddVirtual(MISSING, VirtualState("nonsense")), 2, "the kernel has no scheduler 'nonsense'"),
        (SetVirtual(WEB, VirtualState("nonsense")), 2, "the kernel has no scheduler 'nonsense'"),
        (SetReal(WEB, OTHER, RealState(MASQ, 1)), 2, "the real does not exist"),
        (DeleteReal(WEB, OTHER), 2, "the real does not exist"),
        (SetVirtual(MISSING, VirtualState()), 3, "the virtual does not exist"),
        (DeleteVirtual(MISSING), 3, "the virtual does not exist"),
        (AddReal(MISSING, REAL, RealState(MASQ, 1)), 3, "the virtual does not exist"),
        (SetReal(MISSING, REAL, RealState(MASQ, 1)), 3, "the virtual does not exist"),
        (DeleteReal(MISSING, REAL), 3, "the virtual does not exist"),
        (AddReal(WEB, OTHER, RealState(MASQ, 1, 2, 5)), 34, "the lower threshold is above the upper one"),
        (AddVirtual(WEB6, VirtualState(persistent=9, netmask="129")), 22, "Invalid argument"),
    ],
)
def test_each_refusal_has_its_errno_and_words(kernel: Ipvs, operation: TableOp, errno: int, words: str) -> None:
    done(kernel, AddVirtual(WEB, VirtualState()), AddReal(WEB, REAL, RealState(MASQ, 1)))
    before = ipvsadm("-Sn")
    assert kernel.apply([operation]) == [OpFailure(operation, errno, words)]
    assert ipvsadm("-Sn") == before


def test_a_batch_goes_on_after_errors_in_its_middle(kernel: Ipvs) -> None:
    bad: list[TableOp] = [
        DeleteVirtual(MISSING),
        AddVirtual(WEB, VirtualState()),
        AddReal(MISSING, REAL, RealState(MASQ, 1)),
    ]
    failures = kernel.apply(
        [
            AddVirtual(WEB, VirtualState()),
            bad[0],
            bad[1],
            AddReal(WEB, REAL, RealState(MASQ, 1)),
            bad[2],
            AddReal(WEB, OTHER, RealState(MASQ, 2)),
        ]
    )
    assert [(failure.op, failure.errno) for failure in failures] == [(bad[0], 3), (bad[1], 17), (bad[2], 3)]
    assert len(ipvsadm("-Sn")) == 3


def many_reals(count: int) -> list[RealKey]:
    return [RealKey(f"10.9.{number // 250}.{number % 250 + 1}", 80) for number in range(count)]


def test_a_thousand_reals_are_written_and_read(kernel: Ipvs) -> None:
    started = time.monotonic()
    done(kernel, AddVirtual(WEB, VirtualState()), *(AddReal(WEB, key, RealState(MASQ, 1)) for key in many_reals(1000)))
    written = time.monotonic()
    table = kernel.read()
    print(f"1,000 reals: written in {written - started:.3f} s, read in {time.monotonic() - written:.3f} s")
    assert len(table[WEB].reals) == 1000
    assert len(ipvsadm("-Sn")) == 1001


def test_every_second_of_many_operations_may_fail(kernel: Ipvs) -> None:
    keys = many_reals(2 * MESSAGES_PER_SEND)
    done(kernel, AddVirtual(WEB, VirtualState()), *(AddReal(WEB, key, RealState(MASQ, 1)) for key in keys[::2]))
    failures = kernel.apply([AddReal(WEB, key, RealState(MASQ, 1)) for key in keys])
    assert [failure.op.key for failure in failures] == keys[::2]
    assert len(ipvsadm("-Sn")) == 1 + len(keys)


def test_a_table_made_by_ipvsadm_is_read_with_its_reals(kernel: Ipvs) -> None:
    ipvsadm("-A", "-t", "10.1.1.10:80", "-s", "rr", "-p", "50")
    ipvsadm("-a", "-t", "10.1.1.10:80", "-r", "192.168.2.236", "-i", "-w", "3", "-x", "9", "-y", "4")
    ipvsadm("-A", "--sctp-service", "10.1.1.10:81", "-s", "rr")
    assert kernel.read() == {
        WEB: Service(VirtualState("rr", persistent=50), {REAL: RealState(IPIP, 3, upper=9, lower=4)})
    }


def test_without_privilege_the_error_names_the_cure() -> None:
    program = "import os; from ldirector.adapters.ipvs import Ipvs; os.setuid(65534); Ipvs().read()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "IpvsError: not allowed to use IPVS: run as root (CAP_NET_ADMIN)" in done.stderr


def test_error_of_a_kernel_without_ipvs_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ldirector.adapters.ipvs.FAMILY_NAME", b"NO_SUCH_FAMILY\0")
    with pytest.raises(IpvsError, match="modprobe ip_vs"):
        Ipvs()


def test_answers_that_overrun_the_buffer_are_found_by_reading_and_planning_again(kernel: Ipvs) -> None:
    """Our own shortage, provoked: a receive buffer that holds a handful of the kernel's errors, and a table that
    somebody else has filled between our reading and our writing, so that every edit is one."""
    kernel._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
    reals = tuple(Real(RealKey(f"10.2.{n // 250}.{n % 250 + 1}", 80), 80, MASQ) for n in range(1000))
    virtual = Virtual(WEB, VirtualState(), reals, checktype=CheckType.ON)
    director = Director(DirectorConfig("f", (virtual,)))
    effects = director.start(kernel.read(), 0.0)
    somebody = Ipvs()
    done(somebody, AddVirtual(WEB, VirtualState()), *(AddReal(WEB, r.key, RealState(MASQ, 7)) for r in reals))
    somebody.close()
    overruns = 0
    for now in range(1, 20):
        refused = [fail for each in effects if isinstance(each, ApplyOps) for fail in kernel.apply(each.ops)]
        if not refused:
            break
        overruns += sum(fail.errno == 105 for fail in refused)
        effects = director.table_failed(refused, kernel.read(), float(now))
        effects += director.handle_timer(float(now * 100))
    assert overruns
    assert len(ipvsadm("-Sn")) == 1001
