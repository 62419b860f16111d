"""What a health check can say, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """NOT_RUN is our own shortage (descriptors, permission, cancelled by a reload): it moves no state."""

    PASS = "pass"
    FAIL = "fail"
    NOT_RUN = "not run"


class Reason(Enum):
    """Why a check ended as it did; the text is what the operator reads in the log."""

    OK = "ok"
    CONNECT_REFUSED = "connection refused"
    CONNECT_TIMEOUT = "connection timed out"
    UNREACHABLE = "unreachable"
    CONNECTION_LOST = "connection lost"
    READ_TIMEOUT = "no complete answer in time"
    TLS = "TLS handshake failed"
    BAD_ANSWER = "answer not understood"
    NOT_FOUND = "nothing found"
    WRONG_STATUS = "wrong status"
    RECEIVE_MISMATCH = "receive did not match"
    WRONG_DIGEST = "digest of the body is another"
    CERTIFICATE = "certificate not accepted"
    REFUSED = "refused by the server"
    PATTERN_TIMEOUT = "receive took too long to match"
    TOO_LARGE = "answer too large"
    EXIT_STATUS = "command failed"
    COMMAND_TIMEOUT = "command timed out"
    COMMAND_MISSING = "command could not be started"
    NO_DESCRIPTORS = "out of file descriptors"
    NO_PERMISSION = "this program lacks the permission"
    NO_MEMORY = "out of memory"
    NO_THREAD = "too many checks of this kind at work"
    OVERLOADED = "this machine was too slow"
    INTERNAL = "internal error"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One finished check: outcome, reason, free words for the log, and how long it took in seconds."""

    outcome: Outcome
    reason: Reason
    detail: str = ""
    took: float = 0.0

    def not_run(self) -> Verdict:
        """The same check, made at a time when this machine could not be trusted."""
        detail = f"{self.reason.value}, at a time when this machine was short of something"
        return Verdict(Outcome.NOT_RUN, Reason.OVERLOADED, detail, self.took)


OUR_SHORTAGE = frozenset({Reason.NO_DESCRIPTORS, Reason.NO_MEMORY, Reason.OVERLOADED})
"""Reasons of a NOT_RUN that say that this machine has too little of something. A limit of ours that one kind of check
has reached is none: its servers hang, all others are well, and whoever fails among those must be taken down."""
