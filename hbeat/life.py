"""The daemon's life in whatever process it is to live: in the foreground, detached, or as the child of its keeper."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hbeat import client, keeper
from hbeat.adapters.control import ControlServer
from hbeat.adapters.fifo import Fifo
from hbeat.adapters.icmp import Pinger
from hbeat.adapters.keeper_link import KeeperLink
from hbeat.adapters.log import Log
from hbeat.adapters.peer_file import PeerFile, read_peer_file
from hbeat.adapters.udp import Media
from hbeat.adapters.watchdog import Watchdog
from hbeat.core.events import Level
from hbeat.core.failover_time import sentence
from hbeat.core.model import PeerRecord
from hbeat.core.outbox import Identity
from hbeat.load import Configuration
from hbeat.machine import shortcomings
from hbeat.promise import promised

STATE_DIR = Path("/var/lib/heartbeat")


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


@dataclass(frozen=True)
class Outside:
    """What is open before there is a daemon, so that it is known to work."""

    media: Media
    pinger: Pinger
    control: ControlServer
    fifo: Fifo
    watchdog: Watchdog | None


class Life:
    """The daemon's life in whatever process it is to live."""

    def __init__(
        self,
        config: Configuration,
        me: Identity,
        outside: Outside,
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
    def promise(self) -> str:
        """For how long clients are without service at the most, nothing where there is nothing to fail over."""
        cases = promised(self._config)
        return sentence(cases) if cases else ""

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
        # Here, not above: the less is loaded, the faster a process forks.
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
            agents.heed(self._config.sessions)
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
            if self.promise:
                log.write(Level.INFO, self.promise)
            daemon.run(lambda: tell_once("ok"))
            log.write(Level.INFO, "Heartbeat shutdown complete.")
            if link is not None:
                link.farewell()
        except Exception as error:
            log.write(Level.CRITICAL, f"heartbeat ended by an error of this program:\n{traceback.format_exc()}")
            tell_once(f"{type(error).__name__}: {error}")
            return 1
        finally:
            self._outside.control.close()
            client.PID_FILE.unlink(missing_ok=True)
            log.drain(LAST_WORDS)
        return 0
