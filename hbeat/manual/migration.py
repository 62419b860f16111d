"""The way from heartbeat to hbeat, one node at a time, and back: the commands in the order they are typed.

hbeat(8) shows this table; tests/interop/test_replacement.py types it, with a client that asks all the time.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """What is typed on node A or B. {A} and {B} in it are the names of the nodes.

    shows: what it prints, at the latest after a moment.
    """

    node: str
    line: str
    shows: str = ""

    def __str__(self) -> str:
        line = f"{self.node}# {self.line.format(A='A', B='B')}"
        return f"{line}        ({self.shows}, after a moment)" if self.shows else line


@dataclass(frozen=True, slots=True)
class Step:
    """Commands that belong together, and what is to be known of them."""

    text: str
    commands: tuple[Command, ...]


def _keep(node: str) -> tuple[Command, ...]:
    return (
        Command(node, "mkdir /root/before-hbeat"),
        Command(node, "cp -a /etc/init.d/heartbeat /etc/init.d/ldirectord /etc/ha.d /root/before-hbeat"),
    )


def _stop_and_remove(node: str) -> tuple[Command, ...]:
    return (
        Command(node, "/etc/init.d/heartbeat stop"),
        Command(node, "apt-get remove heartbeat ldirectord"),
    )


def _install(node: str) -> tuple[Command, ...]:
    return (
        Command(node, "make install"),
        Command(node, "hbeat-migrate check /etc/ha.d"),
        Command(node, "update-rc.d heartbeat defaults"),
    )


def _start(node: str, other: str) -> tuple[Command, ...]:
    return (
        Command(node, "/etc/init.d/heartbeat start"),
        Command(node, f"cl_status nodestatus {{{other}}}", "active"),
    )


def _back(node: str, other: str) -> tuple[Command, ...]:
    return (
        Command(node, "hb_standby all"),
        Command(other, "cl_status rscstatus", "all"),
        Command(node, "/etc/init.d/heartbeat stop"),
        Command(node, "make uninstall"),
        Command(node, "cp -a /root/before-hbeat/heartbeat /root/before-hbeat/ldirectord /etc/init.d"),
        Command(node, "apt-get install heartbeat ldirectord"),
    )


FORTH = (
    Step(
        "Before. A holds the resources, B stands by. On both, keep what is going to be replaced:",
        _keep("A") + _keep("B"),
    ),
    Step(
        "Stop B, and take the old programs away. `remove', not `purge': the files in /etc/ha.d and /var/lib/heartbeat "
        "stay, and with them this node's uuid and the number of its starts, which the other node expects to go on.",
        _stop_and_remove("B"),
    ),
    Step("Install this suite on B, and see what it says of the files. Nothing runs yet.", _install("B")),
    Step(
        "Start B. The pair is mixed now. A must be active, and go on holding what it holds. With a respawn line for "
        "ipfail nothing is to be done; it is built in.",
        _start("B", "A"),
    ),
    Step(
        "Hand over, whenever it suits, and stay so for as long as you like.",
        (Command("A", "/usr/share/heartbeat/hb_standby all"), Command("B", "cl_status rscstatus", "all")),
    ),
    Step(
        "Replace A in the same way. With auto_failback on it takes its groups back as soon as its own health checks "
        "have a verdict.",
        _stop_and_remove("A") + _install("A") + _start("A", "B"),
    ),
)

BACK = (
    Step(
        "At any moment, on either node; the files were never changed. On B:",
        _back("B", "A") + _start("B", "A"),
    ),
    Step("And on A:", _back("A", "B")),
    Step("Both are originals again. With auto_failback on A takes its groups back.", _start("A", "B")),
)
