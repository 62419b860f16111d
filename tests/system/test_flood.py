"""50,000 forged heartbeats a second at one node: the other one hears it all the same, and its death is noticed."""

from __future__ import annotations

import ctypes
import socket
import struct
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from tests.system.pair import HOSTS, NAMES, Pair

ONE, TWO = NAMES
ETH_P_ALL, OUTGOING = 3, 4
LOAD_BYTE, JUMP_IF_EQUAL, RETURN = 0x30, 0x15, 0x06  # linux/bpf_common.h
PACKET_TYPE = 0xFFFFF004  # linux/filter.h: SKF_AD_OFF + SKF_AD_PKTTYPE
SO_ATTACH_FILTER = 26
RATE = 50_000
DEADTIME = 1.0
pytestmark = [pytest.mark.root, pytest.mark.system, pytest.mark.alone]
SECONDS = [5, pytest.param(60, marks=pytest.mark.nightly)]


@pytest.fixture(autouse=True)
def patient(pair: Pair) -> None:
    """Both nodes run, with a deadtime that the flood's share of the processors leaves room for."""
    for name in NAMES:
        path = pair.nodes[name].folder / "ha.d" / "ha.cf"
        pair.write(name, "ha.cf", path.read_text().replace("deadtime 500ms", f"deadtime {DEADTIME * 1000:g}ms"))
    pair.start_both()


def flood(pair: Pair, source: str, target: str, seconds: float) -> subprocess.Popen[str]:
    script = str(Path(__file__).with_name("flood.py"))
    root = str(Path(__file__).parents[2])
    words = [str(RATE), str(seconds), *HOSTS[target]]
    return pair.nodes[source].start(["env", f"PYTHONPATH={root}", sys.executable, script, *words])


def only_outgoing(sock: socket.socket) -> None:
    """A packet socket that the flood itself does not reach: what the kernel filters cannot crowd out a heartbeat."""
    program = b"".join(
        struct.pack("=HBBI", *step)
        for step in (
            (LOAD_BYTE, 0, 0, PACKET_TYPE),
            (JUMP_IF_EQUAL, 0, 1, OUTGOING),
            (RETURN, 0, 0, 65535),
            (RETURN, 0, 0, 0),
        )
    )
    kept = ctypes.create_string_buffer(program)
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", len(program) // 8, ctypes.addressof(kept)))


def beats_of(pair: Pair, name: str, seconds: float) -> list[float]:
    """When this node sent a status, over eth0, as the wire has it."""
    found = []
    with pair.sniffer(name, "eth0", ETH_P_ALL) as sock:
        only_outgoing(sock)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            frame = sock.recv(65535)
            if b"t=status" in frame and f"src={name}".encode() in frame:
                found.append(time.monotonic())
    return found


def status(pair: Pair, name: str) -> dict[str, object]:
    answer = yaml.safe_load(pair.run(name, "hbeat", "status", "--yaml")[1])
    assert isinstance(answer, dict)
    return answer


def patience(pair: Pair) -> float:
    nodes = status(pair, TWO)["nodes"]
    assert isinstance(nodes, dict)
    return float(nodes[ONE]["deadtime"])


@pytest.mark.parametrize("seconds", SECONDS)
def test_a_flooded_node_sends_its_heartbeats_and_nobody_thinks_it_dead(pair: Pair, seconds: int) -> None:
    before, deaths = beats_of(pair, ONE, 2), pair.deaths_told()
    process = flood(pair, TWO, ONE, seconds)
    beats = beats_of(pair, ONE, seconds - 1)
    sent = int(process.communicate(timeout=seconds + 30)[0])
    dropped = status(pair, ONE)["dropped"]
    assert isinstance(dropped, dict)
    widest = [max(later - at for at, later in pairwise(times)) for times in (before, beats)]
    print(f"sent {sent}, rejected {dropped['reasons']}")
    print(f"widest gap {widest[0]:.3f} s before, {widest[1]:.3f} s in the flood")
    assert dropped["reasons"]["bad signature"] > sent / 10
    assert widest[1] < 0.5, "half of deadtime"
    assert len(beats) >= 0.8 * 10 * (beats[-1] - beats[0])
    assert pair.deaths_told() == deaths
    assert pair.owners() == [ONE]
    told = [line for line in pair.log(ONE).splitlines() if "dropped: bad signature" in line]
    assert len(told) <= 1 + seconds // 60


def test_the_death_of_the_other_node_is_noticed_in_the_flood(pair: Pair) -> None:
    pair.until(lambda: patience(pair) == DEADTIME, 10)  # the first five seconds of a daemon allow two more
    process = flood(pair, TWO, TWO, 8)
    pair.until(lambda: "bad signature" in str(status(pair, TWO)["dropped"]), 10)
    pair.nodes[ONE].power_off()
    died = time.monotonic()
    pair.until(lambda: pair.owners() == [TWO], 4)
    took = time.monotonic() - died
    print(f"takeover in the flood after {took:.3f} s")
    assert process.poll() is None, "it was over before the flood was"
    process.communicate(timeout=30)
