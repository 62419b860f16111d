"""Servers that a check of https meets, before, in and after the handshake."""

from __future__ import annotations

import functools
import ssl
import struct
import tempfile
from pathlib import Path

from ldirector.core.verdict import Reason
from tests.ldirector.checks.servers import self_signed
from tests.zoo.animal import Animal
from tests.zoo.http_peers import ENDLESS, GOOD, OK_LINE
from tests.zoo.wire import Act, Peer, drip, hear, peer, pour, reset, say, say_raw, silence, start_tls

LOST, LATE, TLS, TOO_LARGE = Reason.CONNECTION_LOST, Reason.READ_TIMEOUT, Reason.TLS, Reason.TOO_LARGE

ALERT, HANDSHAKE, DATA = 21, 22, 23
HELLO_REQUEST, SERVER_HELLO, CERTIFICATE = 0, 2, 11
HELLO = b"\x16\x03\x01"  # begins a record with a ClientHello


@functools.cache
def certificate() -> ssl.SSLContext:
    with tempfile.TemporaryDirectory() as folder:
        return self_signed(Path(folder))


def record(kind: int, data: bytes) -> bytes:
    return struct.pack("!BHH", kind, 0x0303, len(data)) + data


def handshake(kind: int, body: bytes, length: int | None = None) -> bytes:
    """A message; length: what it claims, when that is not true."""
    return struct.pack("!B", kind) + struct.pack("!I", len(body) if length is None else length)[1:] + body


SERVER_HELLO_1_2 = handshake(
    SERVER_HELLO,
    b"\x03\x03" + bytes(32) + b"\0" + b"\xc0\x2f" + b"\0" + b"\x00\x05" + b"\xff\x01\x00\x01\x00",
)
"""TLS 1.2, ECDHE-RSA-AES128-GCM-SHA256, secure renegotiation."""


HELLO_REQUESTS = record(HANDSHAKE, handshake(HELLO_REQUEST, b""))


def forging(*acts: Act) -> Peer:
    """Plays a TLS server by hand."""
    return peer(hear(HELLO), *acts)


def shaken(*acts: Act) -> Peer:
    """After the handshake and the request."""
    return peer(start_tls(certificate), hear(), *acts)


def https(name: str, served: Peer, *wanted: Reason, service: str = "https", **settings: object) -> Animal:
    given = (
        {"request": "/", "receive": "ok", "virtualhost": "127.0.0.1", **settings} if service == "https" else settings
    )
    return Animal(f"{service}: {name}", service, frozenset(wanted), served, settings=given)


def hostile_handshakes(service: str) -> list[Animal]:
    """What any service over TLS may meet."""
    rows: list[tuple[str, Peer, tuple[Reason, ...]]] = [
        ("accepts and is silent", peer(silence), (LATE,)),
        ("plain text", peer(say(b"220 ready\r\n")), (TLS,)),
        ("plain HTTP", forging(say(b"HTTP/1.1 400 Bad Request\r\n\r\n")), (TLS,)),
        ("plain text for ever", peer(pour(b"220 ready\r\n")), (TLS,)),
        ("closes at once", peer(), (LOST, TLS)),
        ("reset at once", peer(reset), (LOST,)),
        ("closes in the handshake", forging(say(record(HANDSHAKE, SERVER_HELLO_1_2))), (LOST, TLS)),
        ("reset in the handshake", forging(say(record(HANDSHAKE, SERVER_HELLO_1_2)), reset), (LOST,)),
        ("drips the handshake", forging(drip(record(HANDSHAKE, SERVER_HELLO_1_2))), (LATE,)),
        ("stops in the handshake", forging(say(record(HANDSHAKE, SERVER_HELLO_1_2)), silence), (LATE,)),
        ("refuses the handshake", forging(say(record(ALERT, b"\x02\x28")), silence), (TLS,)),
        ("warnings for ever", forging(pour(record(ALERT, b"\x01\x5a"))), (TLS,)),
        ("empty records for ever", forging(pour(record(HANDSHAKE, b""))), (TLS,)),
        (
            "hello requests for ever",
            forging(pour(HELLO_REQUESTS)),
            (TLS, TOO_LARGE),
        ),
        ("a record that is too long", forging(say(b"\x16\x03\x03\xff\xff"), pour(b"\x02")), (TLS,)),
        (
            "a certificate of 10 MiB",
            forging(
                say(record(HANDSHAKE, SERVER_HELLO_1_2)),
                say(record(HANDSHAKE, handshake(CERTIFICATE, b"\xa0\0\0", 10 << 20))),
                pour(record(HANDSHAKE, bytes(16384)), 640),
            ),
            (TLS, TOO_LARGE),
        ),
        (
            "a certificate for ever",
            forging(
                say(record(HANDSHAKE, SERVER_HELLO_1_2)),
                say(record(HANDSHAKE, handshake(CERTIFICATE, b"\0\xff\xff", 0x00FFFF))),
                pour(record(HANDSHAKE, bytes(16384))),
            ),
            (TLS, TOO_LARGE),
        ),
        (
            "a message longer than its records",
            forging(
                say(record(HANDSHAKE, handshake(SERVER_HELLO, b"", 0xFFFFFF))), pour(record(HANDSHAKE, bytes(16384)))
            ),
            (TLS, TOO_LARGE),
        ),
        (
            "an old version",
            forging(say(record(HANDSHAKE, SERVER_HELLO_1_2.replace(b"\x03\x03", b"\x03\x00", 1))), silence),
            (TLS,),
        ),
    ]
    return [https(name, served, *wanted, service=service) for name, served, wanted in rows]


ANIMALS = [
    *hostile_handshakes("https"),
    https("silent after the handshake", shaken(silence), LATE),
    https("reset after the handshake", shaken(reset), LOST),
    https("closes after the handshake without notice", shaken(), LOST, TLS),
    https("closes in the head without notice", shaken(say(OK_LINE)), LOST, TLS),
    https("closes in the body without notice", shaken(say(OK_LINE + b"Content-Length: 10\r\n\r\nok")), LOST, TLS),
    https("closes a body without length without notice", shaken(say(ENDLESS + b"ok")), Reason.OK),
    https("drips the body", shaken(say(ENDLESS), drip(b"no ")), LATE),
    https("headers for ever", shaken(say(OK_LINE), pour(b"X: 1\r\n")), TOO_LARGE),
    https("a body for ever", shaken(say(ENDLESS), pour(b"no ")), TOO_LARGE),
    https("records of one byte for ever", shaken(say(ENDLESS), pour(b"n")), TOO_LARGE),
    https("plain text in the middle", shaken(say(OK_LINE), say_raw(b"Content-Length: 3\r\n\r\nok\n")), TLS, LOST),
    https(
        "broken records for ever in the middle",
        shaken(say(OK_LINE), say_raw(record(DATA, bytes(100)) * 1000)),
        TLS,
        LOST,
    ),
    https("is well", shaken(say(GOOD)), Reason.OK),
]
