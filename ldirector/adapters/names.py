"""Host and service names of ldirectord.cf, asked of the system's resolver and services database."""

from __future__ import annotations

import socket

FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


class SystemNames:
    """The Names of ldirector.config.expand. Lookups block, so a running daemon makes them in a thread."""

    def host(self, name: str, family: int) -> str | None:
        try:
            found = socket.getaddrinfo(name, None, FAMILIES[family], socket.SOCK_STREAM)
        except (OSError, UnicodeError):  # the latter: a part of the name is empty or too long
            return None
        return str(found[0][4][0])

    def service(self, name: str, protocol: str) -> int | None:
        try:
            return socket.getservbyname(name, protocol) if protocol else socket.getservbyname(name)
        except OSError:
            return None
