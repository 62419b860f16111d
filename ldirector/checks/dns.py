"""service=dns: a name is asked for its A records, an address for its PTR records (reference section c).

Over UDP, or over TCP when the virtual says protocol=tcp; an answer that UDP cut short is asked for again over TCP
unless what arrived suffices. Differences from the original: an empty receive accepts any such record (there it could
never match, defect g-14); the name is complete as it is written, the search domains of this machine's resolver are not
tried; and the answer must be the one to our question, by number and by question.

dnspython writes and reads the messages and never touches a socket.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from functools import partial

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.reversename
from dns.rdtypes.ANY.PTR import PTR
from dns.rdtypes.IN.A import A

from ldirector.checks import datagrams
from ldirector.checks.attempt import PASSED, BadAnswer, attempt, over_tcp, printable
from ldirector.core.events import CheckSpec
from ldirector.core.receive import judge_body
from ldirector.core.verdict import Outcome, Reason, Verdict

UDP_LIMIT = 512  # bytes: without EDNS no answer is larger (RFC 1035, 4.2.1)
TCP_LIMIT = 4096  # bytes, 250 addresses
MOST_SHOWN = 3  # records in the detail of a failure


async def check(spec: CheckSpec, deadline: float) -> Verdict:
    """Some address (A) or name (PTR) in an answer without error matches receive."""
    try:
        question = question_for(spec.request)
    except (dns.exception.DNSException, UnicodeError) as error:
        return Verdict(Outcome.FAIL, Reason.BAD_ANSWER, printable(f"request= cannot be asked for: {error}"))
    if spec.protocol == "tcp":
        return await over_tcp(spec, deadline, partial(_over_tcp, spec, question))
    return await attempt(deadline, _over_udp(spec, question, deadline))


def question_for(request: str) -> dns.message.QueryMessage:
    """A query for the A records of a name or the PTR records of an address. Raises DNSException or UnicodeError."""
    try:
        ipaddress.ip_address(request)
    except ValueError:
        return dns.message.make_query(dns.name.from_text(request), dns.rdatatype.A)
    return dns.message.make_query(dns.reversename.from_address(request), dns.rdatatype.PTR)


def read(question: dns.message.Message, wire: bytes) -> dns.message.Message | None:
    """The answer to the question; None for anything else."""
    try:
        answer = dns.message.from_wire(wire, ignore_trailing=True)
    except dns.exception.DNSException:
        return None
    return answer if question.is_response(answer) else None


def judge(receive: str, answer: dns.message.Message) -> Verdict:
    """No error, and some A or PTR record of the answer section matches."""
    if answer.rcode() != dns.rcode.NOERROR:
        return Verdict(Outcome.FAIL, Reason.WRONG_STATUS, dns.rcode.to_text(answer.rcode()))
    found = [text for rrset in answer.answer for record in rrset if (text := _text(record))]
    for text in found:
        verdict = judge_body(receive, text.encode())
        if verdict.reason is not Reason.RECEIVE_MISMATCH:
            return verdict
    if not found:
        return Verdict(Outcome.FAIL, Reason.NOT_FOUND, "no address or name in the answer")
    more = f" and {len(found) - MOST_SHOWN} more" if len(found) > MOST_SHOWN else ""
    return Verdict(Outcome.FAIL, Reason.RECEIVE_MISMATCH, printable(", ".join(found[:MOST_SHOWN]) + more))


def _text(record: object) -> str:
    """What receive is compared with; "" for other types, which never match."""
    if isinstance(record, A):
        return str(record.address)
    return str(record.target.to_text(omit_final_dot=True)) if isinstance(record, PTR) else ""


async def _over_udp(spec: CheckSpec, question: dns.message.Message, deadline: float) -> Verdict:
    with datagrams.connected(spec.address, spec.port) as sock:
        asked = datagrams.Question(sock, question.to_wire())
        while (answer := read(question, (await asked.answer())[:UDP_LIMIT])) is None:
            await asyncio.sleep(0)  # answer() does not wait while strays are queued: a flood must not stop the clock
    verdict = judge(spec.receive, answer)
    if verdict != PASSED and answer.flags & dns.flags.TC:
        return await over_tcp(spec, deadline, partial(_over_tcp, spec, question))
    return verdict


async def _over_tcp(spec: CheckSpec, question: dns.message.Message, sock: socket.socket) -> Verdict:
    """Messages over TCP have their length in front (RFC 1035, 4.2.2)."""
    reader, writer = await asyncio.open_connection(sock=sock)
    try:
        writer.write(question.to_wire(prepend_length=True))
        length = int.from_bytes(await reader.readexactly(2))
        if length > TCP_LIMIT:
            raise BadAnswer(Reason.TOO_LARGE, f"{length} bytes, over {TCP_LIMIT}")
        wire = await reader.readexactly(length)
    finally:
        writer.transport.abort()
    # In a thread: 4096 bytes can be written so that they take dnspython half a second.
    answer = await asyncio.to_thread(read, question, wire)
    if answer is None:
        raise BadAnswer(Reason.BAD_ANSWER, f"not an answer to the question: {wire[:24]!r}")
    return judge(spec.receive, answer)
