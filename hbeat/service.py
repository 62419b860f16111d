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
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

from daemonize import Daemonize

from hbeat import client, keeper, original
from hbeat.adapters.control import ControlServer
from hbeat.adapters.fifo import Fifo
from hbeat.adapters.icmp import Pinger, PingError, open_pings
from hbeat.adapters.identity import next_generation, node_uuid
from hbeat.adapters.keeper_link import KeeperLink
from hbeat.adapters.log import Log
from hbeat.adapters.peer_file import PeerFile, read_peer_file
from hbeat.adapters.udp import Media, open_media
from hbeat.adapters.udp_sockets import MediaError
from hbeat.adapters.watchdog import Watchdog
from hbeat.config.errors import ConfigError
from hbeat.core.events import Level
from hbeat.core.model import PeerRecord
from hbeat.core.outbox import Identity
from hbeat.load import HA_DIR, Configuration, NotPermitted, load
from hbeat.machine import shortcomings, unresolved
from hbeat.one_daemon import AlreadyRunning, become_the_one

STARTED, FAILED, NOT_PERMITTED, NOT_CONFIGURED = 0, 1, 4, 6
STATE_DIR = Path("/var/lib/heartbeat")
_CURES = {
    errno.ENOSPC: "make room there (df, df -i)",
    errno.EDQUOT: "make room there (quota)",
    errno.EROFS: "mount it writable",
    errno.EACCES: "only root may start it",
    errno.EPERM: "only root may start it",
}


@dataclass(frozen=True)
class Manner:
    """The options of the start: they hold for a start by the keeper, too."""

    foreground: bool = False
    debug: bool = False
    realtime: bool = True

    @property
    def command(self) -> list[str]:
        """What starts the daemon in this manner."""
        options = [("-f", self.foreground), ("-d", self.debug), ("-l", not self.realtime)]
        return [sys.executable, "-P", "-m", "hbeat", "start", *(option for option, given in options if given)]


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
        return _live(life, lock, lambda words: None) if manner.foreground else _detach(life, lock)
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        prepared = _prepare(manner, kept[1])
    if isinstance(prepared, int):
        syslog.openlog("heartbeat", facility=syslog.LOG_DAEMON)
        for line in said.getvalue().splitlines():
            syslog.syslog(syslog.LOG_CRIT, line)
        return prepared
    life, lock = prepared
    life.restarted = True
    os.set_inheritable(lock, False)
    client.PID_FILE.write_text(f"{os.getpid()}\n")
    return life.live(lambda words: None, life.keeper_link(kept[0], lock))


def _prepare(manner: Manner, lock: int | None) -> tuple[_Life, int] | int:
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
    outside = _Outside(media, pinger, control, fifo, watchdog)
    return _Life(config, me, outside, not_there, manner), lock


def _live(life: _Life, lock: int, tell: Callable[[str], None]) -> int:
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


@dataclass(frozen=True)
class _Outside:
    """What is open before there is a daemon, so that it is known to work."""

    media: Media
    pinger: Pinger
    control: ControlServer
    fifo: Fifo
    watchdog: Watchdog | None


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


def _detach(life: _Life, lock: int) -> int:
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


class _Life:
    """The daemon's life in whatever process it is to live."""

    def __init__(
        self,
        config: Configuration,
        me: Identity,
        outside: _Outside,
        not_there: list[str],
        manner: Manner,
    ) -> None:
        self._config, self._me, self._outside, self._not_there = config, me, outside, not_there
        self._manner = manner
        self.lived = False
        """It got as far as sending heartbeats."""
        self.restarted = False
        """Its keeper has started it."""

    @property
    def wants_keeper(self) -> bool:
        return self._config.safety.keeper

    def keeper_command(self, pipe: int, lock: int, pidfd: int) -> list[str]:
        """The arguments of a keeper for the daemon which that descriptor is."""
        realtime = self._manner.realtime and self._config.ha.realtime
        return keeper.command(pipe, lock, pidfd, str(client.PID_FILE), self._manner.command, realtime=realtime)

    def keeper_link(self, pipe: int, lock: int) -> KeeperLink:
        """What the daemon speaks to its keeper with."""
        return KeeperLink(pipe, lock, lambda reading, pidfd: self.keeper_command(reading, lock, pidfd))

    def _open_log(self, config: Configuration) -> Log:
        places = config.ha.log
        return Log(
            config.node,
            places.logfile,
            places.debugfile,
            places.logfacility,
            debug=self._manner.debug or config.ha.debug > 0,
            terminal=self._manner.foreground,
        )

    def _known_of_peer(self) -> tuple[PeerRecord | None, str]:
        peers = [node for node in self._config.ha.nodes if node != self._config.node]
        return read_peer_file(STATE_DIR, peers[0]) if peers else (None, "")

    def live(self, tell: Callable[[str], None], link: KeeperLink | None) -> int:
        """Runs the daemon to its end and returns the exit status. tell: "ok" once, or what kept it from starting."""
        peer_file = PeerFile(STATE_DIR)  # a process of its own, forked before there is much to copy; it ends with us
        # Here, not above: pyroute2 is two thirds of what this program loads, and a process forks faster without it.
        from hbeat.agents.environment import script_environment
        from hbeat.agents.roster import Agents
        from hbeat.agents.vips import Vips
        from hbeat.daemon import LAST_WORDS, Daemon

        log = self._open_log(self._config)
        told: list[str] = []

        def tell_once(words: str) -> None:
            if not told:
                told.append(words)
                self.lived = words == "ok"
                tell(words)

        try:
            floor, problem = self._known_of_peer()
            if problem:
                log.write(Level.WARNING, problem)
            for warning in (*self._config.warnings, *shortcomings(self._config), *self._not_there):
                log.write(Level.WARNING, str(warning))
            report = partial(log.write, Level.WARNING)
            vips = Vips(self._config.safety.vip_lease, report, link)
            agents = Agents(script_environment(self._config), report, vips)
            daemon = Daemon(
                self._config,
                self._me,
                self._outside.media,
                self._outside.pinger,
                self._outside.control,
                self._outside.fifo,
                peer_file,
                floor,
                self._outside.watchdog,
                agents,
                vips,
                self._open_log,
                realtime=self._manner.realtime,
            )
            if self.restarted:
                Path("/proc/self/comm").write_text("hbeat")
                log.write(Level.ERROR, "heartbeat had died: its keeper removed its addresses and started it again")
            daemon.run(lambda: tell_once("ok"))
            log.write(Level.INFO, "Heartbeat shutdown complete.")
            if link is not None:
                link.farewell()
        except Exception as error:
            log.write(Level.CRITICAL, f"heartbeat ended by an error of this program:\n{traceback.format_exc()}")
            tell_once(f"{type(error).__name__}: {error}")
            return FAILED
        finally:
            self._outside.control.close()
            client.PID_FILE.unlink(missing_ok=True)
            log.drain(LAST_WORDS)
        return STARTED


def _silent_logger() -> logging.Logger:
    """The library would open a syslog connection of its own and write there that it is starting."""
    logger = logging.Logger("heartbeat")
    logger.addHandler(logging.NullHandler())
    return logger
