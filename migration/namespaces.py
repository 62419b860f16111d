"""Linux namespaces by system call: Python 3.11 has no os.unshare, os.setns or mount."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

CLONE_NEWNS = 0x0002_0000
CLONE_NEWUTS = 0x0400_0000
CLONE_NEWPID = 0x2000_0000
CLONE_NEWNET = 0x4000_0000

MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x4_0000
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Leave the namespaces named by the CLONE_NEW flags for new ones (a new pid namespace holds the children)."""
    _call("unshare", flags)


def mount(source: str, target: str, filesystem: str = "", flags: int = 0, options: str = "") -> None:
    _call("mount", source.encode(), target.encode(), filesystem.encode(), ctypes.c_ulong(flags), options.encode())


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends, whatever ended it."""
    _call("prctl", PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


class NetworkNamespace:
    """A network namespace, held open by a descriptor; it lives on until closed and left by all processes."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    @classmethod
    def of_process(cls, pid: int | str = "thread-self") -> NetworkNamespace:
        return cls(os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC))

    @classmethod
    def create(cls) -> NetworkNamespace:
        """A new, empty one; the caller stays where it is."""
        here = cls.of_process()
        unshare(CLONE_NEWNET)
        made = cls.of_process()
        here.enter()
        here.close()
        return made

    @property
    def path(self) -> str:
        """A name that `ip link ... netns` takes while this process lives."""
        return f"/proc/{os.getpid()}/fd/{self.fd}"

    def enter(self) -> None:
        """Move this thread into it: sockets made from now on belong to it."""
        _call("setns", self.fd, CLONE_NEWNET)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """In it for a while: sockets and processes started meanwhile belong to it for good."""
        here = self.of_process()
        self.enter()
        try:
            yield
        finally:
            here.enter()
            here.close()

    def close(self) -> None:
        os.close(self.fd)
