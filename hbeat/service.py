"""Starting the daemon so that the exit status can be believed, by a person and by an init script.

All that an operator can get wrong is found before the fork: the three files, the interfaces, the port, a second
instance. The daemonize library ends its own parent with 0 before the child has done anything and swallows what its
action raises (observed with 2.5.0), so it runs in a child of ours, which tells through a pipe how it went.
"""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import sys
import syslog
from collections.abc import Callable
from typing import NoReturn

from daemonize import Daemonize

from hbeat import client, original
from hbeat.adapters.control import ControlServer
from hbeat.adapters.fifo import Fifo
from hbeat.adapters.icmp import PingError, open_pings
from hbeat.adapters.identity import next_generation, node_uuid
from hbeat.adapters.udp import open_media
from hbeat.adapters.udp_sockets import MediaError
from hbeat.adapters.watchdog import Watchdog
from hbeat.config.errors import ConfigError
from hbeat.core.outbox import Identity
from hbeat.life import STATE_DIR, Life, Manner, Outside
from hbeat.load import HA_DIR, Configuration, NotPermitted, load
from hbeat.machine import shortcomings, unresolved
from hbeat.one_daemon import AlreadyRunning, become_the_one

STARTED, FAILED, NOT_PERMITTED, NOT_CONFIGURED = 0, 1, 4, 6
_CURES = {
    errno.ENOSPC: "make room there (df, df -i)",
    errno.EDQUOT: "make room there (quota)",
    errno.EROFS: "mount it writable",
    errno.EACCES: "only root may start it",
    errno.EPERM: "only root may start it",
}


def start(manner: Manner, kept: tuple[int, int] | None = None) -> int:
    """Starts the daemon; the exit status as LSB has it: 0 (also when it runs already), 1, 4 not permitted, or 6 not
    configured.

    kept: the pipe and the lock of a keeper that starts its daemon again. Then this process is that daemon, and what
    keeps it from starting is told to syslog: nobody reads the terminal.
    """
    if kept is None:
        prepared = _prepare(manner, None)
        if isinstance(prepared, int):
            return prepared
        life, lock = prepared
        if manner.foreground:
            return _live(life, lock, lambda words: None)
        status = _detach(life, lock)
        if status == STARTED and life.promise:
            print(life.promise)
        return status
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        prepared = _prepare(manner, kept[1])
    if isinstance(prepared, int):
        _tell_syslog(said.getvalue())
        return prepared
    life, lock = prepared
    life.restarted = True
    os.set_inheritable(lock, False)
    try:
        client.PID_FILE.write_text(f"{os.getpid()}\n")
    except OSError as error:  # no reason to leave this node without a daemon
        _tell_syslog(f"{client.PID_FILE} cannot be written: {error.strerror}; the process that runs is {os.getpid()}")
    return life.live(lambda words: None, life.keeper_link(kept[0], lock))


def _tell_syslog(text: str) -> None:
    syslog.openlog("heartbeat", facility=syslog.LOG_DAEMON)
    for line in text.splitlines():
        syslog.syslog(syslog.LOG_CRIT, line)


