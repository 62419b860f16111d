"""A pair in which one node runs Debian's heartbeat 3.0.6 and the other runs hbeat, on the same files.

The original gets what its package puts into /etc/ha.d; its recovery kills by name and can reboot, which is why nodes
have pid namespaces of their own. Who holds an address is asked of the kernels of both nodes.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.system.pair import NAMES, Pair

PROGRAM = Path("/usr/libexec/heartbeat/heartbeat")
TOOLS = Path("/usr/share/heartbeat")
SHIPPED = ("harc", "shellfuncs", "rc.d", "resource.d")

HA_CF = """\
logfile /var/log/ha-log
keepalive 200ms
deadtime 1500ms
initdead 3000ms
ucast eth0 10.1.1.2
ucast eth0 10.1.1.3
ucast eth1 192.168.2.241
ucast eth1 192.168.2.242
auto_failback on
node test1.com test2.com
"""


def missing() -> str:
    """Why mixed pairs cannot be made here, or nothing."""
    return "" if PROGRAM.exists() else "not installed: heartbeat (setup/packages interop)"


class MixedPair(Pair):
    """original: the names of the nodes that run the original."""

    def __init__(self, folder: Path, original: str) -> None:
        super().__init__(folder)
        self.original = {original}
        for name in NAMES:
            self.write(name, "ha.cf", HA_CF)
        self._furnish(original)

    def _furnish(self, name: str) -> None:
        """What the original's package puts into /etc/ha.d."""
        for item in SHIPPED:
            source, target = Path("/etc/ha.d") / item, self.nodes[name].folder / "ha.d" / item
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True, symlinks=True)
            else:
                shutil.copy2(source, target)
        shutil.chown(self.nodes[name].folder / "lib", "hacluster", "haclient")

    def start(self, name: str) -> None:
        """Boot if need be, and start what this node runs."""
        if not self.nodes[name].is_on:
            self.nodes[name].boot()
        if name in self.original:
            status, out = self.run(name, "sh", "-c", f"mkdir -p /run/heartbeat /run/resource-agents && {PROGRAM}")
        else:
            status, out = self.heartbeat(name, "start")
        assert status == 0, f"{name}: {out}"

    def stop(self, name: str) -> None:
        """A graceful stop; returns when the daemon is gone."""
        if name in self.original:
            status, out = self.run(name, str(PROGRAM), "-k", within=60)
        else:
            status, out = self.heartbeat(name, "stop")
        assert status == 0, f"{name}: {out}"

    def command(self, name: str, *words: str) -> tuple[int, str]:
        """hb_standby, hb_takeover or cl_status, in the form this node has."""
        if name in self.original and words[0].startswith("hb_"):
            return self.run(name, str(TOOLS / words[0]), *words[1:])
        if name in self.original:
            return self.run(name, f"/usr/bin/{words[0]}", *words[1:])
        return self.run(name, *words)

    def start_all(self, *order: str) -> MixedPair:
        """Start the nodes in this order, one right after the other, and wait until the preferred one serves."""
        for name in order or NAMES:
            self.start(name)
        self.until(lambda: self.owners() == [NAMES[0]], 40)
        self.until(self.is_settled, 30)
        return self

    def is_settled(self) -> bool:
        """Both say that they are stable: neither is in the middle of anything."""
        words = [self.command(name, "cl_status", "rscstatus")[1].strip() for name in NAMES]
        return all(word in ("local", "all", "none", "foreign") for word in words)

    def serves(self, name: str, within: float = 20.0) -> None:
        """This node alone comes to hold the address, and all is quiet."""
        self.until(lambda: self.owners() == [name], within)
