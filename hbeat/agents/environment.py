"""What resource scripts and rc.d hooks find in their environment (reference section 12.2)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hbeat.adapters.fifo import FIFO
from hbeat.core.model import Failback
from hbeat.load import Configuration


def script_environment(config: Configuration) -> dict[str, str]:
    """What resource scripts find in their environment (reference section 12.2): ha.cf's words and where things are."""
    parameters = dict(config.ha.parameters)
    env = {f"HA_{name}": value for name, value in parameters.items()}
    env |= {f"HA_{name}": value for name, value in config.ha.environment}
    env |= {
        "HA_CURHOST": config.node,
        "HA_DIR": "/etc/ha.d/",
        "HA_FUNCS": "/etc/ha.d//shellfuncs",
        "HA_RCDIR": "/etc/ha.d//rc.d",
        "HA_RESOURCEDIR": "/etc/ha.d//resource.d",
        "HA_DOCDIR": "/usr/share/doc/heartbeat",
        "HA_BIN": str(Path(sys.executable).parent),
        "HA_OSTATUS": "active",
        "HA_LOGD": "no",
        "HA_FIFO": str(FIFO),
        "HA_DATEFMT": "%Y/%m/%d_%T ",
        "OCF_ROOT": "/usr/lib/ocf",
        "OCF_AGENTS": "/usr/lib/ocf/resource.d/heartbeat/",
        "LC_ALL": "C",
        "PATH": f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".lstrip(
            ":"
        ),
    }
    if config.ha.auto_failback is not Failback.LEGACY:
        env["HA_NICEFAILBACK"] = "yes"
    for name, variable in (("logfile", "HA_LOGFILE"), ("debugfile", "HA_DEBUGLOG"), ("logfacility", "HA_LOGFACILITY")):
        if name in parameters:
            env[variable] = parameters[name]
    return env
