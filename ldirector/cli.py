"""The command `ldirectord`: the original's arguments, messages and exit codes (reference section e).

Differences on purpose. Only start and restart read the configuration file, and restart before it stops anything: a
typo cannot keep a daemon from being stopped, nor end one that is to go on. stop waits until the daemon is gone and its
table cleaned. The status line goes to standard output, where heartbeat looks for it. reload reports whether the new
file was taken.

The verbs that only talk to a running daemon import neither asyncio nor netlink: heartbeat waits for them.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ldirector.adapters.control_client import NoAnswer, NobodyListens, ask
from ldirector.instance import RUN_DIR, Instance, find

OK, FAILED, REFUSED, NOT_RUNNING, USAGE_ERROR = 0, 1, 2, 3, 255
STOP_SECONDS = 15.0  # the daemon gives its commands and mails some seconds, see performer.py
ROLE_SECONDS = 10.0
LISTEN_SECONDS = 5.0  # a starting daemon listens within this
RELOAD_SECONDS = 60.0  # host names may have to be looked up

ACTIVE, STANDBY = "active", "standby"
TEST = "test"

USAGE = """\
usage: ldirectord [-d|--debug] [--role active|standby] [CONFIG] VERB
       ldirectord -t|--test [--strict] [CONFIG]
       ldirectord -h|--help | -v|--version
verbs: start stop restart try-restart reload force-reload status
  CONFIG  looked for in /etc/ha.d, then /etc/ha.d/conf, then as a path; default ldirectord.cf
  -d      stay in the foreground and log to the terminal
  --role  active (default): program IPVS; standby: only check, ready to take over
  -t      print what is wrong with CONFIG and the table it comes to; exit 0 fine, 1 warnings, 2 refused
  --alone   leave the instances of execute= alone (how one instance calls another)
  --strict  with -t: refuse also what only the old ldirectord refuses
"""


class UsageError(Exception):
    """The arguments make no sense; the text says which."""


@dataclass(frozen=True, slots=True)
class Arguments:
    verb: str
    config: str | None
    role: str | None
    debug: bool
    strict: bool = False
    alone: bool = False


def main(argv: Sequence[str] | None = None, run_dir: Path = RUN_DIR) -> int:
    """Entry point; returns the exit status."""
    open_standard_streams()
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        arguments = parse_arguments(words)
    except UsageError as error:
        sys.stderr.write(f"ldirectord: {error}\n{USAGE}")
        return USAGE_ERROR
    if isinstance(arguments, str):
        sys.stdout.write(arguments)
        return OK
    instance = find(arguments.config, run_dir)
    if arguments.verb == TEST:
        # The parser with all its checks is most of the program; the other verbs do without it.
        from ldirector.check_file import check_file

        return check_file(instance.config, arguments.strict)
    command = Command(instance, arguments)
    return VERBS[arguments.verb](command)


def open_standard_streams() -> None:
    """Whoever calls us with a closed stream must not have our lock or socket take its number.

    And names that the locale has no letters for are shown escaped.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def parse_arguments(words: Sequence[str]) -> Arguments | str:
    """The arguments, or a text to print instead. Options come first. Raises UsageError."""
    rest = list(words)
    role, debug, test, strict, alone = None, False, False, False, False
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        option, _, value = option.partition("=")
        if option == "--":
            break
        if option in ("-h", "-?", "--help"):
            return USAGE
        elif option in ("-v", "--version"):
            from importlib.metadata import version

            return f"ldirectord (ldirector) {version('ultramonkey-successor')}\n"
        elif option in ("-d", "--debug"):
            debug = True
        elif option in ("-t", "--test"):
            test = True
        elif option == "--strict":
            strict = True
        elif option == "--alone":
            alone = True
        elif option == "--role":
            role = value or (rest.pop(0) if rest else "")
            if role not in (ACTIVE, STANDBY):
                raise UsageError(f"--role is active or standby, not {role!r}")
        else:
            raise UsageError(f"unknown option {option}")
    if strict and not test:
        raise UsageError("--strict goes with -t only")
    if test:
        if len(rest) > 1:
            raise UsageError(f"too many arguments: {' '.join(rest)}")
        return Arguments(TEST, rest[0] if rest else None, role, debug, strict)
    if len(rest) not in (1, 2):
        raise UsageError("a verb is missing" if not rest else f"too many arguments: {' '.join(rest)}")
    verb = rest[-1]
    if verb not in VERBS:
        raise UsageError(f"unknown verb {verb!r}")
    return Arguments(verb, rest[0] if len(rest) == 2 else None, role, debug, alone=alone)


