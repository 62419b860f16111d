"""LVSSyncDaemonSwap: the node that holds the group sends its IPVS connections, the other one listens.

`LVSSyncDaemonSwap::master` starts as master and stops into backup; `::backup` the other way round. Because everything
that an earlier life left is stopped when the daemon starts, a standby listens from its first minute on. Status looks
at the kernel: the daemon of the role must run on that interface with that syncid.
"""

from __future__ import annotations

from hbeat.adapters.ipvs_sync import NoIpvs, SyncDaemons, SyncError
from hbeat.core.builtin import SYNC_ROLES, parse_lvs_sync_daemon_swap
from hbeat.core.events import Action, Outcome
from hbeat.core.model import Resource


def swap(resource: Resource, action: Action) -> Outcome:
    """Does the action at once."""
    spec = parse_lvs_sync_daemon_swap(resource.arguments)
    other = SYNC_ROLES[1 - SYNC_ROLES.index(spec.role)]
    try:
        daemons = SyncDaemons()
    except NoIpvs as error:
        return Outcome(action is not Action.START, str(error))  # nothing can run that would have to be stopped
    except OSError as error:
        return Outcome(False, f"IPVS does not answer: {error.strerror or error}")
    try:
        if action is Action.STATUS:
            return Outcome(True, running=daemons.running().get(spec.role) == (spec.interface, spec.syncid))
        wanted, unwanted = (spec.role, other) if action is Action.START else (other, spec.role)
        daemons.stop(unwanted)
        daemons.start(wanted, spec.interface, spec.syncid)
        return Outcome(True, f"{wanted} on {spec.interface}, syncid {spec.syncid}", running=action is Action.START)
    except (OSError, SyncError) as error:
        # What gives connections away is stopped; that nobody listens afterwards must not hold a handover up.
        stopped = action is Action.STOP and _is_stopped(daemons, spec.role)
        return Outcome(stopped, str(error))
    finally:
        daemons.close()


def _is_stopped(daemons: SyncDaemons, role: str) -> bool:
    try:
        return role not in daemons.running()
    except OSError:
        return False
