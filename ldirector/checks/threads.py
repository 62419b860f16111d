"""A thread for a library that can only wait by itself, held to the deadline from outside.

A read timeout starts anew with each byte, so it bounds nothing. Here every socket of the work is shut down when its
check is over, whatever the reason, and so each read and write of the thread ends at once. The number of threads is
bounded too: who gets none in time was not run. That says nothing of this machine, only that so many servers of this
kind hang.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar
from weakref import WeakKeyDictionary

WAIT_SHARE = 0.9  # of the time left: without a thread by then, the check was not run

T = TypeVar("T")


class NoThread(Exception):
    """None became free in time."""


class Sockets:
    """The sockets of one piece of work, each as a duplicate of our own.

    A duplicate can be shut down whatever became of the original, which its owner may close or wrap into TLS.
    """

    def __init__(self, given: tuple[socket.socket, ...] = ()) -> None:
        self._lock = threading.Lock()
        self._over = False
        self.kept: list[socket.socket] = []
        for sock in given:
            self.track(sock)

    def track(self, sock: socket.socket) -> None:
        """Shut this one down at the end as well. Raises OSError when the end is past."""
        with self._lock:
            if self._over:
                raise OSError("the check is over")
            self.kept.append(sock.dup())

    def abort(self) -> None:
        """Makes every read and write on these sockets end now, and further ones fail."""
        with self._lock:
            self._over = True
            for sock in self.kept:
                with suppress(OSError):  # the connection has ended already
                    sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Called by the thread, when nothing in it uses them any more."""
        with self._lock:
            for sock in self.kept:
                sock.close()


class Threads:
    """Runs work in threads of one name, at most `limit` at the same time; further work waits for one."""

    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self._limit = limit
        self._slots: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()

    async def run(self, deadline: float, work: Callable[[Sockets], T], *given: socket.socket) -> T:
        """What work returns or raises; ends when it is cancelled. Raises NoThread.

        deadline: of the check, by the loop's clock; it only bounds the wait for a thread, the caller cancels the rest.
        given: connections for the work, which finds duplicates of them in Sockets.kept; the caller closes its own.
        """
        loop = asyncio.get_running_loop()
        slots = self._slots.setdefault(loop, asyncio.Semaphore(self._limit))
        try:
            async with asyncio.timeout(WAIT_SHARE * (deadline - loop.time())):
                await slots.acquire()
        except TimeoutError:
            raise NoThread(f"all {self._limit} of {self._name} wait for servers") from None
        try:
            sockets = Sockets(given)
            done: asyncio.Future[T] = loop.create_future()
            threading.Thread(target=_run, args=(loop, done, work, sockets), name=self._name, daemon=True).start()
            try:
                return await done
            finally:
                sockets.abort()
        finally:
            slots.release()


def _run(
    loop: asyncio.AbstractEventLoop, done: asyncio.Future[T], work: Callable[[Sockets], T], sockets: Sockets
) -> None:
    """In the thread: settle the future, if anybody still waits for it."""
    settle: Callable[[], None]
    try:
        settle = partial(done.set_result, work(sockets))
    except Exception as problem:
        settle = partial(done.set_exception, problem)
    finally:
        sockets.close()
    with suppress(RuntimeError):  # the loop was closed meanwhile
        loop.call_soon_threadsafe(lambda: None if done.done() else settle())
