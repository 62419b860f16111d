"""Optional libraries: what is missing on this machine is found when the file is read, not at the first check.

A module of checks that needs one imports it at its top; nothing is imported here.
"""

from __future__ import annotations

import functools
import importlib.util

from ldirector.core.services import SERVICES

MODULES = {"dns": "dns", "radius": "pyrad", "mysql": "pymysql", "oracle": "oracledb"}
"""Extra of setup.cfg -> the top-level module it brings; the extras themselves stand in core/services.py."""


def missing(service: str) -> str:
    """The extra to install before this service can be checked, "" when everything is there.

    service: a name of core/services.py. Raises KeyError for another.
    """
    extra = SERVICES[service].extra
    return "" if not extra or _is_installed(MODULES[extra]) else extra


@functools.cache
def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
