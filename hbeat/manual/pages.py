"""Which pages there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hbeat.manual import cl_status, files, ha_cf, hbeat

PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "ha.cf.5": ha_cf.page,
    "haresources.5": files.haresources,
    "authkeys.5": files.authkeys,
    "hbeat.8": hbeat.page,
    "cl_status.1": cl_status.page,
}
"""The lines of each page by its file name."""
