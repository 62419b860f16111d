"""What somebody should know who writes a directive like this: the file is good, but does not mean what it seems to."""

from __future__ import annotations

from collections.abc import Iterator

from ldirector.config.directives import DEFAULTS, Directive
from ldirector.config.director_config import SYSLOG_FACILITIES
from ldirector.config.read_otherwise import number_of, word_of
from ldirector.config.values import shown
from ldirector.core.commands import needs_shell
from ldirector.core.recipients import recipients

SCRIPT = "put it into a script and write the script's path"


def remarks(row: Directive, text: str, value: object) -> Iterator[tuple[str, str]]:
    """What and cure of each remark. text: what stands behind `=`; value: what was read of it."""
    if otherwise := number_of(row, text, value) or word_of(row, text, value):
        yield otherwise
    match row.name:
        case "fallbackcommand":
            if needs_shell(str(value)):
                yield "it is run without a shell, which this text needs", SCRIPT
        case "callback" if not value:
            yield "it names no program, so nothing is run", "write a program, or remove the line"
        case "execute" if not value:
            yield "it names no configuration, so nothing is started with it", "write its name, or remove the line"
        case "emailalertstatus" if not text.strip(", \t\n\r\f\v"):
            yield "no state is given, so no mail is sent", "write all or none, or remove the line"
        case "logfile" if not value:
            yield f"it names no file, so it is {DEFAULTS['logfile']}", "write a path, or remove the line"
        case "logfile":
            if not str(value).startswith("/") and value not in SYSLOG_FACILITIES:
                yield (
                    f"{shown(str(value))} is neither a path nor a syslog facility, daemon is used",
                    'write a path that starts with "/" or a facility such as local0',
                )
        case "smtp":
            # The original, too, takes the name and delivers to port 25 whatever follows.
            if rest := text.removeprefix(str(value)).strip():
                yield (
                    f"{shown(rest)} behind the host is not looked at: mail goes to port 25",
                    f"write smtp={value}; for another port leave smtp= out and have the machine's own mailer relay",
                )
        case "emailalert":
            found = recipients(str(value))
            for odd in found.odd:
                yield odd, "write the addresses with one comma between them, as in a@example.com, b@example.com"
            if not found.addresses:
                yield "no address is left, so that nobody gets any mail", "write an address, or remove the line"
