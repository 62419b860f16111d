"""Where the programs are that this suite is compared with: installed on this machine, else unpacked beside us.

`make peers` unpacks Debian's keepalived, and lays Debian's heartbeat and ldirectord into a folder of its own (a layer,
see nodes.py), both below the virtual environment; nothing of it is installed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

PEERS = Path(sys.prefix) / "peers"
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

KEEPALIVED = PEERS / "keepalived/usr/sbin/keepalived"
HEARTBEAT_LAYER = PEERS / "heartbeat"
HEARTBEAT = Path("/usr/libexec/heartbeat/heartbeat")
HB_STANDBY, HB_TAKEOVER = (Path("/usr/share/heartbeat", name) for name in ("hb_standby", "hb_takeover"))
LDIRECTORD = Path("/usr/sbin/ldirectord")
SHIPPED = ("harc", "shellfuncs", "rc.d", "resource.d")
"""What heartbeat's packages put into /etc/ha.d."""


class ProgramMissing(Exception):
    """A program is not here; the text says how to get it."""


def keepalived() -> Path:
    """The program. Raises ProgramMissing."""
    installed = shutil.which("keepalived", path=SEARCH_PATH)
    program = Path(installed) if installed else KEEPALIVED
    if not program.exists():
        raise ProgramMissing("keepalived is not on this machine; make peers, or as root: apt-get install keepalived")
    asked = subprocess.run([str(program), "--version"], capture_output=True, text=True)
    if asked.returncode != 0:
        words = (asked.stderr.strip().splitlines() or ["no reason given"])[0]
        raise ProgramMissing(f"{program} does not run ({words}); make peers, or as root: apt-get install keepalived")
    return program


def heartbeat_layer() -> Path | None:
    """What a node needs to have the original heartbeat and ldirectord; None: this machine has both.

    Raises ProgramMissing.
    """
    if HEARTBEAT.exists() and LDIRECTORD.exists() and Path("/etc/ha.d/resource.d/ldirectord").exists():
        return None
    if all((HEARTBEAT_LAYER / path.relative_to("/")).exists() for path in (HEARTBEAT, LDIRECTORD)):
        return HEARTBEAT_LAYER
    raise ProgramMissing(
        "the original heartbeat and ldirectord are not on this machine; as root: make peers, or "
        "apt-get install heartbeat ldirectord"
    )


def furnish(ha_d: Path, layer: Path | None) -> None:
    """Put into this /etc/ha.d what the original's packages put there, over what has the same name; the rest stays."""
    source = Path("/etc/ha.d") if layer is None else layer / "etc/ha.d"
    for item in SHIPPED:
        for path in sorted((source / item).iterdir()) if (source / item).is_dir() else [source / item]:
            target = ha_d / path.relative_to(source)
            target.parent.mkdir(exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copy2(path, target, follow_symlinks=False)
