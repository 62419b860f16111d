"""service=http and https: one GET or HEAD, answer 2xx, body matching `receive` (reference section c).

What comes is fed to an HTTP parser until the verdict is known. Everything a server can send is bounded (handshake,
head, what stands around the body, body, redirects), and everything together ends at one deadline, however slowly it
drips.

    wait for the head --2xx, body wanted--> collect the body --end--> match
                      \\--anything else-------------------------------> verdict from the head alone
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import zlib
from dataclasses import dataclass

import httptools

from ldirector.checks.attempt import BadAnswer, over_tcp
from ldirector.checks.conversation import Conversation
from ldirector.core.events import CheckSpec
from ldirector.core.model import bracketed
from ldirector.core.receive import judge_http
from ldirector.core.verdict import Reason, Verdict

RECEIVE_SIZE = 64 * 1024
INFLATE_SIZE = 16 * 1024
HEAD_LIMIT = 64 * 1024  # bytes before the body, interim (1xx) answers included
FRAMING_SHARE = 8  # bytes around one of the body; chunks of a single byte take five
REDIRECTS = frozenset({301, 302, 303, 307, 308})
USER_AGENT = "libwww-perl/6.68"  # what the original sends; servers may have rules for it


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer, or its head when that was enough."""

    status: int
    body: bytes | bytearray = b""
    location: str = ""


async def check(spec: CheckSpec, deadline: float, context: ssl.SSLContext | None = None) -> Verdict:
    """With a context the same over TLS. The server's name is only sent when virtualhost names one."""

    async def talk(sock: socket.socket) -> Verdict:
        answer = await exchange(spec, sock, context)
        if leads_on(spec, answer):
            # Imported here because requests costs more start-up time than all the rest of this package.
            from ldirector.checks import redirect

            answer = await redirect.follow(spec, _url(spec, context), answer.location, deadline)
        return judge_http(spec, answer.status, answer.body)

    return await over_tcp(spec, deadline, talk)


def request_bytes(spec: CheckSpec) -> bytes:
    """The request exactly as the original writes it."""
    return (
        f"{spec.httpmethod} {spec.request} HTTP/1.1\r\n"
        "TE: deflate,gzip;q=0.3\r\n"
        "Connection: TE, close\r\n"
        f"Host: {spec.virtualhost}\r\n"
        f"User-Agent: {USER_AGENT}\r\n\r\n"
    ).encode("utf-8", "surrogateescape")


async def exchange(spec: CheckSpec, sock: socket.socket, context: ssl.SSLContext | None) -> Answer:
    """Send the request over a connected socket and wait for the answer; the connection is closed in any case."""
    loop = asyncio.get_running_loop()
    reader = AnswerReader(spec, request_bytes(spec), loop.create_future())
    if context:
        return await _exchange_tls(spec, reader, sock, context)
    return await _exchange_plain(loop, reader, sock)


async def _exchange_plain(loop: asyncio.AbstractEventLoop, reader: AnswerReader, sock: socket.socket) -> Answer:
    """Without TLS the socket feeds the reader itself: a transport would cost as much as all the rest of a check."""

    def receive() -> None:
        try:
            if data := sock.recv(RECEIVE_SIZE):
                reader.data_received(data)
            else:
                reader.connection_lost(None)
        except BlockingIOError:
            pass
        except OSError as error:
            reader.connection_lost(error)
        except Exception as error:  # ours: no memory, a bug. The runner knows what to make of it
            reader.fail(error)

    try:
        await loop.sock_sendall(sock, reader.request)
        loop.add_reader(sock.fileno(), receive)
        return await reader.answer
    finally:
        loop.remove_reader(sock.fileno())
        sock.close()


async def _exchange_tls(spec: CheckSpec, reader: AnswerReader, sock: socket.socket, context: ssl.SSLContext) -> Answer:
    """Over TLS all bytes are counted, those of the handshake too, which some servers never end."""
    with contextlib.closing(Conversation(sock)) as conversation:
        try:
            await conversation.start_tls(spec, context)
        except ssl.SSLEOFError:
            raise BadAnswer(Reason.CONNECTION_LOST, "closed in the handshake") from None
        conversation.allow(HEAD_LIMIT + (1 + FRAMING_SHARE) * spec.http.body_limit)
        await conversation.send(reader.request)
        while not reader.answer.done():
            if data := await conversation.some():
                reader.data_received(data)
            else:
                reader.connection_lost(None)
        return reader.answer.result()


def leads_on(spec: CheckSpec, answer: Answer) -> bool:
    """A redirect to be followed: not one whose status is itself accepted."""
    return answer.status in REDIRECTS and bool(answer.location) and not _is_accepted(spec, answer.status)


