"""Servers that a check of http meets."""

from __future__ import annotations

import asyncio
import gzip
import zlib

from ldirector.core.verdict import Reason
from tests.zoo.animal import Animal, Cage
from tests.zoo.wire import Act, Peer, Wire, crumble, drip, hear, peer, pour, reset, say, silence

OK_LINE = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK_LINE + b"Transfer-Encoding: chunked\r\n\r\n"
GOOD = OK_LINE + b"Content-Length: 3\r\n\r\nok\n"
ENDLESS = OK_LINE + b"\r\n"  # the end of the connection is the end of the body


def http(name: str, served: Peer, *wanted: Reason, **settings: object) -> Animal:
    given = {"request": "/", "receive": "ok", "virtualhost": "127.0.0.1", **settings}
    return Animal(f"http: {name}", "http", frozenset(wanted), served, settings=given)


def answering(*acts: Act) -> Peer:
    """After the request."""
    return peer(hear(), *acts)


def redirecting(location: bytes, *there: Act) -> Peer:
    """Sends the client to a path of this server, which does something else."""

    async def serve(wire: Wire) -> None:
        heard = b""
        while b"\r\n\r\n" not in heard:
            heard += await wire.read() or b"\r\n\r\n"
        acts = there if b" /there " in heard else (say(b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\n\r\n"),)
        for act in acts:
            await act(wire)

    return peer(serve)


def bomb(size: int) -> bytes:
    """So many zeros, compressed to a thousandth."""
    squeeze = zlib.compressobj(9, wbits=31)
    return squeeze.compress(bytes(size)) + squeeze.flush()


def as_chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def exploding(name: str, pattern: str, body: bytes) -> Animal:
    """A pattern with nested quantifiers meets the body it fears."""
    head = OK_LINE + b"Content-Length: %d\r\n\r\n" % len(body)
    return http(f"pattern {name}", answering(say(head, body)), Reason.PATTERN_TIMEOUT, receive=pattern)


async def _early(wire: Wire) -> None:
    """Says all before it is asked."""
    await wire.send(GOOD)
    await asyncio.sleep(0)


TOO_LARGE, LOST, LATE = Reason.TOO_LARGE, Reason.CONNECTION_LOST, Reason.READ_TIMEOUT
BAD, STATUS = Reason.BAD_ANSWER, Reason.WRONG_STATUS

ANIMALS = [
    # nobody there, or as good as nobody
    Animal("http: refuses", "http", frozenset({Reason.CONNECT_REFUSED}), cage=Cage.ABSENT),
    Animal("http: SYN swallowed", "http", frozenset({Reason.CONNECT_TIMEOUT}), cage=Cage.DEAF),
    Animal("connect: SYN swallowed", "connect", frozenset({Reason.CONNECT_TIMEOUT}), cage=Cage.DEAF),
    http("accepts and is silent", peer(silence), LATE),
    http("hears and is silent", answering(silence), LATE),
    # ends at every phase
    http("reset at once", peer(reset), LOST),
    http("reset after the request", answering(reset), LOST),
    http("reset in the status line", answering(say(b"HTTP/1.1 20"), reset), LOST),
    http("reset in the head", answering(say(OK_LINE + b"X: 1"), reset), LOST),
    http("reset in the body", answering(say(OK_LINE + b"Content-Length: 10\r\n\r\nok"), reset), LOST),
    http("reset in a body without length", answering(say(ENDLESS + b"ok"), reset), LOST),
    http("closes at once", peer(), LOST),
    http("closes after the request", answering(), LOST),
    http("closes in the status line", answering(say(b"HTTP/1.1 20")), LOST),
    http("closes in the head", answering(say(OK_LINE + b"X: 1\r\n")), LOST),
    http("closes in the body", answering(say(OK_LINE + b"Content-Length: 10\r\n\r\nok")), LOST),
    http("closes in a chunk", answering(say(CHUNKED + b"a\r\nok")), LOST),
    http("closes before the last chunk", answering(say(CHUNKED + as_chunk(b"ok"))), LOST),
    # never ends
    http("drips before the head", answering(drip(b"\r\n")), LATE),
    http("drips the status line", answering(drip(OK_LINE)), LATE, BAD),
    http("drips the head", answering(say(OK_LINE), drip(b"X-Header: 1\r\n")), LATE),
    http("drips the body", answering(say(ENDLESS), drip(b"still no word ")), LATE),
    http("drips a chunk", answering(say(CHUNKED + b"ffff\r\n"), drip(b"no ")), LATE),
    http("drips chunks", answering(say(CHUNKED), drip(b"1\r\nx\r\n")), LATE),
    http("drips 100 Continue", answering(drip(b"HTTP/1.1 100 Continue\r\n\r\n")), LATE),
    http("stops in the head", answering(say(OK_LINE + b"X: 1\r\n"), silence), LATE),
    http("stops in the body", answering(say(OK_LINE + b"Content-Length: 10\r\n\r\nok"), silence), LATE),
    http("empty lines for ever", answering(pour(b"\r\n")), TOO_LARGE, BAD),
    http("headers for ever", answering(say(OK_LINE), pour(b"X-Header: 1\r\n")), TOO_LARGE),
    http("a million headers", answering(say(OK_LINE), pour(b"X-Header: 1\r\n", 1_000_000)), TOO_LARGE),
    http("a header line for ever", answering(say(OK_LINE + b"X: "), pour(b"x")), TOO_LARGE),
    http("a header name for ever", answering(say(OK_LINE), pour(b"x")), TOO_LARGE),
    http("a folded header for ever", answering(say(OK_LINE + b"X: 1\r\n"), pour(b" x\r\n")), TOO_LARGE, BAD),
    http("a status line of 1 MiB", answering(say(b"HTTP/1.1 200 "), pour(b"O", 1 << 20), say(b"\r\n\r\n")), TOO_LARGE),
    http("100 Continue for ever", answering(pour(b"HTTP/1.1 100 Continue\r\n\r\n")), TOO_LARGE),
    http("103 Early Hints for ever", answering(pour(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")), TOO_LARGE),
    http("a body for ever", answering(say(ENDLESS), pour(b"no ")), TOO_LARGE),
    http("a body of 1 GiB", answering(say(OK_LINE + b"Content-Length: 1073741824\r\n\r\n"), pour(b"no ")), TOO_LARGE),
    http("chunks for ever", answering(say(CHUNKED), pour(as_chunk(b"no " * 1000))), TOO_LARGE),
    http("chunks of one byte for ever", answering(say(CHUNKED), pour(b"1\r\nx\r\n")), TOO_LARGE),
    http("a chunk extension for ever", answering(say(CHUNKED + b"1;x="), pour(b"x")), TOO_LARGE, BAD),
    http("extensions in every chunk", answering(say(CHUNKED), pour(b"1;%s\r\nx\r\n" % (b"x" * 9000))), TOO_LARGE, BAD),
    http("trailers for ever", answering(say(CHUNKED + b"0\r\n"), pour(b"X-Trailer: 1\r\n")), TOO_LARGE, BAD),
    http("a trailer line for ever", answering(say(CHUNKED + b"0\r\nX: "), pour(b"x")), TOO_LARGE, BAD),
    http("zeros in front of a chunk's size for ever", answering(say(CHUNKED), pour(b"0")), TOO_LARGE, BAD),
    # says what cannot be
    http("status 000", answering(say(b"HTTP/1.1 000 No\r\n\r\n")), BAD, STATUS),
    http("status 999", answering(say(b"HTTP/1.1 999 No\r\n\r\n")), STATUS),
    http("status 20", answering(say(b"HTTP/1.1 20 OK\r\n\r\nok")), BAD, STATUS),
    http("status 2000", answering(say(b"HTTP/1.1 2000 OK\r\n\r\nok")), BAD, STATUS),
    http("status in words", answering(say(b"HTTP/1.1 fine\r\n\r\nok")), BAD),
    http("status below zero", answering(say(b"HTTP/1.1 -200 OK\r\n\r\nok")), BAD),
    http(
        "switches protocols",
        answering(say(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nok")),
        STATUS,
    ),
    http("304 without a question", answering(say(b"HTTP/1.1 304 Not Modified\r\n\r\n")), STATUS),
    http("204 with a body", answering(say(b"HTTP/1.1 204 No Content\r\n\r\nok")), Reason.RECEIVE_MISMATCH),
    http("no head at all", answering(say(b"ok\n")), BAD),
    http("another protocol", answering(say(b"SSH-2.0-OpenSSH_9.2p1\r\n")), BAD),
    http("TLS", answering(say(b"\x15\x03\x01\x00\x02\x02\x46")), BAD),
    http("HTTP/2", answering(say(b"\0\0\x12\x04\0\0\0\0\0" + bytes(18))), BAD),
    http("HTTP/9.9", answering(say(b"HTTP/9.9 200 OK\r\nContent-Length: 3\r\n\r\nok\n")), BAD),
    http("zeros", answering(pour(bytes(1000), 100)), BAD),
    http("every byte there is", answering(say(bytes(range(256)) * 10)), BAD),
    http("a zero in a header", answering(say(OK_LINE + b"X: \0\r\n\r\nok")), BAD),
    http("a header without a colon", answering(say(OK_LINE + b"word\r\n\r\nok")), BAD),
    http("a space before the colon", answering(say(OK_LINE + b"Content-Length : 3\r\n\r\nok\n")), BAD),
    http("a chunk size in words", answering(say(CHUNKED + b"zz\r\nok\r\n0\r\n\r\n")), BAD),
    http("a chunk size below zero", answering(say(CHUNKED + b"-2\r\nok\r\n0\r\n\r\n")), BAD),
    http("a chunk size beyond all bounds", answering(say(CHUNKED + b"f" * 40 + b"\r\nok")), BAD),
    http("a chunk longer than it says", answering(say(CHUNKED + b"1\r\nok\r\n0\r\n\r\n")), BAD),
    http("a length in words", answering(say(OK_LINE + b"Content-Length: two\r\n\r\nok")), BAD),
    http("a length below zero", answering(say(OK_LINE + b"Content-Length: -2\r\n\r\nok")), BAD),
    http("a length beyond all bounds", answering(say(OK_LINE + b"Content-Length: " + b"9" * 40 + b"\r\n\r\nok")), BAD),
    http("two lengths", answering(say(OK_LINE + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok\n")), BAD),
    http(
        "a length and chunks",
        answering(say(OK_LINE + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok")),
        BAD,
    ),
    # compressed by our leave (TE)
    http(
        "a gzip bomb",
        answering(say(OK_LINE + b"Transfer-Encoding: gzip, chunked\r\n\r\n", as_chunk(bomb(200 << 20)), b"0\r\n\r\n")),
        TOO_LARGE,
    ),
    http(
        "a deflate bomb to the end of the connection",
        answering(say(OK_LINE + b"Transfer-Encoding: deflate\r\n\r\n", zlib.compress(bytes(200 << 20)))),
        TOO_LARGE,
    ),
    http(
        "empty gzip parts for ever",
        answering(say(OK_LINE + b"Transfer-Encoding: gzip, chunked\r\n\r\n"), pour(as_chunk(gzip.compress(b"")))),
        BAD,
    ),
    http(
        "empty deflate blocks for ever",
        answering(say(OK_LINE + b"Transfer-Encoding: deflate\r\n\r\n\x78\x9c"), pour(b"\0\0\0\xff\xff")),
        TOO_LARGE,
    ),
    http(
        "no gzip at all",
        answering(say(OK_LINE + b"Transfer-Encoding: gzip, chunked\r\n\r\n", as_chunk(b"ok"), b"0\r\n\r\n")),
        BAD,
    ),
    # sends us elsewhere
    http("redirects to itself for ever", redirecting(b"/again"), STATUS),
    http("redirects to a longer and longer path", redirecting(b"./x/x"), STATUS),
    http("redirects to a file", redirecting(b"file:///etc/passwd"), STATUS),
    http("redirects to gopher", redirecting(b"gopher://127.0.0.1:25/_QUIT"), STATUS),
    http("redirects to nowhere", redirecting(b""), STATUS),
    http("redirects to no URL", redirecting(b"http://[::1"), LOST, BAD, STATUS),
    http("redirects to a port beyond all bounds", redirecting(b"http://127.0.0.1:99999/"), LOST, BAD),
    http("redirects to a closed port", redirecting(b"http://127.0.0.1:1/"), LOST),
    http(
        "redirects for a mebibyte", answering(say(b"HTTP/1.1 302 Found\r\nLocation: /"), pour(b"x", 1 << 20)), TOO_LARGE
    ),
    http("redirects to silence", redirecting(b"/there", silence), LATE),
    http("redirects to a drip", redirecting(b"/there", say(ENDLESS), drip(b"no ")), LATE),
    http("redirects to headers for ever", redirecting(b"/there", say(OK_LINE), pour(b"X: 1\r\n")), LOST, TOO_LARGE),
    http(
        "redirects to a header line for ever",
        redirecting(b"/there", say(OK_LINE + b"X: "), pour(b"x")),
        LOST,
        TOO_LARGE,
    ),
    http("redirects to a body for ever", redirecting(b"/there", say(ENDLESS), pour(b"no ")), TOO_LARGE),
    http(
        "redirects to a gzip bomb",
        redirecting(
            b"/there",
            say(OK_LINE + b"Content-Encoding: gzip\r\n\r\n", bomb(200 << 20)),
        ),
        Reason.RECEIVE_MISMATCH,
    ),
    http(
        "redirects to 100 Continue for ever", redirecting(b"/there", pour(b"HTTP/1.1 100 Continue\r\n\r\n")), LATE, LOST
    ),
    http("redirects to what is right", redirecting(b"/there", say(GOOD)), Reason.OK),
    # is strange and well
    http("is well", answering(say(GOOD)), Reason.OK),
    http("every byte a packet", answering(crumble(GOOD)), Reason.OK),
    http("bare line feeds", answering(say(GOOD.replace(b"\r\n", b"\n"))), Reason.OK),
    http("says more than it announced", answering(say(GOOD + b"and more " * 1000)), Reason.OK),
    http("answers twice", answering(say(GOOD + GOOD)), Reason.OK),
    http("answers before it is asked", peer(_early, hear(), silence), Reason.OK),
    http(
        "some 100 Continue and then the answer", answering(say(b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + GOOD)), Reason.OK
    ),
    http("body ends with the connection", answering(say(ENDLESS + b"ok")), Reason.OK),
    http(
        "compressed by our leave",
        answering(
            say(OK_LINE + b"Transfer-Encoding: gzip, chunked\r\n\r\n", as_chunk(gzip.compress(b"ok")), b"0\r\n\r\n")
        ),
        Reason.OK,
    ),
    http("never ends its side", answering(say(GOOD), silence), Reason.OK),
    # fears no body
    exploding("(a+)+$", "(a+)+$", b"a" * 250_000 + b"!"),
    exploding("((a+)+)+c", "((a+)+)+[cd]$", b"a" * 100_000 + b"c!"),
    exploding("(a|aa)+$", "^(a|aa)+$", b"a" * 4000 + b"!"),
    exploding("(.*a){20}", "(.*a){20}b", b"a" * 4000 + b"!"),
    exploding("(x+x+)+y", "(x+x+)+[yz]$", b"x" * 250_000),
]
