"""The stacks that are compared: how each is started and stopped on a node, by what its administrator would run."""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from pathlib import Path

from migration.nodes import Node
from tests.bench.peers import UNPACKED


class Stack(ABC):
    """One of them. settle: seconds without a change after which a pair has come to rest."""

    name: str
    settle = 1.0

    @abstractmethod
    def start(self, node: Node) -> None:
        """Begins; nobody waits for it."""

    @abstractmethod
    def stop(self, node: Node) -> None:
        """The orderly stop; nobody waits for it."""


class Ours(Stack):
    name = "ours"

    def start(self, node: Node) -> None:
        node.start_script("start")

    def stop(self, node: Node) -> None:
        node.start_script("stop")


class Keepalived(Stack):
    name = "keepalived"

    def start(self, node: Node) -> None:
        program = UNPACKED / "keepalived/usr/sbin/keepalived"
        shutil.copy(node.folder / f"ha.d/keepalived.{node.name}.conf", node.folder / "ha.d/keepalived.conf")
        node.start(
            [str(program), "--use-file=/etc/ha.d/keepalived.conf", "--log-facility=0", "--pid=/run/keepalived.pid"]
        )

    def stop(self, node: Node) -> None:
        node.start(["/bin/sh", "-c", "kill -TERM $(cat /run/keepalived.pid)"])


STACKS: dict[str, Stack] = {stack.name: stack for stack in (Ours(), Keepalived())}


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
