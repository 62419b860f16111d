"""Groups change hands; the kernel and the wire are asked, not the daemons."""

from __future__ import annotations

import random
import socket
import threading
import time
from contextlib import suppress

from hbeat.core.announcements import REPLY, REQUEST
from tests.system.pair import GATEWAY, HA_CF, HARESOURCES, NAMES, VIP, Pair

ONE, TWO = NAMES
ETH_P_ARP = 0x0806

SCRIPT = """#!/bin/sh
echo "$* HA_CURHOST=$HA_CURHOST HA_deadtime=$HA_deadtime LC_ALL=$LC_ALL" >>/var/log/calls
case "$2" in
start) touch /run/database ;;
stop) rm -f /run/database ;;
status) if [ -e /run/database ]; then echo running; else echo stopped; fi ;;
esac
"""


def test_power_off_of_the_owner_and_its_return(pair: Pair) -> None:
    pair.start_both()
    pair.run(TWO, "sleep", "5.2")  # the first five seconds announce two more of deadtime
    with pair.sniffer("switch", "br0", ETH_P_ARP) as arp:
        arp.setblocking(False)
        pair.nodes[ONE].power_off()
        pair.until(lambda: pair.owners() == pair.owners(GATEWAY) == [TWO], 10)
        assert announcements(arp)[:2] == [REQUEST, REPLY]
    pair.nodes[ONE].boot()
    assert pair.heartbeat(ONE, "start")[0] == 0
    pair.until(lambda: pair.owners() == [ONE] and pair.settled(), 20)


def announcements(arp: socket.socket) -> list[int]:
    """Operations of the gratuitous ARP frames for the virtual address, as seen on the wire for a second."""
    found: list[int] = []
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        try:
            frame = arp.recv(2048)
        except BlockingIOError:
            time.sleep(0.01)
            continue
        if frame[28:32] == frame[38:42] == VIP.packed:
            assert frame[:6] == b"\xff" * 6
            found.append(frame[21])
    return found


def test_graceful_stop_hands_over(pair: Pair) -> None:
    pair.start_both()
    status, out = pair.heartbeat(ONE, "stop")
    assert (status, out) == (0, "Stopping High-Availability services: Done.\n")
    pair.until(lambda: pair.owners() == [TWO], 2)
    assert pair.heartbeat(ONE, "status")[0] == 3
    assert pair.run(ONE, "hbeat", "-k") == (0, "INFO: Heartbeat already stopped.\n")


def test_standby_and_takeover_by_command(pair: Pair) -> None:
    pair.start_both()
    assert pair.run(ONE, "hb_standby") == (0, "Going standby [all].\n")
    pair.until(lambda: pair.owners() == [TWO] and pair.settled(), 10)
    assert pair.run(ONE, "hb_takeover", "local") == (0, "")
    pair.until(lambda: pair.owners() == [ONE] and pair.settled(), 10)


UNSAFE = "vip_lease: off\nkeeper: off\narp_guard: off\nstall_rule: off\n"
"""As heartbeat is."""


def test_addresses_of_a_killed_daemon_are_removed_when_it_starts_again(pair: Pair) -> None:
    for name in NAMES:
        pair.write(name, "hbeat.yaml", UNSAFE)
    pair.start_both()
    kill(pair, ONE)
    pair.until(lambda: TWO in pair.owners(), 10)
    assert pair.owners() == [ONE, TWO]  # nobody is left on the first node who could remove it
    assert pair.run(ONE, "hbeat", "-s")[0] == 1
    assert pair.heartbeat(ONE, "start")[0] == 0
    pair.until(lambda: len(pair.owners()) == 1 and pair.settled(), 20)


def test_script_of_a_killed_daemon_is_stopped_when_it_starts_again(pair: Pair) -> None:
    for name in NAMES:
        pair.write(name, "hbeat.yaml", UNSAFE)
        pair.write(name, "ha.cf", HA_CF.replace("auto_failback on", "auto_failback off"))
        pair.write(name, "haresources", HARESOURCES.replace("\n", " database::main\n"))
        pair.write(name, "resource.d/database", SCRIPT, mode=0o755)
    pair.start_both()
    pair.until(lambda: pair.run(ONE, "test", "-e", "/run/database")[0] == 0, 10)
    kill(pair, ONE)
    pair.until(lambda: pair.run(TWO, "test", "-e", "/run/database")[0] == 0, 10)
    assert pair.heartbeat(ONE, "start")[0] == 0
    pair.until(lambda: pair.run(ONE, "test", "-e", "/run/database")[0] == 1, 10)
    assert pair.run(TWO, "test", "-e", "/run/database")[0] == 0


def kill(pair: Pair, name: str) -> None:
    """SIGKILL to the daemon, sent in its own node."""
    assert pair.run(name, "kill", "-KILL", str(pair.pid(name)))[0] == 0


def test_one_cable_is_enough(pair: Pair) -> None:
    pair.start_both()
    pair.switch.cut([pair.nodes[TWO]._ports[1]])
    pair.until(lambda: "Link test2.com:eth1 dead." in pair.log(ONE), 10)
    assert pair.run(ONE, "cl_status", "hblinkstatus", TWO, "eth1") == (1, "dead\n")
    assert pair.owners() == [ONE]


