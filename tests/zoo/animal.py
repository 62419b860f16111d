"""One row of the zoo: a peer, how it is checked, and what the check must say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.zoo.wire import Answers, Peer

TIMEOUT = 1.0  # seconds of a check


class Cage(Enum):
    """Where a peer lives. ABSENT: nobody listens. DEAF: connections are not even refused."""

    TCP = "tcp"
    UDP = "udp"
    ABSENT = "absent"
    DEAF = "deaf"


@dataclass(frozen=True)
class Animal:
    """wanted: reasons, of which the verdict must have one; Reason.OK means that the server is up.

    More than one where it depends on how the bytes happen to be cut, or where two are equally true. peer, answers:
    what lives in a cage of TCP, and of UDP. settings: of the CheckSpec.
    """

    name: str
    service: str
    wanted: frozenset[Reason]
    peer: Peer | None = None
    answers: Answers | None = None
    cage: Cage = Cage.TCP
    settings: Mapping[str, Any] = field(default_factory=dict)

    def spec(self, port: int, timeout: float = TIMEOUT) -> CheckSpec:
        given: dict[str, Any] = {"protocol": "udp" if self.cage is Cage.UDP else "tcp", **self.settings}
        method = "connect" if self.service == "connect" else "negotiate"
        service = "" if self.service == "connect" else self.service
        return CheckSpec(method=method, address="127.0.0.1", port=port, timeout=timeout, service=service, **given)

    def is_right(self, verdict: Verdict) -> bool:
        return verdict.reason in self.wanted and (verdict.outcome is Outcome.PASS) == (verdict.reason is Reason.OK)
