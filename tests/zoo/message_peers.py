"""Servers that the checks of message protocols meet: dns, radius, ldap, mysql, pgsql, oracle, and proxies."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

from ldirector.core.verdict import Reason
from tests.zoo.animal import Animal, Cage
from tests.zoo.http_peers import ENDLESS, GOOD, OK_LINE
from tests.zoo.https_peers import HELLO_REQUESTS, hostile_handshakes
from tests.zoo.wire import Act, Answers, Peer, drip, hear, peer, pour, reset, say, silence

OK, LOST, LATE, TOO_LARGE = Reason.OK, Reason.CONNECTION_LOST, Reason.READ_TIMEOUT, Reason.TOO_LARGE
BAD, REFUSED, STATUS = Reason.BAD_ANSWER, Reason.REFUSED, Reason.WRONG_STATUS

SETTINGS: Mapping[str, Mapping[str, object]] = {
    "dns": {"request": "www.example.com", "receive": "192.0.2.1"},
    "radius": {"login": "ann", "passwd": "word", "secret": "shared"},
    "ldap": {"request": "cn=ann,dc=example"},
    "mysql": {"login": "ann", "passwd": "word", "database": "db", "request": "SELECT 1"},
    "pgsql": {"login": "ann", "passwd": "word", "database": "db", "request": "SELECT 1"},
    "http_proxy": {"request": "http://www.example.com/", "receive": "ok"},
}


def animal(service: str, name: str, served: Peer, *wanted: Reason, **settings: object) -> Animal:
    given = {**SETTINGS.get(service, {}), **settings}
    return Animal(f"{service}: {name}", service, frozenset(wanted), served, settings=given)


def datagrams(service: str, name: str, answers: Answers, *wanted: Reason) -> Animal:
    return Animal(
        f"{service} over udp: {name}",
        service,
        frozenset(wanted),
        answers=answers,
        cage=Cage.UDP,
        settings=SETTINGS[service],
    )


def strangers(service: str, *bad: Reason) -> list[Animal]:
    """What any server of messages may be. bad: how nonsense may be taken."""
    rows: list[tuple[str, Peer, tuple[Reason, ...]]] = [
        ("accepts and is silent", peer(silence), (LATE,)),
        ("closes at once", peer(), (LOST,)),
        ("reset at once", peer(reset), (LOST,)),
        ("drips zeros", peer(drip(b"\0")), (LATE, *bad)),
        ("drips letters", peer(drip(b"x")), (LATE, *bad)),
        ("zeros for ever", peer(pour(bytes(1000))), (TOO_LARGE, *bad)),
        ("ones for ever", peer(pour(b"\xff" * 1000)), (TOO_LARGE, *bad)),
        ("letters for ever", peer(pour(b"x" * 1000)), (TOO_LARGE, *bad)),
        ("every byte there is", peer(say(bytes(range(256)) * 20), silence), (TOO_LARGE, LATE, *bad)),
        ("a line of another protocol", peer(say(b"220 mail ready\r\n"), silence), (LATE, *bad)),
    ]
    return [animal(service, name, served, *wanted) for name, served, wanted in rows]


def flood(part: bytes) -> Answers:
    return lambda _: [part] * 20_000


def question_of(query: bytes) -> bytes:
    end = query.index(b"\0", 12) + 5
    return query[12:end]


def reply(query: bytes, flags: int, *counts: int, rest: bytes = b"") -> bytes:
    return query[:2] + struct.pack("!HHHHH", flags, *counts) + question_of(query) + rest


def a_record(name: bytes = b"\xc0\x0c", address: bytes = b"\xc0\0\x02\x01") -> bytes:
    return name + struct.pack("!HHIH", 1, 1, 60, len(address)) + address


def wrong_numbers(query: bytes) -> Iterable[bytes]:
    """Somebody who guesses: 20,000 answers to other questions."""
    for number in range(20_000):
        yield struct.pack("!H", (int.from_bytes(query[:2]) + 1 + number) % 65536) + query[2:]


def framed(data: bytes) -> bytes:
    return struct.pack("!H", len(data)) + data


NAMES = [
    datagrams("dns", "is silent", lambda _: (), LATE),
    datagrams("dns", "garbage for ever", flood(bytes(range(256))), LATE, BAD),
    datagrams("dns", "empty datagrams for ever", flood(b""), LATE, BAD),
    datagrams("dns", "answers to other questions for ever", wrong_numbers, LATE),
    datagrams("dns", "repeats the question for ever", lambda query: [query] * 20_000, LATE, BAD),
    datagrams(
        "dns",
        "a name that points to itself",
        lambda query: [reply(query, 0x8180, 1, 1, 0, 0, rest=b"\xc0\x23" + a_record(b""))],
        LATE,
        BAD,
    ),
    datagrams(
        "dns",
        "more records than there are",
        lambda query: [reply(query, 0x8180, 1, 65535, 0, 0, rest=a_record())],
        LATE,
        BAD,
    ),
    datagrams(
        "dns",
        "an answer larger than dns sends",
        lambda query: [reply(query, 0x8180, 1, 4000, 0, 0, rest=a_record(address=b"\xc0\0\x02\x02") * 4000)],
        LATE,
        TOO_LARGE,
    ),
    datagrams(
        "dns",
        "says that it was cut short and serves no tcp",
        lambda query: [reply(query, 0x8380, 1, 0, 0, 0)],
        Reason.CONNECT_REFUSED,
    ),
    datagrams("dns", "knows no such name", lambda query: [reply(query, 0x8183, 1, 0, 0, 0)], STATUS),
    datagrams("dns", "is well", lambda query: [reply(query, 0x8180, 1, 1, 0, 0, rest=a_record())], OK),
    *strangers("dns", BAD, TOO_LARGE),
    animal("dns", "promises 64 KiB", peer(hear(b"\0"), say(b"\xff\xff"), drip(b"\0")), LATE, TOO_LARGE),
    animal("dns", "small messages for ever", peer(hear(b"\0"), pour(framed(bytes(12)))), LATE, BAD, TOO_LARGE),
]

RADIUS = [
    datagrams("radius", "is silent", lambda _: (), LATE),
    datagrams("radius", "garbage for ever", flood(bytes(range(256))), LATE, BAD),
    datagrams(
        "radius",
        "accepts without knowing the secret, for ever",
        lambda query: [b"\x02" + query[1:2] + b"\0\x14" + bytes(16)] * 20_000,
        LATE,
        BAD,
    ),
    datagrams(
        "radius", "a length that is not true", lambda query: [b"\x02" + query[1:2] + b"\xff\xff" + bytes(16)], LATE, BAD
    ),
    datagrams(
        "radius", "the largest datagram", lambda query: [b"\x02" + query[1:2] + b"\xfd\xe8" + bytes(64_996)], LATE, BAD
    ),
]

BIND_OK = b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\0\x04\0\x04\0"
INTERMEDIATE = b"\x30\x05\x02\x01\x02\x79\0"


def bound(*acts: Act) -> Peer:
    """After a bind."""
    return peer(hear(b"\x60"), say(BIND_OK), hear(b"\x63"), *acts)


LDAP = [
    *strangers("ldap", BAD),
    animal("ldap", "promises 2 GiB", peer(hear(b"\x60"), say(b"\x30\x84\x7f\xff\xff\xff"), pour(b"\0")), TOO_LARGE),
    animal("ldap", "a length of 126 bytes", peer(hear(b"\x60"), say(b"\x30\xfe"), pour(b"\xff")), TOO_LARGE, BAD),
    animal("ldap", "a length without end", peer(hear(b"\x60"), say(b"\x30\x80"), pour(b"\0")), TOO_LARGE, BAD),
    animal(
        "ldap",
        "nested without end",
        peer(hear(b"\x60"), say(b"\x30\x82\xff\x00"), pour(b"\x30\x80", 32_640), silence),
        BAD,
        LATE,
        TOO_LARGE,
    ),
    animal("ldap", "small answers for ever", bound(pour(INTERMEDIATE)), TOO_LARGE, BAD),
    animal("ldap", "silent after the bind", bound(silence), LATE),
    animal("ldap", "drips after the bind", bound(drip(INTERMEDIATE)), LATE, BAD),
    animal("ldap", "reset after the bind", bound(reset), LOST),
    *hostile_handshakes("ldaps"),
]

DATABASES = [
    *strangers("mysql", BAD, REFUSED, LOST),
    animal("mysql", "a greeting of 16 MiB", peer(say(b"\xff\xff\xff\0\x0a"), pour(b"8")), TOO_LARGE, BAD, LOST),
    animal(
        "mysql",
        "a greeting in endless packets",
        peer(pour(b"\xff\xff\xff\0" + bytes(0xFFFFFF // 256))),
        TOO_LARGE,
        BAD,
        LOST,
    ),
    *strangers("pgsql", BAD, REFUSED, LOST),
    animal(
        "pgsql",
        "promises 4 GiB",
        peer(hear(b"\x2f"), say(b"N"), hear(b"ann"), say(b"R\xff\xff\xff\xff"), pour(b"\0")),
        TOO_LARGE,
        BAD,
    ),
    animal(
        "pgsql",
        "notices for ever",
        peer(hear(b"\x2f"), say(b"N"), hear(b"ann"), pour(b"N\0\0\0\x05\0")),
        TOO_LARGE,
        BAD,
    ),
    animal("pgsql", "drips notices", peer(hear(b"\x2f"), say(b"N"), hear(b"ann"), drip(b"N\0\0\0\x05\0")), LATE),
    animal(
        "pgsql",
        "refuses the login",
        peer(hear(b"\x2f"), say(b"N"), hear(b"ann"), say(b"E\0\0\0\x0cMno\0Cx\0\0"[:13]), silence),
        REFUSED,
        LATE,
    ),
    animal(
        "pgsql",
        "offers TLS and hello requests for ever",
        peer(hear(b"\x2f"), say(b"S"), hear(b"\x16\x03"), pour(HELLO_REQUESTS)),
        Reason.TLS,
        TOO_LARGE,
        LATE,
    ),
    animal(
        "pgsql",
        "offers TLS and speaks plain text",
        peer(hear(b"\x2f"), say(b"S"), hear(b"\x16\x03"), say(b"N" * 100), silence),
        Reason.TLS,
    ),
]


def proxied(*acts: Act) -> Peer:
    return peer(hear(), *acts)


TUNNEL = {"request": "https://www.example.com/"}
PROXIES = [
    *strangers("http_proxy", BAD),
    animal("http_proxy", "headers for ever", proxied(say(OK_LINE), pour(b"X: 1\r\n")), TOO_LARGE),
    animal("http_proxy", "a body for ever", proxied(say(ENDLESS), pour(b"no ")), TOO_LARGE),
    animal("http_proxy", "redirects for ever", proxied(say(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n")), STATUS),
    animal(
        "http_proxy",
        "redirects to a file",
        proxied(say(b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n")),
        STATUS,
        BAD,
        LOST,
    ),
    animal(
        "http_proxy",
        "redirects to no URL",
        proxied(say(b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\n\r\n")),
        STATUS,
        BAD,
        LOST,
    ),
    animal("http_proxy", "refuses the tunnel", proxied(say(b"HTTP/1.1 403 No\r\n\r\n")), STATUS, **TUNNEL),
    animal("http_proxy", "answers CONNECT for ever", proxied(pour(b"HTTP/1.1 200 OK\r\n")), TOO_LARGE, **TUNNEL),
    animal("http_proxy", "drips the answer to CONNECT", proxied(drip(b"HTTP/1.1 200 OK\r\n")), LATE, **TUNNEL),
    animal("http_proxy", "silent in the tunnel", proxied(say(b"HTTP/1.1 200 OK\r\n\r\n"), silence), LATE, **TUNNEL),
    animal(
        "http_proxy",
        "hello requests for ever in the tunnel",
        proxied(say(b"HTTP/1.1 200 OK\r\n\r\n"), hear(b"\x16\x03"), pour(HELLO_REQUESTS)),
        Reason.TLS,
        TOO_LARGE,
        **TUNNEL,
    ),
    animal(
        "http_proxy",
        "plain text in the tunnel",
        proxied(say(b"HTTP/1.1 200 OK\r\n\r\n"), hear(b"\x16"), say(GOOD)),
        Reason.TLS,
        **TUNNEL,
    ),
    animal("http_proxy", "is well", proxied(say(GOOD)), OK),
]

ANIMALS = [*NAMES, *RADIUS, *LDAP, *DATABASES, *PROXIES]
