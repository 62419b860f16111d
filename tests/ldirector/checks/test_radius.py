import asyncio
import hashlib
import hmac
import struct
from typing import Any

import pytest

from ldirector.checks import datagrams
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.peers import Reply, closed_port, datagram_peer, probe

SECRET = b"s3cret"
LOGIN: dict[str, Any] = {
    "login": "checker",
    "passwd": "a password of more than sixteen bytes",
    "secret": SECRET.decode(),
}


def asked(reply: Reply, timeout: float = 5.0, **more: Any) -> tuple[Verdict, list[bytes]]:
    async def run() -> tuple[Verdict, list[bytes]]:
        async with datagram_peer(reply) as peer:
            return await probe("radius", peer.port, timeout, **{**LOGIN, "protocol": "udp", **more}), peer.received

    return asyncio.run(run())


def attributes(packet: bytes) -> dict[int, bytes]:
    found, at = {}, 20
    while at < len(packet):
        found[packet[at]] = packet[at + 2 : at + packet[at + 1]]
        at += packet[at + 1]
    return found


def signed(
    request: bytes, code: int = 2, body: bytes = b"", secret: bytes = SECRET, number: int | None = None
) -> bytes:
    """A reply by the words of RFC 2865 section 3, written here without the library."""
    head = struct.pack("!BBH", code, request[1] if number is None else number, 20 + len(body))
    return head + hashlib.md5(head + request[4:20] + body + secret).digest() + body


def with_authenticator(request: bytes, code: int = 2, secret: bytes = SECRET, inner: bytes = SECRET) -> bytes:
    """The same with a Message-Authenticator (RFC 3579 section 3.2)."""
    head = struct.pack("!BBH", code, request[1], 38)
    mac = hmac.new(inner, head + request[4:20] + b"\x50\x12" + bytes(16), "md5").digest()
    return signed(request, code, b"\x50\x12" + mac, secret)


def test_the_request_is_that_of_the_rfc() -> None:
    _, (packet,) = asked(lambda request, _: [signed(request)])
    code, _, length, vector = struct.unpack("!BBH16s", packet[:20])
    found = attributes(packet)
    assert (code, length) == (1, len(packet))
    assert found[1] == b"checker"
    assert found[4] == bytes([127, 0, 0, 1])
    hidden, before, plain = found[2], vector, b""
    for at in range(0, len(hidden), 16):
        block = hidden[at : at + 16]
        plain += bytes(a ^ b for a, b in zip(block, hashlib.md5(SECRET + before).digest(), strict=True))
        before = block
    assert plain.rstrip(b"\0").decode() == LOGIN["passwd"]
    zeroed = packet.replace(found[80], bytes(16))
    assert hmac.new(SECRET, zeroed, "md5").digest() == found[80]


def test_two_requests_have_different_authenticators() -> None:
    requests = [asked(lambda request, _: [signed(request)])[1][0] for _ in range(2)]
    assert requests[0][4:20] != requests[1][4:20]


def test_accept_is_up_with_and_without_message_authenticator() -> None:
    assert asked(lambda request, _: [signed(request)])[0].outcome is Outcome.PASS
    assert asked(lambda request, _: [with_authenticator(request)])[0].outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("code", "body", "detail"),
    [
        (3, b"", "Access-Reject"),
        (3, b"\x12\x0cgo away\n\x1b!", "Access-Reject: go away\\n\\x1b!"),
        (11, b"", "code 11"),
    ],
)
def test_reject_and_challenge_are_refusals(code: int, body: bytes, detail: str) -> None:
    verdict, _ = asked(lambda request, _: [signed(request, code, body)])
    assert (verdict.outcome, verdict.reason, verdict.detail) == (Outcome.FAIL, Reason.REFUSED, detail)


@pytest.mark.parametrize(
    "reply",
    [
        lambda request, _: [request],
        lambda request, _: [b"", b"\2", signed(request)[:19], signed(request)[:4] + bytes(16)],
        lambda request, _: [signed(request, secret=b"other")],
        lambda request, _: [signed(request, number=request[1] ^ 1)],
        lambda request, _: [with_authenticator(request, inner=b"other")],
        lambda request, _: [signed(request, body=b"\x12\x01")],
        lambda request, _: [signed(request, body=b"\x50\x03x")],
        lambda request, _: [signed(request, body=b"\x21\x03x")],
    ],
    ids=["echo", "cut", "other secret", "other number", "wrong mac", "zero length", "short mac", "foreign proxy state"],
)
def test_what_the_secret_did_not_sign_is_no_answer(reply: Reply) -> None:
    assert asked(reply, timeout=0.1)[0].reason is Reason.READ_TIMEOUT


def test_a_true_answer_after_forged_ones_counts() -> None:
    verdict, _ = asked(lambda request, _: [signed(request, 3, secret=b"guess"), signed(request)])
    assert verdict.outcome is Outcome.PASS


def test_a_lost_request_is_repeated_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datagrams, "FIRST_PAUSE", 0.01)
    verdict, requests = asked(lambda request, number: [signed(request)] if number == 3 else [])
    assert verdict.outcome is Outcome.PASS
    assert len(requests) == 3
    assert len(set(requests)) == 1


def test_a_closed_port_is_refused() -> None:
    assert asyncio.run(probe("radius", closed_port(), protocol="udp", **LOGIN)).reason is Reason.CONNECT_REFUSED


def test_what_radius_cannot_carry_is_said_without_the_password() -> None:
    verdict, requests = asked(lambda request, _: [signed(request)], passwd="hunter2" * 20)
    assert (verdict.outcome, verdict.reason, requests) == (Outcome.FAIL, Reason.REFUSED, [])
    assert "128" in verdict.detail
    assert "hunter2" not in verdict.detail
