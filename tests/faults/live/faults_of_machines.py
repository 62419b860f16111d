"""Whole machines: power, shortages of disk and descriptors, a log that nobody reads, files that do not agree."""

from __future__ import annotations

import fcntl
import os
import resource
import time
from collections.abc import Iterable

from tests.faults.checker import HANDOVER, Bounds
from tests.faults.live import network
from tests.faults.live.fault import Act, Fault, nothing
from tests.faults.live.faults_of_processes import LEASE_OUTAGE, killed
from tests.faults.live.layout import DEADTIME, ONE, TWO
from tests.faults.live.processes import DAEMON
from tests.faults.live.world import INITDEAD, YOUNG, World
from tests.faults.timeline import Kind
from tests.system.pair import HA_CF, HARESOURCES

BUSY = 0.5
"""Seconds by which a takeover may come late on a machine whose processors other cases share."""
DEAD = DEADTIME + BUSY
START = 10.0
"""Seconds in which an init script has started heartbeat, there."""
RELOADS = 100
MORE_DESCRIPTORS = 1024
SLOW = HA_CF.replace("100ms", "1").replace("1500ms", "12").replace("500ms", "4")
"""Timers that are not those of the other node."""


def power_off(*names: str) -> Act:
    def do(world: World) -> None:
        for name in names:
            world.power_off(name)

    return do


def boot(*names: str) -> Act:
    """All at once."""

    def do(world: World) -> None:
        for name in names:
            world.boot(name)
        started = [world.nodes[name].start_script("start") for name in names]
        for process in started:
            out, _ = process.communicate(timeout=30)
            assert process.returncode == 0, out

    return do


def reboot(names: Iterable[str], off: float, on: float) -> Act:
    """One after the other: so many seconds off, so many from the start of heartbeat to the next power cut."""

    def do(world: World) -> None:
        for name in names:
            if world.nodes[name].is_on:
                world.power_off(name)
            time.sleep(off)
            world.start(name)
            time.sleep(on)

    return do


def stop_in_order(world: World) -> None:
    world.mark(Kind.ORDER, f"stop of {ONE}")
    world.stop(ONE)
    world.left(ONE)


def start_in_order(world: World) -> None:
    world.mark(Kind.ORDER, f"start of {ONE}")
    world.start(ONE)


def standby(world: World) -> None:
    world.mark(Kind.ORDER, f"hb_standby on {ONE}")
    assert world.ask(ONE, "standby all").get("ok")


def take_back(world: World) -> None:
    world.mark(Kind.ORDER, f"hb_takeover on {ONE}")
    assert world.ask(ONE, "takeover local").get("ok")


def boot_unheard(world: World) -> None:
    """The owner returns when the other node has its groups, and heartbeats do not get through any more."""
    world.power_off(ONE)
    time.sleep(DEAD)
    world.boot(ONE)
    network.lose_heartbeats(world)
    world.start(ONE)


# --- shortages ------------------------------------------------------------------------------------------------

FULL = """
mkdir -p /run/full && mount -t tmpfs -o size=256k full /run/full && cp -a "$0/." /run/full || exit 1
dd if=/dev/zero of=/run/full/filler bs=4096 2>/dev/null
mount --move /run/full "$0"
"""
FOLDERS = ("/var/log", "/var/lib/heartbeat")
FULL_RUN = """
used=$(du --summarize --block-size=4096 /run | cut -f1)
mount -o remount,size=$((4096 * (used + 16))) /run || exit 1
dd if=/dev/zero of=/run/filler bs=4096 2>/dev/null
! echo more 2>/dev/null >/run/more
"""
EMPTY_RUN = "rm -f /run/filler /run/more && mount -o remount,size=50% /run"
"""/run is a tmpfs, and sockets in it are open: it is made as small as what is in it."""


def fill_disk(world: World) -> None:
    """State, log and /run are on disks that are full: the files of before are there, and no room for a byte more."""
    for folder in FOLDERS:
        status, out = world.run(ONE, "sh", "-c", FULL, folder)
        assert status == 0, out
        assert world.run(ONE, "sh", "-c", f"echo more >{folder}/more")[0] != 0
    status, out = world.run(ONE, "sh", "-c", FULL_RUN)
    assert status == 0, out


def empty_disk(world: World) -> None:
    for folder in FOLDERS:
        status, out = world.run(ONE, "umount", "--lazy", folder)
        assert status == 0, out
    status, out = world.run(ONE, "sh", "-c", EMPTY_RUN)
    assert status == 0, out


