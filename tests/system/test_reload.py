"""Reloads: judged from the wire, the kernel and the commands."""

from __future__ import annotations

import json
import re
import socket
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise

import pytest

from tests.system.pair import AUTHKEYS, HA_CF, HARESOURCES, NAMES, Pair

ONE, TWO = NAMES
ETH_P_IP = 0x0800
KEEPALIVE, DEADTIME = 0.1, 0.5  # of HA_CF
RELOADS = 1000

KEYS = {2: "2 sha1 FIRST\n", 3: "3 sha1 SECOND\n"}


class Wire:
    """The status messages that arrive outside: when each node's came, and which key signed the last."""

    def __init__(self, pair: Pair) -> None:
        self._sockets = [pair.sniffer(name, "eth0", ETH_P_IP) for name in NAMES]
        for sock in self._sockets:
            sock.setblocking(False)
        self.times: dict[str, list[float]] = defaultdict(list)
        self.key: dict[str, int] = {}

    def read(self) -> None:
        for frame in (frame for sock in self._sockets for frame in arrived(sock)):
            status = re.search(rb"\(0\)t=status,.*\(0\)src=(test[12]\.com),.*%%%\n\d+:(\d+) ", frame, re.DOTALL)
            if status is not None:
                name = status[1].decode()
                self.times[name].append(time.monotonic())
                self.key[name] = int(status[2])

    def close(self) -> None:
        for sock in self._sockets:
            sock.close()


def arrived(sock: socket.socket) -> Iterator[bytes]:
    with suppress(BlockingIOError):
        while True:
            yield sock.recv(65536)


def ask(pair: Pair, name: str, request: str) -> dict[str, object]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(5)
        sock.connect(pair.control_path(name))
        sock.sendall(request.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            answer += sock.recv(65536)
    found = json.loads(answer)
    assert isinstance(found, dict)
    return found


def rotations() -> list[tuple[str, str]]:
    """(node, its new authkeys) in the order an operator goes: add on both, switch on both, remove on both."""
    steps: list[tuple[str, str]] = []
    old, new = 2, 3
    while len(steps) < RELOADS:
        both = KEYS[old] + KEYS[new]
        for text in (f"auth {old}\n{both}", f"auth {new}\n{both}", f"auth {new}\n{KEYS[new]}"):
            steps += [(name, text) for name in NAMES]
        old, new = new, old
    return steps


@pytest.mark.alone
def test_keys_change_on_a_running_pair_and_no_beat_is_missed_in_1000_reloads(pair: Pair) -> None:
    for name in NAMES:
        pair.write(name, "authkeys", f"auth 2\n{KEYS[2]}", mode=0o600)
    pair.start_both()
    wire = Wire(pair)
    dropped = [ask(pair, name, "status")["dropped"] for name in NAMES]
    began = time.monotonic()
    for name, text in rotations():
        pair.write(name, "authkeys", text, mode=0o600)
        answer = ask(pair, name, "reload")
        assert answer["ok"], answer
        wire.read()
        time.sleep(0.02)  # else all is over before the second beat
    took = time.monotonic() - began
    wire.read()
    wire.close()
    for name in NAMES:
        times = wire.times[name]
        longest = max(after - before for before, after in pairwise(times))
        assert longest < DEADTIME / 2, f"{name} was silent for {longest:.3f} s"
        assert len(times) >= took / KEEPALIVE * 0.95, f"{name}: {len(times)} beats in {took:.1f} s"
        assert "Late heartbeat" not in pair.log(name)
    assert [ask(pair, name, "status")["dropped"] for name in NAMES] == dropped
    assert pair.owners() == [ONE]


def test_a_wrong_key_is_seen_by_the_same_means(pair: Pair) -> None:
    """Negative control: a key changed on one node only is dropped by the other, and the counter shows it."""
    pair.start_both()
    pair.write(ONE, "authkeys", "auth 2\n2 sha1 ANOTHER\n", mode=0o600)
    assert ask(pair, ONE, "reload")["ok"]
    pair.until(lambda: ask(pair, TWO, "status")["dropped"]["reasons"] != {}, 5)  # type: ignore[index]


def test_media_and_ping_lines_are_taken_up_while_the_pair_runs(pair: Pair) -> None:
    only_first = re.sub("ucast eth1.*\n", "", HA_CF)
    for name in NAMES:
        pair.write(name, "ha.cf", only_first)
    pair.start_both()
    assert pair.run(ONE, "cl_status", "listhblinks", TWO) == (0, "\teth0\n")
    dead = [pair.log(name).count("is dead") for name in NAMES]
    pids = [pair.pid(name) for name in NAMES]
    for text in (f"{HA_CF}ping 10.1.1.3 10.1.1.2\n", f"{re.sub('ucast eth0.*', '', HA_CF)}ping 10.1.1.2\n"):
        # ping nodes may not be the names of nodes; their addresses are hosts that answer
        for name in NAMES:
            pair.write(name, "ha.cf", text)
            assert pair.heartbeat(name, "reload")[0] == 0
        for name, other in zip(NAMES, reversed(NAMES), strict=True):
            links = pair.run(name, "cl_status", "listhblinks", other)[1]
            assert ("eth0" in links) is ("ucast eth0" in text)
            pair.until(lambda n=name, o=other: link(pair, n, o, "eth1") == "up", 5)  # type: ignore[misc]
            pair.until(lambda n=name: status(pair, n, "10.1.1.2") == "ping", 5)  # type: ignore[misc]
        assert pair.owners() == [ONE]
    time.sleep(2 * DEADTIME)  # over one cable that was not there at the start, without the one that was
    assert [status(pair, ONE, TWO), status(pair, TWO, ONE)] == ["active", "active"]
    assert pids == [pair.pid(name) for name in NAMES]
    assert dead == [pair.log(name).count("is dead") for name in NAMES]
    assert pair.owners() == [ONE]


def link(pair: Pair, name: str, other: str, interface: str) -> str:
    return pair.run(name, "cl_status", "hblinkstatus", other, interface)[1].strip()


def status(pair: Pair, name: str, other: str) -> str:
    return pair.run(name, "cl_status", "nodestatus", other)[1].strip()


def test_a_bad_file_changes_nothing_and_is_told_with_its_line(pair: Pair) -> None:
    pair.start_both()
    bad = (
        ("ha.cf", HA_CF + "keepalive often\n", "ha.cf:11: keepalive often is not a time"),
        ("ha.cf", HA_CF.replace("eth0", "eth7").replace("eth1", "eth8"), "ha.cf:5: there is no interface eth7"),
        ("ha.cf", HA_CF + "ucast eth0 somewhere.test\n", "ha.cf:11: somewhere.test would have to be looked up"),
        ("haresources", "elsewhere 10.1.1.10\n", "haresources:1: bad nodename elsewhere"),
        ("authkeys", "auth 5\n", "authkeys:1: auth key 5 not found"),
    )
    good = {"ha.cf": HA_CF, "haresources": HARESOURCES, "authkeys": AUTHKEYS}
    for file, text, told in bad:
        pair.write(ONE, file, text, mode=0o600)
        status_code, out = pair.run(ONE, "hbeat", "-r")
        assert (status_code, told in out, "it goes on as before" in out) == (1, True, True), out
        pair.write(ONE, file, good[file], mode=0o600)
    assert pair.owners() == [ONE]
    assert status(pair, TWO, ONE) == "active"
    assert "is dead" not in pair.log(TWO)
