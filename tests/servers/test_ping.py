"""checktype=ping in a network of its own: two namespaces and a wire, one end pings the other."""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ldirector.checks import ping
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.peers import probe
from tests.servers.daemon import eventually, needs, verdict_of

pytestmark = [
    pytest.mark.servers,
    pytest.mark.root,
    needs("ip", "nft"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: network namespaces"),
]

HERE, THERE = f"ping-here-{os.getpid()}", f"ping-there-{os.getpid()}"
ANSWERS = ("10.99.0.2", "fd99::2")
SILENT = ("10.99.0.66", "fd99::66")
DEAF = ("10.99.0.3", "fd99::3")  # there, but echo requests to it are dropped
NOBODY = ("10.88.0.1", "fd88::1")  # no route

DROPS = """
table inet ping {
  chain input {
    type filter hook input priority 0
    ip daddr 10.99.0.3 icmp type echo-request drop
    ip6 daddr fd99::3 icmpv6 type echo-request drop
  }
}
"""


def ip(*words: str, **more: Any) -> None:
    subprocess.run(["ip", *words], check=True, timeout=30, **more)


@pytest.fixture(scope="module")
def within() -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """Runs something in a thread that lives in the first namespace."""
    made: list[str] = []
    try:
        for name in (HERE, THERE):
            ip("netns", "add", name)
            made.append(name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("link", "add", "here", "netns", HERE, "type", "veth", "peer", "name", "there", "netns", THERE)
        for name, device, four, six in (
            (HERE, "here", ("10.99.0.1",), ("fd99::1",)),
            (THERE, "there", (ANSWERS[0], DEAF[0]), (ANSWERS[1], DEAF[1])),
        ):
            for address in four:
                ip("-n", name, "address", "add", f"{address}/24", "dev", device)
            for address in six:
                ip("-n", name, "address", "add", f"{address}/64", "dev", device, "nodad")
            ip("-n", name, "link", "set", device, "up")
        ip("netns", "exec", THERE, "nft", "-f", "-", input=DROPS.encode())
        with ThreadPoolExecutor(1) as threads:
            threads.submit(enter, HERE).result()

            def run(work: Callable[[], Any]) -> Any:
                return threads.submit(work).result()

            assert eventually(lambda: run(lambda: all(pinged(a).outcome is Outcome.PASS for a in ANSWERS)), 20)
            yield run
    finally:
        for name in made:
            ip("netns", "delete", name)


def enter(name: str) -> None:
    """Move the calling thread into a network namespace."""
    with Path(f"/run/netns/{name}").open() as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0x40000000):
            raise OSError(ctypes.get_errno(), "setns")


def pinged(address: str, timeout: float = 1.0, attempts: int = 2) -> Verdict:
    return verdict_of("ping", 0, timeout, address=address, attempts=attempts, protocol="icmp")


Within = Callable[[Callable[[], Any]], Any]


@pytest.mark.parametrize("address", ANSWERS)
def test_an_address_that_answers_is_up(within: Within, address: str) -> None:
    assert within(lambda: pinged(address)).outcome is Outcome.PASS


@pytest.mark.parametrize("address", [*SILENT, *DEAF])
def test_an_address_that_does_not_answer_is_down_at_the_deadline(within: Within, address: str) -> None:
    started = time.monotonic()
    verdict = within(lambda: pinged(address, 0.4))
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.READ_TIMEOUT)
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("address", NOBODY)
def test_an_address_without_a_route_is_unreachable_at_once(within: Within, address: str) -> None:
    verdict = within(lambda: pinged(address, 30.0))
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.UNREACHABLE)


@pytest.mark.parametrize("address", DEAF)
def test_so_many_requests_go_out_as_there_are_attempts_with_64_data_bytes(within: Within, address: str) -> None:
    def heard() -> list[bytes]:
        family, protocol = (socket.AF_INET6, 58) if ":" in address else (socket.AF_INET, 1)
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3)) as tap:
            tap.bind(("here", 3))
            tap.settimeout(0.1)
            pinged(address, 0.6, attempts=3)
            found = []
            target, head = socket.inet_pton(family, address), 40 if protocol == 58 else 20
            try:
                while True:
                    packet = tap.recv(2000)
                    if (
                        target in packet[:40]
                        and packet[head] in (8, 128)
                        and packet[9 if head == 20 else 6] == protocol
                    ):
                        found.append(packet[head:])
            except TimeoutError:
                return found

    messages = within(heard)
    assert [len(message) for message in messages] == [8 + ping.DATA_SIZE] * 3
    assert len({message[4:6] for message in messages}) == 1
    assert [int.from_bytes(message[6:8]) for message in messages] == [1, 2, 3]


@pytest.mark.parametrize("address", DEAF)
def test_the_replies_of_another_address_or_pinger_are_nobody_elses(within: Within, address: str) -> None:
    """Many pings of an address that answers run beside one of an address that does not."""
    other = ANSWERS[":" in address]

    def both() -> Verdict:
        async def run() -> Verdict:
            async def pings(target: str) -> Verdict:
                return await probe("", 0, 0.4, method="ping", address=target, protocol="icmp")

            first, *others = await asyncio.gather(pings(address), *(pings(other) for _ in range(50)))
            assert {verdict.outcome for verdict in others} == {Outcome.PASS}
            return first

        return asyncio.run(run())

    assert within(both).reason is Reason.READ_TIMEOUT
