"""The three programs, asked to do the same: http checks of the page, and a table in which a dead real has weight 0.

    ours         ldirector of this checkout
    ldirectord   Debian's 4.12, which ours replaces
    keepalived   Debian's 2.2.7

The peers are unpacked from Debian's packages into a folder, never installed: nothing is started, /etc stays as it is.
Without IPVS ours gets a table in memory (director.py), ldirectord a stand-in for ipvsadm; keepalived refuses to work.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from migration.comparison.programs import PEERS
from tests.bench.measure import name_of, tree
from tests.bench.targets import PAGE, STEADY, VICTIM, address

ROOT = Path(__file__).parents[2]
UNPACKED = PEERS
VIRTUAL, VIRTUAL_PORT = "10.1.1.10", 80
PACKAGES = ("ldirectord", "keepalived")
IPVSADM = shutil.which("ipvsadm", path="/usr/sbin:/sbin") or "/usr/sbin/ipvsadm"


@dataclass(frozen=True, slots=True)
class Task:
    """What a peer is to check: so many targets, of which `victims`, evenly spread, are at the victims' port.

    interval, timeout: seconds. checked: False = no checks, every real serves. sentinel, standby: ours alone knows them.
    adopted: without IPVS, the table is there already, as an earlier ldirectord left it.
    """

    count: int
    victims: int = 0
    interval: int = 5
    timeout: int = 3
    checked: bool = True
    sentinel: bool = False
    standby: bool = False
    adopted: bool = False

    def reals(self) -> list[tuple[str, int]]:
        every = self.count // self.victims if self.victims else self.count + 1
        ports = [
            VICTIM if index % every == every - 1 and index // every < self.victims else STEADY
            for index in range(self.count)
        ]
        return [(address(index), port) for index, port in enumerate(ports)]


def unpack() -> None:
    """Fetch the peers from Debian's archive and unpack them (also as: python -m tests.bench.peers). Raises
    CalledProcessError."""
    for package in PACKAGES:
        folder = UNPACKED / package
        if not (folder / "usr/sbin" / package).exists():
            folder.mkdir(parents=True, exist_ok=True)
            subprocess.run(["apt-get", "download", "-q", package], cwd=folder, check=True, capture_output=True)
            [archive] = folder.glob("*.deb")
            subprocess.run(["dpkg", "-x", str(archive), str(folder)], check=True)


def version(package: str) -> str:
    """As Debian counts."""
    [archive] = (UNPACKED / package).glob("*.deb")
    shown = subprocess.run(["dpkg-deb", "-f", str(archive), "Version"], capture_output=True, text=True, check=True)
    return shown.stdout.strip()


def director_config(task: Task, log: Path) -> str:
    """ldirectord.cf for ours and for the original."""
    reals = "".join(f"\treal={name}:{port} masq 1\n" for name, port in task.reals())
    check = f'\tservice=http\n\trequest="/"\n\treceive="{PAGE}"\n' if task.checked else "\tchecktype=on\n"
    return (
        f"checktimeout={task.timeout}\nnegotiatetimeout={task.timeout}\ncheckinterval={task.interval}\n"
        f'failurecount=1\nquiescent=yes\nautoreload=no\nlogfile="{log}"\n'
        f"virtual={VIRTUAL}:{VIRTUAL_PORT}\n{reals}{check}\tscheduler=wrr\n\tprotocol=tcp\n"
    )


def keepalived_config(task: Task) -> str:
    check = (
        f'HTTP_GET {{\n   url {{\n    path /\n    status_code 200\n    regex "{PAGE}"\n   }}\n'
        f"   connect_timeout {task.timeout}\n   retry 0\n  }}"
        if task.checked
        else ""
    )
    reals = "".join(
        f" real_server {name} {port} {{\n  weight 1\n  inhibit_on_failure\n  {check}\n }}\n"
        for name, port in task.reals()
    )
    return (
        "global_defs {\n checker_log_all_failures\n}\n"
        f"virtual_server {VIRTUAL} {VIRTUAL_PORT} {{\n delay_loop {task.interval}\n lb_algo wrr\n lb_kind NAT\n"
        f" protocol TCP\n {'alpha' if task.checked else ''}\n{reals}}}\n"
    )


class Peer:
    """One program at work on one task; folder: for its files. edits: where a stand-in writes what it was told."""

    def __init__(self, name: str, task: Task, folder: Path, has_ipvs: bool) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.name, self.folder, self._has_ipvs, self._standby = name, folder, has_ipvs, task.standby
        self.socket = Path("/run/ldirectord.ours.cf.sock")
        self.edits, self.log = folder / "edits", folder / "log"
        self.edits.write_text(_edits(task) if task.adopted else "")
        self._config = folder / f"{name}.cf"
        self._config.write_text(keepalived_config(task) if name == "keepalived" else director_config(task, self.log))
        if task.sentinel:
            (folder / "ldirector.yaml").write_text("defaults: {sentinel: on}\n")

    def start(self) -> None:
        """Returns when the command that starts it does, which says little about the table."""
        words = {"ours": self._ours, "ldirectord": self._ldirectord, "keepalived": self._keepalived}[self.name]()
        with (self.folder / "out").open("wb") as out:
            self._process = subprocess.Popen(words, stdout=out, stderr=out, cwd=ROOT)
        if self.name == "ours" and self._has_ipvs:
            self._process.wait()

    def _ours(self) -> list[str]:
        if self._has_ipvs:
            role = ["--role", "standby"] if self._standby else []
            return [str(Path(sys.executable).with_name("ldirectord")), *role, str(self._config), "start"]
        return [
            sys.executable,
            "-m",
            "tests.bench.director",
            str(self._config),
            str(self.folder / "socket"),
            str(self.edits),
        ]

    def _ldirectord(self) -> list[str]:
        if not self._has_ipvs:
            stand_in = self.folder / "ipvsadm"
            stand_in.write_text(Path(__file__).with_name("stand_in").read_text().replace("EDITS", str(self.edits)))
            stand_in.chmod(0o755)
            subprocess.run(["mount", "--bind", str(stand_in), IPVSADM], check=True)
        return [str(UNPACKED / "ldirectord/usr/sbin/ldirectord"), str(self._config), "start"]

    def _keepalived(self) -> list[str]:
        program = str(UNPACKED / "keepalived/usr/sbin/keepalived")
        pids = [f"--pid={self.folder}/pid", f"--checkers_pid={self.folder}/checkers"]
        return [program, "--dont-fork", "--check", "--log-console", f"--use-file={self._config}", *pids]

    def pids(self) -> list[int]:
        """All processes below this one but the targets; it may have detached itself (see adopt_orphans)."""
        return [pid for pid in tree(os.getpid()) if pid != os.getpid() and name_of(pid) != "nginx"]

    def stop(self) -> None:
        """Killed, with all its children: what it would do at an orderly end is not measured."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and (alive := [pid for pid in self.pids() if _is_alive(pid)]):
            for pid in alive:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.poll()
            time.sleep(0.01)
        self._process.wait()
        for path in Path("/run").glob("ldirectord.*"):
            path.unlink()
        if self._has_ipvs:
            subprocess.run([IPVSADM, "-C"], check=True)
        elif self.name == "ldirectord":
            subprocess.run(["umount", IPVSADM], check=True)


def _edits(task: Task) -> str:
    """What ipvsadm was told by whoever wrote the table."""
    virtual = f"-t {VIRTUAL}:{VIRTUAL_PORT}"
    reals = "".join(f"-a {virtual} -r {name}:{port} -m -w 1\n" for name, port in task.reals())
    return f"-A {virtual} -s wrr\n{reals}"


def _is_alive(pid: int) -> bool:
    """Neither gone nor a zombie that waits for us."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


if __name__ == "__main__":
    try:
        unpack()
    except subprocess.CalledProcessError as error:
        print(f"setup: could not fetch the peers ({error}); what needs them will say so", file=sys.stderr)
