"""service=ldap and ldaps: bind, then read one entry (reference section c; RFC 4511).

The bind is anonymous unless login and passwd are both set. The entry named by request must exist, and receive match
its DN. Unlike the original the search asks for no attributes ("1.1"), so that an entry of any size is a short answer.
Every message is bounded, and all together end at the one deadline.
"""

from __future__ import annotations

from functools import partial
from itertools import islice

from ldirector.checks import ber
from ldirector.checks.attempt import BadAnswer
from ldirector.checks.conversation import Conversation, converse
from ldirector.core.events import CheckSpec
from ldirector.core.receive import judge_body
from ldirector.core.verdict import Reason, Verdict

MESSAGE_LIMIT = 64 * 1024  # bytes
MOST_MESSAGES = 32  # in answer to one request: an entry, its end, and what else a server may send in between

BIND_ID, SEARCH_ID, UNBIND_ID = 1, 2, 3
BIND_RESPONSE, SEARCH_ENTRY, SEARCH_DONE, NOTICE = 0x61, 0x64, 0x65, 0x78

RESULTS = {
    1: "operationsError",
    2: "protocolError",
    7: "authMethodNotSupported",
    8: "strongerAuthRequired",
    10: "referral",
    13: "confidentialityRequired",
    32: "noSuchObject",
    34: "invalidDNSyntax",
    48: "inappropriateAuthentication",
    49: "invalidCredentials",
    50: "insufficientAccessRights",
    51: "busy",
    52: "unavailable",
    53: "unwillingToPerform",
}
"""Names of the result codes that a bind or a read usually ends with (RFC 4511, 4.1.9)."""


async def check(spec: CheckSpec, deadline: float) -> Verdict:
    """Exactly one entry, whose DN matches receive, is up."""
    return await converse(spec, deadline, partial(_talk, spec))


def bind_request(spec: CheckSpec) -> bytes:
    login, passwd = (spec.login, spec.passwd) if spec.login and spec.passwd else ("", "")
    simple = ber.element(0x80, _bytes(passwd))
    return _message(BIND_ID, ber.element(0x60, ber.integer(3), ber.element(ber.OCTETS, _bytes(login)), simple))


def search_request(base: str) -> bytes:
    """Scope base, aliases not followed, no limits, (objectClass=*), no attributes."""
    search = ber.element(
        0x63,
        ber.element(ber.OCTETS, _bytes(base)),
        ber.integer(0, ber.ENUMERATED),
        ber.integer(0, ber.ENUMERATED),
        ber.integer(0),
        ber.integer(0),
        b"\x01\x01\x00",
        ber.element(0x87, b"objectClass"),
        ber.element(ber.SEQUENCE, ber.element(ber.OCTETS, b"1.1")),
    )
    return _message(SEARCH_ID, search)


UNBIND_REQUEST = ber.element(ber.SEQUENCE, ber.integer(UNBIND_ID), b"\x42\x00")


def _message(number: int, operation: bytes) -> bytes:
    return ber.element(ber.SEQUENCE, ber.integer(number), operation)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


async def _talk(spec: CheckSpec, conversation: Conversation) -> Verdict:
    try:
        await conversation.send(bind_request(spec))
        tag, bound = await _receive(conversation, BIND_ID)
        if tag != BIND_RESPONSE:
            raise BadAnswer(Reason.BAD_ANSWER, f"operation {tag:#x} in answer to a bind")
        _demand_success("bind", bound)
        await conversation.send(search_request(spec.request))
        names = await _entries(conversation)
        await conversation.send(UNBIND_REQUEST)
    except ValueError as error:
        raise BadAnswer(Reason.BAD_ANSWER, f"not LDAP: {error}") from None
    if len(names) != 1:
        raise BadAnswer(Reason.NOT_FOUND, f"{len(names)} entries instead of one")
    return judge_body(spec.receive, names[0])


async def _entries(conversation: Conversation) -> list[bytes]:
    """The DNs that the search found."""
    names: list[bytes] = []
    for _ in range(MOST_MESSAGES):
        tag, content = await _receive(conversation, SEARCH_ID)
        if tag == SEARCH_ENTRY:
            names.append(next(ber.elements(content), (0, b""))[1])
        elif tag == SEARCH_DONE:
            _demand_success("search", content)
            return names
    raise BadAnswer(Reason.TOO_LARGE, f"no end within {MOST_MESSAGES} messages")


def _demand_success(what: str, content: bytes) -> None:
    """Raises BadAnswer unless an LDAPResult says success."""
    parts = list(islice(ber.elements(content), 3))
    if len(parts) < 3 or parts[0][0] != ber.ENUMERATED:
        raise ValueError("a result without its code")
    code, words = int.from_bytes(parts[0][1]), parts[2][1].decode("utf-8", "replace")
    if code:
        name = RESULTS.get(code, f"result {code}")
        raise BadAnswer(Reason.REFUSED, f"{what}: {name} ({words})" if words else f"{what}: {name}")


async def _receive(conversation: Conversation, number: int) -> tuple[int, bytes]:
    """Tag and content of the next operation of this message number. Raises ValueError for what is no LDAP."""
    head = await conversation.exactly(2)
    if head[0] != ber.SEQUENCE:
        raise ValueError(f"begins {head!r}")
    size, more = head[1], ber.length_size(head[1])
    if more:
        size = int.from_bytes(await conversation.exactly(more))
    if size > MESSAGE_LIMIT:
        raise BadAnswer(Reason.TOO_LARGE, f"a message of {size} bytes")
    parts = list(islice(ber.elements(await conversation.exactly(size)), 2))
    if len(parts) < 2 or parts[0][0] != ber.INTEGER:
        raise ValueError("a message without its number")
    tag, content = parts[1]
    if tag == NOTICE:
        _demand_success("notice", content)
    if int.from_bytes(parts[0][1]) != number:
        raise ValueError(f"message {parts[0][1][:8].hex()} instead of {number}")
    return tag, content
