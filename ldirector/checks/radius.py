"""service=radius: an Access-Request with login and passwd must be answered by an Access-Accept (reference section c).

The answer must be signed with the shared secret, by the response authenticator of RFC 2865 and, where it has one, by
its Message-Authenticator; a server with another secret is silent or signs wrongly, and both are a missing answer. The
request carries a Message-Authenticator too, which servers demand since CVE-2024-3596.

pyrad writes and reads the packets, by the numbers of the attributes: its dictionary files are not needed, and it never
touches a socket.
"""

from __future__ import annotations

import asyncio
import socket

from pyrad.packet import AccessAccept, AccessReject, AccessRequest, AuthPacket, Packet, PacketError

from ldirector.checks import datagrams
from ldirector.checks.attempt import PASSED, BadAnswer, attempt
from ldirector.core.events import CheckSpec
from ldirector.core.services import RADIUS_LIMITS
from ldirector.core.verdict import Outcome, Reason, Verdict

USER_NAME, USER_PASSWORD, NAS_IP_ADDRESS, REPLY_MESSAGE, NAS_IPV6_ADDRESS = 1, 2, 4, 18, 95


async def check(spec: CheckSpec, deadline: float) -> Verdict:
    """Access-Accept is up; Access-Reject and Access-Challenge are refusals."""
    return await attempt(deadline, _ask(spec))


def request_for(spec: CheckSpec, own_address: str) -> Packet:
    """The Access-Request, ready to be encoded. Raises ValueError for a login or passwd that RADIUS cannot carry."""
    login, passwd = (text.encode("utf-8", "surrogateescape") for text in (spec.login, spec.passwd))
    for name, value in (("login", login), ("passwd", passwd)):
        if len(value) > RADIUS_LIMITS[name]:
            raise ValueError(f"RADIUS carries at most {RADIUS_LIMITS[name]} bytes of {name}=")
    request = AuthPacket(AccessRequest, secret=spec.secret.encode("utf-8", "surrogateescape"))
    request.authenticator = request.CreateAuthenticator()
    request[USER_NAME] = [login]
    request[USER_PASSWORD] = [request.PwCrypt(passwd)]
    number, family = (NAS_IPV6_ADDRESS, socket.AF_INET6) if ":" in own_address else (NAS_IP_ADDRESS, socket.AF_INET)
    request[number] = [socket.inet_pton(family, own_address)]
    request.add_message_authenticator()
    return request


def read(request: Packet, data: bytes) -> Packet | None:
    """The reply to the request, signed by the secret; None for anything else."""
    try:
        reply = Packet(secret=request.secret, packet=data)
    except PacketError:
        return None
    return reply if request.VerifyReply(reply, data) else None


def judge(reply: Packet) -> Verdict:
    if reply.code == AccessAccept:
        return PASSED
    words = b" ".join(reply.get(REPLY_MESSAGE, [])).decode("utf-8", "replace")
    what = "Access-Reject" if reply.code == AccessReject else f"code {reply.code}"
    raise BadAnswer(Reason.REFUSED, f"{what}: {words}" if words else what)


async def _ask(spec: CheckSpec) -> Verdict:
    with datagrams.connected(spec.address, spec.port) as sock:
        try:
            request = request_for(spec, sock.getsockname()[0])
        except ValueError as error:
            return Verdict(Outcome.FAIL, Reason.REFUSED, str(error))
        asked = datagrams.Question(sock, request.RequestPacket())
        while (reply := read(request, await asked.answer())) is None:
            await asyncio.sleep(0)  # answer() does not wait while strays are queued: a flood must not stop the clock
        return judge(reply)
