import asyncio
import os

import pytest

from ldirector.checks import ping
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.peers import probe

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="raw sockets need root")
DATA = bytes(range(64))
HEADER = bytes.fromhex("4500006c0000400040010000 7f000001 7f000001")


def pinged(address: str, attempts: int = 1, timeout: float = 5.0) -> Verdict:
    return asyncio.run(probe("", 0, timeout, method="ping", address=address, attempts=attempts, protocol="icmp"))


@needs_root
@pytest.mark.root
@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.8.7", "::1"])
def test_an_address_that_answers_is_up(address: str) -> None:
    assert pinged(address).outcome is Outcome.PASS


@needs_root
@pytest.mark.root
def test_many_pings_at_once_find_their_own_replies() -> None:
    async def run() -> list[Verdict]:
        targets = [address for n in range(1, 51) for address in (f"127.0.0.{n}", "127.0.0.1", "::1")]
        return await asyncio.gather(*(probe("", 0, method="ping", address=address) for address in targets))

    assert [verdict for verdict in asyncio.run(run()) if verdict.outcome is not Outcome.PASS] == []


@needs_root
@pytest.mark.root
def test_without_the_right_to_open_raw_sockets_the_check_was_not_run() -> None:
    os.seteuid(65534)
    try:
        for address in ("127.0.0.1", "::1"):
            verdict = pinged(address)
            assert (verdict.outcome, verdict.reason) == (Outcome.NOT_RUN, Reason.NO_PERMISSION)
            assert "CAP_NET_RAW" in verdict.detail
    finally:
        os.seteuid(0)


def reply(kind: int = 0, identifier: int = 7, sequence: int = 1, data: bytes = DATA) -> bytes:
    return HEADER + ping.echo(ping.V4, kind, identifier, sequence, data)


def test_a_reply_counts_for_any_request_sent_so_far() -> None:
    for sequence in (1, 2, 3):
        assert ping.answers(ping.V4, reply(sequence=sequence), 7, 3, DATA)
    six = ping.echo(ping.V6, 129, 7, 2, DATA)
    assert ping.answers(ping.V6, six, 7, 2, DATA)


@pytest.mark.parametrize(
    "packet",
    [
        reply(kind=8),
        reply(identifier=8),
        reply(sequence=0),
        reply(sequence=4),
        reply(data=DATA[::-1]),
        reply(data=DATA[:-2]),
        reply(data=DATA + b"xx"),
        b"",
        b"\x4f",
        HEADER,
        b"\x4f" + reply()[1:],
    ],
    ids=["request", "other id", "sequence 0", "not yet sent", "other data", "short", "long", "0", "1", "header", "ihl"],
)
def test_what_is_not_our_reply_does_not_count(packet: bytes) -> None:
    assert not ping.answers(ping.V4, packet, 7, 3, DATA)


def test_requests_have_64_data_bytes_and_a_true_checksum() -> None:
    message = ping.echo(ping.V4, 8, 7, 1, DATA)
    assert len(message) == 8 + 64
    assert ping.internet_checksum(message) == 0  # a message with its checksum sums up to nothing (RFC 1071)
    assert ping.internet_checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D  # the example of RFC 1071
