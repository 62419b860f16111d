"""Starting the daemon so that the exit status of `start` can be believed.

    command                                    daemon
    parse the file           error: exit 2, 1
    take the lock            held: the other start's daemon is the one (cli.py)
    open netlink, bind,
    room for the pid         error: exit 1
    fork ------------------------------------> detach (daemonize library), pid file
    wait on the pipe                           read the table, decide, write it, serve requests
    exit 0  <------------------ "ok" --------- work
    exit 1  <------------- an error's words --- exit 1

Everything that an operator can get wrong is found before the fork and said on the terminal. The library ends its own
parent at once with 0 and swallows what its action raises (observed with 2.5.0), hence the fork around it, the pipe,
and an action that catches everything itself. The lock of instance.py is inherited by the daemon and held until it ends.
"""

from __future__ import annotations

import asyncio
import atexit
import errno
import logging
import os
import resource
import sys
import traceback
from collections.abc import Callable, Coroutine
from contextlib import suppress

from daemonize import Daemonize

from ldirector.adapters import control
from ldirector.adapters.config_watch import ConfigFile
from ldirector.adapters.ipvs import Ipvs, IpvsError
from ldirector.adapters.log import SUPERVISED, TERMINAL, Log
from ldirector.adapters.table_record import TableRecord
from ldirector.config.director_config import DirectorConfig
from ldirector.config.errors import ConfigError
from ldirector.core.events import Level
from ldirector.core.model import Role
from ldirector.daemon import Daemon
from ldirector.instance import Instance
from ldirector.load import config_file

STARTED, FAILED, REFUSED = 0, 1, 2


def start(instance: Instance, role: Role, debug: bool = False) -> int | None:
    """Start the daemon and return the exit status; None when another start was faster, in whatever role.

    debug: stay in the foreground and log to the terminal. So it is with supervised=yes, on standard output.
    """
    file = config_file(instance.config)
    config = loaded(file)
    if isinstance(config, int):
        return config
    for problem in config.warnings:
        _say(STARTED, f"warning: {problem}")
    try:
        lock = instance.lock()
    except OSError as error:
        return _say(FAILED, cannot_write(error))
    if lock is None:
        return None
    try:
        kernel = Ipvs()
        instance.reserve(debug or config.supervised)
        requests = control.bind(instance.socket)
    except IpvsError as error:
        os.close(lock)
        return _say(FAILED, str(error))
    except OSError as error:
        instance.leave()
        os.close(lock)
        return _say(FAILED, cannot_write(error))
    raise_descriptor_limit()
    target = TERMINAL if debug else SUPERVISED if config.supervised else config.logfile
    log = Log(target, instance.config.name, Level.DEBUG if debug else Level.INFO)
    log.verify()
    record = TableRecord(instance.table_file, lambda words: log.write(Level.WARNING, words))
    daemon = Daemon(config, file, role, kernel, requests, log, record)
    if debug or config.supervised:
        return _work(instance, daemon, log, lambda words: None, supervised=True)
    return _detach(instance, daemon, log, lock)


def loaded(file: ConfigFile[DirectorConfig]) -> DirectorConfig | int:
    """The configuration, or the exit status when there is none; why is said on the terminal."""
    try:
        return file.load()
    except OSError as error:
        return _say(FAILED, f"cannot read {error.filename or file.path}: {error.strerror}")
    except ConfigError as error:
        return _say(REFUSED, str(error))


def _detach(instance: Instance, daemon: Daemon, log: Log, lock: int) -> int:
    """Fork, detach, and wait for what the daemon says through the pipe."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)

        def tell(words: str) -> None:
            with suppress(OSError):  # the command may have been killed while it waited
                os.write(writing, words.encode())
            os.close(writing)

        def action() -> None:
            atexit.unregister(library.exit)  # it removes the pid file too early and knows no other exit status
            os._exit(_work(instance, daemon, log, tell))

        library = Daemonize(
            app="ldirectord",
            pid=str(instance.pid_file),
            action=action,
            keep_fds=[lock],  # makes its parent leave without running our exit handlers
            auto_close_fds=False,
            logger=_silent_logger(),
        )
        try:
            library.start()
        finally:
            os._exit(FAILED)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        words = pipe.read().decode()
    if words == "ok":
        return STARTED
    if not words:  # it has no life any more in which it could clean up
        instance.leave()
    return _say(FAILED, words or "the daemon ended while it started; its log says why")


def _work(instance: Instance, daemon: Daemon, log: Log, tell: Callable[[str], None], supervised: bool = False) -> int:
    """The daemon's life. tell is called once: with "ok", or with what went wrong before that."""
    told = False

    def tell_once(words: str) -> None:
        nonlocal told
        if not told:
            told = True
            tell(words)

    try:
        _enter(instance, supervised)
        run_loop(daemon.run(lambda: tell_once("ok")))
    except (IpvsError, NoRoom) as error:
        log.write(Level.ERROR, str(error))
        tell_once(str(error))
        return FAILED
    except Exception as error:
        log.write(Level.ERROR, "ended by an error of this program:", traceback.format_exc())
        tell_once(f"ended by an error of this program: {error!r}")
        return FAILED
    finally:
        instance.leave()
    return STARTED


class NoRoom(Exception):
    """The pid cannot be written; str() says where, why and what helps."""


def _enter(instance: Instance, supervised: bool) -> None:
    try:
        instance.enter(os.getpid(), supervised)
    except OSError as error:
        raise NoRoom(cannot_write(error)) from error


def cannot_write(error: OSError) -> str:
    """In words, with the file and what helps. error: with its filename."""
    folder = os.path.dirname(str(error.filename))
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            cure = f"make room there: df {folder}; df -i {folder}"
        case errno.EACCES | errno.EPERM:
            cure = "run as root"
        case errno.ENOENT | errno.ENOTDIR:
            cure = f"make the folder {folder}"
        case errno.EROFS:
            cure = f"mount {folder} so that it can be written to"
        case _:
            cure = f"look at {error.filename}"
    return f"cannot write {error.filename}: {error.strerror}; {cure}"


def run_loop(work: Coroutine[object, object, None]) -> None:
    """Run to the end in an event loop: uvloop's where it is installed (the extra `fast`), else asyncio's own."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        asyncio.run(work)
        return
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(work)


def _silent_logger() -> logging.Logger:
    """The library would open a syslog of its own and speak of a starting daemon there."""
    logger = logging.Logger("ldirectord")
    logger.addHandler(logging.NullHandler())
    return logger


def raise_descriptor_limit() -> None:
    """Each check in flight is a descriptor: take as many as we may have."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # refused by a container: the checks say NOT_RUN when it gets tight
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _say(status: int, words: str) -> int:
    for line in words.splitlines():
        sys.stderr.write(f"ldirectord: {line}\n")
    return status
