"""The built-in IPsrcaddr: the source address of the default route, through netlink.

Connections that this node opens itself then come from the virtual address, as their firewall rules expect. Only the
preferred source of the route is changed; gateway, interface, metric, table and all else stay what they are. The route
outlives the address: see `core.lent_route`.
"""

from __future__ import annotations

import socket
from errno import EEXIST
from ipaddress import IPv4Address
from pathlib import Path

from hbeat.adapters.rtnetlink import Requests
from hbeat.adapters.state_file import replace_file
from hbeat.core.lent_route import LentRoute, lend, read_lent, write_lent
from hbeat.core.record import RecordError
from hbeat.core.routes import DefaultRoute as Found

FILE = Path("/var/run/heartbeat/default_route")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class RouteError(Exception):
    """The default route cannot be changed; the text says why and what to do."""


class DefaultRoute:
    """The IPv4 default route of this network namespace: of several, the one with the lowest metric.

    file: where it is written down how the route was.
    """

    def __init__(self, file: Path = FILE) -> None:
        self._requests = Requests()
        self._file = file
        self._lent, self.problem = _read(file)
        """problem: what an operator should know of the file; nothing is lost by it now."""

    def close(self) -> None:
        self._requests.close()

    @property
    def again(self) -> bytes:
        """The message to the kernel that puts the route back when its address has gone; empty: it has no source of
        ours."""
        return b"" if self._lent is None else self._lent.again

    def source(self) -> str | None:
        """The preferred source address; None when the kernel chooses, or when there is no default route.

        Raises RouteError.
        """
        route = self._route()
        return str(IPv4Address(route.source)) if route is not None and route.source else None

    def lend(self, address: str) -> None:
        """Gives the route this source. One that went with an earlier address of ours is put back first.

        Raises RouteError.
        """
        packed = IPv4Address(address).packed
        route = self._route()
        if route is None and self._lent is not None:
            self._put_back(self._lent)
            route = self._route()
        if route is None:
            raise RouteError("there is no default route whose source address could be set; add one")
        self._keep(lend(self._lent, route, IPv4Address(address)))
        if route.source == packed:
            return
        refused = self._requests.ask(route.with_source(packed))
        if refused:
            what = f"cannot set the source address of the default route to {address}: {refused}"
            raise RouteError(f"{what}; the address must be on this machine: put it before IPsrcaddr")

    def give_back(self, address: str) -> None:
        """The route is as it was; one with another source is left alone. Raises RouteError."""
        route, lent = self._route(), self._lent
        ours = lent if lent is not None and lent.address == IPv4Address(address) else None
        if route is not None and route.source == IPv4Address(address).packed:
            before = ours.source if ours is not None else b""
            refused = self._requests.ask(route.with_source(before))
            if refused and before:  # that address may have gone since
                refused = self._requests.ask(route.with_source(b""))
            if refused:
                raise RouteError(f"cannot take {address} from the default route as its source: {refused}")
        elif ours is not None and not self._stands(ours.address):
            self._put_back(ours)  # else somebody has removed or changed it, not the kernel
        if ours is not None:
            self._keep(None)

    def address_gone(self, address: str) -> None:
        """If the kernel has removed the route with this address, it is there again. Raises RouteError."""
        if self._lent is not None and self._lent.address == IPv4Address(address):
            self._put_back(self._lent)

    def _put_back(self, lent: LentRoute) -> None:
        refused = self._requests.ask(lent.again, but=(EEXIST,))
        if refused:
            what = f"the default route has gone with {lent.address}, its source, and cannot be put back: {refused}"
            raise RouteError(f"{what}; add it by hand")

    def _keep(self, lent: LentRoute | None) -> None:
        """Before the route is changed: whatever becomes of this process, the next one knows."""
        if lent == self._lent:
            return
        self._lent = lent
        try:
            if lent is None:
                self._file.unlink(missing_ok=True)
            else:
                replace_file(self._file, write_lent(lent, _boot()).encode(), sync=False)
        except OSError as error:
            what = f"{self._file} cannot be written: {error.strerror}"
            self.problem = f"{what}; when this process is killed the default route may be lost with its source"

    def _stands(self, address: IPv4Address) -> bool:
        try:
            return any(found.standing.packed == address.packed for found in self._requests.addresses(socket.AF_INET))
        except OSError as error:
            raise RouteError(f"the kernel does not tell its addresses: {error.strerror}") from None

    def _route(self) -> Found | None:
        try:
            found = self._requests.default_routes(socket.AF_INET)
        except OSError as error:
            raise RouteError(f"the kernel does not tell its routes: {error.strerror}") from None
        return min(found, key=lambda route: route.metric, default=None)


def _read(file: Path) -> tuple[LentRoute | None, str]:
    """What an earlier process has written down, and what is wrong with it."""
    try:
        return read_lent(file.read_text("ascii", "replace"), _boot()), ""
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        return None, f"{file} cannot be read: {error.strerror}; a default route that is missing is not put back"
    except RecordError as error:
        return None, f"{file} is {error}; a default route that is missing is not put back"


def _boot() -> str:
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return "unknown"
