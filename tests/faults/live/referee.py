"""The referee: a process of its own, outside of both nodes, which sees and does not judge.

It knows of an address because the kernel of each node tells it (route netlink), of who answers for it because it asks
by ARP every few milliseconds where the clients are, of the service because the client tells it, of weights and
processes because it reads /proc. It runs at a realtime priority, so that a busy machine does not make it late. A node
it loses sight of through the node's own end (a pidfd), not because somebody says so.
"""

from __future__ import annotations

import os
import pickle
import selectors
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

from migration.client import Client, Outcome
from migration.machine_process import end_machine, fork_machine
from migration.namespaces import NetworkNamespace
from migration.observer import Address, NodeObserver
from tests.faults.live.processes import daemons
from tests.faults.timeline import Answer, Change, Process, Request, Weight

ETH_P_ARP = 0x0806
ASK_EVERY = 0.004
LOOK_EVERY = 0.25
LIMIT = 64


@dataclass
class Seen:
    """What came to be seen since the last time it was asked for."""

    changes: list[Change] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    weights: list[Weight] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)


class Referee:
    """The running process. switch: where the bridge br0 of the clients' network is. client: read by it from now on."""

    def __init__(
        self,
        switch: NetworkNamespace,
        addresses: list[Address],
        asked: IPv4Address,
        client: Client,
        folder: Path,
        ask_every: float = ASK_EVERY,
    ) -> None:
        self._file = folder / "seen"
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(20)
        self._socket = ours

        def watch() -> None:
            ours.close()
            _Loop(theirs, switch, addresses, asked, client, self._file, ask_every).run()

        self._pid = fork_machine("lab-referee", watch)
        theirs.close()

    def node_is_on(self, name: str, init: int) -> None:
        """A node has booted; init: its process 1. Returns when it is watched."""
        self._socket.send(f"{name} {init}".encode())
        self._socket.recv(LIMIT)

    def take(self) -> Seen:
        """What was seen since the last call."""
        self._socket.send(b"take")
        self._socket.recv(LIMIT)
        with self._file.open("rb") as file:
            seen = pickle.load(file)
        assert isinstance(seen, Seen)
        return seen

    def close(self) -> None:
        end_machine(self._pid)
        self._socket.close()


@dataclass
class _Node:
    name: str
    init: int
    life: int
    observer: NodeObserver
    weights: dict[str, int] = field(default_factory=dict)


class _Loop:
    def __init__(
        self,
        control: socket.socket,
        switch: NetworkNamespace,
        addresses: list[Address],
        asked: IPv4Address,
        client: Client,
        file: Path,
        ask_every: float,
    ) -> None:
        self._control, self._client, self._file = control, client, file
        self._addresses, self._asked, self._ask_every = set(addresses), asked, ask_every
        with switch.entered():
            self._arp = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP))
            self._arp.bind(("br0", ETH_P_ARP))
        self._arp.setblocking(False)
        self._nodes: dict[str, _Node] = {}
        self._seen = Seen()
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ, self._obey)
        self._selector.register(self._arp, selectors.EVENT_READ, self._hear)
        mac = self._arp.getsockname()[4]  # the bridge's own: answers for others do not come up to us
        self._mac = mac
        ethernet = b"\xff" * 6 + mac + struct.pack("!H", ETH_P_ARP)
        asker = bytes([10, 1, 1, 77])
        self._question = ethernet + struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + asker + bytes(6) + asked.packed

    def run(self) -> None:
        """Until killed."""
        ask_at = look_at = time.monotonic()
        while True:
            now = time.monotonic()
            if now >= ask_at:
                with suppress(OSError):
                    self._arp.send(self._question)
                ask_at = now + self._ask_every
            if now >= look_at:
                self._look(now)
                look_at = now + LOOK_EVERY
            for key, _ in self._selector.select(max(0.0, min(ask_at, look_at) - time.monotonic())):
                key.data()

    def _obey(self) -> None:
        words = self._control.recv(LIMIT).decode().split()
        if not words:
            os._exit(0)
        if words[0] == "take":
            self._read_nodes()
            self._look(time.monotonic())
            with self._file.open("wb") as file:
                pickle.dump(self._seen, file)
            self._seen = Seen()
        else:
            self._begin(words[0], int(words[1]))
        self._control.send(b"done")

    def _begin(self, name: str, init: int) -> None:
        """An observer tells changes from its beginning on: the node has no virtual address yet."""
        namespace = NetworkNamespace.of_process(init)
        node = _Node(name, init, os.pidfd_open(init), NodeObserver(namespace, init))
        namespace.close()
        self._nodes[name] = node
        self._selector.register(node.observer, selectors.EVENT_READ, self._read_nodes)
        self._selector.register(node.life, selectors.EVENT_READ, lambda: self._end(node))

    def _end(self, node: _Node) -> None:
        """Its addresses have ended with it; its cables were cut before."""
        now = time.monotonic()
        self._note(node, [(now, address, False) for address in node.observer.addresses])
        self._seen.weights += [Weight(now, node.name, real, None) for real in node.weights]
        self._selector.unregister(node.observer)
        self._selector.unregister(node.life)
        node.observer.close()
        os.close(node.life)
        del self._nodes[node.name]

    def _read_nodes(self) -> None:
        """All of them, those that lose an address first: what is read together is one moment."""
        found = [(node, change) for node in self._nodes.values() for change in node.observer.read_changes()]
        for node, change in sorted(found, key=lambda pair: pair[1].present):
            self._note(node, [(change.at, change.address, change.present)])

    def _note(self, node: _Node, changes: list[tuple[float, Address, bool]]) -> None:
        self._seen.changes += [
            Change(at, str(address), node.name, present)
            for at, address, present in changes
            if address in self._addresses
        ]

    def _hear(self) -> None:
        while True:
            try:
                frame = self._arp.recv(2048)
            except OSError:
                return
            if frame[:6] == self._mac and frame[20:22] == b"\x00\x02" and frame[28:32] == self._asked.packed:
                answer = Answer(time.monotonic(), str(self._asked), frame[22:28].hex(":"))
                self._seen.answers.append(answer)

    def _look(self, now: float) -> None:
        """What need not be known to the millisecond."""
        self._seen.requests += [Request(r.begun, r.ended, r.outcome is Outcome.GOOD) for r in self._client.read()]
        for node in self._nodes.values():
            for name, pid, memory, descriptors, born in daemons(node.init):
                self._seen.processes.append(Process(now, node.name, name, pid, memory, descriptors, born))
            self._look_at_weights(node, now)

    def _look_at_weights(self, node: _Node, now: float) -> None:
        found = {real: weight for reals in node.observer.table().values() for real, weight in reals.items()}
        for real in found.keys() | node.weights.keys():
            if found.get(real) != node.weights.get(real):
                self._seen.weights.append(Weight(now, node.name, real, found.get(real)))
        node.weights = found