class Command:
    """The verbs, for one instance."""

    def __init__(self, instance: Instance, arguments: Arguments) -> None:
        self._instance = instance
        self._arguments = arguments

    def start(self) -> int:
        if self._instance.running_pid() is not None:
            return self._namesake() or self._start_running()
        if foreign := self._instance.foreign_pid():
            return self._complain(
                f"another ldirectord, not of this suite, runs as pid {foreign} "
                f"({self._instance.pid_file}); stop it first: kill {foreign}"
            )
        return self._launch(self._arguments.role or ACTIVE)

    def stop(self) -> int:
        pid = self._instance.running_pid()
        if pid is None:
            return OK
        if self._namesake():
            return FAILED
        if self._arguments.alone:
            with suppress(NoAnswer):
                ask(self._instance.socket, "stop alone")
        else:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        if self._instance.wait_until_gone(STOP_SECONDS):
            return OK
        return self._complain(f"pid {pid} still runs {STOP_SECONDS:g} s after SIGTERM; its log says what it does")

    def restart(self) -> int:
        """In the role it has, unless --role gives another. A configuration that is refused leaves it running."""
        from ldirector.load import config_file
        from ldirector.service import loaded

        config = loaded(config_file(self._instance.config))
        if isinstance(config, int):
            return config
        role = self._arguments.role or self._running_role() or ACTIVE
        return self.stop() or self._launch(role)

    def try_restart(self) -> int:
        return OK if self._instance.running_pid() is None else self.restart()

    def reload(self) -> int:
        if self._instance.running_pid() is None:
            return self._complain(f"not running for {self._instance.config}, nothing to reload")
        if self._namesake():
            return FAILED
        try:
            request = "reload alone" if self._arguments.alone else "reload"
            answer = ask(self._instance.socket, request, RELOAD_SECONDS)
        except NoAnswer as error:
            return self._complain(str(error))
        if answer["ok"]:
            return OK
        self._complain(f"reload refused, the running configuration is unchanged:\n{answer['error']}")
        return REFUSED

    def status(self) -> int:
        path = self._instance.config
        pid = self._instance.running_pid()
        if pid is not None:
            if self._running_role() == STANDBY:
                print(f"ldirectord for {path} is standing by with pid: {pid}")
                return NOT_RUNNING
            print(f"ldirectord for {path} is running with pid: {pid}")
            if self._serves_on_a_word():
                print("it sees no real server and serves all of them on the other node's word; its log says more")
            return OK
        if foreign := self._instance.foreign_pid():
            print(f"ldirectord for {path} is running with pid: {foreign} (not of this suite)")
            return OK
        stale = self._instance.pid_on_file()
        if stale is not None:
            self._complain(f"stale pid file {self._instance.pid_file} for {path}: {stale} is no ldirectord of ours")
        print(f"ldirectord is stopped for {path}")
        return NOT_RUNNING if stale is None else FAILED

    def _start_running(self) -> int:
        """start of a running daemon: a standby becomes active unless standby is what was asked for."""
        wanted, role = self._arguments.role or ACTIVE, self._running_role()
        if role is None:  # it is about to end, or hangs
            if self._instance.wait_until_gone(STOP_SECONDS):
                return self._launch(wanted)
            return self._complain(f"the old daemon neither answers nor ends within {STOP_SECONDS:g} s; not started")
        if role == wanted:
            return OK
        if wanted == STANDBY:
            self._complain("is running as active and stays so; `ldirectord stop` first, to start it as standby")
            return OK
        try:
            answer = ask(self._instance.socket, "role active", ROLE_SECONDS)
        except NoAnswer as error:
            return self._complain(str(error))
        return OK if answer["ok"] else self._complain(f"cannot become active: {answer['error']}")

    @cached_property
    def _running(self) -> dict[str, object]:
        """What the running daemon says of itself, when it has started. Raises NoAnswer."""
        deadline = time.monotonic() + LISTEN_SECONDS
        while True:
            try:
                return ask(self._instance.socket, "status")
            except NobodyListens:
                if time.monotonic() > deadline or not self._instance.is_locked():
                    raise
                time.sleep(0.02)

    def _namesake(self) -> int:
        """FAILED, saying so, when what runs has a file of the same name elsewhere: both would have one pid file."""
        wanted = self._instance.config
        with suppress(NoAnswer, KeyError, OSError):
            running = Path(str(self._running["config"]))
            if running != wanted and not running.samefile(wanted):
                return self._complain(
                    f"{running} is what runs under the name {self._instance.name}, not {wanted}; instances are told "
                    "apart by the names of their files: rename one"
                )
        return OK

    def _running_role(self) -> str | None:
        """active or standby; None, saying so, when the daemon does not answer."""
        if self._instance.running_pid() is None:
            return None
        try:
            return str(self._running["role"])
        except (NoAnswer, KeyError) as error:
            self._complain(f"the daemon runs but {error}")
            return None

    def _serves_on_a_word(self) -> bool:
        with suppress(NoAnswer):
            return self._running.get("vouched") is True
        return False

    def _launch(self, role: str) -> int:
        # The daemon's modules are most of the program; the other verbs do without them.
        from ldirector.core.model import Role
        from ldirector.service import start

        status = start(self._instance, Role(role), self._arguments.debug)
        if status is not None:
            return status
        # Another start was faster, and it may have asked for the other role: now there is a running daemon.
        return Command(self._instance, replace(self._arguments, role=role)).start()

    def _complain(self, words: str) -> int:
        for line in words.splitlines():
            sys.stderr.write(f"ldirectord: {line}\n")
        return FAILED


VERBS = {
    "start": Command.start,
    "stop": Command.stop,
    "restart": Command.restart,
    "try-restart": Command.try_restart,
    "reload": Command.reload,
    "force-reload": Command.reload,
    "status": Command.status,
}
