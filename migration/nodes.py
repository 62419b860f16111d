"""A director node: a machine made of namespaces (network, mounts, host name, processes), which can lose its power.

Its process 1 is a fork of ours which reaps orphans and keeps the node's syslog. Killing it kills every process of the
node at once, as a power cut does; the next boot is a new life in new namespaces with an empty /run, and only
/etc/ha.d, /var/lib/heartbeat and /var/log are the same. With a layer, a node has programs that this machine has not.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from migration import namespaces
from migration.cluster_files import KEYFILE_MODE, NodeFiles
from migration.namespaces import NetworkNamespace
from migration.network import Switch, set_up_node
from migration.observer import NodeObserver
from migration.topology import LabNode

INIT_SCRIPT = "heartbeat"
SYSLOG_SOCKET = "/run/systemd/journal/dev-log"
"""Where /dev/log points on current systems; each node's own, since /run is."""

PRIVATE_FOLDERS = {"ha.d": "/etc/ha.d", "lib": "/var/lib/heartbeat", "log": "/var/log"}
"""Folder below the node's own -> where the node has it."""


LAYERED = ("usr", "etc", "var", "root")
"""The folders a layer may have; each is laid over this machine's in the node."""


class NodeError(Exception):
    """A node did not boot or a command in it could not run."""


class Node:
    """One machine. It is off until `boot`.

    layer: a folder with what it has beyond this machine, see LAYERED. Such a node may write everywhere there, too: what
    it writes outside of its private folders is gone with its power.
    """

    def __init__(self, lab: LabNode, number: int, folder: Path, switch: Switch, layer: Path | None = None) -> None:
        self.lab = lab
        self._number = number
        self.folder = folder
        self._switch = switch
        self._layer = layer
        self._ports: tuple[str, ...] = ()
        self._holder = 0
        self._init = 0
        self._namespace: NetworkNamespace | None = None
        self.observer: NodeObserver | None = None

    @property
    def name(self) -> str:
        return self.lab.name

    @property
    def is_on(self) -> bool:
        return self._init != 0

    @property
    def pid(self) -> int:
        """Its process 1, as this side numbers it; 0 while it is off."""
        return self._init

    @property
    def namespace(self) -> NetworkNamespace:
        """Its network, while it is on."""
        assert self._namespace is not None
        return self._namespace

    @property
    def ports(self) -> dict[str, str]:
        """The far end of the cable in each of its interfaces, while it is on."""
        return {leg.interface: port for leg, port in zip(self.lab.legs, self._ports, strict=True)}

    def boot(self) -> None:
        """A new life: fresh namespaces, cables plugged in, no daemon running yet."""
        self.clear_away()
        ready, tell = os.pipe()
        self._holder = os.fork()
        if self._holder == 0:
            try:
                _hold(tell, self.name, self.folder, self._layer)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
        os.close(tell)
        answer = os.read(ready, 32)
        os.close(ready)
        if not answer:
            os.waitpid(self._holder, 0)
            self._holder = 0
            raise NodeError(f"{self.name} did not boot: see above")
        self._init = int(answer)
        self._namespace = NetworkNamespace.of_process(self._init)
        self.observer = NodeObserver(self._namespace, self._init)
        self._ports = set_up_node(self._switch, self.lab, self._number, self._namespace)

    def power_off(self) -> float:
        """All cables dead and all processes killed at once. Returns the monotonic time of it."""
        with _at_one_instant():
            at = time.monotonic()
            self._switch.cut(self._ports)
            os.kill(self._init, signal.SIGKILL)
        assert self.observer is not None
        assert self._namespace is not None
        self.observer.close()
        self._namespace.close()
        self.observer = self._namespace = None
        self._init = 0
        return at

    def clear_away(self) -> None:
        """Wait for the last life's processes and remove its cables: slow, so not a part of power_off."""
        if self._holder and not self.is_on:
            os.waitpid(self._holder, 0)
            self._holder = 0
            self._switch.pull_out(self._ports)

    def start_script(self, verb: str) -> subprocess.Popen[str]:
        """Run the init script in the node; the caller waits. Its output is text on stdout."""
        return self.start(["/bin/sh", str(_init_script()), verb])

    def start(self, command: list[str]) -> subprocess.Popen[str]:
        """Run a command in the node as one that logs in there would."""
        enter = ["nsenter", f"--target={self._init}", *("--mount", "--uts", "--net", "--pid"), "--"]
        return subprocess.Popen(
            enter + command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            env=_environment(),
        )


