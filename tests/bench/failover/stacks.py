"""The stacks that are compared: how each is started and stopped on a node, by what its administrator would run."""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from pathlib import Path

from migration.nodes import Node
from tests.bench.peers import UNPACKED
from tests.interop.mixed import FOLDERS, LAYER, PROGRAM, SHIPPED


class Stack(ABC):
    """One of them. layer: a folder with programs that its nodes have and this machine has not."""

    name: str
    layer: Path | None = None

    @abstractmethod
    def prepare(self, ha_d: Path, node: str) -> None:
        """Completes a node's /etc/ha.d, which has the files of `profile`."""

    @abstractmethod
    def start(self, node: Node) -> None:
        """Begins; nobody waits for it."""

    @abstractmethod
    def stop(self, node: Node) -> None:
        """The orderly stop; nobody waits for it."""


class Ours(Stack):
    name = "ours"

    def prepare(self, ha_d: Path, node: str) -> None:
        """The files are complete."""

    def start(self, node: Node) -> None:
        node.start_script("start")

    def stop(self, node: Node) -> None:
        node.start_script("stop")


class OursInSync(Ours):
    """With connection synchronisation."""

    name = "ours-sync"

    def prepare(self, ha_d: Path, node: str) -> None:
        shutil.copy(ha_d / "sync.hbeat.yaml", ha_d / "hbeat.yaml")


class Originals(Stack):
    """Debian's heartbeat 3.0.6 with its ldirectord 4.12 and its resource scripts."""

    name = "originals"
    layer = LAYER

    def prepare(self, ha_d: Path, node: str) -> None:
        for item in SHIPPED:
            source = LAYER / "etc/ha.d" / item
            if source.is_dir():
                shutil.copytree(source, ha_d / item, dirs_exist_ok=True, symlinks=True)
            else:
                shutil.copy2(source, ha_d / item)

    def start(self, node: Node) -> None:
        node.start(["/bin/sh", "-c", f"{FOLDERS}; exec {PROGRAM}"])

    def stop(self, node: Node) -> None:
        node.start([str(PROGRAM), "-k"])


class Keepalived(Stack):
    name = "keepalived"
    conf = "keepalived"
    options: tuple[str, ...] = ()

    def prepare(self, ha_d: Path, node: str) -> None:
        shutil.copy(ha_d / f"{self.conf}.{node}.conf", ha_d / "keepalived.conf")

    def start(self, node: Node) -> None:
        program = UNPACKED / "keepalived/usr/sbin/keepalived"
        node.start(
            [
                str(program),
                "--use-file=/etc/ha.d/keepalived.conf",
                "--log-facility=0",
                "--pid=/run/keepalived.pid",
                *self.options,
            ]
        )

    def stop(self, node: Node) -> None:
        node.start(["/bin/sh", "-c", "kill -TERM $(cat /run/keepalived.pid)"])


class KeepalivedInSync(Keepalived):
    """With lvs_sync_daemon."""

    name = "keepalived-sync"
    conf = "keepalived.sync"


EVERY: tuple[Stack, ...] = (Ours(), Keepalived(), Originals(), OursInSync(), KeepalivedInSync())
STACKS = {stack.name: stack for stack in EVERY}


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
