"""The value of `real=` and `real6=`: ADDR[->ADDR][:PORT] METHOD [WEIGHT] ["REQUEST", "RECEIVE"] [l:N] [u:N].

The whole value is accounted for. The original is not anchored on the left and silently skips junk in front of the
address (`192.168.2.6::5060` became host 0.0.19.196); here that is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ldirector.config.errors import BadValue
from ldirector.config.expand import LARGEST_RANGE, Names, address_range, check_unicast, forwarding, host, port
from ldirector.config.values import shown
from ldirector.core.model import Forwarding

LARGEST_WEIGHT = 65535
LARGEST_THRESHOLD = 2**32 - 1

_HEAD = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<first>[A-Za-z0-9.-]+?))"
    r"(?:->(?P<last>\[[^\]]*\]|[A-Za-z0-9.-]+))?"
    r"(?::(?P<port>[A-Za-z0-9_-]+))?"
    r"\s+(?P<method>[A-Za-z]+)(?P<rest>.*)\Z",
    re.ASCII | re.DOTALL,
)
_WEIGHT = re.compile(r"\s+([0-9]+)(?=\s|\Z)", re.ASCII)
_PAIR = re.compile(r'\s+"([^"]*)"(?:,\s*|\s+)"([^"]*)"', re.ASCII)
_THRESHOLD = re.compile(r"\s+([lu]):([0-9]+)(?=\s|\Z)", re.ASCII)
_SHAPE = "write address[:port] gate|masq|ipip [weight]"


@dataclass(frozen=True, slots=True)
class RealLine:
    """One line; addresses has more than one entry for a range.

    port 0 = none written. request, receive: None = none written, "" = two quotes. upper and lower: 0 = none.
    """

    addresses: tuple[str, ...]
    port: int
    forwarding: Forwarding
    weight: int
    request: str | None
    receive: str | None
    lower: int
    upper: int


def read_real(text: str, family: int, names: Names, most: int = LARGEST_RANGE) -> RealLine:
    """The line as values. most: addresses that a range may have. Raises BadValue."""
    head = _HEAD.match(text)
    if not head:
        raise BadValue(f"{shown(text)} does not have the shape of a real server", _SHAPE)
    way = forwarding(head["method"])
    addresses = _addresses(head, family, names, most)
    for address in (addresses[0], addresses[-1]):
        check_unicast(address)
    weight, request, receive, thresholds = _read_rest(head["rest"])
    return RealLine(
        addresses=addresses,
        port=port(head["port"], "", names) if head["port"] else 0,
        forwarding=way,
        weight=weight,
        request=request,
        receive=receive,
        lower=thresholds.get("l", 0),
        upper=thresholds.get("u", 0),
    )


def _addresses(head: re.Match[str], family: int, names: Names, most: int) -> tuple[str, ...]:
    first = head["v6"] or head["first"]
    if not head["last"]:
        return (host(first, family, names),)
    if family == 6:
        raise BadValue("a range of IPv6 addresses cannot be given", "write one real6= line for each address")
    return address_range(first, head["last"], names, most)


def _read_rest(rest: str) -> tuple[int, str | None, str | None, dict[str, int]]:
    """Weight, request, receive and thresholds behind the method; the thresholds may stand on both sides of the pair."""
    weight, request, receive = 1, None, None
    explicit = _WEIGHT.match(rest)
    if explicit:
        weight = _at_most(LARGEST_WEIGHT, explicit[1], "weight")
        rest = rest[explicit.end() :]
    thresholds, rest = _thresholds(rest)
    if pair := _PAIR.match(rest):
        request, receive = pair.groups()
        if not explicit and re.search(r"\s[0-9]", request):
            raise BadValue(
                f"the number in {shown(request)} would be read as the weight by ldirectord",
                "write the weight in front of the request",
            )
        more, rest = _thresholds(rest[pair.end() :])
        thresholds |= more
    if rest.strip():
        raise BadValue(f"{shown(rest.strip())} is left over at the end of the line", _cure_for(rest.strip()))
    return weight, request, receive, thresholds


def _thresholds(rest: str) -> tuple[dict[str, int], str]:
    """Those that come next, and the text behind them."""
    found: dict[str, int] = {}
    while threshold := _THRESHOLD.match(rest):
        found[threshold[1]] = _at_most(LARGEST_THRESHOLD, threshold[2], "threshold")
        rest = rest[threshold.end() :]
    return found, rest


def _at_most(limit: int, digits: str, name: str) -> int:
    if len(digits) > 10 or int(digits) > limit:
        raise BadValue(f"{name} {digits[:12]} is above {limit}", f"write a {name} from 0 to {limit}")
    return int(digits)


def _cure_for(left_over: str) -> str:
    if left_over.startswith('"'):
        return 'write request and receive together, as in "/index.html", "ok"'
    if left_over.startswith("-w"):
        return "write the weight as a plain number"
    return "put a # in front of a remark, or remove it"
