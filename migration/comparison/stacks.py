"""The stacks that are compared: how each is started and stopped on a node, by what its administrator would run."""

from __future__ import annotations

import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from hbeat.core.model import NodeName
from migration.comparison import programs
from migration.comparison.programs import HEARTBEAT
from migration.nodes import Node

MADE_AT_BOOT = "mkdir -p /run/heartbeat /run/resource-agents && chown hacluster:haclient /var/lib/heartbeat"
"""What the original's package makes at boot and at its installation."""


class Stack(ABC):
    """One of them. layer: a folder with programs that its nodes have and this machine has not.

    hand_over, take_back: what an operator types for the other node to serve, and for this one to do so again; empty
    where there is nothing like it.
    """

    name: str
    layer: Path | None = None
    hand_over: tuple[str, ...] = ()
    take_back: tuple[str, ...] = ()

    @abstractmethod
    def prepare(self, ha_d: Path, node: NodeName) -> None:
        """Completes a node's /etc/ha.d, which has the user's files."""

    @abstractmethod
    def start(self, node: Node) -> None:
        """Begins; nobody waits for it."""

    @abstractmethod
    def stop(self, node: Node) -> None:
        """The orderly stop; nobody waits for it."""


class Ours(Stack):
    """This suite."""

    name = "ours"
    hand_over = ("hb_standby",)
    take_back = ("hb_takeover", "local")

    def prepare(self, ha_d: Path, node: NodeName) -> None:
        """The files are complete."""

    def start(self, node: Node) -> None:
        node.start_script("start")

    def stop(self, node: Node) -> None:
        node.start_script("stop")


class Originals(Stack):
    """heartbeat 3.0.6 with its ldirectord and its resource scripts, on the files as they are."""

    name = "heartbeat"
    hand_over = (str(programs.HB_STANDBY),)
    take_back = (str(programs.HB_TAKEOVER), "local")

    def __init__(self, layer: Path | None) -> None:
        self.layer = layer

    def prepare(self, ha_d: Path, node: NodeName) -> None:
        programs.furnish(ha_d, self.layer)

    def start(self, node: Node) -> None:
        node.start(["/bin/sh", "-c", f"{MADE_AT_BOOT}; exec {HEARTBEAT}"])

    def stop(self, node: Node) -> None:
        node.start([str(HEARTBEAT), "-k"])


class Keepalived(Stack):
    """confs: each node's keepalived.conf. options: more words for its command line."""

    name = "keepalived"
    options: tuple[str, ...] = ()

    def __init__(self, program: Path, confs: Mapping[NodeName, str]) -> None:
        self._program, self._confs = program, confs

    def prepare(self, ha_d: Path, node: NodeName) -> None:
        (ha_d / "keepalived.conf").write_text(self._confs[node], errors="surrogateescape")

    def start(self, node: Node) -> None:
        options = ["--use-file=/etc/ha.d/keepalived.conf", "--log-facility=0", "--pid=/run/keepalived.pid"]
        node.start([str(self._program), *options, *self.options])

    def stop(self, node: Node) -> None:
        node.start(["/bin/sh", "-c", "kill -TERM $(cat /run/keepalived.pid)"])


def signal_all(node: Node, number: signal.Signals) -> None:
    """To every process of a node."""
    for pid in processes(node):
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def processes(node: Node) -> list[int]:
    """All processes of a node but its process 1, as this side numbers them."""
    init = node.pid
    space = os.readlink(f"/proc/{init}/ns/pid")
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if int(path.name) != init and os.readlink(path / "ns/pid") == space:
                found.append(int(path.name))
        except OSError:
            continue  # it ended meanwhile
    return found
