"""The files of /etc/ha.d read together into one frozen value, or every problem of all of them."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from hbeat.adapters.regular_file import Unfit, read_regular
from hbeat.config.authkeys import AuthKeys, parse_authkeys
from hbeat.config.errors import ConfigError, Problem, Severity
from hbeat.config.ha_cf import parse_ha_cf
from hbeat.config.ha_config import HaConfig
from hbeat.config.haresources import parse_haresources
from hbeat.config.hbeat_yaml import Extras, parse_settings
from hbeat.core.builtin import SYNC_SWAP
from hbeat.core.model import NodeName, ResourceGroup, Safety, Sessions

HA_DIR = Path("/etc/ha.d")
SERVICE, DEFAULT_PORT = "ha-cluster", 694
MAX_NODES = 2
SIZE_LIMIT = 256 << 10
"""Bytes of one file: many times what anybody needs, and few enough to be read and refused between two heartbeats."""
_CREATE = "create it, or correct its owner and mode"
_NO_FILE = "put a text file there"
_NOT_A_NAME = re.compile(r"[^!-~]")

T = TypeVar("T")


@dataclass(frozen=True)
class Configuration:
    """All that the daemon is told. safety, sessions: of hbeat.yaml. warnings: of ha.cf and authkeys, in this order."""

    node: NodeName
    ha: HaConfig
    keys: AuthKeys
    groups: tuple[ResourceGroup, ...]
    safety: Safety = field(default_factory=Safety)
    sessions: Sessions = field(default_factory=Sessions)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return (*self.ha.warnings, *self.keys.warnings)


class NotPermitted(ConfigError):
    """Files of ours may not be read by who asks; what is in them is not known."""


def node_name(directory: Path = HA_DIR) -> NodeName:
    """Our name: the text of nodeinfo if that file exists, else `uname -n`; lower case. Raises ConfigError."""
    path = directory / "nodeinfo"
    try:
        content, _ = read_regular(path, SIZE_LIMIT)
    except FileNotFoundError:
        content = b""
    except OSError as error:
        raise ConfigError([_unreadable(path, error, "remove it, and the name is that of `uname -n`")]) from None
    named = content.decode("utf-8", "replace").strip()
    if _NOT_A_NAME.search(named):
        what = f"{named[:40]!a} is not one name in plain letters"
        cure = "write this node's name as ha.cf has it, or remove the file"
        raise ConfigError([Problem(str(path), 1, Severity.ERROR, what, cure)])
    return (named or os.uname().nodename).lower()


def _unreadable(path: Path, error: OSError, otherwise: str = _CREATE) -> Problem:
    cure = _NO_FILE if isinstance(error, Unfit) else otherwise
    return Problem(str(path), 0, Severity.ERROR, f"cannot be read: {error.strerror}", cure)


def load(directory: Path = HA_DIR) -> Configuration:
    """Reads and checks ha.cf, authkeys, haresources and hbeat.yaml. Raises ConfigError with all problems, NotPermitted
    when one is that this user may not read them."""
    problems: list[Problem] = []
    permitted = True
    own = node_name(directory)

    def read(name: str, parse: Callable[[str, str, int], T]) -> T | None:
        nonlocal permitted
        path = directory / name
        try:
            content, mode = read_regular(path, SIZE_LIMIT)
            return parse(content.decode("utf-8", "surrogateescape"), str(path), mode)
        except OSError as error:
            permitted = permitted and not isinstance(error, PermissionError)
            problems.append(_unreadable(path, error))
        except ConfigError as error:
            problems.extend(error.problems)
        return None

    ha = read("ha.cf", lambda text, file, _: parse_ha_cf(text, file, own_name=own, default_udpport=_service_port()))
    keys = read("authkeys", parse_authkeys)
    # Without ha.cf nobody knows the nodes: its problems stand for both.
    groups = read("haresources", lambda text, file, _: parse_haresources(text, file, ha.nodes)) if ha else None
    extras = (
        read("hbeat.yaml", lambda text, file, _: _settings(text, file))
        if os.path.lexists(directory / "hbeat.yaml")
        else Extras()
    )
    if ha is not None and len(ha.nodes) > MAX_NODES:
        what = f"{len(ha.nodes)} nodes ({' '.join(ha.nodes)})"
        cure = "a cluster with haresources has one or two; name those"
        problems.append(Problem(str(directory / "ha.cf"), 0, Severity.ERROR, what, cure))
    if groups and extras and (plan := extras.sessions.connection_sync):
        problems += _double_sync(groups, str(directory / "hbeat.yaml"), plan.line)
    if problems or ha is None or keys is None or groups is None or extras is None:
        raise ConfigError(problems) if permitted else NotPermitted(problems)
    return Configuration(own, ha, keys, groups, extras.safety, extras.sessions)


def _double_sync(groups: Iterable[ResourceGroup], file: str, line: int) -> Iterator[Problem]:
    """connection_sync beside the resource that does the same."""
    for resource in (r for group in groups for r in group.resources if r.script == SYNC_SWAP):
        what = f"connection_sync, and {resource.text} in line {resource.line} of haresources stops what it starts"
        yield Problem(file, line, Severity.ERROR, what, "remove one of them, on both nodes")


def _settings(text: str, file: str) -> Extras:
    from hbeat.adapters.yaml_file import read_entries  # heavy, and most nodes have no such file

    return parse_settings(read_entries(text, file), file)


def _service_port() -> int:
    try:
        return socket.getservbyname(SERVICE, "udp")
    except OSError:
        return DEFAULT_PORT
