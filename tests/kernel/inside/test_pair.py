"""A whole pair, hbeat with ldirectord, on real IPVS; tables are what `ipvsadm -Sn` says in the node."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.pair import HA_CF, HARESOURCES, NAMES, Pair

ONE, TWO = NAMES
DIRECTOR_CF = """\
checkinterval=1
quiescent=yes
virtual=10.1.1.10:80
    real=192.168.2.236:80 masq
    checktype=on
"""
SERVING = "-A -t 10.1.1.10:80 -s wrr\n-a -t 10.1.1.10:80 -r 192.168.2.236:80 -m -w 1\n"


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    for name in NAMES:
        # a guest has one processor and slow system calls: the timers of the fast tests are not for it
        timers = HA_CF.replace("100ms", "300ms").replace("1500ms", "12").replace("500ms", "2")
        made.write(name, "ha.cf", timers)
        made.write(name, "haresources", HARESOURCES.replace("test1.com ", "test1.com ldirectord::ldirectord.cf "))
        made.write(name, "ldirectord.cf", DIRECTOR_CF)
    try:
        for name in NAMES:
            made.nodes[name].boot()
            assert made.heartbeat(name, "start")[0] == 0
        made.until(lambda: made.owners() == [ONE] and made.settled(), 60)
        yield made
    finally:
        made.close()


def table(pair: Pair, name: str) -> str:
    return pair.run(name, "ipvsadm", "-Sn")[1]


def director_pid(pair: Pair, name: str) -> str:
    return pair.run(name, "cat", "/var/run/ldirectord.ldirectord.cf.pid")[1].strip()


def test_director_that_is_killed_is_started_again_in_its_role(pair: Pair) -> None:
    pair.until(lambda: (table(pair, ONE), table(pair, TWO)) == (SERVING, ""), 20)
    for name, expected in ((ONE, SERVING), (TWO, "")):
        before = director_pid(pair, name)
        assert pair.run(name, "kill", "-KILL", before)[0] == 0
        pair.until(lambda: "has died; starting it again" in pair.log(name), 10)  # noqa: B023
        pair.until(lambda: director_pid(pair, name) not in (before, ""), 30)  # noqa: B023
        pair.until(lambda: table(pair, name) == expected, 20)  # noqa: B023
    # and the standby one takes over as if nothing had been
    assert pair.run(ONE, "hb_standby", "all")[0] == 0
    pair.until(lambda: (table(pair, ONE), table(pair, TWO)) == ("", SERVING), 30)
    assert pair.owners() == [TWO]


def test_reload_with_a_broken_director_file_changes_nothing(pair: Pair) -> None:
    pair.until(lambda: table(pair, ONE) == SERVING, 20)
    pair.write(ONE, "ldirectord.cf", DIRECTOR_CF.replace("masq", "mask"))
    status, out = pair.run(ONE, "ldirectord", "ldirectord.cf", "reload")
    assert status == 2
    assert "/etc/ha.d/ldirectord.cf:4:" in out
    assert table(pair, ONE) == SERVING
    status, out = pair.run(ONE, "ldirectord", "ldirectord.cf", "status")
    assert status == 0
    assert "is running" in out


def checked_by(program: str) -> str:
    """The same virtual, whose server is well where this program says so."""
    return DIRECTOR_CF.replace("checktype=on", f"checktype=external\n    checkcommand={program}")


def serves_on_a_word(pair: Pair, name: str) -> bool:
    return "on the other node's word" in pair.run(name, "ldirectord", "ldirectord.cf", "status")[1]


def test_standby_whose_checks_fail_does_not_empty_the_farm_of_a_node_that_died(pair: Pair) -> None:
    for name, program in ((ONE, "/bin/true"), (TWO, "/bin/false")):
        pair.write(name, "ldirectord.cf", checked_by(program))
        assert pair.run(name, "ldirectord", "ldirectord.cf", "reload")[0] == 0
    pair.until(lambda: "the other node does: its word stands for them" in pair.log(TWO), 40)
    pair.nodes[ONE].power_off()
    pair.until(lambda: pair.owners() == [TWO], 60)
    for _ in range(3):  # of its checks, each of which fails
        assert table(pair, TWO) == SERVING
        time.sleep(1.1)
    assert serves_on_a_word(pair, TWO)
    # the director is killed while it serves so: the next one goes on
    before = director_pid(pair, TWO)
    assert pair.run(TWO, "kill", "-KILL", before)[0] == 0
    pair.until(lambda: director_pid(pair, TWO) not in (before, ""), 30)
    pair.until(lambda: serves_on_a_word(pair, TWO), 30)
    assert table(pair, TWO) == SERVING
    # its checks work again: they count
    pair.write(TWO, "ldirectord.cf", checked_by("/bin/true"))
    assert pair.run(TWO, "ldirectord", "ldirectord.cf", "reload")[0] == 0
    pair.until(lambda: not serves_on_a_word(pair, TWO), 20)
    assert table(pair, TWO) == SERVING


def sync_daemons(pair: Pair, name: str) -> str:
    """Those that run, as `master 5 backup 5`."""
    said = pair.run(name, "ipvsadm", "-l", "--daemon")[1].splitlines()
    found = [re.match(r"(\w+) sync daemon \(mcast=eth1, syncid=(\d+)", line) for line in said]
    return " ".join(f"{match[1]} {match[2]}" for match in found if match)


def test_connection_sync_follows_hbeat_yaml_and_the_daemon(pair: Pair) -> None:
    assert [sync_daemons(pair, name) for name in NAMES] == ["", ""]
    for name in NAMES:
        pair.write(name, "hbeat.yaml", "connection_sync: eth1/5\n")
        assert pair.run(name, "hbeat", "reload")[0] == 0
    assert [sync_daemons(pair, name) for name in NAMES] == ["master 5 backup 5"] * 2
    pair.until(lambda: "there 0" in pair.run(ONE, "hbeat", "status")[1], 20)
    # killed: its keeper starts it again, and what runs in the kernel goes on
    before = pair.pid(TWO)
    pair.run(TWO, "kill", "-KILL", str(before))
    pair.until(lambda: pair.run(TWO, "hbeat", "status")[0] == 0 and pair.pid(TWO) != before, 30)
    assert sync_daemons(pair, TWO) == "master 5 backup 5"
    pair.until(lambda: pair.settled() and pair.owners() == [ONE], 30)
    # another syncid, by reload; off, by reload; and none is left by a stop
    pair.write(ONE, "hbeat.yaml", "connection_sync: eth1/6\n")
    assert pair.run(ONE, "hbeat", "reload")[0] == 0
    assert sync_daemons(pair, ONE) == "master 6 backup 6"
    pair.until(lambda: "does not listen to this syncid" in pair.run(ONE, "hbeat", "status")[1], 20)
    pair.write(ONE, "hbeat.yaml", "connection_sync: eth1/600\n")
    status, said = pair.run(ONE, "hbeat", "reload")
    assert status == 1
    assert "hbeat.yaml:1: connection_sync: syncid 600 is not 0 to 255" in said
    assert sync_daemons(pair, ONE) == "master 6 backup 6"
    pair.write(ONE, "hbeat.yaml", "connection_sync: off\n")
    assert pair.run(ONE, "hbeat", "reload")[0] == 0
    assert sync_daemons(pair, ONE) == ""
    assert pair.heartbeat(TWO, "stop")[0] == 0
    assert sync_daemons(pair, TWO) == ""
