"""What of a good configuration this machine cannot do as it stands: said at start and at reload, never fatal."""

from __future__ import annotations

import os
from pathlib import Path

from hbeat.adapters.scripts import find_script, missing_script
from hbeat.core.ownership import BUILTIN
from hbeat.load import HA_DIR, Configuration

SHIPPED_HOOKS = frozenset({"ask_resources", "hb_takeover", "ip-request", "ip-request-resp", "status"})
"""Scripts in rc.d that heartbeat itself brings along; what they do is built in here."""


def shortcomings(config: Configuration) -> list[str]:
    """One line each: resource scripts that are not installed, logs that cannot be written, hooks nobody calls."""
    scripts = {r.script for group in config.groups for r in group.resources} - BUILTIN
    found = [f"haresources: {missing_script(name)}" for name in sorted(scripts) if find_script(name) is None]
    for path in (config.ha.log.logfile, config.ha.log.debugfile):
        if path and not os.access(path if os.path.exists(path) else os.path.dirname(path), os.W_OK):
            found.append(f"{path} cannot be written: create its folder, or nothing is logged there")
    hooks = (path.name for path in (HA_DIR / "rc.d").glob("*") if os.access(path, os.X_OK) and path.is_file())
    own = sorted(set(hooks) - SHIPPED_HOOKS)
    if own:
        found.append(f"{Path(HA_DIR, 'rc.d')}: {', '.join(own)} will not be called; hooks come with a later release")
    return found