def kill_on_full_disk(world: World) -> None:
    fill_disk(world)
    killed(DAEMON)(world)


def exhaust_descriptors(name: str) -> Act:
    """The daemon has those that are open, and gets no other."""

    def do(world: World) -> None:
        pid = world.daemon(name)
        highest = max(map(int, os.listdir(f"/proc/{pid}/fd")))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 1, MORE_DESCRIPTORS))

    return do


def free_descriptors(name: str) -> Act:
    def do(world: World) -> None:
        resource.prlimit(world.daemon(name), resource.RLIMIT_NOFILE, (MORE_DESCRIPTORS, MORE_DESCRIPTORS))

    return do


def exhaust_and_power_off(world: World) -> None:
    """The one that is to take over has no descriptor left."""
    exhaust_descriptors(TWO)(world)
    power_off(ONE)(world)


def boot_and_free(world: World) -> None:
    boot(ONE)(world)
    free_descriptors(TWO)(world)


# --- files ----------------------------------------------------------------------------------------------------


def log_into_pipe(world: World) -> None:
    """The log is a pipe which has a reader that does not read."""
    path = world.nodes[ONE].folder / "log" / "ha-log"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    world.keep_open(reader)


def write_much(world: World) -> None:
    """More lines than the pipe and the daemon hold."""
    for _ in range(RELOADS):
        assert world.ask(ONE, "reload").get("ok")


def other_file(file: str, text: str) -> Act:
    """The second node has it, and reads it now."""

    def do(world: World) -> None:
        world.write(TWO, file, text)
        assert world.ask(TWO, "reload").get("ok")

    return do


def same_name(world: World) -> None:
    """The second node comes back under the name of the first."""
    world.stop(TWO)
    world.write(TWO, "nodeinfo", f"{ONE}\n")
    world.start(TWO)


def own_name(world: World) -> None:
    world.stop(TWO)
    (world.nodes[TWO].folder / "ha.d" / "nodeinfo").unlink()
    world.start(TWO)


FAULTS = [
    Fault("power-off of the owner", power_off(ONE), Bounds(DEAD, moves=2, ends=True), boot(ONE)),
    Fault("power-off of the other", power_off(TWO), Bounds(ends=True), boot(TWO)),
    Fault(
        "both without power, both boot at once",
        power_off(ONE, TWO),
        Bounds(None, moves=2, ends=True, heals=INITDEAD + START),
        boot(ONE, TWO),
    ),
    Fault(
        "owner reboots in a loop",
        reboot([ONE] * 3, 1.5, 3),
        Bounds(DEAD + YOUNG, moves=6, ends=True, settles=90),
        lasts=0,
    ),
    Fault(
        "both reboot in turn",
        reboot([ONE, TWO] * 2, 1, 4),
        Bounds(DEAD + YOUNG, moves=4, ends=True, settles=90),
        lasts=0,
    ),
    Fault("owner boots while heartbeats are lost", boot_unheard, Bounds(DEAD, moves=2, ends=True), network.heal, 5),
    Fault("orderly stop", stop_in_order, Bounds(HANDOVER, ends=True), start_in_order),
    Fault("hb_standby", standby, Bounds(HANDOVER), take_back),
    Fault("disk full", fill_disk, Bounds(), empty_disk, lasts=6),
    Fault("daemon killed on a full disk", kill_on_full_disk, Bounds(LEASE_OUTAGE, moves=2, ends=True), empty_disk, 4),
    Fault("owner without descriptors", exhaust_descriptors(ONE), Bounds(), free_descriptors(ONE), lasts=5),
    Fault(
        "power-off, the other without descriptors",
        exhaust_and_power_off,
        Bounds(DEAD, moves=2, ends=True),
        boot_and_free,
        lasts=3,
    ),
    Fault("log that nobody reads", write_much, Bounds(), nothing, prepare=log_into_pipe, lasts=2),
    Fault(
        "peer with other haresources",
        other_file("haresources", HARESOURCES.replace(ONE, TWO)),
        Bounds(),
        other_file("haresources", HARESOURCES),
        lasts=5,
    ),
    Fault("two nodes of one name", same_name, Bounds(ends=True), own_name, lasts=INITDEAD + 3 * DEADTIME + BUSY),
    Fault("peer with other timers", other_file("ha.cf", SLOW), Bounds(), other_file("ha.cf", HA_CF), lasts=5),
]
