"""The value forms of ldirectord.cf: what may stand after `=` and what becomes of it (reference section a).

Each reader takes the raw text after `=` and gives the value, or raises BadValue. The forms are as forgiving and as
strict as the original's: a number is the first run of digits of the line, a yes or no tolerates nothing after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ldirector.config.errors import BadValue
from ldirector.core.commands import words
from ldirector.core.model import CheckType
from ldirector.core.services import SERVICES

_DIGITS = re.compile(r"[0-9]+")
_LETTERS = re.compile(r"[a-z]+")
_WORD = re.compile(r"[A-Za-z0-9_]+")
_CHECK_TYPE = re.compile(r"[A-Za-z0-9_-]+")
_DOTTED_QUAD = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})", re.ASCII)

STATUS_WORDS = ("all", "none", "starting", "running", "stopping", "reloading")


def number(text: str) -> int:
    """The first run of digits, whatever stands around it: `5s` is 5, `-3` is 3."""
    match = _DIGITS.search(text)
    if not match:
        raise BadValue(f"no digits in {shown(text)}", "write a number")
    if len(match[0]) > 9:
        raise BadValue(f"the number {match[0][:12]}... is too large", "write at most nine digits")
    return int(match[0])


def positive(text: str) -> int:
    """A number that is not zero."""
    value = number(text)
    if value == 0:
        raise BadValue(f"{shown(text)} is read as 0", "write a whole number of 1 or more")
    return value


def yes_no(text: str) -> bool:
    """Exactly yes or no; a blank, a comment or a carriage return after it is an error."""
    if text not in ("yes", "no"):
        if text.endswith("\r"):
            cure = "the line ends as in a DOS file, remove the carriage return"
        elif text.split("#")[0].strip() in ("yes", "no"):
            cure = "nothing may follow the word, not even a blank or a comment"
        else:
            cure = "write yes or no in lower case, without quotes"
        raise BadValue(f"{shown(text)} is neither yes nor no", cure)
    return text == "yes"


def quoted(text: str) -> str:
    """The text from the first to the last double quote of the line; what follows the last one is ignored."""
    end = text.rfind('"')
    if end == 0:
        raise BadValue(
            f"{shown(text)} has no closing quote", "close it; inside a virtual a # cuts the line, even in quotes"
        )
    if not text.startswith('"'):
        plain = text.strip().strip("'")
        raise BadValue(f"{shown(text)} is not in double quotes", f'write "{plain}"')
    if end == 1:
        raise BadValue("the text in quotes is empty", "write a text or remove the line")
    return text[1:end]


def quoted_or_nothing(text: str) -> str:
    """The same, and "" for two quotes with nothing between them."""
    return "" if text.rfind('"') == 1 and text.startswith('"') else _path(quoted(text))


def maybe_quoted(text: str) -> str:
    """Quotes are taken off when there are any; otherwise the rest of the line, without the blanks at its end."""
    value = quoted(text) if text.startswith('"') and text.rfind('"') > 0 else text.rstrip()
    return _path(_not_empty(value))


def bare(text: str) -> str:
    """The rest of the line, quotes included."""
    return text.rstrip()


def some_text(text: str) -> str:
    """The rest of the line, which must not be empty."""
    return _path(_not_empty(text.rstrip()))


def command(text: str) -> str:
    """A program with its arguments, in quotes or without."""
    return _taken_apart(maybe_quoted(text))


def bare_command(text: str) -> str:
    """The same as the rest of the line, quotes included."""
    return _taken_apart(some_text(text))


def up_to_quote(text: str) -> str:
    """Host header: the text up to the next quote, quotes optional, may be empty.

    Blanks at the end of an unquoted value are dropped: no Host header can carry them.
    """
    return text.removeprefix('"').split('"', 1)[0].rstrip()


def word(text: str) -> str:
    """The first run of letters, digits and underscores: `"http"` and `(http)` are http, what follows is ignored."""
    match = _WORD.search(text)
    if not match:
        raise BadValue(f"{shown(text)} has no word in it", "write one word in lower case")
    return match[0]


def lower_case_run(text: str) -> str:
    """The first run of a to z: `wlc # rr` is wlc."""
    match = _LETTERS.search(text)
    if not match:
        raise BadValue(f"{shown(text)} has no lower-case letters", "write the scheduler's name, as in scheduler=wrr")
    return match[0]


def check_type(text: str) -> tuple[CheckType, int]:
    """The check type and, for a value that contains digits (checktype=N), the number of connects."""
    if any(character in "0123456789" for character in text):
        return CheckType.COMBINED, number(text)
    match = _CHECK_TYPE.search(text)
    name = match[0] if match else text
    try:
        if name == CheckType.COMBINED.value:
            raise ValueError(name)
        return CheckType(name), 0
    except ValueError:
        raise BadValue(
            f"{shown(name)} is not a check type",
            "write negotiate, connect, ping, external, external-perl, on, off or a number",
        ) from None


def service(text: str) -> str:
    """The protocol of negotiate checks, in lower case."""
    name = word(text)
    if name not in SERVICES:
        raise BadValue(f"{shown(name)} is not a service for checks", f"choose from {', '.join(sorted(SERVICES))}")
    return name


def flags(text: str) -> tuple[str, ...]:
    """A comma list without blanks."""
    names = text.split()
    if not names:
        raise BadValue("no flags given", "write them as in schedflags=sh-port,sh-fallback")
    return tuple(name for name in names[0].split(",") if name)


def port_number(text: str) -> int:
    """1 to 65535, as a number."""
    value = number(text)
    if not 1 <= value <= 65535:
        raise BadValue(f"port {value} is outside 1 to 65535", "write the port that is to be probed")
    return value


def http_method(text: str) -> str:
    """GET or HEAD, in any case."""
    name = word(text).upper()
    if name not in ("GET", "HEAD"):
        raise BadValue(f"{shown(text)} is not a method for checks", "write GET or HEAD")
    return name


def mail_addresses(text: str) -> str:
    """One address or several with commas; quotes are taken off only when they enclose the whole value."""
    value = text.rstrip()
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    return _not_empty(value)


def mail_states(text: str) -> tuple[str, ...]:
    """The daemon states in which mail is sent; none stands alone, and is what an empty list comes to."""
    listed = text.rstrip(", \t\n\r\f\v")
    words = tuple(part.strip() for part in listed.split(",")) if listed else ("none",)
    for name in words:
        if name not in STATUS_WORDS:
            raise BadValue(f"{shown(name)} is not a state of the daemon", f"choose from {', '.join(STATUS_WORDS)}")
    if "none" in words and len(words) > 1:
        raise BadValue("none is combined with other states", "write none alone, or leave it out")
    return words


def mail_host(text: str) -> str:
    """A host name or address of a mail server."""
    match = re.match(r"[A-Za-z0-9._+-]+", text)
    if not match:
        raise BadValue(f"{shown(text)} is not a host name", "write the mail server's name without quotes")
    return match[0]


def configuration(text: str) -> str:
    """The name of another configuration file, as the command ldirectord takes it; "" names none."""
    name = _path(bare(text))
    if name.startswith("-"):
        raise BadValue(f"{shown(name)} is an option and no configuration", "write the name of its file")
    return name


def netmask(text: str, family: int) -> str:
    """Persistence granularity: dotted quad for IPv4, prefix length for IPv6; "" for the one that changes nothing.

    The original lets 999.1.1.1 through and ipvsadm then refuses the virtual; here the file is refused.
    """
    if family == 6:
        length = number(text)
        if not 1 <= length <= 128:
            raise BadValue(f"prefix length {length} is outside 1 to 128", "write 1 to 128")
        return "" if length == 128 else str(length)
    match = _DOTTED_QUAD.fullmatch(text)
    if not match:
        raise BadValue(f"{shown(text)} is not a netmask", "write it as in netmask=255.255.255.0")
    octets = [int(octet) for octet in match.groups()]
    bits = "".join(f"{octet:08b}" for octet in octets)
    if max(octets) > 255 or "01" in bits or "1" not in bits:
        raise BadValue(f"{match[0]} is not a netmask", "write it as in netmask=255.255.255.0")
    mask = ".".join(map(str, octets))
    return "" if mask == "255.255.255.255" else mask


def shown(text: str) -> str:
    """The offending text as it goes into a message: quoted, short, control characters visible."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _taken_apart(value: str) -> str:
    try:
        words(value)
    except ValueError as error:
        raise BadValue(f"{shown(value)} is no command ({error})", "close its quotes") from None
    return value


def _path(value: str) -> str:
    """No file and no argument of a program can have a NUL byte in it."""
    if "\0" in value:
        raise BadValue(f"{shown(value)} has a NUL byte in it", "remove it")
    return value


def _not_empty(value: str) -> str:
    if not value:
        raise BadValue("the value is empty", "write a value or remove the line")
    return value


Reader = Callable[[str], object]
