"""Does actions of built-in resources in a network namespace, and looks at what became of them there."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from pathlib import Path

from hbeat.agents.roster import Agents
from hbeat.agents.vips import Vips
from hbeat.config.haresources import parse_resource
from hbeat.core.events import Action, Outcome
from migration.namespaces import NetworkNamespace


class Player:
    """Does actions in a network namespace of its own. route_file: see `Agents`."""

    def __init__(self, host: NetworkNamespace, route_file: Path, vips: Vips | None = None) -> None:
        self.host = host
        self.reports: list[str] = []
        self._kept = vips, route_file
        self.agents = self._begin()

    def _begin(self) -> Agents:
        with self.host.entered():
            env = {"HA_CURHOST": "test1.com", "PATH": os.environ["PATH"]}
            return Agents(env, self.reports.append, *self._kept)

    def begin_anew(self) -> None:
        """As another process."""
        self.agents.close()
        self.agents = self._begin()

    def do(self, action: Action, word: str) -> Outcome:
        return self.do_all(action, word)[0]

    def do_all(self, action: Action, *words: str) -> list[Outcome]:
        """Addresses that come together."""
        now = time.monotonic()
        with self.host.entered():
            outcomes = [self.agents.run(parse_resource(word), action, now) for word in words]
            self.agents.addresses.release()
        return [outcome for outcome in outcomes if isinstance(outcome, Outcome)]

    def ip(self, *words: str) -> list[dict[str, object]]:
        with self.host.entered():
            out = subprocess.run(["ip", "-json", *words], capture_output=True, text=True, check=True).stdout
        found: list[dict[str, object]] = json.loads(out or "[]")
        return found

    def listener(self, interface: str, protocol: int) -> socket.socket:
        """Without interface: what arrives on any."""
        with self.host.entered():
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
            if interface:
                sock.bind((interface, protocol))
        sock.settimeout(5)
        return sock
