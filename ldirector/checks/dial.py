"""Connecting to a real, and telling our own shortage from the server's fault."""

from __future__ import annotations

import asyncio
import errno
import os
import socket

from ldirector.core.verdict import Outcome, Reason, Verdict

OWN_SHORTAGE = frozenset(
    {
        errno.EMFILE,  # this process has no descriptor left
        errno.ENFILE,  # nor has the system
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EADDRNOTAVAIL,  # all local ports to that server are in use
        errno.EAGAIN,
    }
)
"""Errors of connect() which say nothing about the server."""


async def dial(address: str, port: int) -> socket.socket:
    """A connected, non-blocking TCP socket. A host name is resolved in a thread. Raises OSError."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    target: tuple[object, ...] = (address, port)
    if family == socket.AF_INET and not _is_dotted_quad(address):
        found = await loop.getaddrinfo(address, port, type=socket.SOCK_STREAM)
        family, _, _, _, target = found[0]
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        # Not loop.sock_connect(): uvloop's looks every address up in a thread, numbers too.
        code = sock.connect_ex(target)
        if code == errno.EINPROGRESS:
            await _writable(loop, sock)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
    except BaseException:
        sock.close()
        raise
    return sock


async def _writable(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
    """Wait for the end of connect()."""
    ended: asyncio.Future[None] = loop.create_future()
    loop.add_writer(sock.fileno(), _end, ended)
    try:
        await ended
    finally:
        loop.remove_writer(sock.fileno())


def _end(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)


def verdict_of(error: OSError) -> Verdict:
    """What a failed dial or a broken connection means."""
    if error.errno in OWN_SHORTAGE:
        return Verdict(Outcome.NOT_RUN, Reason.NO_DESCRIPTORS, os.strerror(error.errno))
    if isinstance(error, ConnectionRefusedError):
        return Verdict(Outcome.FAIL, Reason.CONNECT_REFUSED)
    if isinstance(error, ConnectionError):
        return Verdict(Outcome.FAIL, Reason.CONNECTION_LOST, error.strerror or "")
    if error.errno == errno.ETIMEDOUT:
        return Verdict(Outcome.FAIL, Reason.CONNECT_TIMEOUT)
    return Verdict(Outcome.FAIL, Reason.UNREACHABLE, error.strerror or str(error))


def _is_dotted_quad(address: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET, address)
    except OSError:
        return False
    return True
