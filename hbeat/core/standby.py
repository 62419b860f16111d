"""The standby handshake: one node gives resource groups up, the other takes them (reference section 5.4).

    giver G                                      taker T
      ask_resources S info=me      ------>
                                   <------       ask_resources S info=other
      resource … info=standby      ------>
      (stops its groups)
      ask_resources S info=done    ------>
                                                 (starts them)
                                   <------       ask_resources S info=done

S names the groups as the giver sees them. Used by hb_standby, by hb_takeover (the receiver of that message gives)
and by failback. When both offer at the same time, the node whose name comes first goes on with its own, and the other
one answers it. The giver waits ten seconds for `other`, so that a peer which cannot take costs nothing; what
comes after may wait for slow scripts, an hour at most.
"""

from __future__ import annotations

from enum import Enum

from hbeat.core.model import Held

ANSWER_WAIT = 10.0
WORK_WAIT = 3600.0


class Stage(Enum):
    """Where one node stands in the handshake."""

    NOT = "not"
    ASKED = "me"  # giver: asked, waiting for `other`
    GIVING = "giving"  # giver: stopping its groups
    GIVEN = "done"  # giver: waiting until the taker has them
    PROMISED = "other"  # taker: said `other`, waiting for `done`
    TAKING = "taking"  # taker: starting the groups


class Step(Enum):
    """What moves the handshake."""

    ASK = "we ask"
    ASKED_BY_PEER = "peer asks"
    ANSWERED = "peer said other"
    GAVE = "groups are stopped"
    PEER_DONE = "peer said done"
    TOOK = "groups are started"


_TABLE: dict[tuple[Stage, Step], tuple[Stage, float | None]] = {
    (Stage.NOT, Step.ASK): (Stage.ASKED, ANSWER_WAIT),
    (Stage.ASKED, Step.ANSWERED): (Stage.GIVING, None),  # the job ends by itself
    (Stage.GIVING, Step.GAVE): (Stage.GIVEN, WORK_WAIT),
    (Stage.GIVEN, Step.PEER_DONE): (Stage.NOT, None),
    (Stage.NOT, Step.ASKED_BY_PEER): (Stage.PROMISED, WORK_WAIT),
    (Stage.ASKED, Step.ASKED_BY_PEER): (Stage.PROMISED, WORK_WAIT),  # offers crossed: ours is withdrawn
    (Stage.PROMISED, Step.PEER_DONE): (Stage.TAKING, None),
    (Stage.TAKING, Step.TOOK): (Stage.NOT, None),
}


class IllegalStep(ValueError):
    """This step does not fit the stage; nothing was changed."""


class Standby:
    """The handshake under way, if any. scope: the groups, as the giver names them."""

    def __init__(self) -> None:
        self.stage = Stage.NOT
        self.scope = Held.NONE
        self.deadline: float | None = None

    @property
    def under_way(self) -> bool:
        return self.stage is not Stage.NOT

    @property
    def giving(self) -> bool:
        """This node is the giver."""
        return self.stage in (Stage.ASKED, Stage.GIVING, Stage.GIVEN)

    @property
    def taking(self) -> bool:
        """This node is the taker."""
        return self.stage in (Stage.PROMISED, Stage.TAKING)

    def allows(self, step: Step) -> bool:
        return (self.stage, step) in _TABLE

    def step(self, step: Step, now: float, scope: Held | None = None) -> None:
        """Moves on. Raises IllegalStep when the table has no such move."""
        if not self.allows(step):
            raise IllegalStep(f"{step.value} in stage {self.stage.value}")
        self.stage, wait = _TABLE[self.stage, step]
        self.deadline = None if wait is None else now + wait
        if scope is not None:
            self.scope = scope

    def cancel(self) -> None:
        """Back to NOT: the peer died, stopped, or did not answer in time."""
        self.stage = Stage.NOT
        self.deadline = None
