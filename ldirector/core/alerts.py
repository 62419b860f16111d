"""Which mails are due about which real (reference sections b: emailalert..., and d: Mail).

A mail tells of one change of a real in one virtual, with the words of the log line as its subject; while the real
stays down a reminder follows every emailalertfreq seconds, counted from the last mail about it. emailalertstatus says
in which states of the daemon mail is wanted at all.

    told(what happened) ---> gathered for GATHER_SECONDS, per virtual ---> one mail
                  \\--> down: reminder after emailalertfreq --> again --> ... up, or gone from the file: forgotten

Differences from the original, on purpose. A start gives one mail per real, when its state is known, instead of three
(added, quiescent, restored), and a reload none for a real that stays down (restored, quiescent). A fallback that comes
and goes while mails are gathered, as at a start, is not told of. Real servers that left the file are purged with the
occasion of the log line, (start) or (reload), where the original always has (start); like it, this tells of those that
stood in the table, and of none in a virtual that left as a whole. Changes of one virtual that come together share a
mail: a failed switch is one mail that lists a hundred servers, and not a hundred mails; its subject begins with the
same words and counts them. Each line of the body ends with the reason, as the line of our log does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from ldirector.core.events import Mail
from ldirector.core.health import State
from ldirector.core.model import Member, RealKey, Virtual, VirtualKey, real_name, virtual_label
from ldirector.core.recipients import recipients
from ldirector.core.transcript import Transition

GATHER_SECONDS = 5.0
"""What fails together is noticed within the checkinterval, not at once; a mail takes seconds to be read anyway."""


class DaemonState(Enum):
    """The words of emailalertstatus and of the mails."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    RELOADING = "reloading"


class What(Enum):
    """What happened to a real, in the words that begin its log line."""

    ADDED = "Added real server"
    RESTORED = "Restored real server"
    QUIESCENT = "Quiescent real server"
    DELETED = "Deleted real server"
    PURGED = "Purged real server"
    INACCESSIBLE = "Inaccessible real server"
    FALLBACK_ADDED = "Added fallback server"
    FALLBACK_DELETED = "Deleted fallback server"


@dataclass(frozen=True, slots=True)
class Happening:
    """One change of one real, or of a fallback. weight: None when it left the table. occasion: of a purge.

    why: for the body, "" = nothing to say.
    """

    virtual: VirtualKey
    real: RealKey
    what: What
    weight: int | None = None
    occasion: str = ""
    why: str = ""

    def __str__(self) -> str:
        """The beginning of the log line: `Quiescent real server: 192.168.2.1:80 (10.1.1.10:80) (Weight set to 0)`."""
        occasion = f" ({self.occasion})" if self.occasion else ""
        weight = "" if self.weight is None else f" (Weight set to {self.weight})"
        return f"{self.what.value}{occasion}: {real_name(self.real)} ({virtual_label(self.virtual)}){weight}"


def happening(transition: Transition, virtual: Virtual, weight: int) -> Happening:
    """What a change of health means to the operator: with quiescent=no the server is added to the table and deleted.

    weight: of a real that is up.
    """
    if transition.after is State.UP:
        what = What.RESTORED if virtual.quiescent else What.ADDED
        return Happening(transition.virtual, transition.real, what, weight, why=str(transition))
    if virtual.quiescent:
        return Happening(transition.virtual, transition.real, What.QUIESCENT, 0, why=str(transition))
    return Happening(transition.virtual, transition.real, What.DELETED, why=str(transition))


@dataclass(slots=True)
class _Gathered:
    """Changes that share a mail. due: when it is sent."""

    virtual: Virtual
    state: DaemonState
    due: float
    happenings: list[Happening] = field(default_factory=list)


