"""maintenancedir: a file whose name is that of a real server takes the server out of service (reference section d).

Names that are looked for: IP:PORT, IP, NAME:PORT, NAME, SHORT:PORT, SHORT. NAME is what the reverse lookup of the
address gives, SHORT its first label when it begins with a lower-case letter. IPv6 addresses stand in brackets. A file
without a port takes the server out of every virtual, one with a port out of those where the real has this port - as
written on its line or as it stands in the table, which differ where gate and ipip force it.

Looking names up is slow and may fail, so it is done elsewhere and the names come in here as they are known. They only
matter while the folder holds a file that is not an address, see `has_names`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ldirector.core.model import Member, Real, Virtual, bracketed

Names = Mapping[str, str | None]
"""Address of a real -> its name, None when it has none; addresses not looked up yet are absent."""

_PORT = re.compile(r":[0-9]{1,5}\Z")


@dataclass(frozen=True, slots=True)
class Maintenance:
    """members: who is out of service, with the file that says so. strangers: files that name no server, sorted."""

    members: Mapping[Member, str]
    strangers: tuple[str, ...] = ()


def in_maintenance(virtuals: Iterable[Virtual], files: Collection[str], names: Names) -> Maintenance:
    """Which reals these files take out of service. Strangers are only known once all names are."""
    files = frozenset(files)
    members: dict[Member, str] = {}
    used: set[str] = set()
    all_named = True
    for virtual in virtuals:
        for real in virtual.reals:
            all_named &= real.key.address in names
            asked = file_names(real, names.get(real.key.address))
            if found := [name for name in asked if name in files]:
                members[virtual.key, real.key] = found[0]
                used.update(found)
    if not all_named and has_names(files):
        return Maintenance(members)
    return Maintenance(members, tuple(sorted(files - used)))


def file_names(real: Real, name: str | None) -> list[str]:
    """The file names that take this real out of service, in the order in which they are looked for."""
    ports = list(dict.fromkeys((real.port, real.key.port)))
    hosts = [bracketed(real.key.address)]
    if name:
        hosts.append(name)
        short = name.split(".", 1)[0]
        if "a" <= short[:1] <= "z":
            hosts.append(short)
    return [asked for host in dict.fromkeys(hosts) for asked in (*(f"{host}:{port}" for port in ports), host)]


def has_names(files: Iterable[str]) -> bool:
    """Whether some file is not an address, so that the names of the reals have to be known."""
    return not all(_is_address(_PORT.sub("", file)) for file in files)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
    except ValueError:
        return False
    return True
