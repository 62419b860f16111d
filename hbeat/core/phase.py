"""The start-up phases of resource ownership, as one table (reference section 5.1 and 5.2).

A node which becomes active knows nothing of what its peer holds. It says `starting` and waits:

    a stable peer that does not hold our groups    they are ours, at once
    a stable peer that holds them                  leave them there until we are ready to serve (SETTLING), then
                                                   become stable with nothing; failback brings them
    a peer that is starting too                    ten seconds (RECEIVED), so that both do not grab at once; none
                                                   when it is of our kind and says what it has (PEER_FREE)
    a dead peer                                    everything is ours

SETTLING is not in the original: a returning node says `stable`, which is what triggers failback, only when its
own health checks have a verdict. Otherwise it would take the addresses in front of an empty IPVS table.
"""

from __future__ import annotations

from enum import Enum


class Phase(Enum):
    """How far this node has come; STABLE is the phase of normal life."""

    INIT = "init"
    STARTING = "starting"
    BOTH_STARTING = "both starting"
    RECEIVED = "resources received"
    SETTLING = "settling"
    STABLE = "stable"
    SHUTDOWN = "shutdown"


class Event(Enum):
    """What can happen to a phase."""

    ACTIVATED = "we became active"
    PEER_STARTING = "peer is starting"
    REPORT_UNSTABLE = "report of an unstable peer"
    REPORT_FREE = "report of a stable peer without our groups"
    REPORT_HOLDING = "report of a stable peer that holds our groups"
    WAIT_OVER = "the wait for a stable peer is over"
    PEER_FREE = "peer of our kind has nothing of ours"
    READY = "we are ready to serve"
    PEER_GONE = "peer died or stopped"
    STOP = "we are told to stop"


def _row(phase: Phase, **changes: Phase) -> dict[tuple[Phase, Event], Phase]:
    return {(phase, event): changes.get(event.name, phase) for event in Event if event is not Event.ACTIVATED}


_P = Phase
_AWAKE = {"REPORT_FREE": _P.STABLE, "REPORT_HOLDING": _P.SETTLING, "PEER_GONE": _P.STABLE, "STOP": _P.SHUTDOWN}

_TABLE: dict[tuple[Phase, Event], Phase] = {
    **_row(_P.INIT, STOP=_P.SHUTDOWN),
    (_P.INIT, Event.ACTIVATED): _P.STARTING,
    **_row(_P.STARTING, **_AWAKE, PEER_STARTING=_P.BOTH_STARTING, REPORT_UNSTABLE=_P.RECEIVED),
    **_row(_P.BOTH_STARTING, **_AWAKE, REPORT_UNSTABLE=_P.RECEIVED, PEER_FREE=_P.STABLE),
    **_row(_P.RECEIVED, **_AWAKE, WAIT_OVER=_P.STABLE, PEER_FREE=_P.STABLE),
    **_row(_P.SETTLING, **_AWAKE, PEER_STARTING=_P.BOTH_STARTING, READY=_P.STABLE),
    **_row(_P.STABLE, STOP=_P.SHUTDOWN),
    **_row(_P.SHUTDOWN),
    (_P.SHUTDOWN, Event.ACTIVATED): _P.SHUTDOWN,
}


class IllegalEvent(ValueError):
    """This event cannot happen in this phase; nothing was changed."""


def following(phase: Phase, event: Event) -> Phase:
    """The phase after the event. Raises IllegalEvent for a pair that is not in the table."""
    try:
        return _TABLE[phase, event]
    except KeyError:
        raise IllegalEvent(f"{event.value} in phase {phase.value}") from None
