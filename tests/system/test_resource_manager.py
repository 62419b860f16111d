"""`hbeat resource`: with a daemon, and on a node without one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.system.pair import GATEWAY, HARESOURCES, NAMES, VIP, Pair

ONE, TWO = NAMES
KEY = "IPaddr::10.1.1.10/24/eth0"
SECOND = "test2.com database::main SendArp::10.1.1.3/eth0\n"

SCRIPT = """#!/bin/sh
case "$2" in
start) touch /run/database ;;
stop) rm -f /run/database ;;
status) if [ -e /run/database ]; then echo running; else echo stopped; fi ;;
esac
"""


WAITING = """#!/bin/sh
[ "$1" = start ] || { echo stopped; exit 0; }
for i in $(seq 100); do [ -e /run/announced ] && exit 0; sleep 0.1; done
exit 1
"""


@pytest.fixture
def files(pair: Pair) -> Pair:
    for name in NAMES:
        pair.write(name, "haresources", HARESOURCES + SECOND)
        pair.write(name, "resource.d/database", SCRIPT, mode=0o755)
    return pair


def resource(pair: Pair, name: str, *words: str) -> tuple[int, str]:
    return pair.run(name, "hbeat", "resource", *words)


def test_keys_are_those_of_the_file(files: Pair) -> None:
    files.nodes[ONE].boot()
    assert resource(files, ONE, "listkeys", "TEST1.com") == (0, f"{KEY}\n")
    assert resource(files, ONE, "allkeys") == (0, f"{KEY}\ndatabase::main\n")
    assert resource(files, ONE, "ourkeys") == (0, f"{KEY} IPaddr::192.168.2.240/24/eth1\n")
    assert resource(files, ONE, "otherkeys") == (0, "database::main SendArp::10.1.1.3/eth0\n")
    status, out = resource(files, ONE, "takegroup")
    assert (status, out.split()[:3]) == (2, ["usage:", "hbeat", "resource"])
    assert resource(files, ONE, "takegroup", "web")[0] == 1


def test_group_is_moved_without_a_daemon_and_announced(files: Pair) -> None:
    files.nodes[ONE].boot()
    assert resource(files, ONE, "verifyallidle") == (0, "")
    assert resource(files, ONE, "statgroup", KEY) == (0, "NONE\n")
    with files.sniffer("switch", "br0", 0x0806) as arp:
        assert resource(files, ONE, "takegroup", KEY) == (0, "")
        assert {VIP, GATEWAY} <= files.addresses(ONE)
        frames = [arp.recv(100) for _ in range(4)]
    assert all(VIP.packed in frame or GATEWAY.packed in frame for frame in frames)
    assert resource(files, ONE, "status", KEY) == (0, "running\n")
    assert resource(files, ONE, "verifyallidle") == (1, f"CRITICAL: Resource {KEY} is active, and should not be!\n")
    assert files.run(ONE, "ip", "address", "del", f"{VIP}/24", "dev", "eth0")[0] == 0
    assert resource(files, ONE, "statgroup", KEY) == (0, "SOME\n")
    assert resource(files, ONE, "givegroup", KEY) == (0, "")
    assert not {VIP, GATEWAY} & files.addresses(ONE)
    assert resource(files, ONE, "status", KEY) == (3, "stopped\n")


def test_running_daemon_does_it_and_knows_which_node_holds_what(files: Pair) -> None:
    files.start_both()
    files.until(lambda: resource(files, TWO, "statgroup", "database::main") == (0, "ALL\n"), 10)
    assert resource(files, ONE, "givegroup", KEY) == (0, "")
    assert files.owners() == []
    assert resource(files, ONE, "req_resource", KEY) == (0, "")
    assert files.owners() == [ONE]
    status, out = resource(files, TWO, "takegroup", KEY)
    assert (status, out.strip()) == (
        1,
        f"hbeat resource takegroup: {KEY} is not held here: hb_takeover brings it, or hb_standby on the other node",
    )
    assert files.owners() == [ONE]
    assert "told by hand to stop" in files.log(ONE)


def test_address_is_announced_before_a_slow_script_behind_it(files: Pair) -> None:
    files.write(ONE, "resource.d/waiting", WAITING, mode=0o755)
    files.write(ONE, "haresources", f"{ONE} {KEY} waiting\n")
    files.nodes[ONE].boot()
    with files.sniffer("switch", "br0", 0x0806) as arp, ThreadPoolExecutor(1) as pool:
        taken = pool.submit(resource, files, ONE, "takegroup", KEY)
        assert VIP.packed in arp.recv(100)
        assert files.run(ONE, "touch", "/run/announced")[0] == 0
        assert taken.result() == (0, "")
