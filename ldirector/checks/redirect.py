"""Following the redirects of an http check, as the original's library does: up to 7, also to other hosts, and with the
Host of each Location instead of virtualhost (reference section c).

Redirects are rare in checks, so the fast path hands them over to requests, in a few threads. Three things keep a
hostile server in its bounds there: the number of threads; redirects are followed one by one, so that no body but the
last is read; and at the deadline every socket of the exchange is shut down. What the check demands of certificates
(tls.py) holds for each https answer on the way, also when an https check is sent to another host.

A server elsewhere must not make us ask what listens on this machine's loopback: such a redirect is not followed.
"""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import warnings
from functools import partial
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, InsecureRequestWarning

from ldirector.checks import tls
from ldirector.checks.attempt import BadAnswer
from ldirector.checks.http import REDIRECTS, USER_AGENT, Answer
from ldirector.checks.threads import Sockets, Threads
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Reason

MAX_REDIRECTS = 7
MAX_INTERIM = 10  # answers of 1xx before the real one
MAX_THREADS = 200  # exchanges at the same time; further ones wait

_threads = Threads("redirect", MAX_THREADS)


async def follow(spec: CheckSpec, url: str, location: str, deadline: float) -> Answer:
    """The final answer behind a redirect from url to location; ends when it is cancelled.

    Raises BadAnswer or NoThread.
    """
    return await _threads.run(deadline, partial(_fetch, spec, url, location))


def _fetch(spec: CheckSpec, url: str, location: str, sockets: Sockets) -> Answer:
    try:
        url = urljoin(url, location)
        for _ in range(MAX_REDIRECTS):
            if urlsplit(url).scheme not in ("http", "https"):
                raise BadAnswer(Reason.WRONG_STATUS, f"redirected to {url}")
            answer = _one(spec, url, sockets)
            if answer.status not in REDIRECTS or not answer.location:
                return answer
            url = urljoin(url, answer.location)
    except (OSError, HTTPError, HTTPException, ValueError) as error:  # requests' own errors are OSErrors
        raise BadAnswer(Reason.CONNECTION_LOST, f"after a redirect: {error}") from None
    raise BadAnswer(Reason.WRONG_STATUS, f"more than {MAX_REDIRECTS} redirects")


def _one(spec: CheckSpec, url: str, sockets: Sockets) -> Answer:
    """One request over a connection of its own, as its headers say; the body only when it is the last answer."""
    with requests.Session() as session, warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureRequestWarning)
        session.trust_env = False  # a check goes to the server itself, never through a proxy of the environment
        session.mount("http://", _Adapter(spec, sockets))
        session.mount("https://", _Adapter(spec, sockets))
        session.headers.update({"User-Agent": USER_AGENT, "Connection": "close", "Accept-Encoding": "identity"})
        with session.request(
            spec.httpmethod, url, allow_redirects=False, stream=True, timeout=spec.timeout, verify=False
        ) as response:
            if response.is_redirect:
                return Answer(response.status_code, location=response.headers["location"])
            return Answer(response.status_code, _body(spec, response))


def _body(spec: CheckSpec, response: requests.Response) -> bytearray:
    """As it was sent: no compression was asked for, and undoing it would be work that the server decides."""
    body, limit = bytearray(), spec.http.body_limit
    for part in response.raw.stream(16384, decode_content=False):
        body += part
        if len(body) > limit:
            raise BadAnswer(Reason.TOO_LARGE, f"body over {limit} bytes")
    return body


def _is_loopback(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback


def _is_on_loopback(host: str) -> bool:
    """Whether the server that is checked is itself there. Raises OSError when its name is not known any more."""
    return any(_is_loopback(str(found[4][0])) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))


def _refuse_loopback(spec: CheckSpec, sock: socket.socket) -> None:
    """By the address that the connection came to: names, 0.0.0.0 and the like lead there too. Nothing was sent yet."""
    if _is_loopback(sock.getpeername()[0]) and not _is_on_loopback(spec.address):
        sock.close()
        raise BadAnswer(Reason.WRONG_STATUS, "redirected to this machine's loopback")


class _Response(HTTPResponse):
    """The standard one waits through answers of 100 for ever, which keeps a processor busy until the deadline."""

    interim = -1

    def _read_status(self) -> tuple[str, int, str]:
        self.interim += 1
        if self.interim > MAX_INTERIM:
            raise HTTPException(f"more than {MAX_INTERIM} answers of 1xx")
        return super()._read_status()  # type: ignore[misc,no-any-return]


class _Adapter(HTTPAdapter):
    """Hands over each socket, and holds TLS to the rules of the check: one shared context, the right name, the age."""

    def __init__(self, spec: CheckSpec, sockets: Sockets) -> None:
        self._spec = spec
        self._sockets = sockets
        super().__init__(max_retries=0)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """By our rules; the method of requests would add the public authorities to a context that has its own.

        For the same reason requests itself is told not to verify: it would bring a context of its own.
        """
        conn.cert_reqs = "CERT_REQUIRED" if self._spec.tls.verify else "CERT_NONE"

    def init_poolmanager(self, *args: Any, **keywords: Any) -> None:
        spec, track = self._spec, self._sockets.track
        named = None if spec.tls.verify else False
        super().init_poolmanager(
            *args, **keywords, ssl_context=tls.context(spec.tls, "requests"), assert_hostname=named
        )

        class Plain(HTTPConnection):
            response_class = _Response

            def _new_conn(self) -> socket.socket:
                sock = super()._new_conn()
                track(sock)
                _refuse_loopback(spec, sock)
                return sock

        class Secure(HTTPSConnection):
            response_class = _Response

            def _new_conn(self) -> socket.socket:
                sock = super()._new_conn()
                track(sock)
                _refuse_loopback(spec, sock)
                return sock

            def connect(self) -> None:
                if (self.host.strip("[]"), self.port) == (spec.address, spec.port):
                    self.server_hostname = tls.name_for(spec) or None  # the same server under the same name
                try:
                    super().connect()
                except ssl.SSLCertVerificationError as error:
                    raise BadAnswer(Reason.CERTIFICATE, f"after a redirect: {error.verify_message}") from None
                except ssl.SSLError as error:
                    raise BadAnswer(Reason.TLS, f"after a redirect: {error.reason}") from None
                assert isinstance(self.sock, ssl.SSLSocket)
                tls.judge_certificate(spec.tls, self.sock, datetime.datetime.now(datetime.UTC))

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
