"""Runs one command in a User-Mode Linux guest: a kernel of our own, with IPVS, on the machine's own file system.

A guest is a process of the calling user; neither root nor KVM nor the machine's kernel modules are needed.

* Its root is the machine's root file system, read through hostfs under an overlay in memory. Programs, libraries
  and this very checkout are there under their own paths; whatever the guest writes vanishes with it, except in the
  folders given as `shared`.
* `guest_init` is its process 1. The command's output comes through a serial line of its own, apart from the
  kernel's messages on the console; the last line on it is a nonce and the exit status, so that status and output
  cannot overtake each other.
* Everything on this side (control socket, job file) lives in one temporary folder, and every process in one
  session, so that the end, whichever way it comes, leaves nothing.

Facts: a guest boots in about 2 s, has one CPU, and its system calls are about ten times slower than the machine's.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import selectors
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

KERNEL = "linux.uml"
PROGRAMS = {KERNEL: "user-mode-linux", "ip": "iproute2", "modprobe": "kmod"}
"""What a guest needs from the machine: program -> Debian package."""

CONSOLE_LINES_KEPT = 40
GRACE = 5.0
"""Seconds a guest may take to power off after its command ended."""


class GuestError(Exception):
    """The guest could not run: a program is missing, or its kernel ended before the command did."""


class GuestOverdue(GuestError):
    """The time limit passed; the guest was killed."""


def missing_packages() -> list[str]:
    """The Debian packages to install before a guest can run, [] if it can."""
    missing = [package for program, package in PROGRAMS.items() if _which(program) is None]
    if _processor_has_amx() and _compiler() is None:
        missing.append("tcc")
    return missing


def run_guest(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    memory: str = "512M",
    time_limit: float = 600.0,
    on_line: Callable[[str], None] = print,
    shared: Sequence[Path] = (),
    folder: Path | None = None,
) -> int:
    """Boot a guest, run `command` there as root, return its exit status (128 + N for signal N).

    env is the command's whole environment beside PATH and HOME. Each line of its output (standard output and
    error) is given to on_line as it comes, without line end. time_limit is in seconds, boot included. shared
    folders are written through to the machine. folder is the working directory, by default the caller's.
    Raises GuestError or GuestOverdue.
    """
    if missing := missing_packages():
        raise GuestError(f"User-Mode Linux cannot run here; as root: apt-get install {' '.join(missing)}")
    with tempfile.TemporaryDirectory(prefix="hbeat-guest-") as name:
        guest_dir = Path(name)
        nonce = secrets.token_hex(8)
        job = _job(command, env or {}, nonce, [path.resolve() for path in shared], folder or Path.cwd())
        (guest_dir / "job").write_text(job)
        with _Guest(guest_dir, memory) as guest:
            return guest.follow(nonce, on_line, time.monotonic() + time_limit)


def _job(command: Sequence[str], env: Mapping[str, str], nonce: str, shared: Sequence[Path], folder: Path) -> str:
    """The shell text that guest_init reads."""
    folders = "".join(f"{path}\n" for path in shared)
    exports = "".join(f"    export {name}={shlex.quote(value)}\n" for name, value in env.items())
    return (
        f"NONCE={nonce}\n"
        f"JOB_FOLDER={shlex.quote(str(folder))}\n"
        f"SHARED_FOLDERS={shlex.quote(folders)}\n"
        f"run_job() {{\n    export HOME=/root\n{exports}    exec {shlex.join(command)}\n}}\n"
    )


class _Guest:
    """A running kernel: a context manager which leaves no process behind."""

    def __init__(self, guest_dir: Path, memory: str) -> None:
        self._console: deque[str] = deque(maxlen=CONSOLE_LINES_KEPT)
        console_end, console = os.pipe()
        serial_end, serial = os.pipe()
        self._console_fd, self._serial_fd = console_end, serial_end
        arguments = [
            f"umid={guest_dir.name}",
            f"uml_dir={guest_dir}/",
            f"mem={memory}",
            *("root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw", "quiet"),
            f"init={Path(__file__).with_name('guest_init')}",
            f"guest_dir={guest_dir}",
            *("con=null", f"con0=null,fd:{console}", "ssl=null", f"ssl0=null,fd:{serial}"),
        ]
        environment = {"PATH": _SEARCH_PATH}
        if _processor_has_amx():
            environment["LD_PRELOAD"] = str(_build_xstate(guest_dir))
        try:
            self._process = subprocess.Popen(
                # A guest must not outlive us, whatever ends us.
                ["setpriv", "--pdeathsig", "KILL", KERNEL, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                pass_fds=(console, serial),
                env=environment,
                start_new_session=True,
            )
        finally:
            os.close(console)
            os.close(serial)

    def __enter__(self) -> _Guest:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._console_fd)
        os.close(self._serial_fd)

    def follow(self, nonce: str, on_line: Callable[[str], None], deadline: float) -> int:
        """Deliver the command's lines until the one with the nonce; returns the status it carries."""
        status: int | None = None
        with selectors.DefaultSelector() as selector:
            console, serial = _LineReader(self._console_fd), _LineReader(self._serial_fd)
            selector.register(self._console_fd, selectors.EVENT_READ, console)
            selector.register(self._serial_fd, selectors.EVENT_READ, serial)
            while selector.get_map():
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    break
                for key, _ in selector.select(remaining):
                    lines = key.data.read()
                    if lines is None:
                        selector.unregister(key.fd)
                    elif key.data is console:
                        self._console.extend(lines)
                    else:
                        for line in lines:
                            if line.startswith(nonce):
                                status = int(line.split()[1])
                                deadline = time.monotonic() + GRACE
                            else:
                                on_line(line)
        if status is not None:
            return status
        if time.monotonic() >= deadline:
            raise GuestOverdue("the guest did not end within its time limit and was killed")
        raise GuestError("the guest's kernel ended early; its last words:\n" + "\n".join(self._console))


class _LineReader:
    """Cuts what arrives on a descriptor into lines."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._rest = b""

    def read(self) -> list[str] | None:
        """The lines completed by one read, None at the end."""
        chunk = os.read(self._fd, 65536)
        if not chunk:
            return None
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return [line.rstrip(b"\r").decode(errors="replace") for line in lines]


_SEARCH_PATH = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"


def _which(program: str) -> str | None:
    return shutil.which(program, path=_SEARCH_PATH)


def _processor_has_amx() -> bool:
    return "amx_tile" in Path("/proc/cpuinfo").read_text().split()


def _compiler() -> str | None:
    return _which("cc") or _which("tcc")


def _build_xstate(guest_dir: Path) -> Path:
    """The library of uml_xstate.c, which says what it is for."""
    library = guest_dir / "uml_xstate.so"
    source = Path(__file__).with_name("uml_xstate.c")
    subprocess.run([str(_compiler()), "-shared", "-fPIC", "-nostdlib", "-o", str(library), str(source)], check=True)
    return library
