"""The line of a monitorfile: what one check of one real found (reference section d, monitorfile).

    negotiate http tcp 192.168.2.236 80 1 masq /index.html ok [up] 200
    '----------------------- id ----------------------------'      '-- message

The id is what makes the check: its kind, the server, how it is entered in the table, request and receive; what a check
has not is left out. The message is what the server said, or why it counts as down. The file belongs to whoever reads
it with a script: `%`, `|` and every control character of the message are %-escaped, so that a line is one line.

Differences on purpose: the original turns the colons of an IPv6 address and of a URL into blanks as well; where it has
the page that did not match as its message, this has the reason and how the page begins.
"""

from __future__ import annotations

from ldirector.core.events import MonitorLine
from ldirector.core.model import CheckType, Real, Virtual, bracketed
from ldirector.core.negotiate import receive_pattern, request_text
from ldirector.core.verdict import Outcome, Verdict

IN_MAINTENANCE = "Server in maintenance"
NOTHING_TO_SAY = "-"

_EXTERNAL = (CheckType.EXTERNAL, CheckType.EXTERNAL_PERL)


def checked(virtual: Virtual, real: Real, verdict: Verdict) -> MonitorLine:
    """The line of a check that was made: one that could not be made (NOT_RUN) says nothing about a server."""
    if verdict.outcome is Outcome.PASS:
        return _line(virtual, real, "up", verdict.detail or NOTHING_TO_SAY)
    return _line(virtual, real, "down", ", ".join(filter(None, (verdict.reason.value, verdict.detail))))


def maintained(virtual: Virtual, real: Real) -> MonitorLine:
    """The line of a server that is not checked because it is in maintenance."""
    return _line(virtual, real, "down", IN_MAINTENANCE)


def _line(virtual: Virtual, real: Real, state: str, message: str) -> MonitorLine:
    what = "".join(_escaped(character) for character in message)
    return MonitorLine(virtual.monitorfile, f"{_id(virtual, real)} [{state}] {what}")


def _id(virtual: Virtual, real: Real) -> str:
    kind = virtual.checktype
    parts = [kind.value]
    if kind.negotiates:
        parts.append(virtual.service)
    elif kind in _EXTERNAL:
        parts.append(virtual.checkcommand)
    parts += [virtual.key.protocol, bracketed(real.key.address), str(real.port)]
    parts += [virtual.virtualhost, str(virtual.checkport or ""), str(real.weight), real.forwarding.value]
    if kind.negotiates:
        parts += [request_text(virtual, real), receive_pattern(virtual, real)]
    return "".join(_visible(character) for character in " ".join(filter(None, parts)))


def _escaped(character: str) -> str:
    return f"%{ord(character):02X}" if character in "%|" else _visible(character)


def _visible(character: str) -> str:
    """A control character, or a byte that is no text, as its bytes with percent signs."""
    if character.isprintable():
        return character
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogateescape"))
