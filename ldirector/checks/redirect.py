"""Following the redirects of an http check, as the original's library does: up to 7, also to other hosts, and with the
Host of each Location instead of virtualhost (reference section c).

Redirects are rare in checks, so the fast path hands them over to requests, in a few threads. Three things keep a
hostile server in its bounds there: the number of threads; redirects are followed one by one, so that no body but the
last is read; and at the deadline every socket of the exchange is shut down, because a read timeout alone starts
anew with each byte.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
import warnings
from contextlib import suppress
from http.client import HTTPException
from typing import Any
from urllib.parse import urljoin, urlsplit
from weakref import WeakKeyDictionary

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, InsecureRequestWarning

from ldirector.checks import tls
from ldirector.checks.attempt import BadAnswer
from ldirector.checks.http import REDIRECTS, USER_AGENT, Answer
from ldirector.core.events import CheckSpec
from ldirector.core.model import TlsRules
from ldirector.core.verdict import Reason

MAX_REDIRECTS = 7
MAX_THREADS = 16  # exchanges at the same time; further ones wait
WAIT_SHARE = 0.9  # of the time left: without a thread by then, the check was not run

_slots: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


async def follow(spec: CheckSpec, url: str, location: str, deadline: float) -> Answer:
    """The final answer behind a redirect from url to location; ends when it is cancelled.

    Raises BadAnswer, or OSError EAGAIN when no thread became free.
    """
    loop = asyncio.get_running_loop()
    slots = _slots.setdefault(loop, asyncio.Semaphore(MAX_THREADS))
    try:
        async with asyncio.timeout(WAIT_SHARE * (deadline - loop.time())):
            await slots.acquire()
    except TimeoutError:
        raise OSError(errno.EAGAIN, "no free thread to follow a redirect") from None
    try:
        exchange = _Exchange(spec, deadline - loop.time())
        done: asyncio.Future[Answer] = loop.create_future()

        def run() -> None:
            try:
                answer = exchange.fetch(urljoin(url, location))
            except BadAnswer as problem:
                _deliver(loop, done, problem)
            except (OSError, HTTPError, HTTPException, ValueError) as error:  # requests' own errors are OSErrors
                _deliver(loop, done, BadAnswer(Reason.CONNECTION_LOST, f"after a redirect: {error}"[:200]))
            else:
                _deliver(loop, done, answer)

        threading.Thread(target=run, name="redirect", daemon=True).start()
        try:
            return await done
        finally:
            exchange.abort()
    finally:
        slots.release()


def _deliver(loop: asyncio.AbstractEventLoop, done: asyncio.Future[Answer], result: Answer | BadAnswer) -> None:
    """Hand the result over to the loop's thread; nobody may be waiting any more."""

    def settle() -> None:
        if done.done():
            return
        if isinstance(result, Answer):
            done.set_result(result)
        else:
            done.set_exception(result)

    with suppress(RuntimeError):  # the loop was closed meanwhile
        loop.call_soon_threadsafe(settle)


class _Exchange:
    """One chain of requests in a thread, whose sockets another thread can shut down."""

    def __init__(self, spec: CheckSpec, seconds: float) -> None:
        self._spec = spec
        self._seconds = max(seconds, 0.01)
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._aborted = False

    def fetch(self, url: str) -> Answer:
        for _ in range(MAX_REDIRECTS):
            if urlsplit(url).scheme not in ("http", "https"):
                raise BadAnswer(Reason.WRONG_STATUS, f"redirected to {url[:80]}")
            answer = self._one(url)
            if answer.status not in REDIRECTS or not answer.location:
                return answer
            url = urljoin(url, answer.location)
        raise BadAnswer(Reason.WRONG_STATUS, f"more than {MAX_REDIRECTS} redirects")

    def _one(self, url: str) -> Answer:
        """One request over a connection of its own, as its headers say; the body only when it is the last answer."""
        with requests.Session() as session, warnings.catch_warnings():
            warnings.simplefilter("ignore", InsecureRequestWarning)
            session.trust_env = False  # a check goes to the server itself, never through a proxy of the environment
            session.mount("http://", _Adapter(self))
            session.mount("https://", _Adapter(self))
            session.headers.update({"User-Agent": USER_AGENT, "TE": "deflate,gzip;q=0.3", "Connection": "TE, close"})
            with session.request(
                self._spec.httpmethod, url, allow_redirects=False, stream=True, timeout=self._seconds, verify=False
            ) as response:
                if response.is_redirect:
                    return Answer(response.status_code, location=response.headers["location"])
                return Answer(response.status_code, self._body(response))

    def _body(self, response: requests.Response) -> bytes:
        body, limit = b"", self._spec.http.body_limit
        for part in response.iter_content(16384):
            body += part
            if len(body) > limit:
                raise BadAnswer(Reason.TOO_LARGE, f"body over {limit} bytes")
        return body

    def track(self, sock: socket.socket) -> None:
        """A socket of this exchange; refused when the exchange is over already."""
        with self._lock:
            self._sockets.append(sock)
            if self._aborted:
                sock.close()
                raise OSError("the check is over")

    def abort(self) -> None:
        """Makes every read and write of the thread end now."""
        with self._lock:
            self._aborted = True
            for sock in self._sockets:
                with suppress(OSError):  # closed by its owner already
                    # Not the object's own method: that of a TLS socket would try to say goodbye first.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _Adapter(HTTPAdapter):
    """Gives an exchange each socket it opens, and one shared TLS context: requests would make one per connection."""

    def __init__(self, exchange: _Exchange) -> None:
        self._exchange = exchange
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **keywords: Any) -> None:
        super().init_poolmanager(*args, **keywords, ssl_context=tls.context(TlsRules()), assert_hostname=False)
        track = self._exchange.track

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                sock = super()._new_conn()
                track(sock)
                return sock

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                sock = super()._new_conn()
                track(sock)
                return sock

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