class Alerts:
    """Mails about the reals of one configuration. host: the name of this machine."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._sender = ""
        self._state = DaemonState.STARTING
        self._virtuals: dict[VirtualKey, Virtual] = {}
        self._last_mail: dict[Member, float] = {}  # of each real that is down; when it went down, if there was none
        self._gathered: dict[tuple[VirtualKey, DaemonState], _Gathered] = {}
        self._deadline: float | None = None

    def configure(self, virtuals: Iterable[Virtual], sender: str, down: Collection[Member], now: float) -> None:
        """These virtuals count from now on; a standby has none.

        sender: emailalertfrom, or what stands in for it. down: all reals that are down now; for those that are new
        here reminders begin to count. Everything else is forgotten, except mails that are already on their way.
        """
        self._virtuals = {virtual.key: virtual for virtual in virtuals}
        self._sender = sender
        here = {(virtual.key, real.key) for virtual in self._virtuals.values() for real in virtual.reals}
        self._last_mail = {member: self._last_mail.get(member, now) for member in sorted(here.intersection(down))}
        self._plan()

    def enter(self, state: DaemonState) -> None:
        """The daemon is in this state now."""
        self._state = state

    def told(self, happenings: Iterable[Happening], now: float) -> None:
        """These things happened just now, to virtuals of the configuration."""
        for one in happenings:
            virtual = self._virtuals.get(one.virtual)
            if virtual is None:
                continue
            if one.what in (What.QUIESCENT, What.DELETED):
                self._last_mail[one.virtual, one.real] = now
                if virtual.emailalertfreq:
                    self._hasten(now + virtual.emailalertfreq)
            elif one.what not in (What.FALLBACK_ADDED, What.FALLBACK_DELETED):
                self._last_mail.pop((one.virtual, one.real), None)
            if _is_wanted(virtual, self._state):
                self._gather(virtual, one, now)
        if not self._last_mail and not self._gathered:
            self._deadline = None

    def _gather(self, virtual: Virtual, one: Happening, now: float) -> None:
        """Into the next mail about this virtual. A fallback that leaves again meanwhile is as if it never came."""
        place = (one.virtual, self._state)
        gathered = self._gathered.get(place)
        if gathered and one.what is What.FALLBACK_DELETED:
            addition = (What.FALLBACK_ADDED, one.real)
            came = [each for each in gathered.happenings if (each.what, each.real) == addition]
            if came:
                gathered.happenings.remove(came[-1])
                if not gathered.happenings:
                    del self._gathered[place]
                return
        if gathered is None:
            gathered = self._gathered[place] = _Gathered(virtual, self._state, now + GATHER_SECONDS)
        gathered.happenings.append(one)
        self._hasten(gathered.due)

    def next_deadline(self) -> float | None:
        """When handle_timer wants to be called; None while there is nothing to wait for."""
        return self._deadline

    def handle_timer(self, now: float) -> list[Mail]:
        """The mails that are due."""
        mails = []
        for place, gathered in list(self._gathered.items()):
            if gathered.due <= now:
                del self._gathered[place]
                mails.append(self._mail(gathered, now))
        for virtual in self._virtuals.values():
            mails += self._reminder(virtual, now)
        self._plan()
        return mails

    def flush(self, now: float) -> list[Mail]:
        """Everything gathered so far, because the daemon ends."""
        mails = [self._mail(gathered, now) for gathered in self._gathered.values()]
        self._gathered.clear()
        self._plan()
        return mails

    def _reminder(self, virtual: Virtual, now: float) -> list[Mail]:
        if not virtual.emailalertfreq:
            return []
        late = [
            real.key
            for real in virtual.reals
            if (last := self._last_mail.get((virtual.key, real.key))) is not None
            and last + virtual.emailalertfreq <= now
        ]
        for real in late:
            self._last_mail[virtual.key, real] = now
        if not late or not _is_wanted(virtual, self._state):
            return []
        happenings = [Happening(virtual.key, real, What.INACCESSIBLE) for real in late]
        return [self._mail(_Gathered(virtual, self._state, now, happenings), now)]

    def _mail(self, gathered: _Gathered, now: float) -> Mail:
        virtual = gathered.virtual
        for one in gathered.happenings:
            if (one.virtual, one.real) in self._last_mail:
                self._last_mail[one.virtual, one.real] = now
        service = f"[{virtual.servicename}] " if virtual.servicename else ""
        return Mail(
            recipients=recipients(virtual.emailalert).addresses,
            sender=self._sender,
            subject=_one_line(service + _subject(gathered.happenings)),
            body="\n".join(map(_one_line, self._body(gathered))) + "\n",
            smtp=virtual.smtp,
        )

    def _body(self, gathered: _Gathered) -> list[str]:
        virtual = gathered.virtual
        lines = [f"ldirectord host: {self._host}"]
        lines += [f"Log-Message: {one}: {one.why}" if one.why else f"Log-Message: {one}" for one in gathered.happenings]
        lines.append(f"Daemon-Status: {gathered.state.value}")
        if virtual.servicename or virtual.comment:
            lines.append("")
        if virtual.servicename:
            lines.append(f"Service name: {virtual.servicename}")
        if virtual.comment:
            lines.append(f"Comment: {virtual.comment}")
        return lines

    def _hasten(self, due: float) -> None:
        """Let the next deadline come by then; one that turns out to be early plans anew. Thousands may die at once."""
        self._deadline = due if self._deadline is None else min(self._deadline, due)

    def _plan(self) -> None:
        """Set the next deadline."""
        due = [gathered.due for gathered in self._gathered.values()]
        for (key, _), last in self._last_mail.items():
            if frequency := self._virtuals[key].emailalertfreq:
                due.append(last + frequency)
        self._deadline = min(due, default=None)


def _is_wanted(virtual: Virtual, state: DaemonState) -> bool:
    words = virtual.emailalertstatus
    return bool(recipients(virtual.emailalert).addresses) and ("all" in words or state.value in words)


def _subject(happenings: Sequence[Happening]) -> str:
    """The one line, or `Quiescent real servers: 3, Restored real servers: 1 (10.1.1.10:80)`."""
    if len(happenings) == 1:
        return str(happenings[0])
    counted = Counter(one.what for one in happenings)
    words = ", ".join(f"{what.value}s: {count}" for what, count in counted.items())
    return f"{words} ({virtual_label(happenings[0].virtual)})"


def _one_line(text: str) -> str:
    """Without control characters: a comment of the file must not begin another header or line."""
    return "".join(character if character.isprintable() else " " for character in text)