def test_scripts_are_called_in_order_with_their_words_and_environment(pair: Pair) -> None:
    for name in NAMES:
        pair.write(name, "haresources", HARESOURCES.replace("\n", " database::main\n"))
        pair.write(name, "resource.d/database", SCRIPT, mode=0o755)
    pair.start_both()
    pair.until(lambda: pair.run(ONE, "test", "-e", "/run/database")[0] == 0, 10)
    assert pair.heartbeat(ONE, "stop")[0] == 0
    calls = (pair.nodes[ONE].folder / "log" / "calls").read_text().splitlines()
    assert [call.split()[1] for call in calls] == ["status", "status", "start", "stop"]  # the first: what is left here
    assert calls[2] == "main start HA_CURHOST=test1.com HA_deadtime=500ms LC_ALL=C"
    pair.until(lambda: pair.run(TWO, "test", "-e", "/run/database")[0] == 0, 10)


def test_failing_script_moves_the_whole_group(pair: Pair) -> None:
    for name in NAMES:
        pair.write(name, "haresources", HARESOURCES.replace("\n", " broken\n"))
        script = '#!/bin/sh\n[ "$1" != start ]\n' if name == ONE else "#!/bin/sh\nexit 0\n"
        pair.write(name, "resource.d/broken", script, mode=0o755)
    for name in NAMES:
        pair.nodes[name].boot()
        assert pair.heartbeat(name, "start")[0] == 0
    pair.until(lambda: pair.owners() == [TWO] and pair.settled(), 40)
    pair.says(ONE, "Giving up resources due to failure of broken")


def test_clients_that_come_and_go_do_not_disturb_a_handover(pair: Pair) -> None:
    """Descriptors of dropped clients are given to scripts at once: the loop must not mix them up."""
    for name in NAMES:
        pair.write(name, "haresources", HARESOURCES.replace("\n", " database::main\n"))
        pair.write(name, "resource.d/database", SCRIPT, mode=0o755)
    pair.start_both()
    control = pair.control_path(ONE)
    over = threading.Event()

    def come_and_go() -> None:
        while not over.is_set():
            # the daemon may drop it before it has said all
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock, suppress(OSError):
                sock.connect(control)
                sock.sendall(b"status\n" * random.randrange(3))

    threads = [threading.Thread(target=come_and_go) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            assert pair.run(ONE, "hb_standby", "all") == (0, "Going standby [all].\n")
            pair.until(lambda: pair.owners() == [TWO] and pair.settled(), 20)
            assert pair.run(ONE, "hb_takeover", "local") == (0, "")
            pair.until(lambda: pair.owners() == [ONE] and pair.settled(), 20)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert "error in this program" not in pair.log(ONE)


def test_interface_that_went_and_came_back_carries_heartbeats_again(pair: Pair) -> None:
    pair.start_both()
    assert pair.run(TWO, "ip", "link", "delete", "eth1")[0] == 0
    pair.until(lambda: "Link test2.com:eth1 dead." in pair.log(ONE), 10)
    pair.plug_in_again(TWO, 1)
    pair.until(lambda: pair.run(ONE, "cl_status", "hblinkstatus", TWO, "eth1")[1] == "up\n", 10)
    pair.until(lambda: pair.run(TWO, "cl_status", "hblinkstatus", ONE, "eth1")[1] == "up\n", 10)


def test_addresses_of_nobody_may_be_bound_and_still_the_peer_is_heard(pair: Pair) -> None:
    for name in NAMES:
        pair.nodes[name].boot()
        assert pair.run(name, "sysctl", "-qw", "net.ipv4.ip_nonlocal_bind=1")[0] == 0
        assert pair.heartbeat(name, "start")[0] == 0
    pair.until(lambda: pair.run(ONE, "cl_status", "nodestatus", TWO)[1] == "active\n", 10)
    pair.until(lambda: pair.owners() == [ONE], 20)


def test_script_that_cannot_be_executed_moves_the_group_and_nothing_hangs(pair: Pair) -> None:
    for name in NAMES:
        pair.write(name, "haresources", HARESOURCES.replace("\n", " odd\n"))
        pair.write(name, "resource.d/odd", "#!/usr/bin/missing\n" if name == ONE else "#!/bin/sh\n", mode=0o755)
        pair.nodes[name].boot()
    for name in NAMES:
        assert pair.heartbeat(name, "start")[0] == 0
    pair.until(lambda: "odd cannot be executed: No such file or directory" in pair.log(ONE), 20)
    assert pair.heartbeat(ONE, "stop")[0] == 0
    pair.until(lambda: pair.owners() == [TWO], 5)


def test_resource_that_nothing_can_start_is_refused_with_its_line_and_a_reload_keeps_what_runs(pair: Pair) -> None:
    pair.nodes[ONE].boot()
    pair.write(ONE, "haresources", HARESOURCES + "test2.com Filesystem::a nosuch::x\n")
    status, out = pair.heartbeat(ONE, "start")
    assert status == 6, out
    assert "haresources:2: nosuch::x: there is no executable nosuch in /etc/ha.d/resource.d, /etc/init.d," in out
    pair.write(ONE, "haresources", HARESOURCES)
    assert pair.heartbeat(ONE, "start")[0] == 0
    pair.until(lambda: pair.owners() == [ONE], 10)
    pair.write(ONE, "haresources", HARESOURCES + "test2.com nosuch::x\n")
    status, out = pair.heartbeat(ONE, "reload")
    assert "haresources:2: nosuch::x" in out
    assert pair.owners() == [ONE]
