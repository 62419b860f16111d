"""The files of /etc/ha.d read together into one frozen value, or every problem of all of them."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from hbeat.config.authkeys import AuthKeys, parse_authkeys
from hbeat.config.errors import ConfigError, Problem, Severity
from hbeat.config.ha_cf import parse_ha_cf
from hbeat.config.ha_config import HaConfig
from hbeat.config.haresources import parse_haresources
from hbeat.config.hbeat_yaml import parse_settings
from hbeat.core.model import NodeName, ResourceGroup, Safety

HA_DIR = Path("/etc/ha.d")
SERVICE, DEFAULT_PORT = "ha-cluster", 694
MAX_NODES = 2

T = TypeVar("T")


@dataclass(frozen=True)
class Configuration:
    """All that the daemon is told. safety: of hbeat.yaml. warnings: of ha.cf and authkeys, in this order."""

    node: NodeName
    ha: HaConfig
    keys: AuthKeys
    groups: tuple[ResourceGroup, ...]
    safety: Safety = field(default_factory=Safety)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return (*self.ha.warnings, *self.keys.warnings)


def node_name(directory: Path = HA_DIR) -> NodeName:
    """Our name: the text of nodeinfo if that file exists, else `uname -n`; lower case."""
    try:
        named = (directory / "nodeinfo").read_text().strip()
    except OSError:
        named = ""
    return (named or os.uname().nodename).lower()


def load(directory: Path = HA_DIR) -> Configuration:
    """Reads and checks ha.cf, authkeys, haresources and hbeat.yaml. Raises ConfigError with all problems."""
    problems: list[Problem] = []
    own = node_name(directory)

    def read(name: str, parse: Callable[[str, str, int], T]) -> T | None:
        path = directory / name
        try:
            with open(path, "rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                text = file.read().decode("utf-8", "surrogateescape")
            return parse(text, str(path), mode)
        except OSError as error:
            what, cure = f"cannot be read: {error.strerror}", "create it, or correct its owner and mode"
            problems.append(Problem(str(path), 0, Severity.ERROR, what, cure))
        except ConfigError as error:
            problems.extend(error.problems)
        return None

    ha = read("ha.cf", lambda text, file, _: parse_ha_cf(text, file, own_name=own, default_udpport=_service_port()))
    keys = read("authkeys", parse_authkeys)
    # Without ha.cf nobody knows the nodes: its problems stand for both.
    groups = read("haresources", lambda text, file, _: parse_haresources(text, file, ha.nodes)) if ha else None
    safety = (
        read("hbeat.yaml", lambda text, file, _: _settings(text, file))
        if os.path.lexists(directory / "hbeat.yaml")
        else Safety()
    )
    if ha is not None and len(ha.nodes) > MAX_NODES:
        what = f"{len(ha.nodes)} nodes ({' '.join(ha.nodes)})"
        cure = "a cluster with haresources has one or two; name those"
        problems.append(Problem(str(directory / "ha.cf"), 0, Severity.ERROR, what, cure))
    if problems or ha is None or keys is None or groups is None or safety is None:
        raise ConfigError(problems)
    return Configuration(own, ha, keys, groups, safety)


def _settings(text: str, file: str) -> Safety:
    from hbeat.adapters.yaml_file import read_tree  # heavy, and most nodes have no such file

    return parse_settings(read_tree(text, file), file)


def _service_port() -> int:
    try:
        return socket.getservbyname(SERVICE, "udp")
    except OSError:
        return DEFAULT_PORT