def _prepare(manner: Manner, lock: int | None) -> tuple[Life, int] | int:
    """All that can fail, done: the life, and the lock that belongs to it; or an exit status, with the reason told."""
    try:
        config = load()
        unresolved(config)
    except NotPermitted as error:
        print(f"{error}\nheartbeat: not started: only root may start it", file=sys.stderr)
        return NOT_PERMITTED
    except ConfigError as error:
        print(f"{error}\nheartbeat: not started: configuration error", file=sys.stderr)
        return NOT_CONFIGURED
    for warning in (*config.warnings, *shortcomings(config)):
        print(f"warning: {warning}", file=sys.stderr)
    with contextlib.ExitStack() as opened:
        try:
            if lock is None:
                lock = become_the_one()
                if (other := original.running_original()) is not None:
                    print(f"heartbeat: not started: {other.name} runs on this node; {other.cure}", file=sys.stderr)
                    return FAILED
            media, absent = open_media(config.ha.media)
            pinger, unasked = open_pings(config.ha.ping_nodes)
            me = _identity(config)
            control = ControlServer(client.SOCKET)
            opened.callback(control.close)
            fifo, watchdog = Fifo(), _watchdog(config)
        except AlreadyRunning as running:
            print(f"heartbeat: {running}", file=sys.stderr)
            return STARTED if running.well else FAILED
        except PingError as error:
            print(f"{error}\nheartbeat: not started: configuration error", file=sys.stderr)
            return NOT_CONFIGURED
        except (MediaError, OSError) as error:
            text, status = _refusal(error)
            print(f"heartbeat: not started: {text}", file=sys.stderr)
            return status
        opened.pop_all()
    not_there = absent + unasked
    for warning in not_there:
        print(f"warning: {warning}", file=sys.stderr)
    outside = Outside(media, pinger, control, fifo, watchdog)
    return Life(config, me, outside, not_there, manner), lock


def _live(life: Life, lock: int, tell: Callable[[str], None]) -> int:
    """The daemon's life, in a child if it is to have a keeper: this process becomes that."""
    if not life.wants_keeper:
        client.PID_FILE.write_text(f"{os.getpid()}\n")
        return life.live(tell, None)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        client.PID_FILE.write_text(f"{os.getpid()}\n")
        link = life.keeper_link(writing, lock)
        status = life.live(tell, link)
        if not life.lived:
            link.farewell()  # it is the one who starts it that is to know
        os._exit(status)
    pidfd = os.pidfd_open(child)
    return _become_keeper(life.keeper_command(reading, lock, pidfd), reading, lock, pidfd)


def _become_keeper(argv: list[str], *inherited: int) -> NoReturn:
    for descriptor in inherited:
        os.set_inheritable(descriptor, True)
    os.execv(argv[0], argv)


def _refusal(error: Exception) -> tuple[str, int]:
    """What kept it from starting, with its place and the cure, and the exit status."""
    if not isinstance(error, OSError) or error.errno is None:
        return str(error), FAILED
    text = f"{error.filename}: {error.strerror}" if error.filename else f"{error.strerror}"
    if cure := _CURES.get(error.errno):
        text = f"{text}; {cure}"
    return text, NOT_PERMITTED if error.errno in (errno.EACCES, errno.EPERM) else FAILED


def _watchdog(config: Configuration) -> Watchdog | None:
    """The device of ha.cf, opened, if there is one. Raises OSError with the cure."""
    device = config.ha.watchdog
    if device is None:
        return None
    try:
        return Watchdog(device)
    except OSError as error:
        line = dict(config.ha.lines)["watchdog"]
        cure = "load its driver (modprobe softdog), stop who has it, or remove the line"
        raise OSError(f"{HA_DIR / 'ha.cf'}:{line}: watchdog {device}: {error.strerror}; {cure}") from None


def _identity(config: Configuration) -> Identity:
    generation = next_generation(STATE_DIR, config.ha.hbgenmethod)
    ttl = len(config.ha.nodes) + len(config.ha.ping_nodes) + config.ha.hopfudge
    return Identity(config.node, node_uuid(STATE_DIR, config.node, config.ha.uuidfrom), generation, ttl)


def _detach(life: Life, lock: int) -> int:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)

        def tell(words: str) -> None:
            os.write(writing, words.encode())
            os.close(writing)

        def action() -> None:
            os._exit(_live(life, lock, tell))  # past the library's exit handler, which knows no status but 0

        library = Daemonize(
            app="heartbeat",
            pid=str(client.PID_FILE),
            action=action,
            keep_fds=[lock],
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
    print(f"heartbeat: not started: {words or 'the daemon died; see its log'}", file=sys.stderr)
    return FAILED


def _silent_logger() -> logging.Logger:
    """The library would open a syslog connection of its own and write there that it is starting."""
    logger = logging.Logger("heartbeat")
    logger.addHandler(logging.NullHandler())
    return logger
