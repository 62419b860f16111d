"""A pair in which some nodes run Debian's heartbeat 3.0.6 and the others run hbeat, on the same files.

The original is not installed on this machine: its packages are a layer which the nodes alone have (setup/original). Its
recovery kills by name and can reboot, which is why nodes have pid namespaces of their own. Who holds an address is
asked of the kernels of both nodes.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from migration.comparison import programs
from migration.comparison.programs import HEARTBEAT as PROGRAM
from migration.comparison.programs import HEARTBEAT_LAYER as LAYER
from migration.comparison.stacks import MADE_AT_BOOT as FOLDERS
from tests.interop.recorder import Recorder
from tests.system.pair import GATEWAY, NAMES, VIP, Pair, have_namespaces

TOOLS = Path("/usr/share/heartbeat")

__all__ = ["FOLDERS", "HA_CF", "LAYER", "PROGRAM", "TOOLS", "MixedPair", "missing"]

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
    if reason := have_namespaces():
        return reason
    return "" if (LAYER / PROGRAM.relative_to("/")).exists() else "no original heartbeat here: make interop brings it"


class MixedPair(Pair):
    """original: the names of the nodes that run the original."""

    def __init__(self, folder: Path, original: Collection[str]) -> None:
        super().__init__(folder, LAYER)
        self.original = set(original)
        for name in NAMES:
            self.write(name, "ha.cf", HA_CF)
        for name in self.original:
            self.furnish(name)

    @property
    def theirs(self) -> str:
        """The one node that runs the original."""
        (name,) = self.original
        return name

    @property
    def ours(self) -> str:
        """The one node that does not."""
        (name,) = set(NAMES) - self.original
        return name

    def furnish(self, name: str) -> None:
        """What the original's package puts into /etc/ha.d."""
        programs.furnish(self.nodes[name].folder / "ha.d", LAYER)

    def recorder(self, path: Path) -> Recorder:
        """Everything that goes over the cables, into a pcap file."""
        return Recorder(self.switch.namespace, path)

    def start(self, name: str) -> None:
        """Boot if need be, and start what this node runs."""
        if not self.nodes[name].is_on:
            self.nodes[name].boot()
        if name in self.original:
            status, out = self.run(name, "sh", "-c", f"{FOLDERS} && {PROGRAM}")
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

    def reload(self, name: str) -> None:
        """Have the daemon take up changed files."""
        words = [str(PROGRAM), "-r"] if name in self.original else ["hbeat", "reload"]
        status, out = self.run(name, *words)
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
        self.serves(NAMES[0], 40)
        self.settle()
        return self

    def there_and_back(self) -> None:
        """Everything goes from the first node to the second by command, and home again, both ways by hb_standby."""
        one, two = NAMES
        for giver, word, taker in ((one, "all", two), (two, "foreign", one)):
            assert self.command(giver, "hb_standby", word)[0] == 0
            self.serves(taker)
            self.settle()

    def is_settled(self) -> bool:
        """Both say that they are stable: neither is in the middle of anything."""
        words = [self.command(name, "cl_status", "rscstatus")[1].strip() for name in NAMES]
        return all(word in ("local", "all", "none", "foreign") for word in words)

    def settle(self, within: float = 30.0) -> None:
        self.until(self.is_settled, within)

    def serves(self, name: str, within: float = 20.0) -> None:
        """This node alone comes to hold both addresses."""
        self.until(lambda: self.owners(VIP) == self.owners(GATEWAY) == [name], within)
