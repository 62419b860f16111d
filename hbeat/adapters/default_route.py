"""The built-in IPsrcaddr: the source address of the default route, through netlink.

Connections that this node opens itself then come from the virtual address, as their firewall rules expect. Only the
preferred source of the route is changed; gateway, interface, metric, table and all else stay what they are.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address

from hbeat.adapters.rtnetlink import Requests
from hbeat.core.routes import DefaultRoute as Found


class RouteError(Exception):
    """The default route cannot be changed; the text says why and what to do."""


class DefaultRoute:
    """The IPv4 default route of this network namespace: of several, the one with the lowest metric."""

    def __init__(self) -> None:
        self._requests = Requests()

    def close(self) -> None:
        self._requests.close()

    def source(self) -> str | None:
        """The preferred source address; None when the kernel chooses, or when there is no default route.

        Raises RouteError.
        """
        route = self._route()
        return str(IPv4Address(route.source)) if route is not None and route.source else None

    def set_source(self, address: str | None) -> None:
        """Gives the route this preferred source; None lets the kernel choose again. Raises RouteError."""
        route = self._route()
        if route is None:
            raise RouteError("there is no default route whose source address could be set; add one")
        refused = self._requests.ask(route.with_source(b"" if address is None else IPv4Address(address).packed))
        if refused:
            what = f"cannot set the source address of the default route to {address}: {refused}"
            raise RouteError(f"{what}; the address must be on this machine: put it before IPsrcaddr")

    def _route(self) -> Found | None:
        try:
            found = self._requests.default_routes(socket.AF_INET)
        except OSError as error:
            raise RouteError(f"the kernel does not tell its routes: {error.strerror}") from None
        return min(found, key=lambda route: route.metric, default=None)
