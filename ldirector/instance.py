"""Which daemon a command talks about: its configuration file and the files under /var/run that carry its name.

NAME is the last path component of CONFIG with its extension. The original calls it "ldirectord" when CONFIG was
omitted (reference section e), and so runs two daemons on one table when an init script and heartbeat start it in their
two ways (g-18); here both are one instance, and the pid file has both names.

That a daemon runs is known by a lock it holds for its whole life, not by a number in a file: a pid that was given to
another process meanwhile cannot deceive it, and two starts at once cannot both win. The lock file holds its pid.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

CONFIG_DIRS = (Path("/etc/ha.d"), Path("/etc/ha.d/conf"))
DEFAULT_CONFIG = "ldirectord.cf"
OTHER_NAME = "ldirectord"  # of DEFAULT_CONFIG in pid files
RUN_DIR = Path("/var/run")
PID_SECONDS = 10.0  # a starting daemon writes its pid within this, on a busy machine, too
PID_ROOM = " " * 12  # of a pid in its file
LOOK_SECONDS = 0.3  # somebody may hold the lock just to see whether it is free


@dataclass(frozen=True, slots=True)
class Instance:
    """One ldirectord, running or not."""

    config: Path
    name: str
    run_dir: Path

    @property
    def pid_file(self) -> Path:
        return self.run_dir / f"ldirectord.{self.name}.pid"

    @property
    def other_pid_file(self) -> Path | None:
        """The name that the original gives to the pid file when CONFIG is omitted."""
        return self.run_dir / f"ldirectord.{OTHER_NAME}.pid" if self.name == DEFAULT_CONFIG else None

    @property
    def socket(self) -> Path:
        return self.run_dir / f"ldirectord.{self.name}.sock"

    @property
    def table_file(self) -> Path:
        """What of the kernel's table is this instance's."""
        return self.run_dir / f"ldirectord.{self.name}.table"

    @property
    def lock_file(self) -> Path:
        return self.run_dir / f"ldirectord.{self.name}.lock"

    def lock(self) -> int | None:
        """Become the one daemon of this name; the descriptor is the lock. None: somebody is. Raises OSError."""
        descriptor = os.open(self.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + LOOK_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() < deadline:
                    time.sleep(0.02)
                    continue
                os.close(descriptor)
                return None
            return descriptor

    def is_locked(self) -> bool:
        """Whether a daemon of this name runs or is just starting."""
        try:
            descriptor = os.open(self.lock_file, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            # Shared, so that two who look do not see each other.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def running_pid(self) -> int | None:
        """The pid of the running daemon, None when there is none."""
        deadline = time.monotonic() + PID_SECONDS
        while self.is_locked():
            pid = _pid_in(self.lock_file) or _pid_in(self.pid_file)
            if pid or time.monotonic() > deadline:
                return pid
            time.sleep(0.02)
        return None

    def reserve(self, supervised: bool) -> None:
        """Take the room for the pid, before there is a daemon: that none is left is the command's error.

        Raises OSError with the name of the file.
        """
        for path in (self.lock_file,) if supervised else (self.lock_file, self.pid_file):
            _write(path, PID_ROOM)

    def enter(self, pid: int, supervised: bool) -> None:
        """The daemon works: its pid is where everybody looks for it. supervised: not in a pid file.

        Raises OSError with the name of the file.
        """
        _write(self.lock_file, f"{pid}\n")
        if supervised:
            return
        _write(self.pid_file, f"{pid}\n")
        if other := self.other_pid_file:
            other.unlink(missing_ok=True)
            try:
                other.symlink_to(self.pid_file.name)
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(other)) from None

    def leave(self) -> None:
        """The daemon ends, or never began: nothing of it stays but the lock file, empty.

        And the table file, if something stays in the kernel.
        """
        for path in (self.socket, self.pid_file, self.other_pid_file):
            if path:
                with suppress(OSError):
                    path.unlink()
        with suppress(OSError):
            os.truncate(self.lock_file, 0)

    def pid_on_file(self) -> int | None:
        """What the pid file says, whether it is true or not."""
        pids = (_pid_in(path) for path in (self.pid_file, self.other_pid_file) if path)
        return next((pid for pid in pids if pid is not None), None)

    def foreign_pid(self) -> int | None:
        """The pid of a running ldirectord that is not ours (the original), by the pid files both share."""
        if self.is_locked():
            return None
        pids = {_pid_in(path) for path in (self.pid_file, self.other_pid_file) if path}
        for pid in sorted(pid for pid in pids if pid is not None):
            with suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if any(os.path.basename(word) == b"ldirectord" for word in words):
                    return pid
        return None

    def wait_until_gone(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.is_locked():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True


def find(config: str | None, run_dir: Path = RUN_DIR) -> Instance:
    """The instance that CONFIG names: looked for in /etc/ha.d, /etc/ha.d/conf, then as a path. It need not exist."""
    name = config if config is not None else DEFAULT_CONFIG
    candidates = [folder / name for folder in CONFIG_DIRS] + [Path(name)]
    missing = candidates[-1] if "/" in name else candidates[0]
    path = next((candidate for candidate in candidates if os.path.isfile(candidate)), missing)  # or too long for a path
    return Instance(path.absolute(), Path(name).name, run_dir)


def _pid_in(path: Path) -> int | None:
    with suppress(OSError, ValueError):
        return int(path.read_text())
    return None


def _write(path: Path, text: str) -> None:
    """Replace the contents without giving up their room in between. Raises OSError with the name of the file."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.write(descriptor, text.encode())
            os.ftruncate(descriptor, len(text))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
