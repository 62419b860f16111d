"""service=http_proxy: the real is a proxy that is asked for the URL in request (reference section c).

The answer is judged as that of http; Host comes from the URL, virtualhost is not used. A request without a scheme is
taken for http://REQUEST. Redirects are followed through the same proxy. An https URL is fetched through a tunnel that
the proxy is asked for (CONNECT); the original left that to its libraries.
"""

from __future__ import annotations

import asyncio
import re
import socket
from dataclasses import replace
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from ldirector.checks import tls
from ldirector.checks.attempt import BadAnswer, over_tcp
from ldirector.checks.dial import dial
from ldirector.checks.http import USER_AGENT, Answer, exchange, leads_on
from ldirector.core.events import CheckSpec
from ldirector.core.model import bracketed
from ldirector.core.receive import judge_http
from ldirector.core.verdict import Reason, Verdict

MAX_REDIRECTS = 7
TUNNEL_HEAD_LIMIT = 16 * 1024  # bytes of the proxy's answer to CONNECT
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


async def check(spec: CheckSpec, deadline: float) -> Verdict:
    """The answer that the proxy fetches is as good as http wants it."""

    async def talk(sock: socket.socket) -> Verdict:
        url = spec.request if "://" in spec.request else f"http://{spec.request}"
        answer = await _fetch(spec, url, sock)
        for _ in range(MAX_REDIRECTS):
            if not leads_on(spec, answer):
                return judge_http(spec, answer.status, answer.body)
            url = _joined(url, answer.location)
            answer = await _fetch(spec, url, await dial(spec.address, spec.port))
        raise BadAnswer(Reason.WRONG_STATUS, f"more than {MAX_REDIRECTS} redirects")

    return await over_tcp(spec, deadline, talk)


async def _fetch(spec: CheckSpec, url: str, sock: socket.socket) -> Answer:
    """The answer for one URL over a connection to the proxy, which is closed in any case."""
    try:
        parts, port = _split(url)
        host = bracketed(parts.hostname or "")
        asked = replace(spec, virtualhost=parts.netloc.rpartition("@")[2])
        if parts.scheme == "https":
            await _tunnel(sock, f"{host}:{port or 443}")
            path = parts._replace(scheme="", netloc="").geturl()
            return await exchange(replace(asked, request=path), sock, tls.context(spec.tls))
        return await exchange(replace(asked, request=parts.geturl()), sock, None)
    except BaseException:
        sock.close()
        raise


def _joined(url: str, location: str) -> str:
    """Where a redirect leads. Raises BadAnswer when that is no URL."""
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise BadAnswer(Reason.BAD_ANSWER, f"redirected to {location} ({error})") from None


def _split(url: str) -> tuple[SplitResult, int | None]:
    """An absolute URL without what must not be sent, and its port if it has one. Raises BadAnswer."""
    try:
        parts = urlsplit(quote(url, safe=_PRINTABLE, errors="surrogateescape"))
        port = parts.port
        if not re.fullmatch(r"[A-Za-z0-9._:-]+", parts.hostname or ""):
            raise ValueError("no host")
    except ValueError as error:
        raise BadAnswer(Reason.BAD_ANSWER, f"no usable URL ({error}): {url}") from None
    return parts._replace(path=parts.path or "/", fragment=""), port


async def _tunnel(sock: socket.socket, target: str) -> None:
    """Have the proxy connect us with the target. Raises BadAnswer when it does not."""
    loop = asyncio.get_running_loop()
    request = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: {USER_AGENT}\r\n\r\n"
    await loop.sock_sendall(sock, request.encode())
    head = b""
    while b"\r\n\r\n" not in head:
        part = await loop.sock_recv(sock, 4096)
        head += part
        if not part:
            raise BadAnswer(Reason.CONNECTION_LOST, "closed in answer to CONNECT")
        if len(head) > TUNNEL_HEAD_LIMIT:
            raise BadAnswer(Reason.TOO_LARGE, f"over {TUNNEL_HEAD_LIMIT} bytes in answer to CONNECT")
    status = re.match(rb"HTTP/1\.[01] ([0-9]{3})[ \r]", head)
    if not status:
        raise BadAnswer(Reason.BAD_ANSWER, f"in answer to CONNECT: {head[:40]!r}")
    if not status[1].startswith(b"2"):
        raise BadAnswer(Reason.WRONG_STATUS, f"{status[1].decode()} in answer to CONNECT")
    if not head.endswith(b"\r\n\r\n"):
        raise BadAnswer(Reason.BAD_ANSWER, "the proxy spoke into the tunnel")
