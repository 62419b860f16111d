"""The folder of maintenancedir: which files are in it, and what the real servers are called.

The folder may lie on a file server and names come from DNS, both of which can hang. So every look and every lookup is
made in a thread of its own, never more than one look and LOOKUPS lookups at a time; what is known stays valid until
something better is known. Names are only looked up while a file is there that is not an address (core/maintenance.py).
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from ldirector.core.maintenance import has_names

LOOK_SECONDS = 1.0  # between two looks: listing a local folder costs some 20 microseconds
FIRST_SECONDS = 2.0  # how long a start waits for the first look
LOOKUPS = 4  # at the same time
NAME_SECONDS = 600.0  # a name is believed for so long
FAILURE_SECONDS = 60.0  # and so long an address that has none, or was not answered for
TELL_SECONDS = 0.05  # many answers within this are told together

T = TypeVar("T")


def reverse_name(address: str) -> str | None:
    """The name of an address, None when it has none. Blocks. Raises OSError when nobody could say."""
    try:
        return socket.getnameinfo((address, 0), socket.NI_NAMEREQD)[0].rstrip(".") or None
    except socket.gaierror as error:
        if error.errno == socket.EAI_NONAME:
            return None
        raise


class MaintenanceDir:
    """changed(files, names) is called in the loop with all that is known, whenever some of it is new.

    names: see core.maintenance.Names. warn gets one line when the folder becomes unusable.
    """

    def __init__(
        self,
        path: Path,
        addresses: Iterable[str],
        changed: Callable[[Collection[str], Mapping[str, str | None]], None],
        warn: Callable[[str], None],
        lookup: Callable[[str], str | None] = reverse_name,
    ) -> None:
        self._path = path
        self._addresses = frozenset(addresses)
        self._changed = changed
        self._warn = warn
        self._lookup = lookup
        self._files: frozenset[str] = frozenset()
        self._names: dict[str, str | None] = {}
        self._expiry: dict[str, float] = {}
        self._slots = asyncio.Semaphore(LOOKUPS)
        self._lookups: dict[str, asyncio.Task[None]] = {}
        self._telling: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._complaint = ""

    async def start(self) -> None:
        """Returns when the files are known, or after FIRST_SECONDS; from then on the folder is watched."""
        looked = asyncio.Event()
        self._watcher = asyncio.create_task(self._watch(looked))
        try:
            async with asyncio.timeout(FIRST_SECONDS):
                await looked.wait()
        except TimeoutError:
            self._complain("it does not answer; going on without it")

    def watch(self, addresses: Iterable[str]) -> None:
        """These are the real servers from now on."""
        self._addresses = frozenset(addresses)
        for gone in self._names.keys() - self._addresses:
            del self._names[gone]
        for gone in self._expiry.keys() - self._addresses:
            del self._expiry[gone]

    async def close(self) -> None:
        """Nothing is told any more; threads that hang are left behind."""
        if self._telling:
            self._telling.cancel()
        tasks = [task for task in (self._watcher, *self._lookups.values()) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self, looked: asyncio.Event) -> None:
        while True:
            await self._look()
            looked.set()
            if has_names(self._files):
                self._look_up()
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        try:
            found = await _in_thread("maintenancedir", os.listdir, str(self._path))
        except (FileNotFoundError, NotADirectoryError) as error:
            self._complain(f"{error.strerror}; no server is in maintenance until the folder is made")
            found = []
        except OSError as error:
            self._complain(f"{error.strerror}; servers in maintenance stay there until it can be read again")
            return
        else:
            self._complaint = ""
        files = frozenset(name for name in found if not name.startswith("."))
        if files != self._files:
            self._files = files
            self._tell()

    def _look_up(self) -> None:
        """Begin to look up what is not known, or not for sure any more."""
        now = asyncio.get_running_loop().time()
        for address in sorted(self._addresses):
            if address not in self._lookups and self._expiry.get(address, now) <= now:
                self._lookups[address] = asyncio.create_task(self._find(address))

    async def _find(self, address: str) -> None:
        seconds = FAILURE_SECONDS
        try:
            async with self._slots:
                name = await _in_thread("reverse lookup", self._lookup, address)
        except OSError:
            pass  # a name that was known stays known: a server in maintenance must not return because DNS is ill
        else:
            seconds = NAME_SECONDS if name else FAILURE_SECONDS
            if address in self._addresses and self._names.get(address, "") != name:
                self._names[address] = name
                if self._telling is None:
                    self._telling = asyncio.get_running_loop().call_later(TELL_SECONDS, self._tell)
        finally:
            del self._lookups[address]
        if address in self._addresses:
            self._expiry[address] = asyncio.get_running_loop().time() + seconds

    def _tell(self) -> None:
        if self._telling:
            self._telling.cancel()
            self._telling = None
        self._changed(self._files, dict(self._names))

    def _complain(self, words: str) -> None:
        """Once for each way in which it fails."""
        if words != self._complaint:
            self._complaint = words
            self._warn(f"maintenancedir {self._path}: {words}")


async def _in_thread(name: str, function: Callable[[str], T], argument: str) -> T:
    """The function's result, or what it raised; OSError when there is no thread to be had.

    The thread is a daemon, so that one that hangs cannot keep the program from ending.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def deliver(result: T | None, error: Exception | None) -> None:
        if done.done():
            return
        if error:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        try:
            result, error = function(argument), None
        except Exception as problem:
            result, error = None, problem
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(deliver, result, error)

    try:
        threading.Thread(target=run, name=name, daemon=True).start()
    except RuntimeError as error:
        raise OSError(errno.EAGAIN, str(error)) from error
    return await done