def _is_accepted(spec: CheckSpec, status: int) -> bool:
    return any(first <= status <= last for first, last in spec.http.statuses)


def _url(spec: CheckSpec, context: ssl.SSLContext | None) -> str:
    return f"{'https' if context else 'http'}://{bracketed(spec.address)}:{spec.port}{spec.request}"


class AnswerReader:
    """Sends the request, then reads one final answer into the future `answer` (an Answer, BadAnswer or OSError)."""

    def __init__(self, spec: CheckSpec, request: bytes, answer: asyncio.Future[Answer]) -> None:
        self.answer = answer
        self.request = request
        self._spec = spec
        self._want_body = spec.httpmethod != "HEAD" and bool(spec.receive or spec.http.digest)
        self._limit = spec.http.body_limit
        self._parser = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(
            lenient_chunked_length=True, lenient_optional_cr_before_lf=True, lenient_data_after_close=True
        )
        self._location = ""
        self._delimited = False
        self._inflate: zlib._Decompress | None = None
        self._in_body = False
        self._size = 0  # bytes of everything that came
        self._body_size = 0  # and of the body among them, as it was sent
        self._body = bytearray()

    # from the connection

    def data_received(self, data: bytes) -> None:
        if self.answer.done():
            return
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(Reason.WRONG_STATUS, "101 switching protocols")
        except httptools.HttpParserError as error:
            self._refuse(Reason.BAD_ANSWER, str(error))
        framing = self._size - self._body_size
        if not self._in_body and framing > HEAD_LIMIT:
            self._refuse(Reason.TOO_LARGE, f"no end of the headers within {HEAD_LIMIT} bytes")
        elif framing > HEAD_LIMIT + FRAMING_SHARE * self._body_size:
            self._refuse(Reason.TOO_LARGE, f"{framing} bytes around a body of {self._body_size}")

    def connection_lost(self, error: Exception | None) -> None:
        if self.answer.done():
            return
        if isinstance(error, MemoryError):
            self.answer.set_exception(error)  # ours: the loop had no room for what the server sent
            return
        if self._in_body and not self._delimited and error is None:
            self._finish()  # the end of the connection is the end of the body
        elif self._size:
            self._refuse(Reason.CONNECTION_LOST, "closed in the middle of the answer")
        else:
            self._refuse(Reason.CONNECTION_LOST, "closed without an answer")

    # httptools; the names are its own

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"location":
            self._location = value.decode("utf-8", "replace")
        elif name == b"content-length":
            self._delimited = True
        elif name == b"transfer-encoding":
            codings = [coding.strip().lower() for coding in value.split(b",")]
            self._delimited |= b"chunked" in codings
            if {b"gzip", b"x-gzip", b"deflate"} & set(codings):  # offered by our TE header
                self._inflate = zlib.decompressobj(wbits=47)

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if 100 <= status < 200:
            return
        self._in_body = True
        if not (self._want_body and _is_accepted(self._spec, status)):
            self._finish()

    def on_body(self, part: bytes) -> None:
        if self.answer.done():
            return
        self._body_size += len(part)
        try:
            if self._inflate:
                self._inflate_all(self._inflate, part)
            else:
                self._body += part
        except zlib.error as error:
            self._refuse(Reason.BAD_ANSWER, f"compressed body: {error}")
        if max(len(self._body), self._body_size) > self._limit:
            self._refuse(Reason.TOO_LARGE, f"body over {self._limit} bytes")

    def _inflate_all(self, inflate: zlib._Decompress, part: bytes) -> None:
        """In small steps, so that a bomb takes no more memory than the body may."""
        if inflate.eof:  # it would keep whatever follows, in a copy of everything for each part
            raise zlib.error("more after its end")
        while part and len(self._body) <= self._limit:
            self._body += inflate.decompress(part, INFLATE_SIZE)
            part = inflate.unconsumed_tail

    def on_message_complete(self) -> None:
        if self._in_body:
            self._finish()
        else:  # an interim answer: forget it
            self._location = ""
            self._delimited, self._inflate = False, None

    def _finish(self) -> None:
        if not self.answer.done():
            status = self._parser.get_status_code()
            self.answer.set_result(Answer(status, self._body, self._location))

    def _refuse(self, reason: Reason, detail: str) -> None:
        self.fail(BadAnswer(reason, detail))

    def fail(self, error: Exception) -> None:
        """There will be no answer, because of this."""
        if not self.answer.done():
            self.answer.set_exception(error)