@contextmanager
def _at_one_instant() -> Iterator[None]:
    """Nothing else has the processor meanwhile, where there is but one: a real-time daemon that sees its first cable go
    would tell the other node through the second."""
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(os.sched_get_priority_max(os.SCHED_FIFO)))
    try:
        yield
    finally:
        with suppress(PermissionError):
            os.sched_setscheduler(0, *before)


def prepare_folder(files: NodeFiles, folder: Path) -> None:
    """Make a node's private folders below `folder` from its configuration files."""
    for name in PRIVATE_FOLDERS:
        (folder / name).mkdir(parents=True)
    shutil.copytree(files.folder, folder / "ha.d", dirs_exist_ok=True)
    (folder / "ha.d/ha.cf").write_text(files.ha_cf)
    (folder / "ha.d/authkeys").chmod(KEYFILE_MODE)


def _init_script() -> Path:
    """In the tree this runs from, else where `make install` puts it."""
    in_tree = Path(__file__).parents[1] / "initscripts" / INIT_SCRIPT
    return in_tree if in_tree.is_file() else Path("/etc/init.d", INIT_SCRIPT)


def _environment() -> dict[str, str]:
    """That of a boot, with the programs of the installation that runs the rehearsal."""
    programs = Path(sys.executable).parent
    return {"PATH": f"{programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


def _hold(tell: int, name: str, folder: Path, layer: Path | None) -> None:
    """The process between us and the node's process 1: it exists because only children enter a new pid namespace."""
    namespaces.die_with_parent()
    namespaces.unshare(namespaces.CLONE_NEWPID)
    ready, init_tells = os.pipe()
    init = os.fork()
    if init == 0:
        _close_all_but({0, 1, 2, init_tells})
        _become_init(init_tells, name, folder, layer)
    os.close(init_tells)
    if os.read(ready, 1):
        os.write(tell, str(init).encode())
    _close_all_but({0, 1, 2})
    os.waitpid(init, 0)
    os._exit(0)


def _close_all_but(kept: set[int]) -> None:
    """What was inherited would keep other nodes' namespaces alive after their power-off."""
    for fd in map(int, os.listdir("/proc/self/fd")):
        if fd not in kept:
            try:
                os.close(fd)
            except OSError:  # the descriptor of the listing itself
                continue


def _become_init(tell: int, name: str, folder: Path, layer: Path | None) -> None:
    namespaces.die_with_parent()
    namespaces.unshare(namespaces.CLONE_NEWNET | namespaces.CLONE_NEWNS | namespaces.CLONE_NEWUTS)
    socket.sethostname(name)
    namespaces.mount("none", "/", "", namespaces.MS_REC | namespaces.MS_PRIVATE)
    namespaces.mount("tmpfs", "/run", "tmpfs", 0, "mode=755")
    namespaces.mount("proc", "/proc", "proc")
    Path("/run/lock").mkdir()
    if layer is not None:
        _lay_over(layer)
    for own, place in PRIVATE_FOLDERS.items():
        namespaces.mount(str(folder / own), place, "", namespaces.MS_BIND)
    os.chdir("/")
    Path(SYSLOG_SOCKET).parent.mkdir(parents=True)
    syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    syslog.bind(SYSLOG_SOCKET)
    os.chmod(SYSLOG_SOCKET, 0o666)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    os.write(tell, b"1")
    os.close(tell)
    _run_init(syslog, wake_read)


def _lay_over(layer: Path) -> None:
    """Nothing of it reaches this machine: what the node writes is kept in its /run."""
    for place in LAYERED:
        upper, work = Path("/run/machine", place), Path("/run/machine/work", place)
        upper.mkdir(parents=True)
        work.mkdir(parents=True)
        below = f"{layer / place}:/{place}" if (layer / place).is_dir() else f"/{place}"
        folders = f"lowerdir={below},upperdir={upper},workdir={work}"
        namespaces.mount("overlay", f"/{place}", "overlay", 0, folders)


def _run_init(syslog: socket.socket, wake: int) -> None:
    """Write the node's syslog and reap its orphans, until killed."""
    with open("/var/log/syslog", "ab", buffering=0) as log:
        while True:
            readable, _, _ = select.select([syslog.fileno(), wake], [], [])
            if syslog.fileno() in readable:
                text = syslog.recv(65536).rstrip(b"\n\0").partition(b">")[2]
                log.write(b"%.3f %s\n" % (time.monotonic(), text))
            if wake in readable:
                os.read(wake, 4096)
                _reap()


def _reap() -> None:
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
