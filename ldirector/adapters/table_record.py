"""The file /var/run/ldirectord.NAME.table: which virtual services in IPVS are this instance's (core/written.py).

It is there while some are. It is written anew beside itself and renamed, so that it is whole at every moment; it needs
no sync to the disk, because a machine that loses its power loses its IPVS table, too. A file that cannot be written
costs one complaint: the table in the kernel is what clients depend on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from ldirector.core.model import VirtualKey
from ldirector.core.written import Damaged, keys_in, text_of

LARGEST = 16 * 1024 * 1024  # bytes; some 300,000 virtual services
FOLLOWS = "a virtual service that an earlier life left in IPVS and that is configured no more stays there"
CURE = "ipvsadm -Ln shows it, ipvsadm -D -t ADDRESS:PORT removes it"


class TableRecord:
    """complain gets a line when the file is damaged or cannot be written."""

    def __init__(self, path: Path, complain: Callable[[str], None]) -> None:
        self._path, self._complain = path, complain
        self._failing = False
        self.keys: frozenset[VirtualKey] = frozenset()
        """What the file says now."""

    def read(self) -> frozenset[VirtualKey]:
        """What an earlier life of this instance has written and nobody else has; nothing when the file is damaged."""
        try:
            self.keys = _read(self._path)
        except FileNotFoundError:
            return frozenset()
        except Damaged as error:
            self._complain(f"{self._path} is damaged: {error}; {FOLLOWS}: {CURE}")
        except OSError as error:
            self._complain(f"{self._path} cannot be read: {error.strerror}; {FOLLOWS}: {CURE}")
        return self.keys - self._of_others()

    def keep(self, keys: Iterable[VirtualKey]) -> None:
        """These, and no others, are ours from now on."""
        wanted = frozenset(keys)
        if wanted == self.keys and not self._failing:
            return
        self.keys = wanted
        try:
            _write(self._path, text_of(wanted)) if wanted else self._path.unlink(missing_ok=True)
        except OSError as error:
            if not self._failing:
                self._complain(f"{self._path} cannot be written: {error.strerror}; if this daemon is killed, {FOLLOWS}")
            self._failing = True
        else:
            self._failing = False

    def _of_others(self) -> frozenset[VirtualKey]:
        """What other instances have written; a virtual that moved from our configuration to theirs is not ours."""
        theirs: set[VirtualKey] = set()
        for path in self._path.parent.glob("ldirectord.*.table"):
            if path != self._path:
                with suppress(OSError, Damaged):  # that instance complains of it
                    theirs |= _read(path)
        return frozenset(theirs)


def _read(path: Path) -> frozenset[VirtualKey]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        return keys_in(file.read(LARGEST).decode("utf-8", "surrogateescape"))


def _write(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)  # of a life that was killed
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(new, flags, 0o600), "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
        os.replace(new, path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
