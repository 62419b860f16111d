"""The built-in IPsrcaddr: the source address of the default route, through netlink.

Connections that this node opens itself then come from the virtual address, as their firewall rules expect. Only the
preferred source of the route is changed; gateway, interface, metric and table stay what they are.
"""

from __future__ import annotations

import socket
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

MAIN_TABLE = 254


class RouteError(Exception):
    """The default route cannot be changed; the text says why and what to do."""


class DefaultRoute:
    """The IPv4 default route of this network namespace: of several, the one with the lowest metric."""

    def __init__(self) -> None:
        self._netlink = IPRoute()

    def close(self) -> None:
        self._netlink.close()

    def source(self) -> str | None:
        """The preferred source address, None when the kernel chooses, or when there is no default route."""
        route = self._route()
        source = None if route is None else route.get("prefsrc")
        return None if source is None else str(source)

    def set_source(self, address: str | None) -> None:
        """Gives the route this preferred source; None lets the kernel choose again. Raises RouteError."""
        route = self._route()
        if route is None:
            raise RouteError("there is no default route whose source address could be set; add one")
        if route.get("multipath") is not None:
            raise RouteError("the default route has several next hops; give it one, or drop IPsrcaddr")
        request: dict[str, Any] = {
            "family": socket.AF_INET,
            "dst": "0.0.0.0/0",
            "table": MAIN_TABLE,
            "proto": route["proto"],
            "scope": route["scope"],
            "tos": route["tos"],
            "flags": route["flags"],
            "oif": route.get("oif"),
            "gateway": route.get("gateway"),
            "priority": route.get("priority"),
            "prefsrc": address,
        }
        metrics = route.get("metrics")
        if metrics is not None:
            request["metrics"] = {name.removeprefix("RTAX_").lower(): value for name, value in metrics["attrs"]}
        try:
            self._netlink.route("replace", **{key: value for key, value in request.items() if value is not None})
        except NetlinkError as error:
            what = f"cannot set the source address of the default route to {address}: {error}"
            raise RouteError(f"{what}; the address must be on this machine: put it before IPsrcaddr") from None

    def _route(self) -> Any:
        """The default route as the kernel dumps it."""
        routes = [
            message
            for message in self._netlink.get_routes(family=socket.AF_INET, table=MAIN_TABLE)
            if message["dst_len"] == 0 and message["type"] == 1  # RTN_UNICAST
        ]
        return min(routes, key=lambda message: message.get("priority") or 0, default=None)
